"""How is a refinement asked for and followed? The client of the job API."""

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator
from http import HTTPStatus
from urllib.parse import urlencode

import httpx
from pydantic import TypeAdapter, ValidationError

from editrefiner.client.base import Call, Channel, raise_for_problem, read_answer
from editrefiner.client.errors import AnswerUnreadableError, ServiceUnavailableError, ServiceUnreachableError
from editrefiner.client.events import EventParser
from editrefiner.contracts import (
    EventPage,
    ImageRef,
    Iteration,
    Job,
    JobEvent,
    JobPage,
    JobRequest,
    JobStatus,
)

MAX_WAIT_SECONDS = 60.0  # longest that the API holds one request
RECONNECT_SECONDS = 1.0
SILENCE_SECONDS = 45.0  # the stream pings every 15 s: after three missed ones it is dead

log = logging.getLogger(__name__)

_LAST_EVENTS = frozenset(f"job.{status}" for status in JobStatus if status.is_terminal)
_ITERATIONS = TypeAdapter(tuple[Iteration, ...])


class JobsClient:
    """Jobs of one orchestrator. `http` carries the API key, if there is one, as a default header."""

    def __init__(self, http: httpx.AsyncClient, base_url: str, *, retries: int = 0) -> None:
        self._http = http
        self._channel = Channel(http, base_url, retries=retries)

    async def submit(
        self, request: JobRequest, *, key: str | None = None, wait_seconds: float | None = None
    ) -> Job:
        """Create a job. With `wait_seconds`, the answer waits that long (60 at most) for its end.

        Without a key of its own a submission gets a random one, so that its retry makes no second job.
        """
        call = Call(
            "POST",
            "/v1/jobs",
            headers=_prefer_wait(wait_seconds),
            content=request.model_dump_json().encode(),
            key=key or uuid.uuid4().hex,
        )
        return read_answer(await self._channel.send(call), Job)

    async def get(self, job_id: str, *, wait_seconds: float | None = None) -> Job:
        """The job now, or at its end if that comes within `wait_seconds`."""
        call = Call("GET", f"/v1/jobs/{job_id}", headers=_prefer_wait(wait_seconds))
        return read_answer(await self._channel.send(call), Job)

    async def wait(self, job_id: str, *, timeout_seconds: float | None = None) -> Job:
        """The finished job; the job as it is when `timeout_seconds` are over before (None = never)."""
        loop = asyncio.get_running_loop()
        ends_at = None if timeout_seconds is None else loop.time() + timeout_seconds
        while True:
            left = MAX_WAIT_SECONDS if ends_at is None else max(0.0, ends_at - loop.time())
            asked_at = loop.time()
            job = await self.get(job_id, wait_seconds=min(left, MAX_WAIT_SECONDS))
            if job.status.is_terminal or (ends_at is not None and loop.time() >= ends_at):
                return job
            if loop.time() - asked_at < RECONNECT_SECONDS:  # the server does not hold requests just now
                await asyncio.sleep(RECONNECT_SECONDS)

    async def page(
        self,
        *,
        status: JobStatus | None = None,
        created_after: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> JobPage:
        """Jobs, newest first; `cursor` is the `next_cursor` of the page before."""
        asked = {"status": status, "created_after": created_after, "limit": limit, "cursor": cursor}
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        return read_answer(await self._channel.send(Call("GET", f"/v1/jobs?{query}".rstrip("?"))), JobPage)

    async def iterations(self, job_id: str) -> tuple[Iteration, ...]:
        """The rounds so far."""
        response = await self._channel.send(Call("GET", f"/v1/jobs/{job_id}/iterations"))
        try:
            return _ITERATIONS.validate_json(response.content)
        except ValidationError as error:
            raise AnswerUnreadableError(f"The iterations of job {job_id} are of an unknown form.") from error

    async def cancel(self, job_id: str) -> Job:
        """Ask for its end; RequestRejectedError when it is over."""
        return read_answer(await self._channel.send(Call("POST", f"/v1/jobs/{job_id}/cancel")), Job)

    async def delete(self, job_id: str) -> None:
        """Remove a finished job and its pictures."""
        await self._channel.send(Call("DELETE", f"/v1/jobs/{job_id}"))

    async def bundle(self, job_id: str) -> bytes:
        """Everything about a job as one ZIP file."""
        return (await self._channel.send(Call("GET", f"/v1/jobs/{job_id}/bundle"))).content

    async def artifact(self, image: ImageRef | str) -> bytes:
        """The encoded bytes of a picture, by reference or by SHA-256."""
        sha256 = image.sha256 if isinstance(image, ImageRef) else image.removeprefix("sha256:")
        call = Call("GET", f"/v1/artifacts/{sha256}", headers={"Accept": "image/*, */*;q=0.5"})
        return (await self._channel.send(call)).content

    async def event_page(self, job_id: str, *, after: int = 0) -> EventPage:
        """Events with seq > `after` that have happened so far."""
        call = Call("GET", f"/v1/jobs/{job_id}/events?starting_after={after}")
        return read_answer(await self._channel.send(call), EventPage)

    async def events(self, job_id: str, *, after: int = 0) -> AsyncGenerator[JobEvent]:
        """Every event with seq > `after` as it happens, each once, until the job is over.

        A broken connection is taken up again behind the last event that came.
        """
        while True:
            try:
                async for event in self._stream(job_id, after):
                    if event is None:  # the server says that nothing more will come
                        return
                    after = event.seq
                    yield event
                    if event.type in _LAST_EVENTS:
                        return
            except (ServiceUnreachableError, ServiceUnavailableError) as error:
                log.info("event stream interrupted", extra={"after": after, "reason": error.detail})
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _stream(self, job_id: str, after: int) -> AsyncGenerator[JobEvent | None]:
        """The events of one connection; None when the job is over and has no further events."""
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        request = self._channel.request(Call("GET", f"/v1/jobs/{job_id}/events", headers=headers))
        request.extensions["timeout"] = httpx.Timeout(SILENCE_SECONDS).as_dict()
        try:
            response = await self._http.send(request, stream=True)
            try:
                if response.status_code >= HTTPStatus.BAD_REQUEST:
                    await response.aread()
                    raise_for_problem(response)
                if response.status_code == HTTPStatus.NO_CONTENT:
                    yield None
                parser = EventParser()
                async for chunk in response.aiter_bytes():
                    for event in parser.feed(chunk):
                        yield _job_event(event.data)
            finally:
                await response.aclose()
        except httpx.ReadTimeout as error:
            raise ServiceUnreachableError("The event stream fell silent.") from error
        except httpx.HTTPError as error:
            raise self._channel.translated(error) from error


def _job_event(text: str) -> JobEvent:
    try:
        return JobEvent.model_validate_json(text)
    except ValidationError as error:
        raise AnswerUnreadableError("The event stream carries something that is no event.") from error


def _prefer_wait(seconds: float | None) -> dict[str, str]:
    return {} if seconds is None else {"Prefer": f"wait={int(min(seconds, MAX_WAIT_SECONDS))}"}
