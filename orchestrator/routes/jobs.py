"""`/v1/jobs`: how are jobs found, read, canceled and removed?"""

import re
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

from anyio import to_thread
from fastapi import APIRouter, Query
from pydantic import BeforeValidator
from starlette.requests import Request
from starlette.responses import Response

from editrefiner.contracts import JobPage, JobStatus
from editrefiner.serving import problem_answers
from orchestrator.jobs import AlreadyFinishedError, JobRecord
from orchestrator.routes.answers import JSON, absolute, job_headers, job_response
from orchestrator.routes.context import Api
from orchestrator.routes.documentation import empty, headers, job_answer, reading_problems
from orchestrator.routes.parameters import (
    IfNoneMatch,
    JobId,
    PreferWait,
    decode_cursor,
    encode_cursor,
    known_shape,
)
from orchestrator.routes.preferences import entity_tag, matches, version_of, wait_seconds
from orchestrator.routes.views import view

MAX_PAGE = 100
YEAR_3000 = 32_503_680_000.0  # times beyond are as good as this one, and fit into an id


def _not_a_number(given: object) -> object:
    """Pydantic would take a number for seconds since 1970."""
    if isinstance(given, str) and re.match(r"\d{4}-", given) is None:
        raise ValueError("must be a moment such as 2026-11-21T10:15:30Z")
    return given


Moment = Annotated[datetime, BeforeValidator(_not_a_number)]


def jobs(api: Api) -> APIRouter:
    """The routes of jobs that exist."""
    router = APIRouter(tags=["jobs"])
    _add_reading(router, api)
    _add_ending(router, api)
    return router


def _add_reading(router: APIRouter, api: Api) -> None:
    @router.get(
        "/v1/jobs",
        operation_id="list_jobs",
        summary="List jobs",
        description="Newest first. `limit` above 100 counts as 100; follow `next_cursor` or the Link header.",
        response_class=Response,
        responses={
            200: {"model": JobPage, "description": "A page of jobs.", "headers": headers("Link")},
            **problem_answers(400, 422, 500, 503),
        },
    )
    async def list_jobs(
        request: Request,
        status: Annotated[JobStatus | None, Query(description="Only jobs that are in this state.")] = None,
        created_after: Annotated[Moment | None, Query(description="RFC 3339; without offset: UTC.")] = None,
        limit: Annotated[int, Query(ge=1)] = 20,
        cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
    ) -> Response:
        size = min(limit, MAX_PAGE)
        before = None if cursor is None else decode_cursor(cursor)
        found = await to_thread.run_sync(
            lambda: api.store.page(
                status=status, created_after=_seconds(created_after), limit=size + 1, before=before
            )
        )
        items = tuple(view(job) for job in found[:size])
        next_cursor = encode_cursor(items[-1].id) if len(found) > size else None
        page = JobPage(items=items, next_cursor=next_cursor)
        link: dict[str, str] = {}
        if next_cursor is not None:
            query = {**request.query_params, "cursor": next_cursor}
            link["Link"] = f'<{absolute(api, request, "/v1/jobs")}?{urlencode(query)}>; rel="next"'
        return Response(page.model_dump_json(), headers=link, media_type=JSON)

    @router.get(
        "/v1/jobs/{job_id}",
        operation_id="get_job",
        summary="Read a job",
        description="With `Prefer: wait=N` the answer waits until the job is over; with `If-None-Match` as "
        "well, until it is another than the one the client has.",
        response_class=Response,
        responses={
            200: job_answer("The job.", "ETag", "Retry-After", "Preference-Applied", "Cache-Control"),
            304: empty("The client has this version.", "ETag", "Retry-After", "Preference-Applied"),
            **reading_problems(),
        },
    )
    async def get_job(
        job_id: JobId, prefer: PreferWait = None, if_none_match: IfNoneMatch = None
    ) -> Response:
        wait = wait_seconds(prefer)
        job = await _read(api, known_shape(job_id), wait, version_of(if_none_match))
        applied = {} if wait is None else {"Preference-Applied": f"wait={wait}"}
        if matches(if_none_match, entity_tag(job.version)):
            return Response(status_code=304, headers={**job_headers(job), **applied})
        return job_response(job, 200, applied)


def _add_ending(router: APIRouter, api: Api) -> None:
    @router.post(
        "/v1/jobs/{job_id}/cancel",
        operation_id="cancel_job",
        summary="Cancel a job",
        description="What was reached until then is kept as the result. Canceling twice does no harm.",
        status_code=202,
        response_class=Response,
        responses={
            202: job_answer("The job is being stopped.", "ETag", "Retry-After"),
            200: job_answer("The job is canceled.", "ETag"),
            **reading_problems(409),
        },
    )
    async def cancel_job(job_id: JobId) -> Response:
        job = await to_thread.run_sync(api.store.request_cancel, known_shape(job_id))
        api.ringer.changed(job.id)
        if job.status.is_terminal and job.status is not JobStatus.CANCELED:
            raise AlreadyFinishedError(f"job {job_id} is {job.status}; there is nothing to cancel.")
        return job_response(job, 200 if job.status.is_terminal else 202, {})

    @router.delete(
        "/v1/jobs/{job_id}",
        operation_id="delete_job",
        summary="Remove a finished job",
        description="Removes the job and every picture that no other job uses, now and for good.",
        status_code=204,
        response_class=Response,
        responses={204: empty("Removed."), **reading_problems(409)},
    )
    async def delete_job(job_id: JobId) -> Response:
        def remove() -> None:
            for sha256 in api.store.delete(known_shape(job_id)):
                api.artifacts.delete(sha256)

        await to_thread.run_sync(remove)
        api.ringer.changed(job_id)
        return Response(status_code=204)


async def _read(api: Api, job_id: str, wait: int | None, has_version: int | None) -> JobRecord:
    if wait is None:
        return await to_thread.run_sync(api.store.get, job_id)
    if has_version is None:
        return await api.changes.until_over(job_id, seconds=wait)
    return await api.changes.after(job_id, has_version, seconds=wait)


def _seconds(moment: datetime | None) -> float | None:
    if moment is None:
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return min(max(aware.timestamp(), 0.0), YEAR_3000)
