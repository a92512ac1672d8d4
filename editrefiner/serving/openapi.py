"""What does the API document say? Every answer an operation can give, problems and forms included."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from editrefiner.contracts import PROBLEM_MEDIA_TYPE, Problem, RequestModel
from editrefiner.contracts.headers import DEADLINE_MS, IDEMPOTENCY_KEY, REPLAYED, RETRY_AFTER, RUN_SECONDS
from editrefiner.serving.fields import fields_of
from editrefiner.serving.verbs import Verb

# JSON Schema and OpenAPI fragments are open trees of JSON values: Any says so in this module.
Fragment = dict[str, Any]
Responses = dict[int | str, Fragment]

_REF = "#/components/schemas/{model}"
_MEANINGS = {
    400: "The request cannot be understood.",
    401: "The request carries no valid key.",
    403: "The key does not allow this.",
    404: "Something the request names does not exist.",
    405: "This method is not possible here.",
    406: "No form of the answer that the client accepts exists.",
    408: "The body stopped arriving, or took too long to come.",
    409: "The request conflicts with the state of what it names.",
    410: "What was here has been removed.",
    413: "The body or a picture in it is too large.",
    415: "The body or a picture in it is of an unsupported type.",
    422: "The request or a picture in it is wrong; `errors` names the fields.",
    429: "Too many requests with this key.",
    500: "The service failed; its log has the cause under `request_id`.",
    503: "Not now: still loading, draining, or the queue is full.",
    504: "The deadline passed.",
    507: "The run needed more memory than there is.",
}
VERB_STATUSES = (404, 408, 409, 413, 415, 422, 500, 503, 504, 507)


def problem_answers(*statuses: int) -> Responses:
    """The `responses` of an operation that can fail with these statuses."""
    answers: Responses = {}
    for status in statuses:
        answers[status] = {
            "description": _MEANINGS[status],
            "content": {PROBLEM_MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}},
        }
        if status in {429, 503}:
            seconds = {"type": "integer", "minimum": 1}
            answers[status]["headers"] = {
                RETRY_AFTER: {"description": "Seconds until it is worth trying again.", "schema": seconds}
            }
    return answers


def install_openapi(
    app: FastAPI, verbs: Sequence[Verb[Any, Any, Any]] = (), models: Sequence[type[BaseModel]] = ()
) -> None:
    """Make the app's document name problems by their media type, with the schemas of `verbs` and `models`."""

    def document() -> Fragment:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            components = schema.setdefault("components", {}).setdefault("schemas", {})
            for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's own form of a 422
                components.pop(name, None)
            components.update(_verb_schemas(verbs, models))
            for operations in schema["paths"].values():
                for operation in operations.values():
                    _use_problems(operation["responses"])
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = document


def verb_operation(verb: Verb[Any, Any, Any]) -> Fragment:
    """What FastAPI cannot read off a verb's endpoint: parameters, both bodies."""
    json_body: Fragment = {"schema": {"$ref": _REF.format(model=verb.request.__name__)}}
    if verb.example is not None:
        json_body["examples"] = _shown("Pictures as data: URIs", _asked(verb))
    return {
        "parameters": _parameters(verb),
        "requestBody": {
            "required": True,
            "content": {"application/json": json_body, "multipart/form-data": _form(verb)},
        },
    }


def _parameters(verb: Verb[Any, Any, Any]) -> list[Fragment]:
    parameters: list[Fragment] = [
        {
            "name": IDEMPOTENCY_KEY,
            "in": "header",
            "description": "A name for this request: repeats of it share one run. Another request under "
            "the same key is refused with 409.",
            "schema": {"type": "string", "pattern": '^([0-9A-Za-z._-]{1,128}|"[0-9A-Za-z._-]{1,128}")$'},
        },
        {
            "name": DEADLINE_MS,
            "in": "header",
            "description": "Milliseconds the caller waits; after that the answer is 504 and the run is "
            "canceled unless somebody else waits for it.",
            "schema": {"type": "integer", "minimum": 1, "maximum": 86_400_000},
        },
    ]
    if verb.view is not None:
        decides = (
            f"Without it, `Accept` decides: {verb.view.media_type} where that weighs more than "
            "application/json, else JSON."
        )
        parameters.append(
            {
                "name": verb.view.parameter,
                "in": "query",
                "description": f"{verb.view.description} {decides}",
                "schema": {"type": "boolean"},
            }
        )
    return parameters


