"""`editrefiner doctor`: what it finds, and what it makes of what is missing."""

import json

import pytest

from suite.doctor import guarded
from suite.machine import State, cpu, disk, memory, packages, ports, python


@pytest.mark.process
def test_a_machine_that_runs_the_tests_can_run_the_suite(command):
    ended = command("doctor", "--json")

    findings = {finding["topic"]: finding for finding in json.loads(ended.stdout)}
    assert ended.returncode == 0, ended.stdout
    assert {"python", "packages", "broker", "database", "ports", "gpu"} <= findings.keys()
    for agent in ("perception", "reasoning", "action", "evaluation"):
        assert findings[agent]["state"] == "ok"
        assert "backend compact" in findings[agent]["detail"]


@pytest.mark.process
def test_a_broker_that_does_not_answer_is_a_failure_in_words(command, tmp_path):
    ended = command("doctor", env={"REDIS_URL": f"unix://{tmp_path}/none.sock", "PATH": ""})

    assert ended.returncode == 1
    assert "FAIL  broker" in ended.stdout
    assert "Something that refine and serve need is missing" in ended.stdout


def test_a_check_that_breaks_is_a_finding(tmp_path):
    def broken(folder):
        raise ImportError("No module named 'missing'")

    finding = guarded("broker", broken, tmp_path)

    assert (finding.state, finding.detail) == (State.FAILED, "ImportError: No module named 'missing'")


def test_a_folder_that_does_not_exist_yet_is_judged_by_where_it_will_be(tmp_path):
    finding = disk(tmp_path / "not" / "there")

    assert finding.state is not State.FAILED
    assert str(tmp_path) in finding.detail


@pytest.mark.parametrize("look", [python, packages, cpu, memory, ports])
def test_every_finding_says_something(look):
    finding = look()

    assert finding.topic
    assert finding.detail
