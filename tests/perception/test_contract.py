"""The perception service obeys the contract of every service."""

import base64
from pathlib import Path

import httpx
import numpy as np
import pytest

from editrefiner.artifacts import encode_png
from editrefiner.contracts import Perception
from services.perception.app import create_app
from services.perception.backends import UnknownBackendError, load_backend
from services.perception.settings import Settings
from tests.perception import scenes
from tests.serving.contract import ServiceContract, Subject, assert_problem


def uri(picture: np.ndarray) -> str:
    return f"data:image/png;base64,{base64.b64encode(encode_png(picture)).decode()}"


class TestPerceptionService(ServiceContract):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> Subject:
        source, edited = scenes.still_life(), scenes.with_other_bystander(scenes.edited_well())
        request = {
            "source": uri(source[::2, ::2]),
            "edited": uri(edited[::2, ::2]),
            "instruction": scenes.RECOLOR,
        }
        return Subject(
            service="perception",
            create_app=lambda: create_app(Settings(artifacts=str(tmp_path))),
            requests={"/v1/perceive": request},
        )

    async def test_the_flaw_is_found_over_the_wire(self, subject: Subject, client: httpx.AsyncClient) -> None:
        response = await client.post("/v1/perceive", json=subject.requests["/v1/perceive"])

        perception = Perception.model_validate_json(response.content)
        x0, y0, x1, y1 = perception.regions[0].bbox
        assert len(perception.regions) == 1
        assert x0 < 312 // 2 < x1
        assert y0 < 210 // 2 < y1

    async def test_pictures_of_two_frames_are_refused(
        self, subject: Subject, client: httpx.AsyncClient
    ) -> None:
        request = {**subject.requests["/v1/perceive"], "edited": uri(scenes.still_life()[:100, :200])}

        problem = assert_problem(await client.post("/v1/perceive", json=request), 422, "images_mismatched")

        assert "200x150" in problem.detail
        assert "200x100" in problem.detail

    @pytest.mark.parametrize("count", [0, 65, "many"])
    async def test_an_impossible_number_of_regions_is_refused(
        self, subject: Subject, client: httpx.AsyncClient, count: object
    ) -> None:
        request = {**subject.requests["/v1/perceive"], "max_regions": count}

        problem = assert_problem(await client.post("/v1/perceive", json=request), 422, "validation_failed")

        assert [error.field for error in problem.errors] == ["max_regions"]


def test_an_unknown_backend_is_refused_with_the_names_of_those_there_are() -> None:
    with pytest.raises(UnknownBackendError, match=r"'oracle'.*compact"):
        load_backend(Settings(backend="oracle"))
