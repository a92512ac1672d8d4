"""Is the process alive, started, ready? The probes and the metrics endpoint."""

from collections.abc import Callable

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from editrefiner.contracts import Health
from editrefiner.serving.errors import NotReadyError
from editrefiner.serving.lifecycle import Lifecycle
from editrefiner.serving.openapi import problem_answers
from editrefiner.serving.problems import problem_response


def probes(lifecycle: Lifecycle) -> APIRouter:
    """Routes `/livez`, `/readyz`, `/startupz`, `/metrics`. Green is 200 with `Health`, red a 503 problem."""
    router = APIRouter(tags=["operations"])

    def probe(path: str, summary: str, description: str, is_green: Callable[[], bool]) -> None:
        async def answer(request: Request) -> Response:
            health = lifecycle.health()
            if is_green():
                return Response(health.model_dump_json(), media_type="application/json")
            reason = f"{health.state}: {health.detail}"
            return problem_response(NotReadyError(reason), request.scope)

        router.add_api_route(
            path,
            answer,
            operation_id=path.strip("/"),
            summary=summary,
            description=description,
            responses={200: {"model": Health}, **problem_answers(503)},
        )

    probe(
        "/livez",
        "Is the process alive?",
        "Red only when the process should be replaced: run after run has exhausted its memory.",
        lambda: not lifecycle.is_out_of_memory,
    )
    probe(
        "/readyz",
        "Should it get work?",
        "Green once the backend is loaded and has done one real run, until it drains.",
        lambda: lifecycle.is_ready,
    )
    probe(
        "/startupz",
        "Has it started?",
        "Green once loading is over and went well.",
        lambda: lifecycle.has_started,
    )

    @router.get(
        "/metrics",
        operation_id="metrics",
        summary="Metrics",
        description="Prometheus text format.",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def metrics() -> Response:  # pyright: ignore[reportUnusedFunction] — registered by its decorator
        return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return router
