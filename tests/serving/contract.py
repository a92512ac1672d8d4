"""The contract of every agent service. A service's tests subclass `ServiceContract` and say what to serve."""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from editrefiner.contracts import PROBLEM_MEDIA_TYPE, PROBLEM_TYPE_BASE, Health, Problem, ServiceInfo

UNKNOWN_SHA256 = "ab" * 32
Body = dict[str, Any]


@dataclass(frozen=True)
class Subject:
    """One service under the contract."""

    service: str
    create_app: Callable[[], FastAPI]
    """A new application on the same store every time: what a restart gives."""
    requests: Mapping[str, Body]
    """One good JSON request for each verb, by path. Fields that take a picture hold `data:` URIs."""


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncGenerator[httpx.AsyncClient]:
    """The loaded app, and a client to it without a network between."""
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service", timeout=120) as client,
    ):
        health = await app.state.lifecycle.wait_started()
        assert health.state == "ready", health.detail
        yield client


def assert_problem(response: httpx.Response, status: int, code: str) -> Problem:
    """The answer is a problem of the one form."""
    assert (response.status_code, response.headers["content-type"]) == (status, PROBLEM_MEDIA_TYPE), (
        response.text
    )
    problem = Problem.model_validate_json(response.content)
    assert problem.code == code, problem
    assert problem.status == status
    assert problem.type == PROBLEM_TYPE_BASE + code
    assert problem.instance == response.request.url.path
    assert problem.request_id == response.headers["x-request-id"] != ""
    assert problem.detail
    return problem


def as_form(body: Body) -> tuple[list[tuple[str, tuple[str, bytes]]], dict[str, str]]:
    """The same request as file parts and text fields."""
    files: list[tuple[str, tuple[str, bytes]]] = []
    texts: dict[str, str] = {}
    for name, value in body.items():
        pictures = [value] if _is_picture(value) else value
        if isinstance(pictures, list) and pictures and all(_is_picture(item) for item in pictures):
            files += [(name, ("picture.png", base64.b64decode(item.partition(",")[2]))) for item in pictures]
        else:
            texts[name] = value if isinstance(value, str) else json.dumps(value)
    return files, texts


def _is_picture(value: object) -> bool:
    return isinstance(value, str) and value.startswith("data:")


def picture_field(body: Body) -> str:
    """Some field that takes one picture."""
    return next(name for name, value in body.items() if _is_picture(value))


