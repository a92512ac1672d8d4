"""Ids that come in, travel with the run, and go out."""

import logging
from pathlib import Path

import pytest

from editrefiner.contracts.headers import JOB_ID, REQUEST_ID, TRACEPARENT
from tests.serving.scripted import ScriptedAgent, client_of, question, sample, scripted_app

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


async def test_ids_reach_the_agent_in_its_lane(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    headers = {REQUEST_ID: "request-1", JOB_ID: "job-1", TRACEPARENT: f"00-{TRACE}-{PARENT}-01"}
    async with client_of(scripted_app(tmp_path, agent)) as client:
        response = await client.post("/v1/score", json=question(), headers=headers)
    assert response.headers[REQUEST_ID] == "request-1"
    ((request, job, trace),) = agent.ids
    assert (request, job) == ("request-1", "job-1")
    assert trace is not None
    version, trace_id, span, flags = trace.split("-")
    assert (version, trace_id, flags) == ("00", TRACE, "01")
    assert span != PARENT


@pytest.mark.parametrize("given", ["", "has spaces", "x" * 129, "<script>"])
async def test_an_id_that_is_none_is_replaced(tmp_path: Path, given: str) -> None:
    async with client_of(scripted_app(tmp_path)) as client:
        response = await client.get("/livez", headers={REQUEST_ID: given})
    assert len(response.headers[REQUEST_ID]) == 32


async def test_every_request_is_one_line_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "editrefiner.access")
    async with client_of(scripted_app(tmp_path)) as client:
        await client.post("/v1/score", json=question())
        await client.get("/readyz")  # probes are not worth a line
        await client.get("/nothing")
    lines = [vars(record) for record in caplog.records if record.name == "editrefiner.access"]
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [
        ("POST", "/v1/score", 200),
        ("GET", "/nothing", 404),
    ]


async def test_paths_as_sent_are_no_labels(tmp_path: Path) -> None:
    unmatched = {"method": "GET", "route": "unmatched", "status": "404"}
    by_key = {"method": "GET", "route": "/v1/runs/{key}", "status": "200"}
    before = sample("refine_http_requests_total", **unmatched), sample("refine_http_requests_total", **by_key)
    async with client_of(scripted_app(tmp_path)) as client:
        await client.get("/secret-path")
        await client.get("/v1/runs/some-key")
    after = sample("refine_http_requests_total", **unmatched), sample("refine_http_requests_total", **by_key)
    assert after == (before[0] + 1, before[1] + 1)
