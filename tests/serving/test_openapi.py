"""The API document and the service agree."""

import subprocess
from pathlib import Path
from typing import Any

import anyio
import pytest

from editrefiner.contracts import PROBLEM_MEDIA_TYPE
from tests.generated_requests import schemathesis
from tests.serving.running import service
from tests.serving.scripted import client_of, scripted_app


async def document_of(directory: Path) -> dict[str, Any]:
    async with client_of(scripted_app(directory)) as client:
        return (await client.get("/openapi.json")).json()


async def test_every_refusal_is_documented_as_a_problem(tmp_path: Path) -> None:
    document = await document_of(tmp_path)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            refusals = {
                status: answer for status, answer in operation["responses"].items() if status >= "400"
            }
            for status, answer in refusals.items():
                assert list(answer["content"]) == [PROBLEM_MEDIA_TYPE], (method, path, status)


async def test_every_operation_is_named_and_described(tmp_path: Path) -> None:
    document = await document_of(tmp_path)
    operations = [operation for operations in document["paths"].values() for operation in operations.values()]
    for operation in operations:
        assert all(operation[key] for key in ("operationId", "summary", "description", "tags"))
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))


async def test_a_form_takes_pictures_as_files_and_says_what_is_required(tmp_path: Path) -> None:
    document = await document_of(tmp_path)
    form = document["paths"]["/v1/rank"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert form["properties"]["source"]["contentMediaType"] == "image/*"
    assert form["properties"]["candidates"]["items"]["contentMediaType"] == "image/*"
    assert form["properties"]["instruction"]["type"] == "string"
    assert set(form["required"]) == {"source", "candidates", "instruction"}


@pytest.mark.process
async def test_generated_requests_find_no_undocumented_answer(tmp_path: Path) -> None:
    async with service(tmp_path) as running:
        options = ("--phases=coverage,fuzzing", "--max-examples=5", "--seed=1")
        command = schemathesis(tmp_path, running.port, *options)
        done = await anyio.run_process(command, check=False, cwd=tmp_path, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout.decode()
