import sys

import pytest

from bench.overhead_arms import Run
from bench.overhead_parts import PARTS, covered, parts
from bench.stopwatch import Span, Trace, read_trace


def span(what, begin, end, thread="worker"):
    return Span(what, thread, begin, end)


RUN = Run(began=100.0, accepted=101.0, known=110.0, done=110.5, agents={"perception": 3.0, "action": 2.0})
JOB = [
    span("claim", 101.5, 102.0),
    span("call", 102.0, 106.0),
    span("read", 102.5, 102.6, "perception-lane_0"),
    span("write", 104.0, 104.4, "perception-lane_0"),
    span("write", 104.0, 104.4, "AnyIO worker thread"),
    span("commit", 106.0, 106.5),
    span("call", 107.0, 109.0),
    span("commit", 109.0, 109.5),
]


def test_the_parts_of_a_job_add_up_to_its_time():
    found = parts(RUN, JOB)

    assert sum(found.values()) == pytest.approx(RUN.seconds)
    assert list(found) == list(PARTS)


def test_pictures_count_where_an_agent_computes_and_not_elsewhere():
    found = parts(RUN, JOB)

    assert found["pictures_read"] == pytest.approx(0.1)
    assert found["pictures_written"] == pytest.approx(0.4)
    assert found["agents"] == pytest.approx(4.5)


def test_waiting_is_what_lies_between_the_steps():
    found = parts(RUN, JOB)

    assert found["waiting"] == pytest.approx(0.5 + 0.5)
    assert found["store"] == pytest.approx(0.5 + 0.5 + 0.5)
    assert found["calls"] == pytest.approx(1.0)
    assert found["notice"] == pytest.approx(0.5)


def test_the_parts_of_a_plain_loop_add_up_too():
    found = parts(RUN, [])

    assert sum(found.values()) == pytest.approx(RUN.seconds)
    assert found["agents"] == pytest.approx(5.0)


def test_time_covered_twice_counts_once():
    assert covered([span("a", 0, 4), span("b", 1, 2), span("c", 3, 6), span("d", 8, 9)]) == 7
    assert covered([]) == 0


def test_a_trace_gives_back_the_spans_of_a_stretch_of_time(tmp_path):
    trace = Trace(tmp_path / "trace.jsonl")
    with trace.span("first"), trace.span("second"):
        pass

    spans = read_trace(tmp_path / "trace.jsonl", 0, sys.float_info.max)

    assert [one.what for one in spans] == ["first", "second"]
    assert read_trace(tmp_path / "trace.jsonl", 0, 1) == []
    assert read_trace(tmp_path / "absent.jsonl", 0, 1) == []


def test_a_span_is_noted_also_when_the_work_fails(tmp_path):
    trace = Trace(tmp_path / "trace.jsonl")
    with pytest.raises(ValueError, match="broken"), trace.span("work"):
        raise ValueError("broken")

    assert [one.what for one in read_trace(tmp_path / "trace.jsonl", 0, sys.float_info.max)] == ["work"]
