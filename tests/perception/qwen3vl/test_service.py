"""The service runs on the published layout."""

import asyncio
from hashlib import sha256
from pathlib import Path

import pytest

from editrefiner.contracts import Perception, ServiceInfo
from services.checkpoints import CheckpointError
from services.perception.agent import BatchDetector
from services.perception.app import create_app
from services.perception.backends import load_backend
from services.perception.backends.qwen3vl import Qwen3VLDetector
from services.perception.settings import Settings
from tests.perception.qwen3vl.pairs import picture
from tests.perception.test_contract import uri
from tests.serving.contract import serving

WEIGHTS = (
    "artifact/adapter_model.safetensors",
    "artifact/sal_head.pth",
    "base/model.safetensors",
    "failure/adapter_model.safetensors",
    "failure/sal_head.pth",
)


def settings(tiny: Path, artifacts: Path) -> Settings:
    return Settings(
        artifacts=str(artifacts),
        backend="qwen3vl",
        qwen3vl_base=tiny / "base",
        qwen3vl_artifact=tiny / "artifact",
        qwen3vl_failure=tiny / "failure",
    )


def test_it_can_look_at_several_edits_at_once(detector: Qwen3VLDetector) -> None:
    assert isinstance(detector, BatchDetector)


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
    assert {file.name: file.sha256 for file in info.backend.weights} == {
        name: sha256((tiny / name).read_bytes()).hexdigest() for name in WEIGHTS
    }
    assert (answer.artifact_map.width, answer.artifact_map.height) == (128, 96)
    assert answer.artifact_map != answer.failure_map


async def test_edits_that_are_looked_at_together_get_their_own_answers(tiny: Path, tmp_path: Path) -> None:
    source = picture(96, 128, 1)
    requests = [
        {"source": uri(source), "edited": uri(picture(96, 128, seed)), "instruction": "Make the cup blue"}
        for seed in (2, 3, 4)
    ]
    batching = settings(tiny, tmp_path / "together").model_copy(update={"max_batch": 3, "batch_wait_ms": 500})

    async with serving(create_app(batching)) as client:
        together = await asyncio.gather(*(client.post("/v1/perceive", json=body) for body in requests))
    async with serving(create_app(settings(tiny, tmp_path / "alone"))) as client:
        alone = [await client.post("/v1/perceive", json=body) for body in requests]

    answers = [[Perception.model_validate_json(r.content) for r in found] for found in (together, alone)]
    for first, second in zip(*answers, strict=True):
        assert first.change == second.change
        assert first.registration == second.registration
        assert len(first.regions) == len(second.regions)
    assert len({answer.artifact_map.sha256 for answer in answers[0]}) == 3


def test_weights_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="There is no directory weights/artifact"):
        load_backend(Settings(artifacts=str(tmp_path), backend="qwen3vl"))
