"""How are jobs and files put into an answer?"""

from starlette.requests import Request
from starlette.responses import Response

from editrefiner.contracts.headers import RETRY_AFTER
from orchestrator.jobs import JobRecord
from orchestrator.routes.context import Api
from orchestrator.routes.preferences import entity_tag
from orchestrator.routes.views import view

POLL_SECONDS = 1  # how often it is worth asking about a job that is not over
JSON = "application/json"
REVALIDATE = "private, no-cache"


def job_response(job: JobRecord, status: int, headers: dict[str, str]) -> Response:
    """A job with its version, and when to ask again while it is not over."""
    content = view(job).model_dump_json()
    return Response(content, status, headers={**job_headers(job), **headers}, media_type=JSON)


def job_headers(job: JobRecord) -> dict[str, str]:
    """What every answer about a job says."""
    headers = {"ETag": entity_tag(job.version), "Cache-Control": REVALIDATE}
    if not job.status.is_terminal:
        headers[RETRY_AFTER] = str(POLL_SECONDS)
    return headers


def absolute(api: Api, request: Request, path: str) -> str:
    """The URL under which the client reaches this path."""
    base = api.settings.public_url or f"{request.url.scheme}://{request.url.netloc}"
    return base + path


def picture_headers(filename: str) -> dict[str, str]:
    """For pictures, which never change under their address and are never to be shown as a page."""
    return {
        "Cache-Control": "private, max-age=31536000, immutable",
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": f'attachment; filename="{filename}"',
    }
