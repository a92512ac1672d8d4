"""How a job is canceled and removed."""

from tests.orchestrator.asking import create, data_uri


async def test_canceling_a_queued_job_ends_it_and_can_be_repeated(world, png):
    async with world.api() as api:
        job_id = await create(api, png)
        for _ in range(2):
            answer = await api.post(f"/v1/jobs/{job_id}/cancel")
            assert (answer.status_code, answer.json()["status"]) == (200, "canceled")


async def test_canceling_a_running_job_is_accepted_and_keeps_what_was_reached(world, png):
    async with world.api() as api:
        job_id = await create(api, png)
        await world.drive(job_id, steps=1)
        world.store.claim(job_id, 1)
        answer = await api.post(f"/v1/jobs/{job_id}/cancel")
        assert (answer.status_code, answer.json()["status"]) == (202, "canceling")
        assert int(answer.headers["retry-after"]) >= 1


async def test_a_finished_job_cannot_be_canceled(world, png):
    async with world.api() as api:
        job_id = await create(api, png, edited=data_uri(png(210)))
        await world.drive(job_id)
        answer = await api.post(f"/v1/jobs/{job_id}/cancel")
        assert (answer.status_code, answer.json()["code"]) == (409, "already_finished")


async def test_a_finished_job_is_removed_with_its_pictures_and_gone_from_then_on(world, png):
    async with world.api() as api:
        job_id = await create(api, png, edited=data_uri(png(210)))
        assert (await api.delete(f"/v1/jobs/{job_id}")).json()["code"] == "not_finished"
        await world.drive(job_id)
        source = (await api.get(f"/v1/jobs/{job_id}")).json()["source"]["sha256"]
        assert (await api.get(f"/v1/artifacts/{source}")).status_code == 200
        assert (await api.delete(f"/v1/jobs/{job_id}")).status_code == 204
        assert (await api.get(f"/v1/artifacts/{source}")).status_code == 404
        for path in ("", "/events", "/iterations", "/result", "/bundle"):
            answer = await api.get(f"/v1/jobs/{job_id}{path}")
            assert (answer.status_code, answer.json()["code"]) == (410, "gone")
        assert (await api.delete(f"/v1/jobs/{job_id}")).status_code == 410


async def test_a_picture_that_another_job_uses_outlives_a_removed_one(world, png):
    async with world.api() as api:
        first = await create(api, png, edited=data_uri(png(210)))
        second = await create(api, png, edited=data_uri(png(211)))
        await world.drive(first)
        await api.delete(f"/v1/jobs/{first}")
        source = (await api.get(f"/v1/jobs/{second}")).json()["source"]["sha256"]
        assert (await api.get(f"/v1/artifacts/{source}")).status_code == 200
