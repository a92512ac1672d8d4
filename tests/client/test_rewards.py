"""Reward functions are called as the training frameworks call them, against a service on a socket."""

import asyncio
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from editrefiner.client import PictureUnusableError, RewardMissingError
from editrefiner.client.pictures import data_uri
from editrefiner.client.rewards import (
    FlowFactoryReward,
    Rewards,
    flow_grpo_reward,
    trl_reward,
    verl_reward,
)
from editrefiner.contracts import ScoreWeights
from services.evaluation import staged
from services.evaluation.app import create_app
from services.evaluation.settings import Settings
from tests.evaluation.scorers import PixelScorer
from tests.evaluation.uvicorn_server import served

SOURCE, EDITED = staged.table(), staged.reddened()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory: Path = tmp_path_factory.mktemp("artifacts")
    with served(create_app(Settings(artifacts=str(directory)), scorer=PixelScorer())) as url:
        yield url


@pytest.fixture(scope="module")
def rewards(url: str) -> Rewards:
    return Rewards(url=url, batch=2)


@pytest.fixture(scope="module")
def known(rewards: Rewards) -> tuple[float, float]:
    """The rewards of the edit and of the untouched picture."""
    edited, same = rewards.numbers(rewards.judged([SOURCE] * 2, [EDITED, SOURCE], [staged.RED] * 2))
    assert edited > same
    return edited, same


def tensor(picture: np.ndarray) -> torch.Tensor:
    """(3, H, W) in 0..1."""
    return torch.from_numpy(picture.astype(np.float32) / 255).permute(2, 0, 1)


def png(picture: np.ndarray) -> bytes:
    held = io.BytesIO()
    Image.fromarray(picture).save(held, "PNG")
    return held.getvalue()


@pytest.mark.parametrize(
    "held",
    [
        EDITED,
        EDITED.transpose(2, 0, 1),
        EDITED[None],
        EDITED.astype(np.float32) / 255,
        Image.fromarray(EDITED),
        png(EDITED),
        {"bytes": png(EDITED), "path": None},
        tensor(EDITED),
        tensor(EDITED)[None].requires_grad_(),
        torch.from_numpy(EDITED.copy()).permute(2, 0, 1),
    ],
    ids=["hwc", "chw", "1hwc", "float", "pil", "png", "parquet", "tensor", "grad", "uint8-tensor"],
)
def test_a_picture_is_the_same_in_every_form(held: object) -> None:
    from base64 import b64decode

    decoded = Image.open(io.BytesIO(b64decode(data_uri(held).partition(",")[2])))

    assert np.array_equal(np.asarray(decoded), EDITED)


@pytest.mark.parametrize("held", [None, "a cat", 3, np.zeros((2, 2, 7)), np.full((4, 4, 3), np.nan), b"no"])
def test_what_is_no_picture_is_refused(held: object) -> None:
    with pytest.raises(PictureUnusableError):
        data_uri(held)


def test_trl_gets_a_reward_per_completion_from_its_columns(
    rewards: Rewards, known: tuple[float, float]
) -> None:
    function = trl_reward(rewards)
    columns = {"image": [Image.fromarray(SOURCE)] * 3, "instruction": [staged.RED] * 3}
    message = [{"role": "assistant", "content": [{"type": "image", "image": Image.fromarray(EDITED)}]}]

    got = function(
        prompts=["", "", ""],
        completions=[message, Image.fromarray(SOURCE), "I cannot do that"],
        completion_ids=[[1], [2], [3]],
        trainer_state=SimpleNamespace(global_step=1),
        **columns,
    )

    assert got == [*known, None]
    assert function.__name__ == "editrefiner_reward"  # TRL logs rewards by it


def test_trl_gets_the_instruction_from_the_prompt_and_the_edit_from_a_column(
    rewards: Rewards, known: tuple[float, float]
) -> None:
    function = trl_reward(rewards, source="images", edited="result")
    prompt = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": staged.RED}]}]

    got = function(prompts=[prompt], completions=["{}"], images=[[SOURCE]], result=[EDITED])

    assert got == [known[0]]


async def test_verl_omni_calls_it_in_an_executor_with_a_uint8_tensor(
    rewards: Rewards, known: tuple[float, float]
) -> None:
    compute_score = verl_reward(rewards)
    picture = torch.from_numpy(EDITED.copy()).permute(2, 0, 1)
    info = {"source_img": {"bytes": png(SOURCE)}, "instruction": staged.RED, "num_turns": None}

    result = await asyncio.get_running_loop().run_in_executor(
        None,
        lambda: compute_score(data_source="edits", solution_image=picture, ground_truth="", extra_info=info),
    )

    assert result["score"] == known[0]
    assert set(result) == {
        "score",
        "perceptual_quality",
        "instruction_following",
        "visual_consistency",
    }


