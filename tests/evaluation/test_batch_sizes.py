"""How much can a body cost before it is refused? What a batch may hold is counted before it is parsed."""

import json
import tracemalloc
from collections.abc import Callable

import pytest

from editrefiner.contracts import MAX_BATCH_ITEMS
from editrefiner.serving import Body, ValidationFailedError
from services.evaluation.batches import batch_items, reward_items


def a_list(values: bytes) -> Body:
    return Body(b"[" + values + b"{}]", "application/json")


def an_object(values: bytes) -> Body:
    return Body(b'{"items": [' + values + b"{}]}", "application/json")


def a_line(values: bytes) -> Body:
    return Body(b'{"source": [' + values + b"{}]}", "application/x-ndjson")


@pytest.mark.parametrize("values", [b"{},", b"1,", b'"",', b'{"a":[[]]},', b'",",{"a":"b"},'])
@pytest.mark.parametrize(
    "ask",
    [
        lambda values: batch_items(a_list(values)),
        lambda values: reward_items(an_object(values)),
        lambda values: batch_items(a_line(values))[0].ask(),
    ],
    ids=["list", "rewards", "line"],
)
def test_a_body_of_very_many_values_is_refused_before_it_is_parsed(
    ask: Callable[[bytes], object], values: bytes
) -> None:
    many = values * (3_000_000 // len(values))
    tracemalloc.start()
    try:
        with pytest.raises(ValidationFailedError, match="more than"):
            ask(many)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 3 * len(
        many
    )  # two bodies; every value would be an object of its own, or a place in a list


def test_a_full_batch_of_the_longest_instructions_and_ids_is_a_batch() -> None:
    reference = {"sha256": "ab" * 32, "media_type": "image/png", "width": 16, "height": 16}
    one = {"source": reference, "edited": reference, "instruction": '[,{"' * 1000, "id": "," * 128}
    body = json.dumps({"items": [one] * MAX_BATCH_ITEMS, "weights": {"visual_consistency": 1}}).encode()

    items, _ = reward_items(Body(body, "application/json"))

    assert len(items) == MAX_BATCH_ITEMS
    assert items[-1].ask().instruction == one["instruction"]


def test_a_broken_body_of_very_many_quotes_is_refused() -> None:
    for broken in (b'["' + b'\\"' * 1_000_000, b'",' * 100_000 + b'""' * 1_000_000):
        with pytest.raises(ValidationFailedError):
            batch_items(Body(broken, "application/json"))
