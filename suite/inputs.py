"""How do arguments of a command become a job request? Files read, limits kept, and errors in one sentence."""

import argparse
import base64
import mimetypes
from pathlib import Path
from typing import ClassVar

import httpx
from pydantic import ValidationError

from editrefiner.contracts import (
    ImageLimits,
    JobRequest,
    ProblemCode,
    ProblemError,
    RefinementParameters,
    fingerprint,
)

PARAMETERS = ("max_iterations", "target_score", "candidates", "seed")


class InputError(ProblemError):
    """A file or a text on the command line cannot be used."""

    code: ClassVar[ProblemCode] = ProblemCode.BAD_REQUEST
    status: ClassVar[int] = 400


def job_request(options: argparse.Namespace) -> JobRequest:
    """The request that SOURCE, EDITED, INSTRUCTION and the parameters of a command amount to."""
    given = {name: getattr(options, name) for name in PARAMETERS if getattr(options, name) is not None}
    if not options.instruction.strip():
        raise InputError("INSTRUCTION is empty; say what the editor was asked to do.")
    source, edited = picture_uri(options.source, "SOURCE"), picture_uri(options.edited, "EDITED")
    try:
        return JobRequest(
            source=source,
            edited=edited,
            instruction=options.instruction,
            parameters=RefinementParameters.model_validate(given),
        )
    except ValidationError as exc:
        raise refusal(exc) from exc


def refusal(error: ValidationError) -> InputError:
    """The first thing that is wrong with a request, in a sentence."""
    first = error.errors(include_url=False, include_input=False)[0]
    return InputError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}.")


def request_key(request: JobRequest) -> str:
    """The same for the same pictures, instruction and parameters: asked again, it is the same job."""
    return fingerprint(request.model_dump(mode="json"))


def checked_url(url: str, what: str, example: str) -> str:
    """The URL as given; InputError when it is no address of a server."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise InputError(f"--url: {url!r} is no address of {what}; one looks like {example}.")
    return url


def picture_uri(path: Path, name: str) -> str:
    """A picture file as a `data:` URI; InputError, in which it is called `name`, when it cannot be one."""
    limit = ImageLimits().max_bytes
    try:
        if not path.is_file():
            raise InputError(
                f"{name}: {path} is {'a folder' if path.is_dir() else 'not there'}; name a picture."
            )
        size = path.stat().st_size
        if not 0 < size <= limit:
            found = f"{size} bytes" if size else "empty"
            raise InputError(f"{name}: {path} is {found}; a picture has at most {limit} bytes.")
        data = path.read_bytes()
    except OSError as exc:
        raise InputError(f"{name}: {path} cannot be read: {exc.strerror}.") from exc
    guessed = mimetypes.guess_type(path.name)[0] or ""
    media_type = guessed if guessed.startswith("image/") else "image/png"  # a hint: the bytes decide
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
