"""The closed list of metrics keeps its promises."""

import re

from prometheus_client import Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from editrefiner.telemetry import metrics

DECLARED = [value for value in vars(metrics).values() if isinstance(value, MetricWrapperBase)]
ID_LABELS = {"request_id", "job_id", "trace_id", "key", "path", "prompt", "instruction", "user"}


def test_every_metric_carries_the_service_and_no_id() -> None:
    for metric in DECLARED:
        labels = metric._labelnames
        assert labels[0] == "service"
        assert ID_LABELS.isdisjoint(labels)


def test_names_say_whose_they_are_and_their_unit() -> None:
    for metric in DECLARED:
        (family,) = metric.describe()
        assert re.fullmatch(r"refine_[a-z_]+", family.name)
        if isinstance(metric, Histogram):
            assert family.name.endswith(("_seconds", "_points"))


def test_the_contract_of_the_agents_is_complete() -> None:
    names = {family.name for metric in DECLARED for family in metric.describe()}
    assert {
        "refine_agent_queue_depth",
        "refine_agent_inflight",
        "refine_agent_queue_seconds",
        "refine_agent_run_seconds",
        "refine_agent_rejected",
        "refine_agent_cancelled",
        "refine_agent_cache_hits",
        "refine_model_info",
    } <= names


def test_services_of_one_process_do_not_mix() -> None:
    gauge: Gauge = metrics.AGENT_QUEUE_DEPTH
    gauge.labels("first of two").set(3)
    gauge.labels("second of two").set(5)
    values = {found.labels["service"]: found.value for family in gauge.collect() for found in family.samples}
    assert (values["first of two"], values["second of two"]) == (3, 5)
