"""In which form does the caller want the answer? As JSON, or as the picture that a verb can draw of it."""

import re
from typing import Any

from starlette.requests import Request

from editrefiner.contracts import FieldError
from editrefiner.serving.errors import ValidationFailedError
from editrefiner.serving.verbs import View

JSON = "application/json"
_WEIGHT = re.compile(r"q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.IGNORECASE)


def wants_view(request: Request, view: View[Any, Any]) -> bool:
    """Whether this request asks for the view and not for JSON.

    The query parameter decides where it is given. Else the form with the higher weight in `Accept` does, and
    JSON where both weigh the same: so no header, `*/*` and a header that names neither all mean JSON.
    ValidationFailedError when the parameter is neither `true` nor `false`, or is given twice.
    """
    given = request.query_params.getlist(view.parameter)
    if not given:
        accept = ",".join(request.headers.getlist("accept"))
        return _weight(accept, view.media_type) > _weight(accept, JSON)
    if given not in (["true"], ["false"]):
        message = "must be true or false, given once"
        raise ValidationFailedError(
            f"The query parameter {view.parameter} {message}.",
            errors=(FieldError(field=f"query.{view.parameter}", message=message),),
        )
    return given == ["true"]


def _weight(accept: str, media_type: str) -> float:
    """How much an `Accept` header wants a media type, by the most specific range that covers it; 0 = not."""
    ranges = (media_type, media_type.partition("/")[0] + "/*", "*/*")
    found: dict[str, float] = {}
    for choice in accept.split(","):
        kind, *parameters = (part.strip() for part in choice.split(";"))
        weights = [match[1] for parameter in parameters if (match := _WEIGHT.fullmatch(parameter))]
        found[kind.lower()] = float(weights[0]) if weights else 1.0
    return next((found[kind] for kind in ranges if kind in found), 0.0)
