"""How is a job watched to its end, and what do Ctrl-C and SIGTERM do to it meanwhile?"""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from editrefiner.client import JobsClient, RequestRejectedError
from editrefiner.contracts import Job
from suite.progress import Display

POLL_SECONDS = 0.1
OVER_POLL_SECONDS = 0.01


@contextmanager
def asked_to_end() -> Iterator[asyncio.Future[signal.Signals]]:
    """Done with the first SIGINT or SIGTERM that comes; the second one has its usual effect."""
    loop = asyncio.get_running_loop()
    asked: asyncio.Future[signal.Signals] = loop.create_future()
    numbers = (signal.SIGINT, signal.SIGTERM)

    def take(number: signal.Signals) -> None:
        asked.set_result(number)
        give_back()

    def give_back() -> None:
        for number in numbers:
            loop.remove_signal_handler(number)

    for number in numbers:
        loop.add_signal_handler(number, take, number)
    try:
        yield asked
    finally:
        give_back()


async def follow(
    jobs: JobsClient, job_id: str, display: Display, asked: asyncio.Future[signal.Signals]
) -> Job | None:
    """The finished job. Ctrl-C cancels it; None when SIGTERM came first, which leaves it as it is."""
    over = asyncio.create_task(jobs.wait(job_id))  # the end is told at once, what comes before it is polled
    try:
        return await _follow(jobs, job_id, display, asked, over)
    finally:
        over.cancel()
        await asyncio.gather(over, return_exceptions=True)


async def _follow(
    jobs: JobsClient,
    job_id: str,
    display: Display,
    asked: asyncio.Future[signal.Signals],
    over: asyncio.Task[Job],
) -> Job | None:
    after = 0
    has_canceled = False
    while True:
        page = await jobs.event_page(job_id, after=after)
        for event in page.items:
            display.take(event)
            after = event.seq
        if page.is_final:
            return await jobs.get(job_id)
        if asked.done() and asked.result() is signal.SIGTERM:
            return None
        if asked.done() and not has_canceled:
            has_canceled = True
            with suppress(RequestRejectedError):  # it ended by itself just now
                await jobs.cancel(job_id)
        elif over.done():  # since this page was read: the next one says it too
            await asyncio.sleep(OVER_POLL_SECONDS)
        elif not page.items:
            await asyncio.wait({over}, timeout=POLL_SECONDS)
