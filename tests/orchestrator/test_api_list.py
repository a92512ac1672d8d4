"""How jobs and events are paged through."""

import asyncio

import pytest

from tests.orchestrator.asking import create, data_uri


async def test_pages_cover_every_job_once_newest_first(world, png):
    async with world.api() as api:
        made = [await create(api, png) for _ in range(5)]
        found, url = [], "/v1/jobs?limit=2"
        while url:
            answer = await api.get(url)
            page = answer.json()
            found += [job["id"] for job in page["items"]]
            link = answer.links.get("next")
            assert (link is None) == (page["next_cursor"] is None)
            url = link["url"] if link else None
        assert found == made[::-1]


async def test_pages_are_filtered_by_status_and_time(world, png):
    async with world.api() as api:
        old = await create(api, png)
        await api.post(f"/v1/jobs/{old}/cancel")
        await asyncio.sleep(0.01)
        new = await create(api, png)
        after = (await api.get(f"/v1/jobs/{old}")).json()["created_at"]
        canceled = (await api.get("/v1/jobs", params={"status": "canceled"})).json()["items"]
        assert [job["id"] for job in canceled] == [old]
        later = (await api.get("/v1/jobs", params={"created_after": after})).json()["items"]
        assert new in [job["id"] for job in later]
        far = (await api.get("/v1/jobs", params={"created_after": "9999-12-31T23:59:59Z"})).json()
        assert far["items"] == []
        early = (await api.get("/v1/jobs", params={"created_after": "0001-01-01T00:00:00"})).json()
        assert len(early["items"]) == 2


async def test_a_limit_that_is_too_large_counts_as_the_largest(world, png):
    async with world.api() as api:
        await create(api, png)
        assert (await api.get("/v1/jobs?limit=100000")).status_code == 200
        assert (await api.get("/v1/jobs?limit=0")).status_code == 422
        assert (await api.get("/v1/jobs?status=done")).status_code == 422


@pytest.mark.parametrize("cursor", ["", "x", "%F0%9F%98%80", "AAAA", "a" * 35])
async def test_a_cursor_that_was_never_given_out_is_refused(world, cursor):
    async with world.api() as api:
        answer = await api.get(f"/v1/jobs?cursor={cursor}")
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


async def test_events_come_in_pages_that_can_begin_anywhere(world, png):
    async with world.api() as api:
        job_id = await create(api, png, edited=data_uri(png(210)))
        first = (await api.get(f"/v1/jobs/{job_id}/events")).json()
        assert [event["type"] for event in first["items"]] == ["job.created"]
        assert not first["is_final"]
        await world.drive(job_id)
        whole = (await api.get(f"/v1/jobs/{job_id}/events")).json()
        assert whole["is_final"]
        assert whole["items"][-1]["type"] == "job.succeeded"
        numbers = [event["seq"] for event in whole["items"]]
        assert numbers == list(range(1, len(numbers) + 1))
        for start in numbers:
            rest = (await api.get(f"/v1/jobs/{job_id}/events?starting_after={start}")).json()
            assert rest["items"] == whole["items"][start:]
        part = (await api.get(f"/v1/jobs/{job_id}/events?limit=2")).json()
        assert part["items"] == whole["items"][:2]
        assert not part["is_final"]
