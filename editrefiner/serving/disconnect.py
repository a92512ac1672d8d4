"""Is the caller still there? Waiting for an outcome and for a hang-up at the same time."""

import asyncio
from typing import TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive

ResultT = TypeVar("ResultT")


async def unless_disconnected(outcome: asyncio.Future[ResultT], receive: Receive) -> ResultT:
    """The outcome; ClientDisconnect when the caller hangs up first.

    Call it after the body is read: from then on the server's `receive` answers only when the connection
    is gone. (`Request.is_disconnected` asks once and does not work behind middleware.)
    """
    hang_up = asyncio.ensure_future(_hang_up(receive))
    try:
        await asyncio.wait({outcome, hang_up}, return_when=asyncio.FIRST_COMPLETED)
        if outcome.done():
            return outcome.result()
        raise ClientDisconnect
    finally:
        hang_up.cancel()


async def _hang_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
