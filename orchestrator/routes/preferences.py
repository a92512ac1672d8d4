"""What does the client ask for in its headers: how long to wait, which version, which form?"""

import re

MAX_WAIT_SECONDS = 60  # proxies give up on a silent answer after this
_WAIT = re.compile(r"wait(?:\s*=\s*\"?(\d{1,9})\"?)?", re.IGNORECASE)
_TAG = re.compile(r'(?:W/)?"([^"]*)"')
_EVENT_STREAM = "text/event-stream"


def wait_seconds(prefer: str | None) -> int | None:
    """`wait=N` of a Prefer header (RFC 7240), at most 60; None when it is not asked for."""
    for preference in (prefer or "").split(","):
        match = _WAIT.fullmatch(preference.partition(";")[0].strip())
        if match is not None:
            return min(int(match[1] or MAX_WAIT_SECONDS), MAX_WAIT_SECONDS)
    return None


def entity_tag(version: int) -> str:
    """The ETag of this version of a job."""
    return f'"v{version}"'


def version_of(if_none_match: str | None) -> int | None:
    """The newest version of a job that the client says it has; None when it names none of ours."""
    tags = _TAG.findall(if_none_match or "")
    versions = [int(tag[1:]) for tag in tags if re.fullmatch(r"v\d{1,9}", tag)]
    return max(versions, default=None)


def matches(if_none_match: str | None, tag: str) -> bool:
    """Whether the client has exactly this."""
    return if_none_match is not None and (
        if_none_match.strip() == "*" or tag.strip('"') in _TAG.findall(if_none_match)
    )


def wants_stream(accept: str | None) -> bool:
    """Whether server-sent events are among the accepted forms."""
    for choice in (accept or "").split(","):
        kind, *parameters = (part.strip().lower() for part in choice.split(";"))
        if kind == _EVENT_STREAM:
            return not any(re.fullmatch(r"q\s*=\s*0(\.0*)?", parameter) for parameter in parameters)
    return False
