"""The service runs on the published layout."""

from pathlib import Path

import pytest

from editrefiner.contracts import Perception, ServiceInfo
from services.perception.app import create_app
from services.perception.backends import load_backend
from services.perception.backends.qwen3vl import CheckpointError, Qwen3VLDetector
from services.perception.settings import Settings
from tests.perception.qwen3vl.pairs import picture
from tests.perception.test_contract import uri
from tests.serving.contract import serving


def settings(tiny: Path, artifacts: Path) -> Settings:
    return Settings(
        artifacts=str(artifacts),
        backend="qwen3vl",
        qwen3vl_base=tiny / "base",
        qwen3vl_artifact=tiny / "artifact",
        qwen3vl_failure=tiny / "failure",
    )


async def test_it_answers_with_the_published_detector(
    tiny: Path, tmp_path: Path, detector: Qwen3VLDetector
) -> None:
    source = picture(96, 128, 1)
    edited = source.copy()
    edited[30:60, 40:80] = (30, 60, 200)
    request = {"source": uri(source), "edited": uri(edited), "instruction": "Make the cup blue"}

    async with serving(create_app(settings(tiny, tmp_path))) as client:
        info = ServiceInfo.model_validate_json((await client.get("/v1/info")).content)
        response = await client.post("/v1/perceive", json=request)

    assert response.status_code == 200, response.text
    answer = Perception.model_validate_json(response.content)
    assert info.backend.name == answer.backend.name == "qwen3vl"
    assert info.backend.digest == detector.backend.digest
    assert (answer.artifact_map.width, answer.artifact_map.height) == (128, 96)
    assert answer.artifact_map != answer.failure_map


def test_weights_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="There is no directory weights/artifact"):
        load_backend(Settings(artifacts=str(tmp_path), backend="qwen3vl"))
