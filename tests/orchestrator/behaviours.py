"""How can a test make an agent behave, and what did the job make of it?"""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.responses import Response

from orchestrator.jobs import Claim


def given(response: Response) -> Callable[[], Awaitable[Response]]:
    async def behave() -> Response:
        return response

    return behave


def raising(*errors: Exception) -> Callable[[], Awaitable[None]]:
    """Raises each error once, then lets the agent answer."""
    left = list(errors)

    async def behave() -> None:
        if left:
            raise left.pop(0)

    return behave


def held_until(event: asyncio.Event) -> Callable[[], Awaitable[None]]:
    """Keeps the caller waiting until the event, then lets the agent answer."""

    async def behave() -> None:
        await event.wait()

    return behave


async def for_ever() -> None:
    await asyncio.Event().wait()


def first_claim(world) -> Claim:
    claim = world.store.claim(world.create().id, 0)
    assert claim is not None
    return claim


def retries(world, job_id: str) -> int:
    """Crash attempts that the job's history tells of."""
    events = world.store.events(job_id, after=0, limit=100)
    return sum(event.type == "step.retried" for event in events)
