"""Many edits in one call: in order, item by item, as a stream, and given up with their caller."""

import asyncio
import json
import socket
import threading
from pathlib import Path

import httpx
import pytest

from editrefiner.artifacts import ArtifactStore
from editrefiner.artifacts.cache import ArrayCache
from editrefiner.artifacts.directory import DirectoryBlobs
from editrefiner.contracts import MAX_BATCH_ITEMS, ImageLimits, ScoreAnswer, ScoredItem
from services.evaluation.app import create_app
from services.evaluation.settings import Settings
from tests.evaluation.batch_bodies import NDJSON, item
from tests.evaluation.scorers import PixelScorer
from tests.evaluation.uvicorn_server import served
from tests.serving.contract import assert_problem, serving


def lines(response: httpx.Response) -> list[ScoredItem]:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == NDJSON["content-type"]
    return [ScoredItem.model_validate_json(line) for line in response.text.splitlines()]


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


@pytest.mark.parametrize("path", ["/v1/score:batch", "/v1/reward"])
def test_a_body_that_is_sent_by_half_leaves_nothing_behind(
    tmp_path: Path, scorer: PixelScorer, path: str
) -> None:
    content = json.dumps({"items": [item()]} if path.endswith("reward") else [item()]).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
    with served(create_app(Settings(artifacts=str(tmp_path), max_queue=1), scorer=scorer)) as url:
        started = scorer.runs
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=60) as connection:
            connection.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content[:-20])
        headers = {"content-type": "application/json"}
        whole = httpx.post(f"{url}{path}", content=content, headers=headers, timeout=60)

    assert whole.status_code == 200  # the only place of the queue is free again
    assert scorer.runs == started + 1


def iter_failing_once():
    """Raises at its first call only."""
    calls = iter([ZeroDivisionError("secret of the backend")])

    def run() -> None:
        for error in calls:
            raise error

    return run


@pytest.mark.parametrize("path", ["/v1/score:batch", "/v1/reward"])
async def test_bodies_of_batches_in_hand_are_bounded_together(
    tmp_path: Path, scorer: PixelScorer, path: str
) -> None:
    allowed = threading.Event()
    settings = Settings(artifacts=str(tmp_path), max_queue=1, image_max_bytes=1000)
    items = json.dumps({"items": [item()]} if path.endswith("reward") else [item()])
    body = items.encode().ljust(settings.max_body_bytes - 1)  # two may be in hand, as with any other verb
    headers = {"content-type": "application/json"}
    async with serving(create_app(settings, scorer=scorer)) as client:
        scorer.before_run = lambda: allowed.wait(timeout=60)
        asked = [asyncio.create_task(client.post(path, content=body, headers=headers)) for _ in range(3)]
        done, waiting = await asyncio.wait(asked, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        allowed.set()
        answers = await asyncio.gather(*waiting)
        after = await client.post(path, content=body, headers=headers)

    (refused,) = [task.result() for task in done]
    problem = assert_problem(refused, 503, "queue_full")
    assert "batches" in problem.detail
    assert int(refused.headers["retry-after"]) >= 1
    assert [answer.status_code for answer in (*answers, after)] == [200, 200, 200]
