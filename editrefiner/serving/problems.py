"""How does a failure leave the process? As problem details, whoever raised it."""

import logging
import math
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Scope

from editrefiner.contracts import (
    PROBLEM_MEDIA_TYPE,
    PROBLEM_TYPE_BASE,
    Problem,
    ProblemCode,
    ProblemError,
)
from editrefiner.contracts.headers import RETRY_AFTER
from editrefiner.serving.errors import InternalError, ValidationFailedError
from editrefiner.serving.validation import field_errors
from editrefiner.telemetry import context

HTTP_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")

log = logging.getLogger(__name__)

_CODES = {
    404: ProblemCode.NOT_FOUND,
    405: ProblemCode.METHOD_NOT_ALLOWED,
    406: ProblemCode.NOT_ACCEPTABLE,
    409: ProblemCode.CONFLICT,
    410: ProblemCode.GONE,
    413: ProblemCode.BODY_TOO_LARGE,
    415: ProblemCode.UNSUPPORTED_MEDIA_TYPE,
    422: ProblemCode.VALIDATION_FAILED,
    503: ProblemCode.NOT_READY,
}


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every failure of this app as a problem, also 404, 405 and what FastAPI itself refuses."""
    app.add_exception_handler(ProblemError, _answer_problem_error)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    app.add_exception_handler(RequestValidationError, _answer_request_validation)


def problem_response(error: ProblemError, scope: Scope) -> Response:
    """The answer for one failure of one request."""
    problem = error.problem(instance=scope["path"], request_id=context.request_id.get() or "")
    headers: dict[str, str] = {}
    if error.retry_after_seconds is not None:
        headers[RETRY_AFTER] = str(max(1, math.ceil(error.retry_after_seconds)))
    return _render(problem, headers)


def unexpected_problem(scope: Scope) -> Response:
    """The answer when the process itself is at fault."""
    return problem_response(
        InternalError("The service failed in a way nobody expected; its log has the cause under request_id."),
        scope,
    )


def validation_problem(
    error: ValidationError | RequestValidationError, given: object
) -> ValidationFailedError:
    """The failure for a request that does not fit its model."""
    errors = field_errors(error.errors(), given)
    fields = ", ".join(item.field for item in errors)
    return ValidationFailedError(f"The request is wrong in: {fields}. See errors.", errors=errors)


def _render(problem: Problem, headers: dict[str, str]) -> Response:
    return Response(problem.model_dump_json(), problem.status, headers=headers, media_type=PROBLEM_MEDIA_TYPE)


async def _answer_problem_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # registered for this class
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR and error.retry_after_seconds is None:
        log.warning("request failed", extra={"code": error.code, "detail": error.detail})
    return problem_response(error, request.scope)


async def _answer_request_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # registered for this class
    given: dict[str, Any] = {  # any JSON value
        "path": request.path_params,
        "query": dict(request.query_params),
        "header": dict(request.headers),
        "body": error.body,
    }
    return problem_response(validation_problem(error, given), request.scope)


async def _answer_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # registered for this class
    code = _CODES.get(error.status_code)
    if code is None:
        is_client_fault = error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
        code = ProblemCode.BAD_REQUEST if is_client_fault else ProblemCode.INTERNAL_ERROR
    headers = dict(error.headers or {})
    detail = error.detail
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed_methods(request))
        detail = f"{request.method} is not possible here; {headers['Allow']} is."
    elif error.status_code == HTTPStatus.NOT_FOUND and detail == HTTPStatus.NOT_FOUND.phrase:
        detail = f"There is no {request.scope['path']} here. See /openapi.json for what there is."
    problem = Problem(
        type=PROBLEM_TYPE_BASE + code,
        title=code.replace("_", " ").capitalize(),
        status=error.status_code,
        code=code,
        detail=detail,
        instance=request.scope["path"],
        request_id=context.request_id.get() or "",
    )
    return _render(problem, headers)


def _allowed_methods(request: Request) -> list[str]:
    """Methods of every route of this path; the router itself names those of the first one only."""
    return [
        method
        for method in HTTP_METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]
