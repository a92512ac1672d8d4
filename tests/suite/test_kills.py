"""`editrefiner serve` killed again and again: each accepted job ends once, each step is committed once."""

import base64
import random
import time

import httpx
import pytest

from suite import samples

pytestmark = [pytest.mark.process, pytest.mark.chaos]

KILLS = 5
JOBS = 2  # before each kill
LAST_EVENT = "job.succeeded"


def request(seed: int) -> dict:
    def uri(path) -> str:
        return f"data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode()}"

    return {
        "source": uri(samples.SOURCE),
        "edited": uri(samples.EDITED),
        "instruction": samples.INSTRUCTION,
        "parameters": {"seed": seed, "max_iterations": 1, "candidates": 1},
    }


def submitted(http: httpx.Client, seed: int) -> str:
    answer = http.post("/v1/jobs", json=request(seed), headers={"Idempotency-Key": f"job-{seed}"})
    assert answer.status_code in {200, 202}
    return answer.json()["id"]


def finished(http: httpx.Client, job: str) -> dict:
    for _ in range(4):
        found = http.get(f"/v1/jobs/{job}", headers={"Prefer": "wait=30"}).json()
        if found["status"] not in {"queued", "running"}:
            return found
    pytest.fail(f"job {job} is not over after two minutes")


def test_every_job_of_a_server_that_is_killed_again_and_again_ends_exactly_once(serve, free_port, tmp_path):
    chance = random.Random(20260314)
    port = free_port()
    accepted: dict[int, str] = {}
    interrupted = 0
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
        for kill in range(KILLS):
            with serve(port, tmp_path) as server:
                for seed in range(kill * JOBS, (kill + 1) * JOBS):
                    accepted[seed] = submitted(http, seed)
                time.sleep(chance.uniform(0, 0.8))
                listed = http.get("/v1/jobs", params={"limit": 100}).json()["items"]
                interrupted += sum(job["status"] in {"queued", "running"} for job in listed)
                server.kill()
                server.wait()
        with serve(port, tmp_path):
            asked_again = {seed: submitted(http, seed) for seed in accepted}
            ends = {job: finished(http, job) for job in accepted.values()}
            listed = [job["id"] for job in http.get("/v1/jobs", params={"limit": 100}).json()["items"]]
            events = {job: http.get(f"/v1/jobs/{job}/events").json()["items"] for job in ends}

    assert interrupted, "no kill came before a job was over: this run shows nothing"
    assert asked_again == accepted, "the same key is the same job, before and after a kill"
    assert sorted(listed) == sorted(ends)
    assert [end["error"] for end in ends.values() if end["status"] != "succeeded"] == []
    for happened in events.values():
        steps = [event["detail"]["seq"] for event in happened if event["type"] == "step.completed"]
        assert steps == list(range(len(steps))), "each step is committed once, in order"
        assert [event["seq"] for event in happened] == list(range(1, len(happened) + 1))
        assert [event["type"] for event in happened].count(LAST_EVENT) == 1