def verb_answers(verb: Verb[Any, Any, Any]) -> Responses:
    """The `responses` of a verb's operation."""
    number = {"type": "number", "minimum": 0}
    headers: Fragment = {
        RUN_SECONDS: {"description": "Compute time of the run, also on a repeat.", "schema": number},
        REPLAYED: {
            "description": "`true` when the answer was computed before.",
            "schema": {"type": "string", "enum": ["true"]},
        },
    }
    answer: Fragment = {"schema": {"$ref": _REF.format(model=verb.answer.__name__)}}
    if verb.example is not None:
        answer["examples"] = _shown("An answer", verb.example.answer.model_dump(mode="json"))
    content: Fragment = {"application/json": answer}
    if verb.view is not None:
        content[verb.view.media_type] = {"schema": {"type": "string", "format": "binary"}}
        headers["Link"] = {
            "description": "On a picture: where the same answer is as JSON, `rel=alternate`.",
            "schema": {"type": "string"},
            "example": f'</v1/runs/{"5c" * 32}/answer>; rel="alternate"; type="application/json"',
        }
    success: Fragment = {"description": "Computed, now or before.", "headers": headers, "content": content}
    return {200: success, **problem_answers(*VERB_STATUSES)}


def stored_answer(verbs: Sequence[Verb[Any, Any, Any]]) -> Fragment:
    """The answer of a finished run, whichever verb it was of."""
    schemas = [{"$ref": _REF.format(model=verb.answer.__name__)} for verb in verbs]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {"description": "As it was answered.", "content": {"application/json": {"schema": schema}}}


def _shown(summary: str, value: Fragment) -> Fragment:
    return {"smallest": {"summary": summary, "value": value}}


def _asked(verb: Verb[Any, Any, Any]) -> Fragment:
    return {} if verb.example is None else verb.example.request.model_dump(mode="json", exclude_unset=True)


def _form(verb: Verb[Any, Any, Any]) -> Fragment:
    """The multipart form: pictures as files, text as text, everything else as JSON text."""
    fields, asked = fields_of(verb.request), _asked(verb)
    picture: Fragment = {"type": "string", "format": "binary", "contentMediaType": "image/*"}
    properties: Fragment = {}
    encoding: Fragment = {}
    required: list[str] = []
    for name, info in verb.request.model_fields.items():
        if name in fields.images:
            properties[name] = picture
        elif name in fields.image_lists:
            properties[name] = {"type": "array", "items": picture}
        elif name in fields.texts:
            properties[name] = {"type": "string"}
        else:
            schema = TypeAdapter(info.annotation).json_schema(ref_template=_REF)
            schema.pop("$defs", None)  # the models it names are components of the document already
            properties[name] = schema
            encoding[name] = {"contentType": "application/json"}
        if name in asked and name not in fields.images | fields.image_lists:
            properties[name] = {**properties[name], "examples": [asked[name]]}
        if info.description:
            properties[name] = {**properties[name], "description": info.description}
        if info.is_required():
            required.append(name)
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {"schema": schema, "encoding": encoding} if encoding else {"schema": schema}


def _verb_schemas(verbs: Sequence[Verb[Any, Any, Any]], models: Sequence[type[BaseModel]]) -> Fragment:
    named = [(Problem, "serialization")]
    named += [(verb.request, "validation") for verb in verbs]
    named += [(verb.answer, "serialization") for verb in verbs]
    named += [(m, "validation" if issubclass(m, RequestModel) else "serialization") for m in models]
    _, schema = models_json_schema(named, ref_template=_REF)  # pyright: ignore[reportArgumentType]
    return schema["$defs"]


def _use_problems(responses: Fragment) -> None:
    """Replace FastAPI's own form of a 422, which it adds to every operation with parameters."""
    automatic = responses.get("422", {}).get("content", {}).get("application/json")
    if automatic is not None:
        responses["422"] = problem_answers(422)[422]
