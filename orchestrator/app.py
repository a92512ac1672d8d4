"""What is the job API, put together?"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial

from anyio import to_thread
from fastapi import APIRouter, Depends, FastAPI
from sqlalchemy.exc import OperationalError

from editrefiner import __version__
from editrefiner.artifacts import ArtifactStore, open_store
from editrefiner.serving import Lifecycle, install_plumbing
from orchestrator.doorbell import Ringer, create_celery
from orchestrator.events import Changes
from orchestrator.jobs import JobStore, StoreUnavailableError
from orchestrator.routes.artifacts import artifacts as artifact_routes
from orchestrator.routes.context import Admission, Api
from orchestrator.routes.creation import creation
from orchestrator.routes.documentation import install_document
from orchestrator.routes.history import history
from orchestrator.routes.jobs import jobs
from orchestrator.routes.operations import operations
from orchestrator.settings import Settings
from orchestrator.store import migrate, open_job_store

RETRY_DATABASE_SECONDS = 1.0

log = logging.getLogger(__name__)


def create_app(
    settings: Settings | None = None,
    *,
    store: JobStore | None = None,
    artifacts: ArtifactStore | None = None,
    ringer: Ringer | None = None,
) -> FastAPI:
    """The application of the job API; what is not given is made from the settings, and ended with the app.

    It answers probes at once and everything else when the database has its tables.
    `app.state.lifecycle` tells and changes the state; `run_service` drains by it.
    """
    settings = settings or Settings()
    api = _assemble(settings, store, artifacts, ringer)
    app = FastAPI(
        title="EditRefiner jobs",
        version=__version__,
        description="Finds and repairs the local flaws that text-guided image editors leave behind. A job "
        "takes a picture, its edit and the instruction, and refines the edit round by round.",
        lifespan=partial(_lifespan, api, ringer is None, store is None),
        docs_url=None,  # the page that FastAPI offers loads scripts from the network
        redoc_url=None,
    )
    app.state.lifecycle = api.lifecycle
    install_plumbing(app, service="orchestrator", max_body_bytes=settings.max_body_bytes)
    app.include_router(operations(api))
    app.include_router(_resources(api))
    install_document(app)
    return app


def _assemble(
    settings: Settings, store: JobStore | None, artifacts: ArtifactStore | None, ringer: Ringer | None
) -> Api:
    store = store or open_job_store(
        settings.database_url, lease_seconds=settings.lease_seconds, ttl_seconds=settings.ttl_seconds
    )
    lifecycle = Lifecycle("orchestrator")
    return Api(
        settings=settings,
        store=store,
        artifacts=artifacts or open_store(settings.artifacts, limits=settings.image_limits()),
        changes=Changes(store, settings.redis_url),
        ringer=ringer or Ringer(create_celery(settings.redis_url), settings.redis_url, service="api"),
        lifecycle=lifecycle,
        admission=Admission(lifecycle, settings.max_queue),
    )


@asynccontextmanager
async def _lifespan(api: Api, owns_ringer: bool, owns_store: bool, _: FastAPI) -> AsyncGenerator[None]:
    if owns_ringer:
        api.ringer.start()
    await api.changes.start()
    background = [
        asyncio.create_task(_prepare(api, migrates=owns_store)),
        asyncio.create_task(_end_waits_at_drain(api)),
    ]
    try:
        yield
    finally:
        api.lifecycle.drain()
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await api.changes.stop()
        if owns_ringer:
            await to_thread.run_sync(api.ringer.stop)
        if owns_store:
            api.store.close()


def _resources(api: Api) -> APIRouter:
    """Every route that needs the database."""

    async def has_started() -> None:
        if not api.lifecycle.has_started:
            api.lifecycle.require_ready()

    router = APIRouter(dependencies=[Depends(has_started)])
    for routes in (creation, jobs, history, artifact_routes):
        router.include_router(routes(api))
    return router


async def _prepare(api: Api, *, migrates: bool) -> None:
    """Bring the database up; wait for it when it is not there yet."""
    while migrates:
        try:
            await to_thread.run_sync(migrate, api.settings.database_url)
            break
        except (OperationalError, StoreUnavailableError) as error:
            log.warning("waiting for the database", extra={"cause": str(error).partition("\n")[0]})
            await asyncio.sleep(RETRY_DATABASE_SECONDS)
        except Exception as error:  # whatever a migration raises: the probe tells, the process lives
            log.exception("the database could not be prepared")
            api.lifecycle.fail(f"The database could not be prepared: {type(error).__name__}: {error}")
            return
    api.lifecycle.ready()


async def _end_waits_at_drain(api: Api) -> None:
    """Long polls and streams could last for as long as a job: send them home when the drain begins."""
    await api.lifecycle.draining.wait()
    await api.changes.stop()
