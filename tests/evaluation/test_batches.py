"""Many edits in one call: in order, item by item, as a stream, and given up with their caller."""

import base64
import json
import threading
import tracemalloc
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from prometheus_client import REGISTRY

from editrefiner.artifacts import ArtifactStore, encode_png
from editrefiner.artifacts.cache import ArrayCache
from editrefiner.artifacts.directory import DirectoryBlobs
from editrefiner.contracts import MAX_BATCH_ITEMS, ImageLimits, RewardAnswer, ScoreAnswer, ScoredItem
from editrefiner.serving import Body, ValidationFailedError
from services.evaluation.app import create_app
from services.evaluation.batches import batch_items, reward_items
from services.evaluation.settings import Settings
from tests.evaluation.scorers import PixelScorer
from tests.evaluation.uvicorn_server import served
from tests.serving.contract import assert_problem, serving

NDJSON = {"content-type": "application/x-ndjson"}


def uri(level: int) -> str:
    picture = np.full((16, 16, 3), level, np.uint8)
    return f"data:image/png;base64,{base64.b64encode(encode_png(picture)).decode()}"


def item(level: int = 90, **more: Any) -> dict[str, Any]:
    return {"source": uri(100), "edited": uri(level), "instruction": "Make it darker", **more}


def lines(response: httpx.Response) -> list[ScoredItem]:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == NDJSON["content-type"]
    return [ScoredItem.model_validate_json(line) for line in response.text.splitlines()]


@pytest.fixture
def scorer() -> PixelScorer:
    return PixelScorer()


@pytest.fixture
async def client(tmp_path: Path, scorer: PixelScorer) -> AsyncGenerator[httpx.AsyncClient]:
    async with serving(create_app(Settings(artifacts=str(tmp_path)), scorer=scorer)) as client:
        yield client


async def test_every_item_has_its_line_in_order_with_the_answer_of_its_own(client: httpx.AsyncClient) -> None:
    items = [item(90, id="a"), item(40), item(90, id="again")]

    answered = lines(await client.post("/v1/score:batch", json=items))

    alone = ScoreAnswer.model_validate_json((await client.post("/v1/score", json=item(40))).content)
    assert [(line.index, line.id, line.problem) for line in answered] == [
        (0, "a", None),
        (1, None, None),
        (2, "again", None),
    ]
    assert answered[1].answer == alone
    assert answered[0].answer == answered[2].answer != alone


async def test_lines_as_a_body_are_the_same_batch(client: httpx.AsyncClient, scorer: PixelScorer) -> None:
    items = [item(level) for level in (10, 20, 30)]
    by_list = await client.post("/v1/score:batch", json=items)
    runs = scorer.runs

    body = "\n".join(json.dumps(one) for one in items) + "\n\n"
    by_lines = await client.post("/v1/score:batch", content=body, headers=NDJSON)

    assert by_lines.content == by_list.content
    assert scorer.runs == runs  # found in the store


async def test_a_bad_item_has_a_problem_in_its_place_and_fails_nothing_else(
    client: httpx.AsyncClient,
) -> None:
    items = [
        item(10),
        {**item(), "edited": "http://127.0.0.1:1/a.png", "id": "url"},
        {**item(), "colour": "red"},
        {**item(), "source": f"sha256:{'ab' * 32}"},
        {**item(), "edited": "data:image/png;base64,AAAA"},
        "no item",
        item(20),
    ]

    answered = lines(await client.post("/v1/score:batch", json=items))

    codes = [line.problem and line.problem.code for line in answered]
    assert codes == [
        None,
        "validation_failed",
        "validation_failed",
        "artifact_not_found",
        "image_unsupported",
        "validation_failed",
        None,
    ]
    wrong = answered[1].problem
    assert wrong is not None
    assert [error.field for error in wrong.errors] == ["edited"]
    assert wrong.instance == "/v1/score:batch"
    assert wrong.request_id
    assert answered[1].id == "url"


async def test_a_line_that_is_no_json_is_a_bad_item(client: httpx.AsyncClient) -> None:
    body = json.dumps(item()) + "\n{broken\n"

    answered = lines(await client.post("/v1/score:batch", content=body, headers=NDJSON))

    assert answered[0].answer is not None
    assert answered[1].problem is not None
    assert answered[1].problem.errors[0].field == "line 2"


@pytest.mark.parametrize("path", ["/v1/score:batch", "/v1/reward"])
@pytest.mark.parametrize("items", [[], [{}] * (MAX_BATCH_ITEMS + 1), {"a": 1}, None, "x"])
async def test_what_is_no_batch_is_refused_as_a_whole(
    client: httpx.AsyncClient, path: str, items: object
) -> None:
    body = items if path.endswith("batch") else {"items": items}

    response = await client.post(path, content=json.dumps(body), headers={"content-type": "application/json"})

    assert_problem(response, 422, "validation_failed")


@pytest.mark.parametrize("path", ["/v1/score:batch", "/v1/reward"])
async def test_a_form_is_no_batch(client: httpx.AsyncClient, path: str) -> None:
    assert_problem(await client.post(path, data={"a": "b"}), 415, "unsupported_media_type")


async def test_the_scorer_that_fails_at_one_item_goes_on_with_the_next(
    client: httpx.AsyncClient, scorer: PixelScorer
) -> None:
    scorer.before_run = iter_failing_once()

    answered = lines(await client.post("/v1/score:batch", json=[item(1), item(2)]))

    # Two are decoded side by side, and either may be computed first.
    (problem,) = [line.problem for line in answered if line.problem is not None]
    assert problem.code == "backend_failed"
    assert sum(line.answer is not None for line in answered) == 1


