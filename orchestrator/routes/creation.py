"""`POST /v1/jobs`: how does a job begin, once, whatever the network does?"""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Header
from starlette.requests import Request
from starlette.responses import Response

from editrefiner.contracts import JobRequest, ProblemError
from editrefiner.contracts.headers import IDEMPOTENCY_KEY, REPLAYED
from editrefiner.serving import (
    Body,
    idempotency_key,
    parse_request,
    problem_answers,
    read_body,
)
from orchestrator.intake import body_fingerprint, job_inputs
from orchestrator.jobs import Created, Doorbell, JobRecord
from orchestrator.routes.answers import absolute, job_response
from orchestrator.routes.context import Api
from orchestrator.routes.documentation import JOB_EXAMPLE, JOB_FORM, job_answer, json_or_form
from orchestrator.routes.parameters import PreferWait
from orchestrator.routes.preferences import wait_seconds
from orchestrator.routes.views import job_path
from orchestrator.store.failpoints import declare, failpoint

declare("create.pictures_stored")

DESCRIPTION = """Give the picture before the edit, the picture to refine, and the instruction of the edit.

Pictures come as parts of a form, `data:` URIs, or artifact ids of earlier uploads and results. With an
`Idempotency-Key` the request can be repeated safely for a day: repeats answer with the job that the first
one made. With `Prefer: wait=N` the answer waits for the end of the job.
"""

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias=IDEMPOTENCY_KEY,
        description="A name for this request, bare or quoted. Another request under it is refused with 422.",
        pattern=r'^([0-9A-Za-z._-]{1,128}|"[0-9A-Za-z._-]{1,128}")$',
    ),
]


def creation(api: Api) -> APIRouter:
    """The route that accepts jobs."""
    router = APIRouter(tags=["jobs"])

    @router.post(
        "/v1/jobs",
        operation_id="create_job",
        summary="Refine an edit",
        description=DESCRIPTION,
        status_code=202,
        response_class=Response,
        responses={
            202: job_answer(
                "Accepted: the job is durable.",
                *("Location", "Retry-After", "Idempotent-Replayed", "Preference-Applied", "ETag"),
                with_links=True,
            ),
            200: job_answer(
                "Finished within the `wait` that was asked for.",
                *("Location", "Idempotent-Replayed", "Preference-Applied", "ETag"),
                with_links=True,
            ),
            **problem_answers(404, 408, 410, 413, 415, 422, 500, 503),
        },
        openapi_extra=json_or_form("JobRequest", JOB_FORM, JOB_EXAMPLE),
    )
    async def create_job(request: Request, key: IdempotencyKey = None, prefer: PreferWait = None) -> Response:
        with api.admission.hold():
            body = await read_body(request)
            created = await to_thread.run_sync(_accept, api, body, idempotency_key(key), limiter=api.decoders)
        if not created.replayed:
            api.ringer.ring(first_doorbell(created.job))
        return await _answer(api, request, created, wait_seconds(prefer))

    return router


def first_doorbell(job: JobRecord) -> Doorbell:
    """The reminder that a new job's first step can be claimed."""
    assert job.phase is not None, "a new job has its first step to do"
    return Doorbell(job.id, 0, job.phase)


def _accept(api: Api, body: Body, key: str | None) -> Created:
    inputs = job_inputs(parse_request(JobRequest, body), api.artifacts)
    failpoint("create.pictures_stored")
    return api.store.create(inputs, idempotency_key=key, body_sha256=body_fingerprint(inputs))


async def _answer(api: Api, request: Request, created: Created, wait: int | None) -> Response:
    job = created.job
    headers = {"Location": absolute(api, request, job_path(job.id))}
    if created.replayed:
        headers[REPLAYED] = "true"
    if wait is None:
        return job_response(job, 202, headers)
    headers["Preference-Applied"] = f"wait={wait}"
    try:
        job = await api.changes.until_over(job.id, seconds=wait)
    except ProblemError:
        return job_response(job, 202, headers)  # the job is accepted, whatever became of looking at it
    return job_response(job, 200 if job.status.is_terminal else 202, headers)
