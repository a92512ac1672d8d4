"""That a create can be repeated."""

import asyncio

import pytest

from tests.orchestrator.asking import body, create, form


async def test_fifty_creates_at_once_under_one_key_make_one_job(world, png):
    async with world.api() as api:
        request = body(png)
        answers = await asyncio.gather(
            *(api.post("/v1/jobs", json=request, headers={"Idempotency-Key": "k1"}) for _ in range(50))
        )
        assert {answer.status_code for answer in answers} == {202}
        assert len({answer.json()["id"] for answer in answers}) == 1
        replayed = [answer for answer in answers if answer.headers.get("idempotent-replayed") == "true"]
        assert len(replayed) == 49
        assert len((await api.get("/v1/jobs")).json()["items"]) == 1


async def test_a_key_means_the_same_bare_and_quoted_and_however_the_body_is_written(world, png):
    async with world.api() as api:
        first = await api.post("/v1/jobs", json=body(png), headers={"Idempotency-Key": '"k1"'})
        again = await api.post("/v1/jobs", **form(png), headers={"Idempotency-Key": "k1"})
        assert again.json()["id"] == first.json()["id"]
        assert again.headers["idempotent-replayed"] == "true"
        assert "idempotent-replayed" not in first.headers


async def test_a_key_with_another_request_is_refused(world, png):
    async with world.api() as api:
        await api.post("/v1/jobs", json=body(png), headers={"Idempotency-Key": "k1"})
        other = body(png, instruction="Make it darker")
        answer = await api.post("/v1/jobs", json=other, headers={"Idempotency-Key": "k1"})
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_mismatch")


@pytest.mark.parametrize("key", ["", '""', "a key", "x" * 200, "schlüssel"])
async def test_a_key_that_is_none_is_refused(world, png, key):
    async with world.api() as api:
        answer = await api.post("/v1/jobs", json=body(png), headers={"Idempotency-Key": key.encode()})
        assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


async def test_without_a_key_every_create_makes_a_job(world, png):
    async with world.api() as api:
        assert await create(api, png) != await create(api, png)
