"""What a create answers: how a job begins, and what is refused."""

import asyncio
from datetime import datetime

import anyio
import numpy as np
import pytest

from editrefiner.artifacts import decode_image
from editrefiner.contracts import Job
from tests.orchestrator.asking import body, data_uri, form


async def test_a_form_becomes_a_job_that_says_where_it_is(world, png):
    async with world.api() as api:
        answer = await api.post("/v1/jobs", **form(png, parameters='{"max_iterations": 2}'))
        assert answer.status_code == 202
        job = Job.model_validate_json(answer.content)
        assert answer.headers["location"] == f"http://api/v1/jobs/{job.id}"
        assert int(answer.headers["retry-after"]) >= 1
        assert job.status == "queued"
        assert job.parameters.max_iterations == 2
        assert job.links.self == f"/v1/jobs/{job.id}"
        assert job.links.result is None
        assert world.store.claim(job.id, 0) is not None


async def test_the_location_carries_the_public_address_when_one_is_set(world, png):
    async with world.api(public_url="https://refine.example") as api:
        answer = await api.post("/v1/jobs", **form(png))
        assert answer.headers["location"].startswith("https://refine.example/v1/jobs/")


async def test_pictures_come_as_data_uris_ids_and_references(world, png):
    async with world.api() as api:
        uploaded = (await api.post("/v1/artifacts", files={"file": png(50)})).json()
        for source in (data_uri(png(50)), f"sha256:{uploaded['sha256']}", uploaded):
            job = (await api.post("/v1/jobs", json=body(png, source=source))).json()
            assert job["source"]["sha256"] == uploaded["sha256"]


async def test_moments_are_in_utc_with_milliseconds(world, png):
    async with world.api() as api:
        job = (await api.post("/v1/jobs", json=body(png))).json()
        assert len(job["created_at"]) == len("2026-11-21T10:15:30.250Z")
        assert job["created_at"].endswith("Z")
        assert datetime.fromisoformat(job["deadline_at"]) > datetime.fromisoformat(job["created_at"])


async def test_pictures_of_different_shapes_are_refused_with_both_sizes_before_a_job_exists(world, png):
    async with world.api() as api:
        answer = await api.post("/v1/jobs", **form(png, edited=png(100, width=24, height=16)))
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["code"] == "images_mismatched"
        assert "16x16" in problem["detail"]
        assert "24x16" in problem["detail"]
        assert (await api.get("/v1/jobs")).json()["items"] == []


async def test_an_edit_of_another_size_and_the_same_shape_is_taken(world, png):
    async with world.api() as api:
        answer = await api.post("/v1/jobs", **form(png, edited=png(100, width=64, height=63)))
        assert answer.status_code == 202


async def test_transparency_is_put_aside_and_comes_back_with_the_result(world, png):
    async with world.api() as api:
        job = (await api.post("/v1/jobs", **form(png, edited=png(180, alpha=77)))).json()
        await world.drive(job["id"])
        result = (await api.get(f"/v1/jobs/{job['id']}/result")).content
        decoded = decode_image(result, world.artifacts.limits)
        assert decoded.alpha is not None
        assert np.unique(decoded.alpha).tolist() == [77]
        assert np.unique(decoded.pixels).tolist() == [200]


async def test_transparency_of_an_uploaded_picture_is_kept_too(world, png):
    async with world.api() as api:
        ref = (await api.post("/v1/artifacts", files={"file": png(210, alpha=9)})).json()
        job = (await api.post("/v1/jobs", json=body(png, edited=f"sha256:{ref['sha256']}"))).json()
        await world.drive(job["id"])
        result = decode_image((await api.get(f"/v1/jobs/{job['id']}/result")).content, world.artifacts.limits)
        assert result.alpha is not None
        assert np.unique(result.alpha).tolist() == [9]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"instruction": ""}, 422, "validation_failed"),
        ({"instruction": "   "}, 422, "validation_failed"),
        ({"colour": "red"}, 422, "validation_failed"),
        ({"parameters": {"max_iterations": 5}}, 422, "validation_failed"),
        ({"source": "https://example.com/a.png"}, 422, "validation_failed"),
        ({"source": "data:image/png;base64,@@"}, 422, "image_unreadable"),
        ({"edited": "data:image/png;base64,AAAA"}, 415, "image_unsupported"),
        ({"edited": "sha256:" + "0" * 64}, 404, "artifact_not_found"),
    ],
)
async def test_a_wrong_request_is_refused_with_its_reason(world, png, changes, status, code):
    async with world.api() as api:
        answer = await api.post("/v1/jobs", json=body(png, **changes))
        assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_body_that_is_too_long_is_refused(world, png):
    async with world.api(image_max_bytes=1000) as api:
        answer = await api.post("/v1/jobs", json=body(png, instruction="x" * 2_000_000))
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_more_bodies_than_can_be_taken_in_are_refused_with_a_time_to_come_back(world, png):
    async with world.api(max_queue=1) as api:
        release = anyio.Event()

        async def slow_body():
            yield b"{"
            await release.wait()
            yield b"}"

        headers = {"Content-Type": "application/json"}
        first = asyncio.create_task(api.post("/v1/jobs", content=slow_body(), headers=headers))
        await asyncio.sleep(0)
        while True:
            answer = await api.post("/v1/jobs", json=body(png))
            if answer.status_code == 503:
                break
        assert answer.json()["code"] == "queue_full"
        assert int(answer.headers["retry-after"]) >= 1
        release.set()
        assert (await first).status_code == 422
