"""The action service obeys the contract of every service, and its pictures can be fetched from the store."""

import base64
from collections.abc import AsyncGenerator
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest

from editrefiner.artifacts import ArtifactStore, encode_png, open_store
from editrefiner.contracts import EditResult
from services.action.app import create_app
from services.action.backends import UnknownBackendError, load_backend
from services.action.settings import Settings
from tests.action.scenes import INSTRUCTION, marked, mean_error, textured, window
from tests.serving.contract import Body, ServiceContract, Subject, assert_problem, serving


def data_uri(pixels: np.ndarray) -> str:
    return f"data:image/png;base64,{base64.b64encode(encode_png(pixels)).decode()}"


def flawed() -> np.ndarray:
    """An edit in which an area was painted over."""
    edited = textured()
    window(edited)[:] = 127
    return edited


def question() -> Body:
    return {
        "source": data_uri(textured()),
        "edited": data_uri(flawed()),
        "mask": data_uri(marked(textured())),
        "instruction": INSTRUCTION,
        "candidates": 2,
    }


class TestActionService(ServiceContract):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> Subject:
        settings = Settings(artifacts=tmp_path.as_uri(), log_level="error", max_queue=200)
        return Subject(
            service="action",
            create_app=lambda: create_app(settings),
            requests={"/v1/edit": question()},
        )


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return open_store(tmp_path.as_uri())


@pytest.fixture
async def client(store: ArtifactStore) -> AsyncGenerator[httpx.AsyncClient]:
    async with serving(create_app(Settings(log_level="error"), store=store)) as client:
        yield client


async def test_the_answer_s_pictures_are_in_the_store_and_protected(
    client: httpx.AsyncClient, store: ArtifactStore
) -> None:
    response = await client.post("/v1/edit", json=question())

    result = EditResult.model_validate_json(response.content)
    before = flawed()
    assert result.candidates
    for candidate in result.candidates:
        after = store.pixels(candidate.image)
        outside = store.gray(candidate.mask) == 0
        assert np.array_equal(after[outside], before[outside])
        assert candidate.protection.holds
    best = store.pixels(result.candidates[0].image)
    assert mean_error(best, textured()) < 0.1 * mean_error(before, textured())


async def test_a_picture_with_alpha_is_repaired_as_its_colours(
    client: httpx.AsyncClient, store: ArtifactStore
) -> None:
    before = flawed()
    alpha = np.full(before.shape[:2], 255, np.uint8)
    alpha[:20] = 90
    body = {**question(), "edited": data_uri(np.dstack([before, alpha]))}

    result = EditResult.model_validate_json((await client.post("/v1/edit", json=body)).content)

    kept, _ = store.ingest(encode_png(np.dstack([before, alpha])), name="edited")
    for candidate in result.candidates:
        after = store.pixels(candidate.image)
        outside = store.gray(candidate.mask) == 0
        assert np.array_equal(after[outside], store.pixels(kept)[outside])


async def test_a_mask_of_another_size_is_a_problem_that_names_both_sizes(client: httpx.AsyncClient) -> None:
    body = {**question(), "mask": data_uri(np.full((30, 40), 255, np.uint8))}

    problem = assert_problem(await client.post("/v1/edit", json=body), 422, "validation_failed")

    assert "40x30" in problem.detail
    assert "200x150" in problem.detail
    assert [error.field for error in problem.errors] == ["body.mask"]


async def test_neither_mask_nor_regions_is_a_problem(client: httpx.AsyncClient) -> None:
    body = {name: value for name, value in question().items() if name != "mask"}

    problem = assert_problem(await client.post("/v1/edit", json=body), 422, "validation_failed")

    assert "either regions or a mask" in problem.model_dump_json()


async def test_a_jpeg_mask_marks_what_is_bright(client: httpx.AsyncClient) -> None:
    encoded = cv2.imencode(".jpg", marked(textured()))[1]
    mask = f"data:image/jpeg;base64,{base64.b64encode(encoded.tobytes()).decode()}"

    response = await client.post("/v1/edit", json={**question(), "mask": mask})

    result = EditResult.model_validate_json(response.content)
    assert [region.region_id for region in result.candidates[0].plan.regions] == ["m1"]


def test_a_backend_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(UnknownBackendError, match=r"'best'.*compact"):
        load_backend(Settings(backend="best"))
