"""A verb may answer with a picture: the same run in another form."""

import asyncio
import dataclasses
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from editrefiner.contracts import ImageRef, ScoreAnswer, ScoreRequest
from editrefiner.serving import View
from tests.serving.contract import assert_problem
from tests.serving.scripted import (
    VERBS,
    ScriptedAgent,
    client_of,
    eventually,
    question,
    sample,
    scripted_app,
    store_at,
)

PNG = {"Accept": "image/png"}


def draw(request: ScoreRequest, answer: ScoreAnswer) -> bytes:
    """Not a picture, but made of everything that a picture could be made of."""
    assert isinstance(request.edited, ImageRef)
    return f"{request.instruction} {request.edited.width} {answer.scores.overall:.0f}".encode()


def broken(request: ScoreRequest, answer: ScoreAnswer) -> bytes:
    raise ZeroDivisionError


@asynccontextmanager
async def service(
    directory: Path, agent: ScriptedAgent | None = None, draw: Any = draw, **settings: Any
) -> AsyncGenerator[httpx.AsyncClient]:
    view = View(parameter="chart", media_type="image/png", draw=draw, description="Whether to draw.")
    verbs = (dataclasses.replace(VERBS[0], view=view), VERBS[1])
    async with client_of(scripted_app(directory, agent, verbs=verbs, **settings)) as client:
        yield client


def media_type(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    return response.headers["content-type"]


@pytest.mark.parametrize(
    "asked", [{"params": {"chart": "true"}}, {"headers": PNG}, {"headers": {"Accept": "image/*"}}]
)
async def test_the_picture_is_drawn_of_the_request_and_its_answer(tmp_path: Path, asked: Any) -> None:
    async with service(tmp_path) as client:
        response = await client.post("/v1/score", json=question("answer"), **asked)
    assert media_type(response) == "image/png"
    assert response.content == b"answer 8 50"
    assert float(response.headers["x-run-seconds"]) >= 0
    assert response.headers["vary"] == "Accept"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/json, image/png", "application/json"),
        ("image/png, application/json;q=0.9", "image/png"),
        ("image/png;q=0.5, application/json", "application/json"),
        ("image/png;q=0.5, */*;q=0.1", "image/png"),
        ("image/png;q=0, */*", "application/json"),
        ("IMAGE/PNG", "image/png"),
        ("image/webp", "application/json"),
        ("text/html", "application/json"),
        ("", "application/json"),
        (",;q=2,image/png;q=x;level=1", "image/png"),
    ],
)
async def test_accept_chooses_and_json_is_the_answer_to_everything_else(
    tmp_path: Path, accept: str, expected: str
) -> None:
    async with service(tmp_path) as client:
        response = await client.post("/v1/score", json=question("answer"), headers={"Accept": accept})
    assert media_type(response) == expected


async def test_the_parameter_stands_over_accept(tmp_path: Path) -> None:
    async with service(tmp_path) as client:
        no = await client.post("/v1/score?chart=false", json=question("answer"), headers=PNG)
        yes = await client.post(
            "/v1/score?chart=true", json=question("answer"), headers={"Accept": "application/json"}
        )
    assert [media_type(no), media_type(yes)] == ["application/json", "image/png"]


@pytest.mark.parametrize("query", ["chart", "chart=", "chart=1", "chart=yes", "chart=true&chart=true"])
async def test_another_value_of_the_parameter_is_refused_before_the_run(tmp_path: Path, query: str) -> None:
    agent = ScriptedAgent()
    async with service(tmp_path, agent) as client:
        response = await client.post(f"/v1/score?{query}", json=question("answer"))
    problem = assert_problem(response, 422, "validation_failed")
    assert [error.field for error in problem.errors] == ["query.chart"]
    assert agent.started == []


