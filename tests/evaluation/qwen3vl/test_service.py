"""The evaluation service runs on the published layout, and stays red where it would score with nothing."""

import shutil
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from editrefiner.contracts import DIMENSIONS, Ranking, ScoreAnswer, ServiceInfo
from services.checkpoints import CheckpointError
from services.evaluation.app import create_app
from services.evaluation.backends import load_backend
from services.evaluation.backends.qwen3vl import Qwen3VLScorer
from services.evaluation.settings import Settings
from tests.checkpoints.spoiling import tensors, zeroed
from tests.evaluation.qwen3vl.pictures import picture
from tests.evaluation.test_contract import uri
from tests.serving.contract import assert_problem, serving

WEIGHTS = {
    "weights/adapter_model.safetensors": "evaluation/adapter_model.safetensors",
    "weights/score_head.pth": "evaluation/score_head.pth",
    "base/model.safetensors": "base/model.safetensors",
}
ASKED = {"source": uri(picture(1)), "instruction": "Make the cup blue"}


def settings(tiny: Path, artifacts: Path, **changes: object) -> Settings:
    chosen = {
        "artifacts": str(artifacts),
        "backend": "qwen3vl",
        "qwen3vl_base": tiny / "base",
        "qwen3vl_weights": tiny / "evaluation",
    }
    return Settings.model_validate({**chosen, **changes})


@pytest.mark.usefixtures("ready_all_the_same")
async def test_it_answers_with_the_published_scorer(
    tiny: Path, tmp_path: Path, scorer: Qwen3VLScorer
) -> None:
    edits = [picture(2), picture(3)]

    async with serving(create_app(settings(tiny, tmp_path))) as client:
        info = ServiceInfo.model_validate_json((await client.get("/v1/info")).content)
        one = await client.post("/v1/score", json={**ASKED, "edited": uri(edits[0])})
        both = await client.post("/v1/rank", json={**ASKED, "candidates": [uri(edit) for edit in edits]})

    answer = ScoreAnswer.model_validate_json(one.content)
    ranking = Ranking.model_validate_json(both.content)
    assert info.backend == answer.backend == ranking.backend == scorer.backend
    assert {file.name: file.sha256 for file in info.backend.weights} == {
        name: sha256((tiny / place).read_bytes()).hexdigest() for name, place in WEIGHTS.items()
    }
    expected = scorer.scores(picture(1), edits, "Make the cup blue")
    for found, row in zip(ranking.scores, expected, strict=True):
        assert [getattr(found, name) for name in DIMENSIONS] == pytest.approx(row.tolist(), abs=0.01)
    assert answer.scores.overall == pytest.approx(ranking.scores[0].overall, abs=0.01)
    assert "overall_kind" not in one.json()["scores"]
    assert ranking.scores[0] != ranking.scores[1]


@pytest.mark.usefixtures("ready_all_the_same")
async def test_a_plain_mean_is_said_to_be_one(tiny: Path, tmp_path: Path, scorer: Qwen3VLScorer) -> None:
    asked = settings(tiny, tmp_path, qwen3vl_overall="arithmetic")

    async with serving(create_app(asked)) as client:
        response = await client.post("/v1/score", json={**ASKED, "edited": uri(picture(2))})

    scores = ScoreAnswer.model_validate_json(response.content).scores
    assert response.json()["scores"]["overall_kind"] == scores.overall_kind == "arithmetic"
    assert scores.overall == pytest.approx(sum(getattr(scores, name) for name in DIMENSIONS) / 3)
    assert response.json()["backend"]["digest"] != scorer.backend.digest


async def test_random_weights_keep_the_service_red_for_they_do_not_look(tiny: Path, tmp_path: Path) -> None:
    app = create_app(settings(tiny, tmp_path))

    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client,
    ):
        health = await app.state.lifecycle.wait_started()
        ready = assert_problem(await client.get("/readyz"), 503, "not_ready")

    assert health.state == "failed"
    assert "Probe identity failed" in ready.detail


async def test_an_adapter_of_zeros_keeps_the_service_red_and_says_why(tiny: Path, tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    shutil.copytree(tiny / "evaluation", weights)
    adapter = "adapter_model.safetensors"
    tensors(adapter, zeroed("lora_B"))(weights)
    app = create_app(settings(tiny, tmp_path / "artifacts", qwen3vl_weights=weights))

    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client,
    ):
        health = await app.state.lifecycle.wait_started()
        ready = assert_problem(await client.get("/readyz"), 503, "not_ready")
        refused = await client.post("/v1/score", json={**ASKED, "edited": uri(picture(2))})

    assert health.state == "failed"
    assert f"{weights / adapter} changes nothing" in ready.detail
    assert refused.status_code == 503


def test_weights_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="There is no directory weights/evaluation"):
        load_backend(Settings(artifacts=str(tmp_path), backend="qwen3vl"))
