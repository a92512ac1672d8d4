"""Is the API alive, and does its database answer? Probes and metrics."""

from anyio import to_thread
from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from editrefiner.contracts import Health
from editrefiner.serving import NotReadyError, problem_answers
from orchestrator.routes.answers import JSON
from orchestrator.routes.context import Api


def operations(api: Api) -> APIRouter:
    """Routes `/healthz`, `/livez`, `/readyz` and `/metrics`."""
    router = APIRouter(tags=["operations"])

    async def alive() -> Response:
        return Response(api.lifecycle.health().model_dump_json(), media_type=JSON)

    for path in ("/healthz", "/livez"):
        router.add_api_route(
            path,
            alive,
            operation_id=path.strip("/"),
            summary="Is the process alive?",
            description="Green whenever it answers at all.",
            response_class=Response,
            responses={200: {"model": Health, "description": "Alive."}},
        )

    @router.get(
        "/readyz",
        operation_id="readyz",
        summary="Should it get requests?",
        description="Green while the database answers and the process is not draining.",
        response_class=Response,
        responses={200: {"model": Health, "description": "Ready."}, **problem_answers(503)},
    )
    async def readyz() -> Response:
        health = api.lifecycle.health()
        if not api.lifecycle.is_ready:
            raise NotReadyError(f"{health.state}: {health.detail}")
        await to_thread.run_sync(api.store.ping)
        return Response(health.model_dump_json(), media_type=JSON)

    @router.get(
        "/metrics",
        operation_id="metrics",
        summary="Metrics",
        description="Prometheus text format.",
        response_class=Response,
        responses={
            200: {"description": "All metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}}
        },
    )
    async def metrics() -> Response:
        return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return router
