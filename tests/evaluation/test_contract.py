"""The evaluation service obeys the contract of every service."""

import base64
from pathlib import Path

import httpx
import numpy as np
import pytest

from editrefiner.artifacts import encode_png
from editrefiner.contracts import Comparison, Ranking, ScoreAnswer
from services.evaluation.app import create_app
from services.evaluation.backends import UnknownBackendError, load_backend
from services.evaluation.settings import Settings
from tests.evaluation import scenes
from tests.serving.contract import ServiceContract, Subject, assert_problem


def uri(picture: np.ndarray) -> str:
    return f"data:image/png;base64,{base64.b64encode(encode_png(picture)).decode()}"


class TestEvaluationService(ServiceContract):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> Subject:
        source, good = scenes.still_life(), scenes.reddened()
        bad = scenes.damaged(good, "block", scenes.AWAY[0])
        asked = {"source": uri(source), "instruction": scenes.RECOLOR}
        return Subject(
            service="evaluation",
            create_app=lambda: create_app(Settings(artifacts=str(tmp_path))),
            requests={
                "/v1/score": {**asked, "edited": uri(good)},
                "/v1/rank": {**asked, "candidates": [uri(bad), uri(good), uri(source)]},
                "/v1/compare": {**asked, "a": uri(bad), "b": uri(good)},
            },
        )

    async def test_the_better_edit_wins_over_the_wire(
        self, subject: Subject, client: httpx.AsyncClient
    ) -> None:
        bodies = {
            path: (await client.post(path, json=body)).content for path, body in subject.requests.items()
        }

        scores = ScoreAnswer.model_validate_json(bodies["/v1/score"]).scores
        ranking = Ranking.model_validate_json(bodies["/v1/rank"])
        comparison = Comparison.model_validate_json(bodies["/v1/compare"])
        assert ranking.order == (1, 0, 2)
        assert comparison.preferred == "b"
        assert comparison.b == ranking.scores[1] == scores

    @pytest.mark.parametrize("count", [0, 17])
    async def test_an_impossible_number_of_candidates_is_refused(
        self, subject: Subject, client: httpx.AsyncClient, count: int
    ) -> None:
        request = {**subject.requests["/v1/rank"], "candidates": [uri(scenes.still_life())] * count}

        problem = assert_problem(await client.post("/v1/rank", json=request), 422, "validation_failed")

        assert [error.field for error in problem.errors] == ["candidates"]

    @pytest.mark.parametrize("instruction", ["", "   ", "a" * 4001, 7, None])
    async def test_an_instruction_that_is_none_is_refused(
        self, subject: Subject, client: httpx.AsyncClient, instruction: object
    ) -> None:
        request = {**subject.requests["/v1/score"], "instruction": instruction}

        problem = assert_problem(await client.post("/v1/score", json=request), 422, "validation_failed")

        assert [error.field for error in problem.errors] == ["instruction"]

    async def test_gray_and_transparent_pictures_are_pictures(
        self, subject: Subject, client: httpx.AsyncClient
    ) -> None:
        gray = scenes.still_life().mean(axis=2).astype(np.uint8)
        clear = np.dstack([scenes.still_life(), np.full(gray.shape, 255, np.uint8)])
        request = {**subject.requests["/v1/score"], "source": uri(gray), "edited": uri(clear)}

        response = await client.post("/v1/score", json=request)

        assert response.status_code == 200, response.text

    async def test_a_picture_that_breaks_off_is_refused(
        self, subject: Subject, client: httpx.AsyncClient
    ) -> None:
        half = base64.b64encode(encode_png(scenes.still_life())[:2000]).decode()
        request = {**subject.requests["/v1/score"], "edited": f"data:image/png;base64,{half}"}

        problem = assert_problem(await client.post("/v1/score", json=request), 422, "image_unreadable")

        assert "edited" in problem.detail


def test_an_unknown_backend_is_refused_with_the_names_of_those_there_are() -> None:
    with pytest.raises(UnknownBackendError, match=r"'oracle'.*compact"):
        load_backend(Settings(backend="oracle"))
