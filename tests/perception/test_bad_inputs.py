"""A picture that cannot be perceived is refused over the wire: what is wrong, and the limit it broke."""

import base64
import io
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from editrefiner.artifacts import encode_png
from editrefiner.contracts import Perception
from services.perception.app import create_app
from services.perception.settings import Settings
from tests.perception import scenes
from tests.serving.contract import assert_problem, serving

# Limits at a size that a test can break with a small file.
LIMITS: dict[str, Any] = {
    "image_max_bytes": 20_000,
    "image_max_pixels": 10_000,
    "image_max_side": 400,
    "image_max_ratio": 20,
}


@asynccontextmanager
async def service(directory: Path, **limits: Any) -> AsyncGenerator[httpx.AsyncClient]:
    async with serving(create_app(Settings(artifacts=str(directory), **limits))) as client:
        yield client


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def plain(height: int, width: int) -> bytes:
    return encode_png(np.full((height, width, 3), 90, np.uint8))


def uri(content: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def animated(form: str) -> bytes:
    frames = [Image.fromarray(noise(20, 20, seed)) for seed in range(2)]
    target = io.BytesIO()
    frames[0].save(target, form, save_all=True, append_images=frames[1:])
    return target.getvalue()


def gif() -> bytes:
    target = io.BytesIO()
    Image.fromarray(noise(20, 20)).save(target, "GIF")
    return target.getvalue()


BAD: dict[str, tuple[Callable[[], bytes], int, str, str]] = {
    "too many bytes": (lambda: encode_png(noise(90, 90)), 413, "image_too_large", "the limit is 20000"),
    "too many pixels": (lambda: plain(101, 100), 413, "image_too_large", "the limit is 10000"),
    "too long a side": (lambda: plain(20, 401), 413, "image_too_large", "the limit of a side is 400"),
    "too extreme a shape": (lambda: plain(10, 210), 413, "image_too_large", "at most 20 times"),
    "an animated PNG": (lambda: animated("PNG"), 422, "image_animated", "more than 1 frame"),
    "an animated WebP": (lambda: animated("WEBP"), 422, "image_animated", "more than 1 frame"),
    "pages of a TIFF": (lambda: animated("TIFF"), 422, "image_animated", "more than 1 frame"),
    "a GIF": (gif, 415, "image_unsupported", "PNG"),
    "a page of HTML": (lambda: b"<!doctype html><p>not found", 415, "image_unsupported", "PNG"),
    "half a picture": (
        lambda: encode_png(noise(50, 50))[:4000],
        422,
        "image_unreadable",
        "Save the picture again",
    ),
    "nothing": (lambda: b"", 422, "image_unreadable", ""),
}


@pytest.mark.parametrize("name", ["source", "edited"])
@pytest.mark.parametrize("case", BAD)
async def test_a_bad_picture_is_refused_by_its_field_with_the_limit(
    tmp_path: Path, case: str, name: str
) -> None:
    make, status, code, said = BAD[case]
    pictures = {"source": plain(20, 20), "edited": plain(20, 20), name: make()}
    files = {field: ("picture.png", content) for field, content in pictures.items()}
    async with service(tmp_path, **LIMITS) as client:
        by_form = await client.post("/v1/perceive", files=files, data={"instruction": scenes.RECOLOR})
        body = {**{field: uri(content) for field, content in pictures.items()}, "instruction": scenes.RECOLOR}
        by_json = await client.post("/v1/perceive", json=body)
        drawn = await client.post("/v1/perceive?overlay=true", json=body)
    for response in (by_form, by_json, drawn):
        problem = assert_problem(response, status, code)
        assert problem.detail.startswith(name)
        assert said in problem.detail
        assert not problem.retryable


async def test_the_limits_that_are_named_are_those_of_the_description(tmp_path: Path) -> None:
    async with service(tmp_path, **LIMITS) as client:
        limits = (await client.get("/v1/info")).json()["limits"]
    assert limits["max_image_bytes"] == LIMITS["image_max_bytes"]
    assert limits["max_image_pixels"] == LIMITS["image_max_pixels"]
    assert limits["max_image_side"] == LIMITS["image_max_side"]
    assert limits["max_image_ratio"] == LIMITS["image_max_ratio"]


@pytest.mark.parametrize(
    ("source", "edited"), [((60, 90), (60, 80)), ((64, 64), (64, 100)), ((1, 1), (1, 2)), ((9, 90), (90, 9))]
)
async def test_two_frames_are_refused_with_both_sizes_the_gap_and_its_limit(
    tmp_path: Path, source: tuple[int, int], edited: tuple[int, int]
) -> None:
    body = {"source": uri(plain(*source)), "edited": uri(plain(*edited)), "instruction": scenes.RECOLOR}
    async with service(tmp_path) as client:
        problem = assert_problem(await client.post("/v1/perceive", json=body), 422, "images_mismatched")
    gap = 100 * (
        max(source[1] * edited[0], source[0] * edited[1]) / min(source[1] * edited[0], source[0] * edited[1])
        - 1
    )
    assert f"source is {source[1]}x{source[0]} and edited {edited[1]}x{edited[0]} pixels" in problem.detail
    assert f"differ by {gap:.1f} %, the limit is 3.0 %" in problem.detail


async def test_the_cut_out_mask_of_a_region_is_no_edit_of_its_source(tmp_path: Path) -> None:
    source, edited = scenes.still_life(), scenes.with_other_bystander(scenes.edited_well())
    body = {
        "source": uri(encode_png(source)),
        "edited": uri(encode_png(edited)),
        "instruction": scenes.RECOLOR,
    }
    async with service(tmp_path) as client:
        found = Perception.model_validate_json((await client.post("/v1/perceive", json=body)).content)
        mask = found.regions[0].mask
        response = await client.post("/v1/perceive", json={**body, "edited": mask.model_dump(mode="json")})
    problem = assert_problem(response, 422, "images_mismatched")
    assert f"edited {mask.width}x{mask.height} pixels" in problem.detail


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"mask": "sha256:" + "1a" * 32}, "mask"),
        ({"edited": None}, "edited"),
        ({"edited": ["sha256:" + "1a" * 32]}, "edited"),
        ({"edited": "edited.png"}, "edited"),
        ({"edited": "file:///etc/passwd"}, "edited"),
        ({"edited": "data:text/html;base64,AAAA"}, "edited"),
        ({"edited": {"sha256": "1a" * 32, "width": 0, "height": 5}}, "edited.width"),
        ({"instruction": " "}, "instruction"),
        ({"instruction": "a" * 4001}, "instruction"),
        ({"instruction": 7}, "instruction"),
        ({"max_regions": 1.5}, "max_regions"),
    ],
)
async def test_a_wrong_field_is_named(tmp_path: Path, change: dict[str, object], field: str) -> None:
    body = {"source": uri(plain(9, 9)), "edited": uri(plain(9, 9)), "instruction": scenes.RECOLOR, **change}
    async with service(tmp_path) as client:
        problem = assert_problem(await client.post("/v1/perceive", json=body), 422, "validation_failed")
    assert field in [error.field for error in problem.errors]


async def test_a_body_that_no_request_needs_is_refused_before_it_is_read(tmp_path: Path) -> None:
    body = {"source": uri(plain(9, 9)), "edited": uri(plain(9, 9)), "instruction": "a" * 2_000_000}
    async with service(tmp_path, **LIMITS) as client:
        problem = assert_problem(await client.post("/v1/perceive", json=body), 413, "body_too_large")
    assert str(Settings(**LIMITS).max_body_bytes) in problem.detail


@pytest.mark.parametrize("size", [(1, 1), (1, 100), (100, 1), (64, 64), (65, 64), (30, 3000), (3000, 30)])
async def test_small_and_extreme_pictures_within_the_limits_are_answered(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    body = {"source": uri(encode_png(noise(*size))), "edited": uri(encode_png(noise(*size, 1)))}
    async with service(tmp_path) as client:
        response = await client.post("/v1/perceive", json={**body, "instruction": "Make the ball red"})
    found = Perception.model_validate_json(response.content)
    for picture in (found.artifact_map, found.failure_map, found.mask):
        assert (picture.height, picture.width) == size
