"""What tests of several scorers share."""

from collections.abc import AsyncGenerator
from pathlib import Path

import httpx
import pytest

from services.evaluation.agent import EvaluationAgent
from services.evaluation.app import create_app
from services.evaluation.settings import Settings
from tests.evaluation.scorers import PixelScorer
from tests.serving.contract import serving


@pytest.fixture
def ready_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights fail the probes, as they should; here they are let in, with that on record."""
    monkeypatch.setattr(EvaluationAgent, "require_probes", EvaluationAgent.probe)


@pytest.fixture
def scorer() -> PixelScorer:
    """Of the `client`'s service."""
    return PixelScorer()


@pytest.fixture
async def client(tmp_path: Path, scorer: PixelScorer) -> AsyncGenerator[httpx.AsyncClient]:
    """Of an evaluation service whose scores follow from the pixels."""
    async with serving(create_app(Settings(artifacts=str(tmp_path)), scorer=scorer)) as client:
        yield client
