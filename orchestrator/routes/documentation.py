"""What does the API document say that FastAPI cannot read off the code? Headers, links, forms of bodies."""

from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from editrefiner.contracts import Job, JobRequest
from editrefiner.contracts.headers import REPLAYED, RETRY_AFTER
from editrefiner.serving import install_openapi, problem_answers
from orchestrator.intake import ArtifactUpload

# OpenAPI fragments are open trees of JSON values: Any says so in this module.
Fragment = dict[str, Any]
Responses = dict[int | str, Fragment]

_SECONDS: Fragment = {"type": "integer", "minimum": 1}
_TEXT: Fragment = {"type": "string"}
_URL: Fragment = {"type": "string", "format": "uri"}

HEADERS: dict[str, Fragment] = {
    "Location": {
        "description": "Absolute URL of what was made.",
        "schema": {"type": "string", "format": "uri"},
    },
    RETRY_AFTER: {"description": "Seconds until it is worth asking again.", "schema": _SECONDS},
    REPLAYED: {
        "description": "`true` when an earlier request with this Idempotency-Key made the job.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Preference-Applied": {"description": "The `wait` that was obeyed.", "schema": _TEXT},
    "ETag": {"description": "The version of this answer.", "schema": _TEXT},
    "Link": {"description": '`rel="next"`: the page after this one; absent on the last.', "schema": _TEXT},
    "Cache-Control": {"description": "How long the answer may be kept.", "schema": _TEXT},
    "Content-Disposition": {"description": "To be saved, not shown.", "schema": _TEXT},
}

_PICTURE_PART: Fragment = {"type": "string", "format": "binary", "contentMediaType": "image/*"}


def install_document(app: FastAPI) -> None:
    """Make the app's document complete: with problems, and with the bodies that the code reads by itself."""
    install_openapi(app)
    incomplete = app.openapi
    models = [(JobRequest, "validation"), (ArtifactUpload, "validation")]
    _, bodies = models_json_schema(models, ref_template="#/components/schemas/{model}")  # pyright: ignore[reportArgumentType]

    def document() -> Fragment:
        schema = incomplete()
        schema["components"]["schemas"].update(
            {
                name: model
                for name, model in bodies["$defs"].items()
                if name not in schema["components"]["schemas"]
            }
        )
        return schema

    app.openapi = document


def headers(*names: str) -> Fragment:
    """Descriptions of answer headers."""
    return {name: HEADERS[name] for name in names}


def reading_problems(*more: int) -> Responses:
    """How an operation on one job can fail."""
    return problem_answers(*sorted({404, 410, 422, 500, 503, *more}))


def job_answer(description: str, *header_names: str, with_links: bool = False) -> Fragment:
    """An answer that is a job."""
    answer: Fragment = {"model": Job, "description": description, "headers": headers(*header_names)}
    if with_links:
        answer["links"] = job_links()
    return answer


def job_links() -> Fragment:
    """What can be done next with the job that was just made."""
    job: Fragment = {"job_id": "$response.body#/id"}
    links: Fragment = {
        operation: {"operationId": operation, "parameters": job}
        for operation in (
            *("get_job", "cancel_job", "delete_job", "list_events"),
            *("list_iterations", "get_result", "get_bundle"),
        )
    }
    links["get_iteration"] = {"operationId": "get_iteration", "parameters": {**job, "number": 1}}
    return links


def empty(description: str, *header_names: str) -> Fragment:
    """An answer without a body."""
    return {"description": description, "headers": headers(*header_names)}


def binary(media_type: str, description: str, *header_names: str) -> Fragment:
    """An answer that is a file."""
    return {
        "description": description,
        "headers": headers(*header_names),
        "content": {media_type: {"schema": {"type": "string", "format": "binary"}}},
    }


def json_or_form(model: str, form: Fragment, example: Fragment) -> Fragment:
    """A request body in two forms: JSON of the model, or a form with pictures as parts."""
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": f"#/components/schemas/{model}"},
                    "examples": {"smallest": {"summary": "Pictures as data: URIs", "value": example}},
                },
                "multipart/form-data": {"schema": form},
            },
        }
    }


JOB_FORM: Fragment = {
    "type": "object",
    "required": ["source", "edited", "instruction"],
    "additionalProperties": False,
    "properties": {
        "source": {**_PICTURE_PART, "description": "The picture before the edit."},
        "edited": {**_PICTURE_PART, "description": "The picture to refine; its transparency is kept."},
        "instruction": {"type": "string", "minLength": 1, "maxLength": 4000},
        "parameters": {"$ref": "#/components/schemas/RefinementParameters"},
    },
}
UPLOAD_FORM: Fragment = {
    "type": "object",
    "required": ["file"],
    "additionalProperties": False,
    "properties": {"file": {**_PICTURE_PART, "description": "The picture."}},
}

# Two pixels by two, so that the examples can be sent as they stand.
_EDITED_URI = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEklEQVR4XmO65GZ0yc2I"
    "iQEMAByKApkoPPwpAAAAAElFTkSuQmCC"
)
_SOURCE_URI = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEklEQVR4XmM6YaNxwkaD"
    "iQEMABoUAl0IftpCAAAAAElFTkSuQmCC"
)
JOB_EXAMPLE: Fragment = {
    "source": _SOURCE_URI,
    "edited": _EDITED_URI,
    "instruction": "Make it a little brighter",
    "parameters": {"max_iterations": 2},
}
UPLOAD_EXAMPLE: Fragment = {"file": _SOURCE_URI}
