"""Which request, job and trace is this code running for? Ids that travel with the work."""

import re
import secrets
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
job_id: ContextVar[str | None] = ContextVar("job_id", default=None)
traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)
"""W3C trace context of the present piece of work: what a call made from here carries."""

_ID = re.compile(r"[0-9A-Za-z._-]{1,128}")
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


def new_request_id() -> str:
    """An id that no other request has: 32 hex digits."""
    return uuid.uuid4().hex


def accepted_id(given: str | None) -> str | None:
    """The id if it is one: 1 to 128 of letters, digits, dot, dash and underscore. None = there is none."""
    return given if given is not None and _ID.fullmatch(given) else None


def new_traceparent() -> str:
    """The start of a trace, sampled."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def continued_traceparent(given: str | None) -> str:
    """The same trace with a span of our own; a new trace when the header is missing or malformed."""
    match = _TRACEPARENT.fullmatch(given or "")
    if match is None:
        return new_traceparent()
    version, trace, parent, flags, rest = match.groups()
    is_version_0_with_rest = version == "00" and rest is not None
    if version == "ff" or is_version_0_with_rest or not trace.strip("0") or not parent.strip("0"):
        return new_traceparent()
    return f"00-{trace}-{secrets.token_hex(8)}-{flags}"


def trace_id() -> str | None:
    """The 32 hex digits that name the trace of the present work; None outside of one."""
    current = traceparent.get()
    return current.split("-")[1] if current else None


@contextmanager
def bind(*, request: str | None = None, job: str | None = None, trace: str | None = None) -> Generator[None]:
    """Set the given ids for the enclosed code; what is not given stays as it is."""
    bound = [
        (variable, variable.set(value))
        for variable, value in ((request_id, request), (job_id, job), (traceparent, trace))
        if value is not None
    ]
    try:
        yield
    finally:
        for variable, token in reversed(bound):
            variable.reset(token)
