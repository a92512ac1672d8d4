"""Whose request is this, and what became of it? Ids in and out, one log line, the HTTP metrics."""

import logging
import time

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from editrefiner.contracts.headers import JOB_ID, REQUEST_ID, TRACEPARENT
from editrefiner.serving.problems import HTTP_METHODS, unexpected_problem
from editrefiner.telemetry import context, metrics

CLIENT_GONE_STATUS = 499  # never sent: how the log and the metrics name a caller that hung up
_QUIET_ROUTES = frozenset({"/livez", "/readyz", "/startupz", "/metrics"})

log = logging.getLogger(__name__)
access = logging.getLogger("editrefiner.access")


class RequestContextMiddleware:
    """The outermost layer: what fails inside without an answer becomes a problem here, logged once."""

    def __init__(self, app: ASGIApp, *, service: str) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection of the server."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        request_id = context.accepted_id(headers.get(REQUEST_ID.lower().encode()))
        answer = _Answer(send, request_id or context.new_request_id())
        with context.bind(
            request=answer.request_id,
            job=context.accepted_id(headers.get(JOB_ID.lower().encode())),
            trace=context.continued_traceparent(headers.get(TRACEPARENT.encode())),
        ):
            started = time.perf_counter()
            try:
                await self._run(scope, receive, answer)
            finally:
                self._note(scope, answer, time.perf_counter() - started)

    async def _run(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        try:
            await self._app(scope, receive, answer.send)
        except Exception:  # the last boundary: a client gets a problem, never a traceback
            log.exception("unexpected failure", extra={"method": scope["method"], "path": scope["path"]})
            if answer.status is None:  # else the answer is cut short, which the server tells the client
                await unexpected_problem(scope)(scope, receive, answer.send)

    def _note(self, scope: Scope, answer: "_Answer", seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        method = scope["method"] if scope["method"] in HTTP_METHODS else "other"
        status = answer.status or CLIENT_GONE_STATUS
        metrics.HTTP_REQUESTS.labels(self._service, method, route, str(status)).inc()
        metrics.HTTP_SECONDS.labels(self._service, route).observe(seconds)
        level = logging.DEBUG if route in _QUIET_ROUTES else logging.INFO
        access.log(
            level,
            "request",
            extra={
                "method": scope["method"],
                "path": scope["path"],
                "status": status,
                "seconds": round(seconds, 4),
                "sent_bytes": answer.sent_bytes,
            },
        )


class _Answer:
    """What is sent to one request."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.status: int | None = None
        self.sent_bytes = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)[REQUEST_ID] = self.request_id
        elif message["type"] == "http.response.body":
            self.sent_bytes += len(message.get("body", b""))
        await self._send(message)
