"""`/v1/jobs/{id}/...`: what happened to a job, round by round, as it happens, and as one file?"""

import tempfile
from collections.abc import AsyncGenerator
from typing import IO, Annotated

from anyio import to_thread
from fastapi import APIRouter, Header, Path, Query
from pydantic import TypeAdapter
from starlette.responses import Response, StreamingResponse

from editrefiner.contracts import EventPage, Iteration
from editrefiner.serving import NotFoundError
from orchestrator.bundle import result_png, write_bundle
from orchestrator.jobs import JobRecord, NotFinishedError
from orchestrator.loop import iterations
from orchestrator.routes.answers import JSON, REVALIDATE, picture_headers
from orchestrator.routes.context import Api
from orchestrator.routes.documentation import binary, empty, headers, reading_problems
from orchestrator.routes.parameters import JobId, known_shape
from orchestrator.routes.preferences import wants_stream
from orchestrator.streams import event_stream

NO_STORE = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
CHUNK_BYTES = 256 * 1024
MAX_EVENTS = 1000
MAX_SEQ = 999_999_999
ITERATIONS = TypeAdapter(tuple[Iteration, ...])

STREAM_DESCRIPTION = """A page of events, or with `Accept: text/event-stream` every event as it happens.

The stream is resumed behind `Last-Event-ID` (or `starting_after`), at any event, for as long as the job is
kept. It ends with the event that ends the job; asked again behind that one it answers 204, which tells a
browser to stop reconnecting.
"""


def history(api: Api) -> APIRouter:
    """The routes below a job."""
    router = APIRouter(tags=["history"])
    _add_events(router, api)
    _add_iterations(router, api)
    _add_files(router, api)
    return router


def _add_events(router: APIRouter, api: Api) -> None:
    @router.get(
        "/v1/jobs/{job_id}/events",
        operation_id="list_events",
        summary="Follow a job",
        description=STREAM_DESCRIPTION,
        response_class=Response,
        responses={
            200: {
                "model": EventPage,
                "description": "Events, oldest first.",
                "headers": headers("Cache-Control"),
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            },
            204: empty("Nothing follows: the job is over and its last event was seen.", "Cache-Control"),
            **reading_problems(),
        },
    )
    async def list_events(
        job_id: JobId,
        starting_after: Annotated[
            int, Query(ge=0, le=MAX_SEQ, description="A seq; what follows is sent.")
        ] = 0,
        limit: Annotated[int, Query(ge=1, description="At most 1000; not for streams.")] = 100,
        accept: Annotated[str | None, Header(include_in_schema=False)] = None,
        last_event_id: Annotated[str | None, Header(alias="Last-Event-ID", pattern=r"^[0-9]{1,9}$")] = None,
    ) -> Response:
        after = starting_after if last_event_id is None else int(last_event_id)
        job = await to_thread.run_sync(api.store.get, known_shape(job_id))
        is_stream = wants_stream(accept)
        size = 1 if is_stream else min(limit, MAX_EVENTS)
        found = await to_thread.run_sync(lambda: api.store.events(job.id, after=after, limit=size + 1))
        if not is_stream:
            is_final = job.status.is_terminal and len(found) <= size
            page = EventPage(items=tuple(found[:size]), is_final=is_final)
            return Response(page.model_dump_json(), headers={"Cache-Control": "no-store"}, media_type=JSON)
        if job.status.is_terminal and not found:
            return Response(status_code=204, headers=NO_STORE)
        stream = event_stream(api.store, api.changes, job, after=after)
        return StreamingResponse(stream, headers=NO_STORE, media_type="text/event-stream")


def _add_iterations(router: APIRouter, api: Api) -> None:
    async def rounds(job_id: str) -> tuple[Iteration, ...]:
        def work() -> tuple[Iteration, ...]:
            job = api.store.get(known_shape(job_id))
            return iterations(job.inputs, api.store.steps(job.id))

        return await to_thread.run_sync(work)

    @router.get(
        "/v1/jobs/{job_id}/iterations",
        operation_id="list_iterations",
        summary="What each round did",
        description="What was perceived, diagnosed, tried, scored, decided; the last one perhaps under way.",
        response_class=Response,
        responses={
            200: {"model": tuple[Iteration, ...], "description": "Every round."},
            **reading_problems(),
        },
    )
    async def list_iterations(job_id: JobId) -> Response:
        found = ITERATIONS.dump_json(await rounds(job_id))
        return Response(found, headers={"Cache-Control": REVALIDATE}, media_type=JSON)

    @router.get(
        "/v1/jobs/{job_id}/iterations/{number}",
        operation_id="get_iteration",
        summary="What one round did",
        response_class=Response,
        responses={200: {"model": Iteration, "description": "The round."}, **reading_problems()},
    )
    async def get_iteration(job_id: JobId, number: Annotated[int, Path(ge=1)]) -> Response:
        """Rounds are numbered from 1."""
        for found in await rounds(job_id):
            if found.number == number:
                return Response(
                    found.model_dump_json(), headers={"Cache-Control": REVALIDATE}, media_type=JSON
                )
        raise NotFoundError(f"job {job_id} has no round {number}.")


def _add_files(router: APIRouter, api: Api) -> None:
    @router.get(
        "/v1/jobs/{job_id}/result",
        operation_id="get_result",
        summary="The finished picture",
        description="A PNG of the size of the picture given, with the transparency that came with it.",
        response_class=Response,
        responses={
            200: binary("image/png", "The picture.", "Cache-Control", "Content-Disposition"),
            **reading_problems(409),
        },
    )
    async def get_result(job_id: JobId) -> Response:
        job = await to_thread.run_sync(api.store.get, known_shape(job_id))
        _require_finished(job)
        content = await to_thread.run_sync(lambda: result_png(job, api.artifacts), limiter=api.decoders)
        if content is None:
            raise NotFoundError(f"job {job.id} is {job.status} and has no result.")
        return Response(content, headers=picture_headers(f"{job.id}.png"), media_type="image/png")

    @router.get(
        "/v1/jobs/{job_id}/bundle",
        operation_id="get_bundle",
        summary="Everything about a finished job",
        description="A zip: `manifest.json` with inputs, parameters, every step, versions and digests; the "
        "pictures; the result. `editrefiner replay` runs it again.",
        response_class=Response,
        responses={
            200: binary("application/zip", "The bundle.", "Content-Disposition"),
            **reading_problems(409),
        },
    )
    async def get_bundle(job_id: JobId) -> Response:
        job = await to_thread.run_sync(api.store.get, known_shape(job_id))
        _require_finished(job)
        file = await to_thread.run_sync(lambda: _bundle_file(api, job), limiter=api.bundlers)
        disposition = {"Content-Disposition": f'attachment; filename="{job.id}.zip"'}
        return StreamingResponse(_chunks(file), headers=disposition, media_type="application/zip")


def _require_finished(job: JobRecord) -> None:
    if not job.status.is_terminal:
        raise NotFinishedError(f"job {job.id} is {job.status}; wait until it is over.")


def _bundle_file(api: Api, job: JobRecord) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by the answer that sends it
    try:
        write_bundle(file, job, api.store.steps(job.id), api.artifacts)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


async def _chunks(file: IO[bytes]) -> AsyncGenerator[bytes]:
    with file:
        while chunk := await to_thread.run_sync(file.read, CHUNK_BYTES):
            yield chunk
