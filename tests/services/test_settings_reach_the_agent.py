"""What the environment says of a service reaches its agent."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    yield
    cv2.setNumThreads(before)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("service", ["perception", "reasoning", "action", "evaluation"])
async def test_a_loaded_service_computes_on_the_threads_it_is_given(service: str, tmp_path: Path) -> None:
    settings = importlib.import_module(f"services.{service}.settings").Settings(
        threads=1, artifacts=str(tmp_path)
    )
    app = importlib.import_module(f"services.{service}.app").create_app(settings)

    async with app.router.lifespan_context(app):
        await app.state.lifecycle.wait_started()
        assert cv2.getNumThreads() == 1
