"""Is the body short enough to read? Refused at its declared length, or at the byte that is too many."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from editrefiner.serving.errors import BodyTooLargeError
from editrefiner.serving.problems import problem_response


class BodyLimitMiddleware:
    """Counts what arrives; nothing past `max_bytes` reaches the app."""

    def __init__(self, app: ASGIApp, *, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection of the server."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _declared_bytes(scope) > self._max_bytes:
            await problem_response(self._too_large(), scope)(scope, receive, send)
            return
        guard = _Guard(receive, send, self._max_bytes, self._too_large())
        try:
            await self._app(scope, guard.receive, guard.send)
        except BodyTooLargeError:
            if not guard.is_exceeded:
                raise
        if guard.is_exceeded and not guard.has_started:
            await problem_response(self._too_large(), scope)(scope, receive, send)

    def _too_large(self) -> BodyTooLargeError:
        return BodyTooLargeError(
            f"The body is longer than {self._max_bytes} bytes. "
            "Send pictures as artifact references, or smaller ones."
        )


class _Guard:
    """One request: cuts the body, then drops whatever the app answers to a body that was cut."""

    def __init__(self, receive: Receive, send: Send, max_bytes: int, refusal: BodyTooLargeError) -> None:
        self._receive = receive
        self._send = send
        self._left = max_bytes
        self._refusal = refusal
        self.is_exceeded = False
        self.has_started = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                self.is_exceeded = True
                raise self._refusal
        return message

    async def send(self, message: Message) -> None:
        if self.is_exceeded and not self.has_started:
            return
        self.has_started = True
        await self._send(message)


def _declared_bytes(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
