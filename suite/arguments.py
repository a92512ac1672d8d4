"""What does one argument of the command line say? Readers for argparse, which refuse in a sentence."""

import argparse
from collections.abc import Callable
from typing import Any


def parameter(name: str) -> Callable[[str], Any]:  # Any: what the field of RefinementParameters holds
    """A reader for one parameter of a job, with the limits that the wire type states."""

    def read(text: str) -> Any:  # as above
        from pydantic import ValidationError  # noqa: PLC0415 — only when the parameter is given

        from editrefiner.contracts import RefinementParameters  # noqa: PLC0415 — as above

        try:
            return getattr(RefinementParameters.model_validate({name: text}), name)
        except ValidationError as exc:
            raise argparse.ArgumentTypeError(f"{text!r}: {exc.errors()[0]['msg']}") from exc

    return read


def port(text: str) -> int:
    """A port of this machine."""
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; ports go from 0 to 65535")
    return int(text)


def count(text: str) -> int:
    """How many jobs."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of jobs; it starts at 1")
    return int(text)
