"""Rewards of many edits: equal for equal requests, and refused with the field that is wrong."""

import gzip
import json
from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY

from editrefiner.contracts import RewardAnswer
from services.evaluation.app import create_app
from services.evaluation.settings import Settings
from tests.evaluation.batch_bodies import NDJSON, item
from tests.evaluation.scorers import PixelScorer
from tests.serving.contract import assert_problem, serving


async def test_a_reward_is_the_weighted_geometric_mean_of_the_scores(client: httpx.AsyncClient) -> None:
    weights = {"perceptual_quality": 1, "instruction_following": 0, "visual_consistency": 3}
    body = {"items": [item(40, id="a"), item(90)], "weights": weights}

    response = await client.post("/v1/reward", json=body)

    answer = RewardAnswer.model_validate_json(response.content)
    assert answer.weights.model_dump() == {
        "perceptual_quality": 0.25,
        "instruction_following": 0.0,
        "visual_consistency": 0.75,
    }
    assert [reward.id for reward in answer.rewards] == ["a", None]
    for reward in answer.rewards:
        assert reward.scores is not None
        quality, consistency = reward.scores.perceptual_quality, reward.scores.visual_consistency
        assert reward.reward == pytest.approx((quality / 100) ** 0.25 * (consistency / 100) ** 0.75, abs=1e-5)
        assert reward.interval is not None
        assert reward.reward is not None
        assert reward.interval[0] <= reward.reward <= reward.interval[1]
        assert reward.problem is None


async def test_equal_requests_have_equal_rewards_and_default_weights_are_those_of_overall(
    client: httpx.AsyncClient,
) -> None:
    body = {"items": [item(level) for level in (10, 50, 90)]}

    first, second = [await client.post("/v1/reward", json=body) for _ in range(2)]

    assert first.content == second.content
    for reward in RewardAnswer.model_validate_json(first.content).rewards:
        assert reward.scores is not None
        assert reward.reward == pytest.approx(reward.scores.overall / 100, abs=1e-5)


async def test_an_item_without_a_reward_is_null_with_its_problem(client: httpx.AsyncClient) -> None:
    body = {"items": [item(10), {**item(), "edited": "nothing"}, item(20)]}

    response = await client.post("/v1/reward", json=body)

    assert "NaN" not in response.text
    rewards = response.json()["rewards"]
    assert [reward["reward"] is None for reward in rewards] == [False, True, False]
    assert rewards[1]["scores"] is None
    assert rewards[1]["interval"] is None
    assert rewards[1]["problem"]["code"] == "validation_failed"


@pytest.mark.parametrize(
    "weights",
    [
        {"perceptual_quality": 0, "instruction_following": 0, "visual_consistency": 0},
        {"perceptual_quality": -1},
        {"visual_consistency": False},
        {"beauty": 1},
        "equal",
    ],
)
async def test_impossible_weights_are_refused(client: httpx.AsyncClient, weights: object) -> None:
    response = await client.post("/v1/reward", json={"items": [item()], "weights": weights})

    problem = assert_problem(response, 422, "validation_failed")
    assert problem.errors[0].field.startswith("weights")


async def test_a_reward_depends_neither_on_what_is_stored_nor_on_the_rest_of_the_batch(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    items = [item(level, id=str(level)) for level in (10, 50, 90)]
    stored = await client.post("/v1/reward", json={"items": items})

    elsewhere = Settings(artifacts=str(tmp_path / "elsewhere"))
    async with serving(create_app(elsewhere, scorer=PixelScorer())) as other:
        turned = await other.post("/v1/reward", json={"items": items[::-1]})
        again = await other.post("/v1/reward", json={"items": items})
        alone = await other.post("/v1/reward", json={"items": items[1:2]})

    assert again.content == stored.content
    assert turned.json()["rewards"] == stored.json()["rewards"][::-1]
    assert alone.json()["rewards"] == stored.json()["rewards"][1:2]


async def test_ids_come_back_as_they_are_and_one_that_is_too_long_is_that_items_problem(
    client: httpx.AsyncClient,
) -> None:
    names = ["twice", "twice", "", "i" * 128, "i" * 129, 7, None]

    response = await client.post("/v1/reward", json={"items": [item(10, id=name) for name in names]})

    rewards = RewardAnswer.model_validate_json(response.content).rewards
    assert [reward.id for reward in rewards] == ["twice", "twice", "", "i" * 128, None, None, None]
    wrong = [reward.problem and reward.problem.errors[0].field for reward in rewards]
    assert wrong == [None, None, None, None, "id", "id", None]


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ('{"items": [{}], "colour": "red"}', "colour"),
        ('{"items": [{}], "weights": null}', "weights"),
        ('{"items": [{}], "weights": {"visual_consistency": NaN}}', "body"),
        ('{"items": [{}], "weights": {"visual_consistency": 1e999}}', "weights.visual_consistency"),
        ('{"items": [{}', "body"),
        ('[{"items": []}]', "body"),
        ("[" * 100_000, "body"),
        ("", "body"),
        ("{}", "items"),
    ],
)
async def test_a_body_that_asks_for_no_rewards_is_refused_with_the_field(
    client: httpx.AsyncClient, content: str, field: str
) -> None:
    response = await client.post("/v1/reward", content=content, headers={"content-type": "application/json"})

    problem = assert_problem(response, 422, "validation_failed")
    assert [error.field for error in problem.errors] == [field]


@pytest.mark.parametrize(
    "headers",
    [
        NDJSON,
        {"content-type": "text/plain"},
        {},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
)
async def test_rewards_are_asked_for_as_plain_json_only(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    content = json.dumps({"items": [item()]}).encode()
    if "content-encoding" in headers:
        content = gzip.compress(content)

    response = await client.post("/v1/reward", content=content, headers=headers)

    assert_problem(response, 415, "unsupported_media_type")


async def test_the_scores_that_were_computed_are_counted_by_dimension(client: httpx.AsyncClient) -> None:
    def counted() -> float:
        digest = PixelScorer().backend.digest[:12]
        labels = {"service": "evaluation", "dimension": "overall", "digest": digest}
        return REGISTRY.get_sample_value("refine_score_points_count", labels) or 0.0

    before = counted()
    await client.post("/v1/reward", json={"items": [item(10), item(20), item(10)]})

    assert counted() == before + 2
