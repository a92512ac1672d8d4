"""`editrefiner serve`: the whole API on one port, an orderly end, and jobs that outlive it."""

import base64
import signal

import httpx
import pytest

from suite import samples

pytestmark = pytest.mark.process


def data_uri(path) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode()}"


def edit(**more) -> dict:
    pictures = {"source": data_uri(samples.SOURCE), "edited": data_uri(samples.EDITED)}
    return {**pictures, "instruction": samples.INSTRUCTION, **more}


@pytest.fixture(scope="module")
def port(free_port) -> int:
    return free_port()


@pytest.fixture(scope="module")
def serving(serve, port, tmp_path_factory):
    """A server on a data folder, ready."""
    with serve(port, tmp_path_factory.mktemp("data")) as process:
        yield process


@pytest.fixture
def http(serving, port):
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=90) as client:
        yield client


@pytest.mark.parametrize(
    "path",
    [
        "/v1/jobs",
        "/openapi.json",
        "/readyz",
        "/metrics",
        "/perception/v1/info",
        "/reasoning/openapi.json",
        "/action/readyz",
        "/evaluation/v1/info",
    ],
)
def test_the_job_api_and_every_agent_answer(http, path):
    assert http.get(path).status_code == 200


def test_what_is_not_there_is_a_problem(http):
    answer = http.get("/perception/v1/nothing")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_agent_can_be_used_alone(http):
    answer = http.post("/evaluation/v1/score", json=edit())

    assert answer.status_code == 200
    assert 0 < answer.json()["scores"]["overall"] < 100


def test_a_job_runs_to_its_end(http):
    answer = http.post("/v1/jobs", json=edit(), headers={"Prefer": "wait=60"})

    assert answer.status_code == 200
    assert answer.json()["status"] == "succeeded"


def test_the_jobs_commands_follow_a_job_and_fetch_its_files(serving, command, port, tmp_path):
    url = f"http://127.0.0.1:{port}"
    pictures = (samples.SOURCE, samples.EDITED, samples.INSTRUCTION)

    job = command("jobs", "submit", *pictures, "--seed", 3, "--url", url).stdout.strip()
    watched = command("jobs", "watch", job, "--url", url, "-o", tmp_path)
    listed = command("jobs", "list", "--url", url)
    again = command("jobs", "cancel", job, "--url", url)

    assert watched.returncode == 0, watched.stderr
    assert watched.stdout.startswith(f"{job}  succeeded")
    assert "round 1   action" in watched.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle.zip", "refined.png"]
    assert job in listed.stdout
    assert again.returncode == 1
    assert "can no longer be canceled" in again.stderr


def test_asking_for_the_files_of_a_submission_waits_for_them(serving, command, port, tmp_path):
    pictures = (samples.SOURCE, samples.EDITED, samples.INSTRUCTION)

    ended = command("jobs", "submit", *pictures, "-o", tmp_path, "--url", f"http://127.0.0.1:{port}")

    assert ended.returncode == 0, ended.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle.zip", "refined.png"]


@pytest.mark.parametrize("action", ["get", "watch", "cancel"])
def test_an_unknown_job_is_one_sentence(serving, command, port, action):
    ended = command("jobs", action, "0" * 26, "--url", f"http://127.0.0.1:{port}")

    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_one_sentence(serving, command, port, tmp_path):
    ended = command("serve", "--port", port, "--data", tmp_path)

    assert ended.returncode == 1
    assert f"127.0.0.1:{port} cannot be listened on" in ended.stderr


def test_a_data_folder_in_use_is_one_sentence(serve, command, free_port, tmp_path):
    with serve(free_port(), tmp_path):
        ended = command("serve", "--port", free_port(), "--data", tmp_path)

    assert ended.returncode == 1
    assert ended.stderr == (
        f"editrefiner: {tmp_path} is in use by another editrefiner process; "
        "wait for it or name another folder.\n"
    )


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_job_goes_on_after_the_server_was_ended(serve, free_port, tmp_path, ending):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with serve(port, tmp_path) as process:
        job = httpx.post(f"{url}/v1/jobs", json=edit(), timeout=30).json()["id"]
        process.send_signal(ending)
        process.wait(60)
    with serve(port, tmp_path):
        done = httpx.get(f"{url}/v1/jobs/{job}", headers={"Prefer": "wait=60"}, timeout=90).json()

    assert process.returncode == 0
    assert done["status"] == "succeeded"
