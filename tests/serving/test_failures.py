"""What a caller and the log learn of a failure."""

import logging
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from editrefiner.contracts.headers import REQUEST_ID
from editrefiner.serving import install_plumbing, problem_answers
from tests.serving.contract import assert_problem
from tests.serving.scripted import client_of, question, scripted_app


async def test_a_refusal_of_the_agent_reaches_the_caller(tmp_path: Path) -> None:
    async with client_of(scripted_app(tmp_path)) as client:
        problem = assert_problem(
            await client.post("/v1/score", json=question("refuse")), 422, "images_mismatched"
        )
    assert problem.detail == "source and edited do not show the same scene. Send a pair."


async def test_an_unexpected_failure_is_logged_once_with_its_cause_and_not_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with client_of(scripted_app(tmp_path)) as client:
        response = await client.post("/v1/score", json=question("break"), headers={REQUEST_ID: "r-7"})
        problem = assert_problem(response, 500, "backend_failed")
    assert problem.request_id == "r-7"
    assert "secret" not in response.text
    with_traceback = [record for record in caplog.records if record.exc_info]
    assert [record.getMessage() for record in with_traceback] == ["backend failed"]


async def test_requests_leave_no_prompt_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "editrefiner")
    async with client_of(scripted_app(tmp_path)) as client:
        await client.post("/v1/score", json=question("remove the canary"))
        await client.post("/v1/score", json=question("remove the canary", colour="canary"))
    assert "canary" not in "".join(str(vars(record)) for record in caplog.records)


def failing_app(fail: Callable[[], None]) -> FastAPI:
    app = FastAPI()
    install_plumbing(app, service="evaluation", max_body_bytes=1000)

    @app.get("/fail", responses=problem_answers(500))
    async def route() -> None:
        fail()

    return app


async def test_an_app_that_fails_unexpectedly_answers_a_problem(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise KeyError("secret")

    transport = httpx.ASGITransport(failing_app(fail))
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        response = await client.get("/fail")
    assert_problem(response, 500, "internal_error")
    assert "secret" not in response.text
    assert [record.getMessage() for record in caplog.records if record.exc_info] == ["unexpected failure"]


async def test_a_parameter_of_a_route_that_is_wrong_is_named() -> None:
    app = FastAPI()
    install_plumbing(app, service="evaluation", max_body_bytes=1000)

    @app.get("/page")
    async def page(limit: int) -> int:
        return limit

    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
        wrong = assert_problem(await client.get("/page?limit=many"), 422, "validation_failed")
        missing = assert_problem(await client.get("/page"), 422, "validation_failed")
    assert [error.field for error in wrong.errors] == ["query.limit"]
    assert [error.field for error in missing.errors] == ["query.limit"]
