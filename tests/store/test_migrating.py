"""A database of any age becomes one that this version works with."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

import orchestrator.store
from orchestrator.store import migrate, open_job_store, schema
from orchestrator.store.database import create_engine

ROOT = Path(__file__).parents[2]


@pytest.fixture
def engine(empty_url: str):
    engine = create_engine(empty_url)
    yield engine
    engine.dispose()


def test_an_empty_database_gets_its_tables(empty_url: str, engine: sa.Engine) -> None:
    migrate(empty_url)

    assert set(sa.inspect(engine).get_table_names()) == {*schema.metadata.tables, "alembic_version"}
    store = open_job_store(empty_url)
    store.ping()
    store.close()


def test_the_migrations_make_the_schema_that_the_code_expects(empty_url: str, engine: sa.Engine) -> None:
    migrate(empty_url)

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.metadata) == []


def test_to_migrate_again_changes_nothing(empty_url: str, engine: sa.Engine) -> None:
    migrate(empty_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO tombstones VALUES ('kept', 1)")

    migrate(empty_url)

    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT job_id FROM tombstones").scalar_one() == "kept"


@pytest.mark.process
def test_four_processes_may_migrate_at_once(empty_url: str, engine: sa.Engine) -> None:
    program = "import sys; from orchestrator.store import migrate; sys.stdin.read(1); migrate(sys.argv[1])"
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", program, empty_url],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("!")
        process.stdin.flush()
    errors = [process.communicate()[1] for process in processes]

    assert [process.returncode for process in processes] == [0, 0, 0, 0], errors
    with engine.connect() as connection:
        assert len(connection.exec_driver_sql("SELECT * FROM alembic_version").all()) == 1


def test_a_sqlite_database_keeps_a_write_ahead_log(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'deep' / 'er' / 'jobs.db'}"

    migrate(url)

    engine = create_engine(url)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    engine.dispose()


def test_migrations_travel_with_the_package_alone(tmp_path: Path) -> None:
    package = Path(orchestrator.store.__file__).parent
    shutil.copytree(package.parent, tmp_path / "orchestrator", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(
        ROOT / "editrefiner", tmp_path / "editrefiner", ignore=shutil.ignore_patterns("__pycache__")
    )
    program = (
        "from orchestrator.store import migrate, open_job_store; "
        "migrate('sqlite:///jobs.db'); open_job_store('sqlite:///jobs.db').ping()"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr


def test_the_store_starts_without_a_queue_and_without_a_web_server() -> None:
    unwanted = ("celery", "fastapi", "redis")
    program = f"import sys, orchestrator.store; print(*[name for name in {unwanted} if name in sys.modules])"

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == ""
