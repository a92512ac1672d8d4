"""A process that dies on either side of any commit loses nothing and doubles nothing."""

import ast
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from editrefiner.contracts import JobStatus, Problem, ProblemCode
from orchestrator import store as store_package
from orchestrator.jobs import JobGoneError
from orchestrator.store import failpoints, open_job_store

BROKEN = Problem(type="t", title="Broken", status=500, code=ProblemCode.BACKEND_FAILED, detail="it broke")
NAMES = [f"{operation}.{side}" for operation in failpoints.OPERATIONS for side in failpoints.SIDES]


@pytest.fixture(autouse=True)
def _disarmed():
    yield
    failpoints.disarm()


def cancel_and_abort(world, job_id: str) -> None:
    claim = world.claim(job_id)
    world.store.request_cancel(job_id)
    world.store.abort(claim)


def finish_and(act: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    def finish(world, job_id: str) -> None:
        world.store.request_cancel(job_id)
        act(world, job_id)

    return finish


def pass_time_and(seconds: float, act: Callable[[Any], Any]) -> Callable[[Any, str], Any]:
    def later(world, _: str) -> None:
        world.pass_time(seconds)
        act(world)

    return later


def expire_and_purge(world, _: str) -> None:
    world.pass_time(3601)
    world.store.sweep()
    world.pass_time(8 * 86_400)
    world.store.purge()


SCENES: dict[str, Callable[[Any, str], Any]] = {
    "create": lambda world, _: world.create(key="k"),
    "request_cancel": lambda world, job_id: world.store.request_cancel(job_id),
    "delete": finish_and(lambda world, job_id: world.store.delete(job_id)),
    "claim": lambda world, job_id: world.claim(job_id),
    "heartbeat": lambda world, job_id: world.store.heartbeat(world.claim(job_id)),
    "commit": lambda world, job_id: world.commit(world.claim(job_id)),
    "release": lambda world, job_id: world.store.release(world.claim(job_id), busy_for_seconds=1),
    "crash": lambda world, job_id: world.store.crash(world.claim(job_id), BROKEN),
    "fail": lambda world, job_id: world.store.fail(world.claim(job_id), BROKEN),
    "abort": cancel_and_abort,
    "ring": pass_time_and(3, lambda world: world.store.sweep()),
    "expire": pass_time_and(3601, lambda world: world.store.sweep()),
    "purge": expire_and_purge,
}


def die_in(act: Callable[[], Any]) -> int:
    """Exit status of a child process that does this."""
    child = os.fork()
    if child == 0:
        try:
            act()
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def die_at(name: str, world, job_id: str) -> int:
    """Exit status of a child process that is armed with this failpoint and gets there."""

    def act() -> None:
        own = type(world)(world.url)  # a process has its own connections
        failpoints.arm(name)
        SCENES[name.partition(".")[0]](own, job_id)

    return die_in(act)


def finish(world, job_id: str) -> None:
    """What workers do about a job until it is over."""
    for _ in range(99):
        world.pass_time(31)
        for bell in world.store.sweep():
            claim = world.store.claim(bell.job_id, bell.seq)
            if claim is not None:
                world.commit(claim)
        if world.store.get(job_id).status.is_terminal:
            return
    raise AssertionError(f"job {job_id} does not end")


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("purge")])
def test_a_job_survives_the_death_of_a_process(world, name: str) -> None:
    operation, _, side = name.partition(".")
    job_id = "" if operation == "create" else world.create(key="k", max_iterations=1)

    assert die_at(name, world, job_id) == failpoints.KILLED

    world.assert_consistent()
    if (operation, side) == ("delete", "after_commit"):
        with pytest.raises(JobGoneError):
            world.create(key="k", max_iterations=1)
        return
    again = world.create(key="k", max_iterations=1)  # a client that heard nothing asks again
    assert again == job_id or operation == "create"
    finish(world, again)
    world.assert_consistent()
    assert world.rows("SELECT count(*) FROM jobs") == [(1,)]


@pytest.mark.parametrize("side", failpoints.SIDES)
def test_a_purge_that_was_cut_off_is_done_by_the_next(world, side: str) -> None:
    job_id = world.create(max_iterations=1)

    assert die_at(f"purge.{side}", world, job_id) == failpoints.KILLED

    world.assert_consistent()
    world.store.purge()
    with pytest.raises(JobGoneError):
        world.store.get(job_id)
    assert world.rows("SELECT count(*) FROM tombstones") == [(1,)]


@pytest.mark.parametrize(("side", "committed"), [("begin", 0), ("before_commit", 0), ("after_commit", 1)])
def test_a_step_is_committed_whole_or_not_at_all(world, side: str, committed: int) -> None:
    job_id = world.create()

    assert die_at(f"commit.{side}", world, job_id) == failpoints.KILLED

    assert len(world.store.steps(job_id)) == committed
    assert world.event_types(job_id).count("step.completed") == committed
    assert world.rows("SELECT count(*) FROM ledger") == [(committed,)]
    assert world.rows("SELECT count(*) FROM steps WHERE seq = 1") == [(committed,)]


def test_every_transaction_has_its_failpoints() -> None:
    package = Path(store_package.__file__).parent
    written = {
        node.args[0].value
        for module in package.glob("*.py")
        for node in ast.walk(ast.parse(module.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"write", "_give_up"}
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }

    assert written == set(failpoints.OPERATIONS)
    assert set(NAMES) <= set(failpoints.names())


def test_a_process_is_armed_by_its_environment(url: str, monkeypatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_FAILPOINT", "create.before_commit")

    status = die_in(lambda: open_and_create(url))

    assert status == failpoints.KILLED


def open_and_create(url: str) -> None:
    from editrefiner.contracts import ImageRef, RefinementParameters
    from orchestrator.jobs import JobInputs

    picture = ImageRef(sha256="0a" * 32, width=8, height=8)
    inputs = JobInputs(picture, picture, None, "Make the car red", RefinementParameters())
    open_job_store(url).create(inputs, idempotency_key=None, body_sha256="00" * 32)


def test_a_failpoint_that_does_not_exist_cannot_be_armed() -> None:
    with pytest.raises(ValueError, match=r"no failpoint is called 'commit\.sometimes'"):
        failpoints.arm("commit.sometimes")


def test_an_unarmed_failpoint_does_nothing(world) -> None:
    failpoints.arm("commit.begin", lambda: pytest.fail("armed for another operation"))

    assert world.store.get(world.create()).status is JobStatus.QUEUED


def test_other_modules_can_have_failpoints_of_their_own() -> None:
    passed: list[str] = []
    failpoints.declare("test.between_two_effects")
    failpoints.arm("test.between_two_effects", lambda: passed.append("here"))

    failpoints.failpoint("test.between_two_effects")

    assert passed == ["here"]
