"""The reasoning service obeys the contract of every service."""

import base64
from pathlib import Path

import httpx
import numpy as np
import pytest

from editrefiner.artifacts import encode_png
from editrefiner.contracts import Diagnosis
from services.reasoning.app import create_app
from services.reasoning.backends import UnknownBackendError, load_backend
from services.reasoning.settings import Settings
from tests.serving.contract import ServiceContract, Subject, assert_problem


def uri(picture: np.ndarray) -> str:
    return f"data:image/png;base64,{base64.b64encode(encode_png(picture)).decode()}"


class TestReasoningService(ServiceContract):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> Subject:
        source = np.random.default_rng(3).integers(90, 170, (96, 128, 3), dtype=np.uint8)
        edited, mask = source.copy(), np.zeros(source.shape[:2], np.uint8)
        edited[30:60, 40:80] = (200, 30, 30)
        mask[30:60, 40:80] = 255
        request = {
            "source": uri(source),
            "edited": uri(edited),
            "mask": uri(mask),
            "instruction": "Make the sky pink",
        }
        return Subject(
            service="reasoning",
            create_app=lambda: create_app(Settings(artifacts=str(tmp_path))),
            requests={"/v1/diagnose": request},
        )

    async def test_the_marked_part_is_explained_over_the_wire(
        self, subject: Subject, client: httpx.AsyncClient
    ) -> None:
        response = await client.post("/v1/diagnose", json=subject.requests["/v1/diagnose"])

        diagnosis = Diagnosis.model_validate_json(response.content)
        assert [(flaw.region_id, flaw.is_flaw) for flaw in diagnosis.flaws] == [("m1", True)]

    async def test_a_mask_of_another_size_is_refused(
        self, subject: Subject, client: httpx.AsyncClient
    ) -> None:
        mask = np.full((10, 20), 255, np.uint8)
        request = {**subject.requests["/v1/diagnose"], "mask": uri(mask)}

        response = await client.post("/v1/diagnose", json=request)

        problem = assert_problem(response, 422, "validation_failed")
        assert "20x10" in problem.detail


def test_an_unknown_backend_is_refused_with_the_names_of_those_there_are() -> None:
    with pytest.raises(UnknownBackendError, match=r"'oracle'.*compact"):
        load_backend(Settings(backend="oracle"))
