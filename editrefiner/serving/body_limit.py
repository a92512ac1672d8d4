"""Is the body short enough to read, and there in time? Refused at its declared length, or while it comes."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from editrefiner.contracts import ProblemError
from editrefiner.serving.errors import BodyTooLargeError, BodyTooSlowError
from editrefiner.serving.problems import problem_response

MAX_UPLOAD_SECONDS = 300.0  # the longest body over 4 Mbit/s; whoever drips bytes holds a place in the queue


class BodyLimitMiddleware:
    """Counts what arrives; nothing past `max_bytes`, or later than `max_seconds`, reaches the app."""

    def __init__(self, app: ASGIApp, *, max_bytes: int, max_seconds: float = MAX_UPLOAD_SECONDS) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection of the server."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _declared_bytes(scope) > self._max_bytes:
            await problem_response(self._too_large(), scope)(scope, receive, send)
            return
        guard = _Guard(receive, send, self._max_bytes, self._max_seconds, self._too_large())
        try:
            await self._app(scope, guard.receive, guard.send)
        except ProblemError:
            if guard.refusal is None:
                raise
        if guard.refusal is not None and not guard.has_started:
            await problem_response(guard.refusal, scope)(scope, receive, send)

    def _too_large(self) -> BodyTooLargeError:
        return BodyTooLargeError(
            f"The body is longer than {self._max_bytes} bytes. "
            "Send pictures as artifact references, or smaller ones."
        )


class _Guard:
    """One request: cuts the body, then drops whatever the app answers to a body that was cut.

    The time begins when the app first asks for the body: until then the request may have waited its turn.
    """

    def __init__(
        self, receive: Receive, send: Send, max_bytes: int, max_seconds: float, too_large: BodyTooLargeError
    ) -> None:
        self._receive = receive
        self._send = send
        self._left = max_bytes
        self._max_seconds = max_seconds
        self._too_large = too_large
        self._ends_at: float | None = None
        self._is_read = False
        self.refusal: ProblemError | None = None
        self.has_started = False

    async def receive(self) -> Message:
        if self._is_read:  # what comes now is a hang-up, whenever that is
            return await self._receive()
        message = await self._in_time()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                self.refusal = self._too_large
                raise self.refusal
            self._is_read = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if self.refusal is not None and not self.has_started:
            return
        self.has_started = True
        await self._send(message)

    async def _in_time(self) -> Message:
        if self._ends_at is None:
            self._ends_at = asyncio.get_running_loop().time() + self._max_seconds
        try:
            async with asyncio.timeout_at(self._ends_at):
                return await self._receive()
        except TimeoutError as error:
            self.refusal = BodyTooSlowError(
                f"The body was not all there after {self._max_seconds:g} s. Send it faster, send smaller "
                "pictures, or upload each by itself and send their artifact references."
            )
            raise self.refusal from error


def _declared_bytes(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
