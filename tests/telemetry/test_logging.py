"""What a log line says."""

import io
import json
import logging
from collections.abc import Generator
from typing import Any

import pytest

from editrefiner.telemetry import configure_logging, context

TRACE = f"00-{'ab' * 16}-{'cd' * 8}-01"


@pytest.fixture(autouse=True)
def root_logger_as_it_was() -> Generator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_the_event_its_values_and_the_ids() -> None:
    stream = io.StringIO()
    configure_logging("action", stream=stream)
    with context.bind(request="r-1", job="j-1", trace=TRACE):
        logging.getLogger("room").info("step %s", "kept", extra={"overall": 71.5})
    (line,) = lines(stream)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "service": "action",
        "logger": "room",
        "event": "step kept",
        "request_id": "r-1",
        "job_id": "j-1",
        "trace_id": "ab" * 16,
        "overall": 71.5,
    }


def test_ids_that_are_not_set_are_left_out() -> None:
    stream = io.StringIO()
    configure_logging("action", stream=stream)
    logging.getLogger("room").info("idle")
    assert {"request_id", "job_id", "trace_id"}.isdisjoint(lines(stream)[0])


def test_a_traceback_stays_on_its_line() -> None:
    stream = io.StringIO()
    configure_logging("action", stream=stream)
    try:
        int("broken")
    except ValueError:
        logging.getLogger("room").exception("failed")
    (line,) = lines(stream)
    assert "ValueError: invalid literal" in line["traceback"]


def test_lines_below_the_level_are_left_out() -> None:
    stream = io.StringIO()
    configure_logging("action", level="warning", stream=stream)
    logging.getLogger("room").info("detail")
    logging.getLogger("room").warning("matter")
    assert [line["event"] for line in lines(stream)] == ["matter"]


def test_configuring_twice_writes_each_line_once() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure_logging("action", stream=first)
    configure_logging("action", stream=second)
    logging.getLogger("room").info("once")
    assert (first.getvalue(), len(lines(second))) == ("", 1)


def test_a_person_gets_plain_lines() -> None:
    stream = io.StringIO()
    configure_logging("action", json=False, stream=stream)
    with context.bind(request="r-1"):
        logging.getLogger("room").info("step kept", extra={"gain": 2})
    assert stream.getvalue().rstrip().endswith("info    room: step kept gain=2 request_id=r-1")
