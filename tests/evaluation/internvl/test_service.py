"""The service runs on the published layout, once its limits are acknowledged."""

from hashlib import sha256
from pathlib import Path

import pytest

from editrefiner.contracts import Comparison, ScoreAnswer, ServiceInfo
from services.checkpoints import CheckpointError, DeviceError
from services.evaluation.app import create_app
from services.evaluation.backends import load_backend
from services.evaluation.backends.internvl import InternVLScorer, NotAcknowledgedError
from services.evaluation.settings import Settings
from tests.evaluation.internvl.published import options_of, picture
from tests.evaluation.test_contract import uri
from tests.serving.contract import serving

WEIGHTS = {
    "base/model-00001-of-00002.safetensors": "base/model-00001-of-00002.safetensors",
    "base/model-00002-of-00002.safetensors": "base/model-00002-of-00002.safetensors",
    **{
        f"{aspect}/{name}": f"lora_checkpoints_{aspect}/{name}"
        for aspect in ("visual", "alignment", "preservation")
        for name in (
            "mlp_head.pth",
            "vision_lora/adapter_model.safetensors",
            "llm_lora/adapter_model.safetensors",
        )
    },
}


def settings(tiny: Path, artifacts: Path) -> Settings:
    return Settings(
        artifacts=str(artifacts),
        backend="internvl",
        internvl_base=tiny / "base",
        internvl_visual=tiny / "lora_checkpoints_visual",
        internvl_alignment=tiny / "lora_checkpoints_alignment",
        internvl_preservation=tiny / "lora_checkpoints_preservation",
        internvl_acknowledged=True,
    )


@pytest.mark.usefixtures("ready_all_the_same")
async def test_it_answers_with_the_published_scorer(
    tiny: Path, tmp_path: Path, scorer: InternVLScorer
) -> None:
    source, a, b = (picture(96, 128, seed) for seed in (1, 2, 3))
    asked = {"source": uri(source), "instruction": "Make the cup blue"}

    async with serving(create_app(settings(tiny, tmp_path))) as client:
        info = ServiceInfo.model_validate_json((await client.get("/v1/info")).content)
        response = await client.post("/v1/score", json={**asked, "edited": uri(a)})
        compared = await client.post("/v1/compare", json={**asked, "a": uri(a), "b": uri(b)})

    assert response.status_code == 200, response.text
    answer = ScoreAnswer.model_validate_json(response.content)
    comparison = Comparison.model_validate_json(compared.content)
    raw = scorer.raw_scores(source, [a], "Make the cup blue", lambda: None)[0]
    assert info.backend.name == answer.backend.name == "internvl"
    assert info.backend.digest == scorer.backend.digest
    assert {file.name: file.sha256 for file in info.backend.weights} == {
        name: sha256((tiny / path).read_bytes()).hexdigest() for name, path in WEIGHTS.items()
    }
    assert answer.scores.perceptual_quality == pytest.approx(raw.visual, abs=0.001)
    assert answer.scores.instruction_following == pytest.approx(raw.alignment, abs=0.001)
    assert answer.scores.visual_consistency == pytest.approx(raw.preservation, abs=0.001)
    assert comparison.a == answer.scores != comparison.b
    assert comparison.preferred == "tie"  # nothing was measured that would make a difference mean something


def test_a_scorer_whose_limits_are_not_acknowledged_is_refused_and_tells_them(
    tiny: Path, tmp_path: Path
) -> None:
    unread = settings(tiny, tmp_path).model_copy(update={"internvl_acknowledged": False})

    with pytest.raises(NotAcknowledgedError) as refused:
        load_backend(unread)

    message = str(refused.value)
    for told in (
        "448 x 448",
        "no upper bound",
        "high quality",
        "stops",
        "EVALUATION_INTERNVL_ACKNOWLEDGED=true",
    ):
        assert told in message


def test_it_is_never_the_default() -> None:
    usual = Settings()

    assert usual.backend == "compact"
    assert not usual.internvl_acknowledged


def test_weights_that_are_not_there_are_named(tmp_path: Path) -> None:
    absent = Settings(artifacts=str(tmp_path), backend="internvl", internvl_acknowledged=True)

    with pytest.raises(
        CheckpointError, match="There is no directory weights/lora_checkpoints_visual for the aspect"
    ):
        load_backend(absent)


def test_a_device_that_is_not_there_is_refused(tiny: Path) -> None:
    with pytest.raises(DeviceError, match="The device 'abacus' is none"):
        InternVLScorer(options_of(tiny, device="abacus"))