async def test_both_forms_share_one_run_and_its_key(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    key = {"Idempotency-Key": "step"}
    async with service(tmp_path, agent) as client:
        picture = await client.post("/v1/score", json=question("answer"), headers={**key, **PNG})
        answer = await client.post("/v1/score", json=question("answer"), headers=key)
        again = await client.post("/v1/score", json=question("answer"), headers={**key, **PNG})
    assert "idempotent-replayed" not in picture.headers
    assert answer.headers["idempotent-replayed"] == again.headers["idempotent-replayed"] == "true"
    assert again.content == picture.content
    assert picture.headers["x-run-seconds"] == answer.headers["x-run-seconds"]
    assert agent.started == ["answer"]


async def test_a_picture_and_json_asked_for_at_once_wait_for_one_run(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    joined = sample("refine_agent_cache_hits_total", kind="joined")
    async with service(tmp_path, agent) as client:
        waiting = [
            asyncio.create_task(client.post("/v1/score", json=question("hold"), headers=headers))
            for headers in (PNG, {})
        ]
        await eventually(lambda: sample("refine_agent_cache_hits_total", kind="joined") == joined + 1)
        agent.finish.set()
        forms = {media_type(response) for response in await asyncio.gather(*waiting)}
    assert forms == {"image/png", "application/json"}
    assert agent.started == ["hold"]


async def test_a_picture_says_where_its_json_is(tmp_path: Path) -> None:
    async with service(tmp_path) as client:
        picture = await client.post("/v1/score", json=question("answer"), headers=PNG)
        answer = await client.post("/v1/score", json=question("answer"))
        link = picture.links["alternate"]
        linked = await client.get(link["url"])
    assert link["type"] == media_type(linked) == "application/json"
    assert linked.content == answer.content
    assert linked.headers["x-run-seconds"] == answer.headers["x-run-seconds"]
    assert "link" not in answer.headers


async def test_the_answer_of_a_run_is_found_by_its_idempotency_key_after_a_restart(tmp_path: Path) -> None:
    async with service(tmp_path) as client:
        answer = await client.post("/v1/score", json=question("answer"), headers={"Idempotency-Key": "step"})
    async with service(tmp_path) as client:
        assert (await client.get("/v1/runs/step/answer")).content == answer.content


async def test_a_run_that_has_not_ended_or_failed_has_no_answer(tmp_path: Path) -> None:
    agent = ScriptedAgent()
    async with service(tmp_path, agent) as client:
        await client.post("/v1/score", json=question("break"), headers={"Idempotency-Key": "failed"})
        asked = client.post("/v1/score", json=question("hold"), headers={"Idempotency-Key": "running"})
        waiting = asyncio.create_task(asked)
        await eventually(lambda: agent.started[-1] == "hold")
        for key in ("failed", "running", "never-asked"):
            assert_problem(await client.get(f"/v1/runs/{key}/answer"), 404, "not_found")
        agent.finish.set()
        await waiting


async def test_an_answer_whose_pictures_are_removed_is_gone_with_them(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    async with service(tmp_path) as client:
        await client.post("/v1/score", json=question("answer"), headers={"Idempotency-Key": "step"})
        request = question("answer")
        store.delete(store.resolve(request["edited"], name="edited").sha256)
        response = await client.post("/v1/score", json=request, headers=PNG)
    assert media_type(response) == "image/png"  # a picture sent along is there again


async def test_a_failed_run_is_a_problem_in_either_form(tmp_path: Path) -> None:
    async with service(tmp_path) as client:
        response = await client.post("/v1/score", json=question("refuse"), headers=PNG)
    assert_problem(response, 422, "images_mismatched")


async def test_a_drawing_that_fails_leaves_the_answer_to_be_had(tmp_path: Path) -> None:
    async with service(tmp_path, draw=broken) as client:
        response = await client.post("/v1/score", json=question("answer"), headers=PNG)
        assert_problem(response, 500, "internal_error")
        answer = await client.post("/v1/score", json=question("answer"))
    assert answer.headers["idempotent-replayed"] == "true"


async def test_a_verb_without_a_view_answers_json_whatever_is_accepted(tmp_path: Path) -> None:
    async with client_of(scripted_app(tmp_path)) as client:
        response = await client.post("/v1/score?chart=maybe", json=question("answer"), headers=PNG)
    assert media_type(response) == "application/json"
    assert "vary" not in response.headers


async def test_the_document_shows_both_forms_and_the_parameter(tmp_path: Path) -> None:
    async with service(tmp_path) as client:
        document = (await client.get("/openapi.json")).json()
    scored, ranked = (document["paths"][path]["post"] for path in ("/v1/score", "/v1/rank"))
    assert set(scored["responses"]["200"]["content"]) == {"application/json", "image/png"}
    assert set(ranked["responses"]["200"]["content"]) == {"application/json"}
    assert [item["name"] for item in scored["parameters"] if item["in"] == "query"] == ["chart"]
    assert [item for item in ranked["parameters"] if item["in"] == "query"] == []
