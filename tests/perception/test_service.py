"""What the perception service adds to the contract of every service: the overlay, and how to read it."""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from editrefiner.client import AnswerUnreadableError, PerceptionClient
from editrefiner.contracts import ImageLimits, PerceiveRequest, Perception, ServiceInfo
from services.perception import examples
from services.perception.app import create_app
from services.perception.overlay import COLORS
from services.perception.settings import Settings
from tests.perception import scenes
from tests.perception.test_contract import uri
from tests.serving.contract import assert_problem, serving

REQUEST = PerceiveRequest(
    source=uri(scenes.still_life()),
    edited=uri(scenes.with_other_bystander(scenes.edited_well())),
    instruction=scenes.RECOLOR,
)


@asynccontextmanager
async def service(directory: Path, **settings: Any) -> AsyncGenerator[httpx.AsyncClient]:
    async with serving(create_app(Settings(artifacts=str(directory), **settings))) as client:
        yield client


def pixels(png: bytes) -> np.ndarray:
    """(H, W, 3) RGB."""
    decoded = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    return decoded[..., ::-1]


async def test_the_overlay_marks_the_regions_of_the_answer(tmp_path: Path) -> None:
    async with service(tmp_path) as http:
        client = PerceptionClient(http, "http://service")
        drawn = await client.overlay(REQUEST, key="step")
        found = await client.perceive(REQUEST, key="step")
    (region,) = found.value.regions
    assert (drawn.replayed, found.replayed) == (False, True)
    assert drawn.run_seconds == found.run_seconds
    picture = pixels(drawn.value)
    scale = picture.shape[1] / scenes.WIDTH
    x0, y0, x1, y1 = (round(value * scale) for value in region.bbox)
    near = np.abs(picture.astype(int) - COLORS[region.kind]).sum(axis=2) < 40
    assert near[y0 - 30 : y1 + 30, x0 - 5 : x1 + 60].sum() > 100
    assert near[: int(scenes.HEIGHT * scale)].sum() == near[y0 - 30 : y1 + 30, x0 - 5 : x1 + 60].sum()


async def test_the_overlay_of_uploaded_files_is_the_one_of_the_same_json(tmp_path: Path) -> None:
    async with service(tmp_path) as client:
        by_json = await client.post("/v1/perceive?overlay=true", json=REQUEST.model_dump(mode="json"))
        files = {name: pixels_of(getattr(REQUEST, name)) for name in ("source", "edited")}
        by_form = await client.post(
            "/v1/perceive", files=files, data={"instruction": scenes.RECOLOR}, headers={"Accept": "image/png"}
        )
    assert by_form.headers["content-type"] == "image/png"
    assert by_form.content == by_json.content


def pixels_of(data_uri: str) -> tuple[str, bytes]:
    return "picture.png", base64.b64decode(data_uri.partition(",")[2])


@pytest.mark.parametrize("size", [(1, 1), (64, 64), (3, 250), (2200, 40)])
async def test_the_overlay_of_any_size_is_a_picture(tmp_path: Path, size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    request = {"source": uri(noise), "edited": uri(255 - noise), "instruction": "Make it red"}
    async with service(tmp_path) as client:
        response = await client.post("/v1/perceive?overlay=true", json=request)
    assert response.status_code == 200, response.text
    assert 600 <= max(pixels(response.content).shape) <= 2048


async def test_an_answer_that_is_no_picture_is_not_taken_for_one() -> None:
    def answers_json(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={}, headers={"X-Run-Seconds": "1"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answers_json)) as http:
        with pytest.raises(AnswerUnreadableError, match="image/png"):
            await PerceptionClient(http, "http://service").overlay(REQUEST)


async def test_the_service_says_how_to_read_its_answers(tmp_path: Path) -> None:
    async with service(tmp_path) as client:
        info = ServiceInfo.model_validate_json((await client.get("/v1/info")).content)
        answer = Perception.model_validate_json(
            (await client.post("/v1/perceive", json=REQUEST.model_dump(mode="json"))).content
        )
    assert info.thresholds == answer.thresholds.model_dump()
    assert set(info.conventions) == {"artifact_map", "failure_map", "mask", "regions"}
    assert all(field in Perception.model_fields for field in info.conventions)
    limits = ImageLimits()
    assert (info.limits.max_image_bytes, info.limits.max_image_ratio) == (limits.max_bytes, limits.max_ratio)


async def test_the_example_of_the_document_can_be_sent_as_it_stands(tmp_path: Path) -> None:
    async with service(tmp_path) as client:
        operation = (await client.get("/openapi.json")).json()["paths"]["/v1/perceive"]["post"]
        body = operation["requestBody"]["content"]
        example = body["application/json"]["examples"]["smallest"]["value"]
        response = await client.post("/v1/perceive", json=example)
    assert response.status_code == 200, response.text
    assert body["multipart/form-data"]["schema"]["properties"]["instruction"]["examples"] == [
        example["instruction"]
    ]
    shown = operation["responses"]["200"]["content"]["application/json"]["examples"]["smallest"]["value"]
    assert Perception.model_validate_json(json.dumps(shown)) == examples.ANSWER
    assert set(shown) == set(response.json())


async def test_edits_that_are_asked_for_at_once_are_perceived_together_as_alone(tmp_path: Path) -> None:
    requests = [
        {**REQUEST.model_dump(mode="json"), "instruction": words}
        for words in (scenes.RECOLOR, "Make the ball green", "Remove the ball")
    ]
    async with service(tmp_path / "together", max_batch=3, batch_wait_ms=1000) as client:
        together = await asyncio.gather(*(client.post("/v1/perceive", json=body) for body in requests))
    async with service(tmp_path / "alone") as client:
        alone = [await client.post("/v1/perceive", json=body) for body in requests]
    assert [response.content for response in together] == [response.content for response in alone]
    assert {response.headers["x-run-seconds"] for response in together} == {
        together[0].headers["x-run-seconds"]
    }


async def test_an_edit_that_is_refused_does_not_hold_up_those_beside_it(tmp_path: Path) -> None:
    good = REQUEST.model_dump(mode="json")
    bad = {**good, "edited": uri(scenes.still_life()[:100])}
    async with service(tmp_path, max_batch=2, batch_wait_ms=1000) as client:
        answered, refused = await asyncio.gather(
            *(client.post("/v1/perceive", json=body) for body in (good, bad))
        )
    assert answered.status_code == 200
    assert_problem(refused, 422, "images_mismatched")
