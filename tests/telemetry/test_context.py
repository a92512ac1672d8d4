"""Ids and where they travel."""

import contextvars
import re

import pytest

from editrefiner.telemetry import context

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_a_trace_goes_on_under_a_span_of_its_own() -> None:
    continued = context.continued_traceparent(f"00-{TRACE}-{PARENT}-00")
    version, trace, span, flags = continued.split("-")
    assert (version, trace, flags) == ("00", TRACE, "00")
    assert re.fullmatch("[0-9a-f]{16}", span)
    assert span != PARENT


def test_a_later_version_of_the_header_is_read_as_far_as_it_is_known() -> None:
    assert context.continued_traceparent(f"01-{TRACE}-{PARENT}-01-more").split("-")[1] == TRACE


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "nonsense",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
    ],
)
def test_without_a_usable_header_a_new_trace_begins(given: str | None) -> None:
    version, trace, _, flags = context.continued_traceparent(given).split("-")
    assert (version, flags) == ("00", "01")
    assert trace != TRACE


def test_bound_ids_hold_inside_and_not_after() -> None:
    with context.bind(request="r", job="j", trace=f"00-{TRACE}-{PARENT}-01"):
        with context.bind(request="inner"):
            assert (context.request_id.get(), context.job_id.get()) == ("inner", "j")
        assert context.request_id.get() == "r"
        assert context.trace_id() == TRACE
    assert (context.request_id.get(), context.job_id.get(), context.trace_id()) == (None, None, None)


def test_ids_go_along_with_a_copied_context() -> None:
    with context.bind(request="r"):
        copied = contextvars.copy_context()
    assert copied.run(context.request_id.get) == "r"


@pytest.mark.parametrize("given", ["a", "A.b_c-9", "x" * 128])
def test_an_id_is_accepted_as_it_is(given: str) -> None:
    assert context.accepted_id(given) == given


@pytest.mark.parametrize("given", [None, "", "x" * 129, "a b", "a\nb", "ä", '"a"'])
def test_what_is_no_id_is_not_accepted(given: str | None) -> None:
    assert context.accepted_id(given) is None


def test_new_ids_differ() -> None:
    assert len({context.new_request_id() for _ in range(1000)}) == 1000
