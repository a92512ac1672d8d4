"""What is in a batch? The items of a JSON or NDJSON body, each understood by itself."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from itertools import islice

from pydantic import ValidationError
from pydantic_core import from_json

from editrefiner.contracts import (
    MAX_BATCH_ITEMS,
    FieldError,
    RewardRequest,
    ScoreItem,
    ScoreRequest,
    ScoreWeights,
)
from editrefiner.serving import (
    Body,
    ValidationFailedError,
    first_token_past,
    media_type,
    validation_problem,
)

JSON, NDJSON = "application/json", "application/x-ndjson"
ID_CHARACTERS = 128  # as the wire type says
TOKENS_PER_ITEM = 64  # an item with all its fields has 31; one that is wrong may have more
TOKENS = (MAX_BATCH_ITEMS + 1) * TOKENS_PER_ITEM  # the one more: what stands around the items


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a batch."""

    id: str | None
    """The caller's name for it; None where it gives none that can be repeated."""
    ask: Callable[[], ScoreRequest]
    """Its request; ValidationFailedError where it is none."""


def batch_items(body: Body) -> list[Item]:
    """The items of `POST /v1/score:batch`, in order. ValidationFailedError when there is no list of them."""
    if media_type(body.content_type) == NDJSON:
        whole = (line for line in BytesIO(body.content) if line.strip())
        lines = list(islice(whole, MAX_BATCH_ITEMS + 1))  # of a body that is all line ends, no more than that
        _check_count(len(lines), "body")
        return [_of_line(line, number) for number, line in enumerate(lines, 1)]
    return _of_list(_json(body), "body")


def reward_items(body: Body) -> tuple[list[Item], ScoreWeights]:
    """The items of `POST /v1/reward` and the weights, whose sum is 1."""
    given = _json(body)
    if not isinstance(given, dict):
        raise _wrong("body", "must be a JSON object")
    items = _of_list(given.get("items"), "items")
    shown = {**given, "items": [{"source": _NO_PICTURE, "edited": _NO_PICTURE, "instruction": "-"}]}
    try:  # all but the items, which are looked at one by one
        weights = RewardRequest.model_validate(shown).weights
    except ValidationError as error:
        raise validation_problem(error, shown) from error
    return items, weights.normalized()


_NO_PICTURE = f"sha256:{'0' * 64}"


def _of_list(given: object, field: str) -> list[Item]:
    if not isinstance(given, list):
        raise _wrong(field, "must be a list of items")
    _check_count(len(given), field)
    return [Item(_id(value), partial(_request, value)) for value in given]


def _of_line(line: bytes, number: int) -> Item:
    if first_token_past(TOKENS_PER_ITEM, line) is not None:
        return Item(None, partial(_refuse, f"line {number}", "has more than an item can have"))
    try:
        value = from_json(line, allow_inf_nan=False)
    except ValueError:
        return Item(None, partial(_refuse, f"line {number}", "must be one JSON object"))
    return Item(_id(value), partial(_request, value))


def _request(value: object) -> ScoreRequest:
    try:
        return ScoreItem.model_validate(value).request()
    except ValidationError as error:
        raise validation_problem(error, value) from error


def _refuse(field: str, message: str) -> ScoreRequest:
    raise _wrong(field, message)


def _id(value: object) -> str | None:
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, str) and len(found) <= ID_CHARACTERS else None


def _json(body: Body) -> object:
    if first_token_past(TOKENS, body.content) is not None:
        raise _wrong("body", f"must have 1 to {MAX_BATCH_ITEMS} items; it has more than these can have")
    try:
        return from_json(body.content, allow_inf_nan=False)
    except ValueError as error:
        raise _wrong("body", "must be JSON") from error


def _check_count(count: int, field: str) -> None:
    if not 1 <= count <= MAX_BATCH_ITEMS:
        found = "none" if count == 0 else f"more than {MAX_BATCH_ITEMS}"
        raise _wrong(field, f"must have 1 to {MAX_BATCH_ITEMS} items; it has {found}")


def _wrong(field: str, message: str) -> ValidationFailedError:
    return ValidationFailedError(
        f"The request is wrong in: {field}. It {message}.", errors=(FieldError(field=field, message=message),)
    )
