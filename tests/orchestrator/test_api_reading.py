"""How one job is read: waiting for it, its versions, its parts."""

import asyncio

import pytest

from editrefiner.contracts import Job
from tests.orchestrator.asking import body, create, data_uri


def newest(world) -> list:
    return list(world.store.page(status=None, created_after=None, limit=1, before=None))


async def test_a_create_that_may_wait_answers_with_the_finished_job(world, png, eventually):
    async with world.api() as api, asyncio.TaskGroup() as tasks:
        request = body(png, edited=data_uri(png(210)))
        waiting = tasks.create_task(api.post("/v1/jobs", json=request, headers={"Prefer": "wait=30"}))
        await eventually(lambda: bool(newest(world)))
        await world.drive(newest(world)[0].id)
        answer = await waiting
        assert answer.status_code == 200
        assert answer.headers["preference-applied"] == "wait=30"
        assert answer.json()["status"] == "succeeded"
        assert "retry-after" not in answer.headers


async def test_a_create_whose_wait_is_over_answers_202(world, png):
    async with world.api() as api:
        answer = await api.post("/v1/jobs", json=body(png), headers={"Prefer": "wait=0"})
        assert answer.status_code == 202
        assert answer.headers["preference-applied"] == "wait=0"


async def test_reading_with_a_wait_answers_at_the_end_of_the_job(world, png):
    async with world.api() as api:
        job_id = await create(api, png, edited=data_uri(png(210)))
        reading = asyncio.create_task(api.get(f"/v1/jobs/{job_id}", headers={"Prefer": "wait=30"}))
        await world.drive(job_id)
        answer = await reading
        assert answer.json()["status"] == "succeeded"
        assert answer.headers["preference-applied"] == "wait=30"


async def test_a_wait_is_bounded_by_a_minute(world, png):
    async with world.api() as api:
        job_id = await create(api, png, edited=data_uri(png(210)))
        await world.drive(job_id)
        answer = await api.get(f"/v1/jobs/{job_id}", headers={"Prefer": "respond-async, wait=99999"})
        assert answer.headers["preference-applied"] == "wait=60"


async def test_a_job_that_did_not_change_is_not_sent_again(world, png):
    async with world.api() as api:
        job_id = await create(api, png)
        first = await api.get(f"/v1/jobs/{job_id}")
        assert int(first.headers["retry-after"]) >= 1
        tag = {"If-None-Match": first.headers["etag"]}
        same = await api.get(f"/v1/jobs/{job_id}", headers=tag)
        assert (same.status_code, same.content) == (304, b"")
        assert same.headers["etag"] == first.headers["etag"]
        await world.drive(job_id, steps=1)
        changed = await api.get(f"/v1/jobs/{job_id}", headers=tag)
        assert changed.status_code == 200
        assert changed.headers["etag"] != first.headers["etag"]


async def test_a_wait_with_a_version_answers_at_the_next_change(world, png):
    async with world.api() as api:
        job_id = await create(api, png)
        tag = (await api.get(f"/v1/jobs/{job_id}")).headers["etag"]
        headers = {"If-None-Match": tag, "Prefer": "wait=30"}
        reading = asyncio.create_task(api.get(f"/v1/jobs/{job_id}", headers=headers))
        await world.drive(job_id, steps=1)
        answer = await reading
        assert (answer.status_code, answer.json()["status"]) == (200, "running")


async def test_a_wait_with_a_version_that_stays_ends_in_304(world, png):
    async with world.api() as api:
        job_id = await create(api, png)
        tag = (await api.get(f"/v1/jobs/{job_id}")).headers["etag"]
        answer = await api.get(f"/v1/jobs/{job_id}", headers={"If-None-Match": tag, "Prefer": "wait=1"})
        assert answer.status_code == 304
        assert answer.headers["preference-applied"] == "wait=1"


async def test_a_finished_job_shows_its_result_and_where_everything_is(world, png):
    async with world.api() as api:
        job_id = await create(api, png, parameters={"max_iterations": 2})
        await world.drive(job_id)
        answer = await api.get(f"/v1/jobs/{job_id}")
        job = Job.model_validate_json(answer.content)
        assert "retry-after" not in answer.headers
        assert job.status == "succeeded"
        assert job.result is not None
        assert job.result.improved
        assert job.progress.fraction == 1.0
        assert job.expires_at is not None
        for link in (job.links.events, job.links.iterations, job.links.bundle, job.links.result):
            assert (await api.get(link)).status_code == 200
        picture = await api.get(f"/v1/artifacts/{job.result.image.sha256}")
        assert picture.content == (await api.get(job.links.result)).content


async def test_progress_grows_and_names_the_phase(world, png):
    async with world.api() as api:
        job_id = await create(api, png)
        seen = []
        for _ in range(5):
            await world.drive(job_id, steps=1)
            progress = (await api.get(f"/v1/jobs/{job_id}")).json()["progress"]
            seen.append((progress["phase"], progress["iteration"], progress["fraction"]))
        assert seen == [
            ("perceive", 1, 0.0),
            ("diagnose", 1, 0.0625),
            ("edit", 1, 0.125),
            ("rank", 1, 0.1875),
            ("perceive", 2, 0.25),
        ]


async def test_every_round_can_be_read(world, png):
    async with world.api() as api:
        job_id = await create(api, png, parameters={"max_iterations": 2})
        assert (await api.get(f"/v1/jobs/{job_id}/iterations")).json() == []
        await world.drive(job_id)
        rounds = (await api.get(f"/v1/jobs/{job_id}/iterations")).json()
        assert [found["number"] for found in rounds] == [1, 2]
        assert rounds[0]["accepted"] == 0
        assert (await api.get(f"/v1/jobs/{job_id}/iterations/2")).json() == rounds[1]
        assert (await api.get(f"/v1/jobs/{job_id}/iterations/3")).status_code == 404
        assert (await api.get(f"/v1/jobs/{job_id}/iterations/0")).status_code == 422


async def test_what_is_made_at_the_end_is_refused_before_it(world, png):
    async with world.api() as api:
        job_id = await create(api, png)
        for part in ("result", "bundle"):
            answer = await api.get(f"/v1/jobs/{job_id}/{part}")
            assert (answer.status_code, answer.json()["code"]) == (409, "not_finished")


@pytest.mark.parametrize("job_id", ["06CSTWBK5Q0A3K3Z6N6Y2Y0QZV", "nonsense", "%00", "x" * 300])
async def test_a_job_that_never_was_is_not_found_in_any_way(world, job_id):
    async with world.api() as api:
        path = f"/v1/jobs/{job_id}"
        for below in ("", "/events", "/iterations", "/iterations/1", "/result", "/bundle"):
            assert (await api.get(path + below)).status_code == 404
        assert (await api.post(f"{path}/cancel")).status_code == 404
        assert (await api.delete(path)).status_code == 404
