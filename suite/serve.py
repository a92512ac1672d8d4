"""How is the whole suite served from one process? Job API at the root, each agent under its name."""

import argparse
import logging
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar, Literal

from fastapi import FastAPI
from pydantic_settings import SettingsConfigDict

from editrefiner import __version__
from editrefiner.contracts import ProblemCode, ProblemError
from editrefiner.serving import Lifecycle, ServiceSettings, run_service
from suite.embedded import EmbeddedSuite
from suite.settings import SuiteSettings

DRAIN_SECONDS = 20.0


class AddressUnusableError(ProblemError):
    """The address is taken, or is none of this machine."""

    code: ClassVar[ProblemCode] = ProblemCode.CONFLICT
    status: ClassVar[int] = 409


class ServeSettings(ServiceSettings):
    """What `editrefiner serve` listens on; `EDITREFINER_...` for what has no option."""

    model_config = SettingsConfigDict(
        env_prefix="EDITREFINER_", extra="ignore", frozen=True, use_attribute_docstrings=True
    )

    log_json: bool = False
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    drain_seconds: float = DRAIN_SECONDS

    @property
    def authority(self) -> str:
        """Host and port as a URL has them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class SuiteLifecycle(Lifecycle):
    """The state of the process is that of its parts."""

    def __init__(self, suite: EmbeddedSuite) -> None:
        super().__init__("suite")
        self._suite = suite

    @property
    def is_idle(self) -> bool:
        """Whether no request and no step is in hand."""
        return self._suite.is_idle

    def drain(self) -> None:
        """Take no more work."""
        super().drain()
        self._suite.drain()


def run(options: argparse.Namespace) -> int:
    """`editrefiner serve`."""
    settings = ServeSettings(host=options.host, port=options.port)
    data = options.data or SuiteSettings().data
    require_free(settings)
    refusals: list[ProblemError] = []
    try:
        run_service(lambda settings: create_app(settings, data, refusals), settings)
    except SystemExit as end:  # uvicorn's way to say that the start failed
        if refusals:
            raise refusals[0] from end
        raise
    return 0


def create_app(settings: ServeSettings, data: Path, refusals: list[ProblemError]) -> FastAPI:
    """Everything on one port, which opens once every agent is loaded and warm.

    What keeps the suite from starting is put into `refusals`.
    """
    suite = EmbeddedSuite(data, redis_url=SuiteSettings().redis_url)
    lifecycle = SuiteLifecycle(suite)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        try:
            await suite.__aenter__()
        except ProblemError as error:
            refusals.append(error)
            logging.getLogger("uvicorn.error").disabled = True  # it would print a traceback
            raise
        try:
            for name, agent in suite.agents.apps.items():
                app.mount(f"/{name}", agent)
            app.mount("", suite.api)
            lifecycle.ready()
            _greet(settings, data)
            yield
        finally:
            await suite.__aexit__(None, None, None)

    app = FastAPI(title="EditRefiner", version=__version__, lifespan=lifespan, openapi_url=None)
    app.state.lifecycle = lifecycle
    return app


def require_free(settings: ServeSettings) -> None:
    """Find out before a minute of loading that the address cannot be had: AddressUnusableError."""
    try:
        for family, kind, _, _, address in socket.getaddrinfo(
            settings.host or None, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        ):
            with socket.socket(family, kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:  # as the server does: IPv4 has a socket of its own
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
    except (OSError, UnicodeError) as exc:  # UnicodeError: no name of a host
        reason = exc.strerror if isinstance(exc, OSError) else "it is no name of a host"
        raise AddressUnusableError(
            f"{settings.authority} cannot be listened on: {reason}. Choose another with --port or --host."
        ) from exc


def _greet(settings: ServeSettings, data: Path) -> None:
    url = f"http://{settings.authority}"
    sys.stderr.write(
        f"EditRefiner {__version__} serves on {url}\n"
        f"  job API        {url}/v1/jobs         described by {url}/openapi.json\n"
        f"  agents         {url}/perception/v1/perceive    (and /reasoning, /action, /evaluation)\n"
        f"  health         {url}/readyz          metrics at {url}/metrics\n"
        f"  jobs, pictures {data}\n"
        f'Try: editrefiner jobs submit before.png after.png "Make the car red" --wait --url {url}\n'
    )
