"""Which parameters do operations share, and which of their values name nothing?"""

import base64
import binascii
import re
from typing import Annotated, ClassVar

from fastapi import Header, Path

from editrefiner.contracts import ProblemCode, ProblemError
from orchestrator.jobs import JobNotFoundError

_JOB_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")


class BadCursorError(ProblemError):
    """The cursor is none that this API gave out."""

    code: ClassVar[ProblemCode] = ProblemCode.BAD_REQUEST
    status: ClassVar[int] = 400


JobId = Annotated[str, Path(description="From `POST /v1/jobs`.", examples=["06CSTWBK5Q0A3K3Z6N6Y2Y0QZV"])]
PreferWait = Annotated[
    str | None,
    Header(
        alias="Prefer",
        description="`wait=N`: answer when the job is over, or after N <= 60 seconds (RFC 7240).",
        examples=["wait=1"],
    ),
]
IfNoneMatch = Annotated[
    str | None, Header(alias="If-None-Match", description="The ETag that the client has; 304 when it holds.")
]


def known_shape(job_id: str) -> str:
    """The id if it can be one; JobNotFoundError otherwise."""
    if _JOB_ID.fullmatch(job_id) is None:
        raise JobNotFoundError(f"there is no job {job_id[:64]!r}; ids come from POST /v1/jobs")
    return job_id


def encode_cursor(job_id: str) -> str:
    """An opaque place in the list of jobs: behind this one."""
    return base64.urlsafe_b64encode(job_id.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> str:
    """The job behind which to go on. BadCursorError when it is none of ours."""
    try:
        job_id = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as exc:
        raise _bad_cursor() from exc
    if _JOB_ID.fullmatch(job_id) is None:
        raise _bad_cursor()
    return job_id


def _bad_cursor() -> BadCursorError:
    return BadCursorError("cursor is none that this API gave out; take next_cursor of the page before.")