def test_verl_calls_it_with_text_and_finds_the_edit_in_extra_info(
    rewards: Rewards, known: tuple[float, float]
) -> None:
    compute_score = verl_reward(rewards)
    info = {"source_img": SOURCE, "edited_img": EDITED}

    result = compute_score(
        data_source="edits",
        solution_str="plan",
        ground_truth=staged.RED,
        extra_info=info,
        reward_router_address="127.0.0.1:1",
        reward_model_tokenizer=None,
    )

    assert result["score"] == known[0]


def test_flow_grpo_submits_a_batch_of_tensors_with_reference_images(
    rewards: Rewards, known: tuple[float, float]
) -> None:
    function = flow_grpo_reward(rewards)
    images = torch.stack([tensor(EDITED), tensor(SOURCE)])

    with ThreadPoolExecutor(1) as executor:
        scores, meta = executor.submit(
            function,
            images,
            (staged.RED, staged.RED),
            ({}, {}),
            ref_images=[Image.fromarray(SOURCE)] * 2,
            only_strict=True,
        ).result()

    assert scores["avg"] == list(known)
    assert meta == {}
    assert [2.0 * value for value in scores["editrefiner"]] == [2.0 * value for value in known]


def test_flow_grpo_finds_the_source_in_the_metadata(rewards: Rewards, known: tuple[float, float]) -> None:
    scores, _ = flow_grpo_reward(rewards)(np.stack([EDITED]), [staged.RED], [{"image": SOURCE}])

    assert scores["avg"] == [known[0]]


def test_flow_factory_takes_it_as_a_reward_model_of_its_own_class(
    url: str, known: tuple[float, float]
) -> None:
    class PointwiseRewardModel:
        def __init__(self, config: Any, accelerator: Any) -> None:
            self.config, self.accelerator = config, accelerator

    class EditReward(FlowFactoryReward, PointwiseRewardModel):
        pass

    model = EditReward(SimpleNamespace(server_url=url), "accelerator")
    pictures = [Image.fromarray(EDITED), Image.fromarray(SOURCE)]

    output = model(prompt=[staged.RED] * 2, image=pictures, condition_images=[[Image.fromarray(SOURCE)]] * 2)

    assert isinstance(model, PointwiseRewardModel)
    assert model.accelerator == "accelerator"
    assert torch.as_tensor(output.rewards).tolist() == pytest.approx(known)


def test_order_is_kept_over_several_requests(rewards: Rewards, known: tuple[float, float]) -> None:
    edits = [EDITED, SOURCE, EDITED, SOURCE, EDITED]

    got = rewards.numbers(rewards.judged([SOURCE] * 5, edits, [staged.RED] * 5))

    assert got == [known[0], known[1], known[0], known[1], known[0]]


async def test_it_may_be_called_where_a_loop_runs(rewards: Rewards, known: tuple[float, float]) -> None:
    assert rewards.number(rewards.judged([SOURCE], [EDITED], [staged.RED])[0]) == known[0]


def test_an_edit_without_a_reward_is_never_taken_for_a_bad_one(url: str) -> None:
    judged = Rewards(url=url).judged([SOURCE, None, SOURCE], [EDITED, EDITED, EDITED], [staged.RED, "x", " "])

    assert [reward.reward is None for reward in judged] == [False, True, True]
    with pytest.raises(RewardMissingError, match="NoneType is no picture"):
        Rewards(url=url).number(judged[1])
    assert Rewards(url=url, missing=-1.0).number(judged[1]) == -1.0


def test_weights_are_the_services(url: str, rewards: Rewards) -> None:
    only = Rewards(
        url=url, weights=ScoreWeights(perceptual_quality=0, instruction_following=1, visual_consistency=0)
    )

    (judged,) = only.judged([SOURCE], [EDITED], [staged.RED])

    assert judged.scores is not None
    assert judged.reward == pytest.approx(judged.scores.instruction_following / 100, abs=1e-5)


@pytest.mark.parametrize("batch", [0, 513])
def test_a_batch_that_no_service_takes_is_refused_before_a_training_begins(batch: int) -> None:
    with pytest.raises(ValueError, match="1 to 512"):
        Rewards(url="http://127.0.0.1:1", batch=batch)


def test_weights_that_are_all_0_are_refused_before_a_training_begins() -> None:
    nothing = ScoreWeights(perceptual_quality=0, instruction_following=0, visual_consistency=0)

    with pytest.raises(ValueError, match="above 0"):
        Rewards(url="http://127.0.0.1:1", weights=nothing)


def test_nothing_to_judge_asks_nobody() -> None:
    assert Rewards(url="http://127.0.0.1:1").judged([], [], []) == []