async def test_an_item_that_the_store_fails_at_is_one_problem_and_the_others_go_on(
    tmp_path: Path, scorer: PixelScorer
) -> None:
    disk = DiskThatIsFullOnce(tmp_path)
    store = ArtifactStore(disk, limits=ImageLimits(), cache=ArrayCache(2**20))
    async with serving(create_app(Settings(), scorer=scorer, store=store)) as client:
        disk.is_full = True
        answered = lines(await client.post("/v1/score:batch", json=[item(level) for level in range(1, 5)]))

    (problem,) = [line.problem for line in answered if line.problem is not None]
    assert problem.code == "internal_error"
    assert problem.retryable
    assert sum(line.answer is not None for line in answered) == 3


class DiskThatIsFullOnce(DirectoryBlobs):
    is_full = False

    def write(self, key: str, content: bytes) -> None:
        if self.is_full:
            self.is_full = False
            raise OSError(28, "No space left on device")
        super().write(key, content)


async def test_no_more_lines_are_looked_at_than_a_batch_may_have(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/score:batch", content=b"{}\n" * 100_000, headers=NDJSON)

    assert "more than 512" in assert_problem(response, 422, "validation_failed").detail


def a_list(values: bytes) -> Body:
    return Body(b"[" + values + b"{}]", "application/json")


def an_object(values: bytes) -> Body:
    return Body(b'{"items": [' + values + b"{}]}", "application/json")


def a_line(values: bytes) -> Body:
    return Body(b'{"source": [' + values + b"{}]}", "application/x-ndjson")


@pytest.mark.parametrize("values", [b"{},", b"1,", b'"",', b'{"a":[[]]},', b'",",{"a":"b"},'])
@pytest.mark.parametrize(
    "ask",
    [
        lambda values: batch_items(a_list(values)),
        lambda values: reward_items(an_object(values)),
        lambda values: batch_items(a_line(values))[0].ask(),
    ],
    ids=["list", "rewards", "line"],
)
def test_a_body_of_very_many_values_is_refused_before_it_is_parsed(
    ask: Callable[[bytes], object], values: bytes
) -> None:
    many = values * (3_000_000 // len(values))
    tracemalloc.start()
    try:
        with pytest.raises(ValidationFailedError, match="more than"):
            ask(many)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < 3 * len(
        many
    )  # two bodies; every value would be an object of its own, or a place in a list


def test_a_full_batch_of_the_longest_instructions_and_ids_is_a_batch() -> None:
    reference = {"sha256": "ab" * 32, "media_type": "image/png", "width": 16, "height": 16}
    one = {"source": reference, "edited": reference, "instruction": '[,{"' * 1000, "id": "," * 128}
    body = json.dumps({"items": [one] * MAX_BATCH_ITEMS, "weights": {"visual_consistency": 1}}).encode()

    items, _ = reward_items(Body(body, "application/json"))

    assert len(items) == MAX_BATCH_ITEMS
    assert items[-1].ask().instruction == one["instruction"]


def test_a_broken_body_of_very_many_quotes_is_refused() -> None:
    for broken in (b'["' + b'\\"' * 1_000_000, b'",' * 100_000 + b'""' * 1_000_000):
        with pytest.raises(ValidationFailedError):
            batch_items(Body(broken, "application/json"))


async def test_items_that_are_not_done_in_time_have_that_problem(
    client: httpx.AsyncClient, scorer: PixelScorer
) -> None:
    release = threading.Event()
    scorer.before_run = lambda: release.wait(60)

    response = await client.post(
        "/v1/score:batch", json=[item(1), item(2), item(3)], headers={"X-Deadline-Ms": "300"}
    )
    release.set()

    codes = [line.problem and line.problem.code for line in lines(response)]
    assert codes == ["deadline_exceeded"] * 3


def test_hanging_up_gives_the_rest_up_and_lines_come_one_by_one(tmp_path: Path, scorer: PixelScorer) -> None:
    allowed = threading.Semaphore(0)
    app = create_app(Settings(artifacts=str(tmp_path)), scorer=scorer)
    with served(app) as url:
        started = scorer.runs
        scorer.before_run = lambda: allowed.acquire(timeout=60)
        items = [item(level) for level in range(40)]
        with httpx.stream("POST", f"{url}/v1/score:batch", json=items, timeout=60) as response:
            allowed.release(2)  # two are under way, and either may be the first to compute
            first = ScoredItem.model_validate_json(next(response.iter_lines()))
        for _ in range(100):
            allowed.release()
        scorer.before_run = lambda: None
        after = httpx.post(f"{url}/v1/score", json=item(200), timeout=60)

    assert first.index == 0
    assert after.status_code == 200
    assert scorer.runs - started < 10


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


async def test_the_scores_that_were_computed_are_counted_by_dimension(client: httpx.AsyncClient) -> None:
    def counted() -> float:
        digest = PixelScorer().backend.digest[:12]
        labels = {"service": "evaluation", "dimension": "overall", "digest": digest}
        return REGISTRY.get_sample_value("refine_score_points_count", labels) or 0.0

    before = counted()
    await client.post("/v1/reward", json={"items": [item(10), item(20), item(10)]})

    assert counted() == before + 2


def iter_failing_once():
    """Raises at its first call only."""
    calls = iter([ZeroDivisionError("secret of the backend")])

    def run() -> None:
        for error in calls:
            raise error

    return run
