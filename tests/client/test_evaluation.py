"""The client of evaluation: batches as they come, rewards, probes, and failures of the connection."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest

from editrefiner.client import EvaluationClient, RequestRejectedError, ServiceUnreachableError
from editrefiner.client.pictures import data_uri
from editrefiner.contracts import RewardRequest, ScoreItem
from services.evaluation import staged
from services.evaluation.app import create_app
from services.evaluation.settings import Settings
from tests.evaluation.scorers import PixelScorer
from tests.evaluation.uvicorn_server import served

SOURCE, EDITED = data_uri(staged.table()), data_uri(staged.reddened())


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory: Path = tmp_path_factory.mktemp("artifacts")
    with served(create_app(Settings(artifacts=str(directory)), scorer=PixelScorer())) as url:
        yield url


@pytest.fixture
async def client(url: str) -> AsyncGenerator[EvaluationClient]:
    async with httpx.AsyncClient(timeout=60) as http:
        yield EvaluationClient(http, url)


def item(edited: str, name: str) -> ScoreItem:
    return ScoreItem(source=SOURCE, edited=edited, instruction=staged.RED, id=name)


async def test_a_batch_comes_item_by_item_with_the_problem_of_a_bad_one(client: EvaluationClient) -> None:
    items = [item(EDITED, "good"), item(f"sha256:{'ab' * 32}", "lost"), item(SOURCE, "same")]

    answered = [line async for line in client.score_batch(items)]

    assert [(line.index, line.id) for line in answered] == [(0, "good"), (1, "lost"), (2, "same")]
    assert [line.answer is None for line in answered] == [False, True, False]
    assert answered[1].problem is not None
    assert answered[1].problem.code == "artifact_not_found"


@pytest.mark.parametrize("end", ["\u2028", "\x85", "\x0b", "\x1c"])
async def test_what_some_take_for_the_end_of_a_line_may_be_in_a_name(
    client: EvaluationClient, end: str
) -> None:
    answered = [line async for line in client.score_batch([item(EDITED, f"a{end}b")])]

    assert [line.id for line in answered] == [f"a{end}b"]


async def test_a_batch_may_be_left_before_its_end(client: EvaluationClient) -> None:
    async with aclosing(client.score_batch([item(EDITED, str(n)) for n in range(50)])) as lines:
        async for line in lines:
            assert line.id == "0"
            break

    assert (await client.info()).backend.name == "pixels"


async def test_an_empty_batch_is_refused(client: EvaluationClient) -> None:
    with pytest.raises(RequestRejectedError, match="1 to 512 items"):
        _ = [line async for line in client.score_batch([])]


async def test_a_batch_for_nobody_says_so() -> None:
    async with httpx.AsyncClient() as http:
        client = EvaluationClient(http, "http://127.0.0.1:1")
        with pytest.raises(ServiceUnreachableError):
            _ = [line async for line in client.score_batch([item(EDITED, "x")])]


async def test_rewards_come_with_the_time_they_took_and_the_probes_on_demand(
    client: EvaluationClient,
) -> None:
    answered = await client.reward(RewardRequest(items=(item(EDITED, "a"), item(SOURCE, "b"))))
    report = await client.probe()
    info = await client.info()

    assert [reward.id for reward in answered.value.rewards] == ["a", "b"]
    assert answered.run_seconds >= 0
    assert report.passed
    assert info.scoring is not None
    assert info.scoring.probes == report
