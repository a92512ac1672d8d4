"""Probes, problems, the document, and life without a broker."""

from editrefiner.contracts import StepKind
from tests.orchestrator.asking import create, data_uri


async def test_probes_are_green_while_the_database_answers(world):
    async with world.api() as api:
        for probe in ("/healthz", "/livez", "/readyz", "/metrics", "/openapi.json"):
            assert (await api.get(probe)).status_code == 200


async def test_an_unknown_path_and_a_wrong_method_are_problems(world):
    async with world.api() as api:
        for answer in (await api.get("/v2/jobs"), await api.put("/v1/jobs")):
            assert answer.headers["content-type"] == "application/problem+json"
        assert (await api.put("/v1/jobs")).headers["allow"] == "GET, POST"


async def test_redis_being_away_delays_no_answer_and_loses_no_job(world, png, eventually):
    rung = []

    def swept() -> bool:
        rung.extend(world.store.sweep())
        return bool(rung)

    async with world.api() as api:
        job_id = await create(api, png, edited=data_uri(png(210)))
        await eventually(swept)
        assert [(doorbell.job_id, doorbell.kind) for doorbell in rung] == [(job_id, StepKind.SCORE)]


async def test_the_document_names_every_header_link_and_problem(world):
    async with world.api() as api:
        document = (await api.get("/openapi.json")).json()
    created = document["paths"]["/v1/jobs"]["post"]["responses"]["202"]
    assert {"Location", "Retry-After", "Idempotent-Replayed"} <= created["headers"].keys()
    assert {"get_job", "cancel_job", "list_events"} <= created["links"].keys()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["operationId"], (path, method)
            assert operation["summary"]
            assert operation["description"]
            assert operation["tags"]
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    assert answer["content"].keys() == {"application/problem+json"}, (path, status)