class ServiceContract:
    """What holds for each of the four services. Subclasses give the fixture `subject`."""

    @pytest.fixture
    def subject(self) -> Subject:
        raise NotImplementedError

    @pytest.fixture
    async def client(self, subject: Subject) -> AsyncGenerator[httpx.AsyncClient]:
        async with serving(subject.create_app()) as client:
            yield client

    async def test_every_verb_answers_and_says_who_computed(
        self, subject: Subject, client: httpx.AsyncClient
    ) -> None:
        info = ServiceInfo.model_validate_json((await client.get("/v1/info")).content)
        for path, body in subject.requests.items():
            response = await client.post(path, json=body)
            assert response.status_code == 200, response.text
            assert response.json()["backend"] == info.backend.model_dump(mode="json")
            assert float(response.headers["x-run-seconds"]) >= 0
            assert "idempotent-replayed" not in response.headers

    async def test_a_repeat_gets_the_stored_answer(self, subject: Subject, client: httpx.AsyncClient) -> None:
        for path, body in subject.requests.items():
            first, second = [await client.post(path, json=body) for _ in range(2)]
            assert second.headers["idempotent-replayed"] == "true"
            assert second.content == first.content
            assert second.headers["x-run-seconds"] == first.headers["x-run-seconds"]

    async def test_an_answer_survives_a_restart(self, subject: Subject) -> None:
        path, body = next(iter(subject.requests.items()))
        async with serving(subject.create_app()) as client:
            first = await client.post(path, json=body, headers={"Idempotency-Key": "step-1"})
        async with serving(subject.create_app()) as client:
            second = await client.post(path, json=body, headers={"Idempotency-Key": "step-1"})
            status = await client.get("/v1/runs/step-1")
        assert second.content == first.content
        assert second.headers["idempotent-replayed"] == "true"
        assert status.json() == {"key": "step-1", "state": "done"}

    async def test_a_form_is_the_same_request_as_json(
        self, subject: Subject, client: httpx.AsyncClient
    ) -> None:
        for path, body in subject.requests.items():
            by_json = await client.post(path, json=body)
            files, texts = as_form(body)
            by_form = await client.post(path, files=files, data=texts)
            assert by_form.status_code == 200, by_form.text
            assert by_form.headers["idempotent-replayed"] == "true"
            assert by_form.content == by_json.content

    async def test_a_hundred_equal_requests_at_once_share_one_run(
        self, subject: Subject, client: httpx.AsyncClient
    ) -> None:
        path, body = next(iter(subject.requests.items()))
        labels = {"service": subject.service, "verb": path}
        runs_before = REGISTRY.get_sample_value("refine_agent_run_seconds_count", labels) or 0
        responses = await asyncio.gather(*[client.post(path, json=body) for _ in range(100)])
        assert {response.status_code for response in responses} == {200}
        assert len({response.content for response in responses}) == 1
        assert REGISTRY.get_sample_value("refine_agent_run_seconds_count", labels) == runs_before + 1

    async def test_a_key_stands_for_one_request(self, subject: Subject, client: httpx.AsyncClient) -> None:
        path, body = next(iter(subject.requests.items()))
        key = {"Idempotency-Key": "one-request"}
        await client.post(path, json=body, headers=key)
        quoted = await client.post(path, json=body, headers={"Idempotency-Key": '"one-request"'})
        assert quoted.status_code == 200
        other = await client.post(path, json={**body, "instruction": "something else"}, headers=key)
        assert_problem(other, 409, "idempotency_mismatch")

    async def test_wrong_fields_are_named(self, subject: Subject, client: httpx.AsyncClient) -> None:
        for path, body in subject.requests.items():
            wrong = {**body, "instruction": "", "colour": "red"}
            problem = assert_problem(await client.post(path, json=wrong), 422, "validation_failed")
            assert {error.field for error in problem.errors} == {"instruction", "colour"}

    async def test_a_url_is_no_picture(self, subject: Subject, client: httpx.AsyncClient) -> None:
        path, body = next(iter(subject.requests.items()))
        name = picture_field(body)
        response = await client.post(path, json={**body, name: "http://127.0.0.1:1/picture.png"})
        problem = assert_problem(response, 422, "validation_failed")
        assert [error.field for error in problem.errors] == [name]

    async def test_a_picture_that_is_not_in_the_store_is_not_found(
        self, subject: Subject, client: httpx.AsyncClient
    ) -> None:
        path, body = next(iter(subject.requests.items()))
        name = picture_field(body)
        response = await client.post(path, json={**body, name: f"sha256:{UNKNOWN_SHA256}"})
        assert_problem(response, 404, "artifact_not_found")

    async def test_a_file_that_is_no_picture_is_refused(
        self, subject: Subject, client: httpx.AsyncClient
    ) -> None:
        path, body = next(iter(subject.requests.items()))
        files, texts = as_form(body)
        files[0] = (files[0][0], ("picture.png", b"no picture"))
        response = await client.post(path, files=files, data=texts)
        assert response.status_code in {415, 422}
        assert response.headers["content-type"] == PROBLEM_MEDIA_TYPE

    async def test_bodies_that_are_no_request_are_refused(
        self, subject: Subject, client: httpx.AsyncClient
    ) -> None:
        path = next(iter(subject.requests))
        json_type = {"content-type": "application/json"}
        assert_problem(await client.post(path, content=b"{", headers=json_type), 422, "validation_failed")
        assert_problem(await client.post(path, content=b"[]", headers=json_type), 422, "validation_failed")
        assert_problem(await client.post(path, content=b"a=b"), 415, "unsupported_media_type")
        assert_problem(await client.post(path, data={"a": "b"}), 415, "unsupported_media_type")

    async def test_a_body_of_very_many_values_is_refused(
        self, subject: Subject, client: httpx.AsyncClient
    ) -> None:
        for path, body in subject.requests.items():
            response = await client.post(path, json={**body, "instruction": [[]] * 40_000})
            problem = assert_problem(response, 422, "validation_failed")
            assert [error.field for error in problem.errors] == ["body"]
            assert "more than 32768" in problem.errors[0].message

    async def test_unknown_paths_and_methods_are_problems(
        self, subject: Subject, client: httpx.AsyncClient
    ) -> None:
        path = next(iter(subject.requests))
        assert_problem(await client.get("/v1/nothing"), 404, "not_found")
        response = await client.get(path)
        assert_problem(response, 405, "method_not_allowed")
        assert response.headers["allow"] == "POST"

    async def test_the_probes_of_a_loaded_service_are_green(self, client: httpx.AsyncClient) -> None:
        for path in ("/livez", "/startupz", "/readyz"):
            response = await client.get(path)
            assert (response.status_code, Health.model_validate_json(response.content).state) == (
                200,
                "ready",
            )

    async def test_the_metrics_of_the_contract_are_published(
        self, subject: Subject, client: httpx.AsyncClient
    ) -> None:
        path, body = next(iter(subject.requests.items()))
        await client.post(path, json=body)
        text = (await client.get("/metrics")).text
        families = {family.name: family for family in text_string_to_metric_families(text)}
        info = [
            found.labels
            for found in families["refine_model_info"].samples
            if found.labels["service"] == subject.service
        ]
        assert info
        for name in (
            "refine_agent_queue_depth",
            "refine_agent_inflight",
            "refine_agent_queue_seconds",
            "refine_agent_run_seconds",
            "refine_agent_rejected",
            "refine_agent_cancelled",
            "refine_agent_cache_hits",
            "refine_http_requests",
            "refine_http_request_seconds",
        ):
            assert name in families

    async def test_the_document_describes_both_bodies_and_every_refusal(
        self, subject: Subject, client: httpx.AsyncClient
    ) -> None:
        document = (await client.get("/openapi.json")).json()
        assert document["openapi"].startswith("3.1.")
        for path in subject.requests:
            operation = document["paths"][path]["post"]
            assert set(operation["requestBody"]["content"]) == {"application/json", "multipart/form-data"}
            assert {"200", "404", "409", "413", "415", "422", "500", "503", "504", "507"} <= set(
                operation["responses"]
            )
        _assert_references_lead_somewhere(document)


def _assert_references_lead_somewhere(document: dict[str, Any]) -> None:
    def visit(node: Any) -> None:
        if isinstance(node, dict):
            reference = node.get("$ref")
            if isinstance(reference, str):
                target: Any = document
                for part in reference.removeprefix("#/").split("/"):
                    target = target[part]
            for child in node.values():
                visit(child)
        elif isinstance(node, list):
            for child in node:
                visit(child)

    visit(document)
