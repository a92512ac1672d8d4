"""`/v1/artifacts`: how do single pictures get in and out?"""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from editrefiner.contracts import ImageRef
from editrefiner.serving import parse_request, problem_answers, read_body
from orchestrator.intake import ArtifactUpload, store_upload
from orchestrator.routes.answers import JSON, absolute, picture_headers
from orchestrator.routes.context import Api
from orchestrator.routes.documentation import (
    UPLOAD_EXAMPLE,
    UPLOAD_FORM,
    binary,
    empty,
    headers,
    json_or_form,
)
from orchestrator.routes.parameters import IfNoneMatch
from orchestrator.routes.preferences import matches

Digest = Annotated[
    str,
    Path(
        pattern=r"^(sha256:)?[0-9a-f]{64}$",
        description="SHA-256 of the picture in hex, with or without `sha256:` in front.",
    ),
]


def artifacts(api: Api) -> APIRouter:
    """The routes of pictures."""
    router = APIRouter(tags=["artifacts"])

    @router.post(
        "/v1/artifacts",
        operation_id="upload_artifact",
        summary="Upload a picture",
        description="Stored as PNG in sRGB with its orientation applied; its id can be used in any job.",
        status_code=201,
        response_class=Response,
        responses={
            201: {
                "model": ImageRef,
                "description": "Stored.",
                "headers": headers("Location"),
                "links": {
                    "get_artifact": {
                        "operationId": "get_artifact",
                        "parameters": {"sha256": "$response.body#/sha256"},
                    }
                },
            },
            **problem_answers(404, 408, 413, 415, 422, 500, 503),
        },
        openapi_extra=json_or_form("ArtifactUpload", UPLOAD_FORM, UPLOAD_EXAMPLE),
    )
    async def upload_artifact(request: Request) -> Response:
        with api.admission.hold():
            body = await read_body(request)
            ref = await to_thread.run_sync(
                lambda: store_upload(parse_request(ArtifactUpload, body), api.artifacts),
                limiter=api.decoders,
            )
        location = {"Location": absolute(api, request, f"/v1/artifacts/{ref.sha256}")}
        return Response(ref.model_dump_json(), 201, headers=location, media_type=JSON)

    @router.get(
        "/v1/artifacts/{sha256}",
        operation_id="get_artifact",
        summary="Download a picture",
        description="PNG. Pictures go with the last job that refers to them.",
        response_class=Response,
        responses={
            200: binary("image/png", "The picture.", "ETag", "Cache-Control", "Content-Disposition"),
            304: empty("The client has it.", "ETag"),
            **problem_answers(404, 415, 422, 500, 503),
        },
    )
    async def get_artifact(sha256: Digest, if_none_match: IfNoneMatch = None) -> Response:
        digest = sha256.removeprefix("sha256:")
        await to_thread.run_sync(api.artifacts.size, digest)  # there, and a picture
        tag = f'"{digest}"'
        described = {"ETag": tag, **picture_headers(f"{digest}.png")}
        if matches(if_none_match, tag):
            return Response(status_code=304, headers=described)
        content = await to_thread.run_sync(api.artifacts.bytes, digest)
        return Response(content, headers=described, media_type="image/png")

    return router
