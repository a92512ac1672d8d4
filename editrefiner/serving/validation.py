"""Which fields of a request are wrong? Pydantic's findings as the wire's field errors."""

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic_core import ErrorDetails

from editrefiner.contracts import FieldError

MAX_FIELD_ERRORS = 20  # a reader mends the first few; the rest often follow from them
_WHERE_ONLY_THE_PARENT_EXISTS = {"missing", "extra_forbidden"}


def field_errors(errors: Iterable[ErrorDetails], given: object) -> tuple[FieldError, ...]:
    """One entry per field, with what was wrong and never with the value that was given.

    `given` is the parsed request: parts of a location that do not lead into it (names of union members)
    are left out, and findings that then share a place are joined.
    """
    findings: dict[str, list[str]] = {}
    for error in errors:
        place = _place(error["loc"], given, names_child=error["type"] in _WHERE_ONLY_THE_PARENT_EXISTS)
        message = error["msg"].removeprefix("Value error, ")
        messages = findings.setdefault(place or "body", [])
        if message not in messages:
            messages.append(message)
    return tuple(
        FieldError(field=place, message="; or ".join(messages))
        for place, messages in list(findings.items())[:MAX_FIELD_ERRORS]
    )


def _place(location: Sequence[int | str], given: Any, *, names_child: bool) -> str:  # any JSON value
    """The dotted path of what exists; the last part also when it is the child that is missing."""
    path: list[str] = []
    for index, part in enumerate(location):
        try:
            given = given[part]
        except (TypeError, LookupError):
            is_last = index == len(location) - 1
            if not (is_last and names_child):
                continue
        path.append(str(part))
    return ".".join(path)
