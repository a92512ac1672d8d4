"""Event streams, as the standard cuts them."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from editrefiner.client.events import EventParser, ServerEvent

STREAM = (
    b"retry: 3000\n\n"
    b'id: 1\nevent: job.created\ndata: {"seq": 1}\n\n'
    b": ping\n\n"
    b"id: 2\r\ndata: first line\r\ndata:second line\r\n\r\n"
    b"data: a line separator \xe2\x80\xa8 is text\n\n"
    b"event: nothing\n\n"
    b"data: unfinished"
)
EVENTS = [
    ServerEvent("1", "job.created", '{"seq": 1}'),
    ServerEvent("2", "message", "first line\nsecond line"),
    ServerEvent("2", "message", "a line separator \u2028 is text"),
]


def test_events_are_read_as_the_standard_says() -> None:
    assert list(EventParser().feed(STREAM)) == EVENTS


@given(st.lists(st.integers(0, len(STREAM)), max_size=12).map(sorted))
def test_where_the_network_cuts_the_stream_does_not_matter(cuts: list[int]) -> None:
    parser = EventParser()
    edges = [0, *cuts, len(STREAM)]
    chunks = [STREAM[start:end] for start, end in pairwise(edges)]
    assert [event for chunk in chunks for event in parser.feed(chunk)] == EVENTS
