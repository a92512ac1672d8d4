"""How does a database get the tables that this version needs?"""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from orchestrator.store.database import create_engine

ADVISORY_LOCK = 0x6564_6974  # "edit": only one process at a time migrates a PostgreSQL database


def migrate(url: str) -> None:
    """Bring the database to the newest schema. Any number of processes may do so at once."""
    engine = create_engine(url)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    try:
        with _one_at_a_time(engine), engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


@contextlib.contextmanager
def _one_at_a_time(engine: sa.Engine) -> Iterator[None]:
    """Hold a lock that the system takes back when the process dies."""
    if engine.dialect.name == "sqlite":
        with Path(f"{engine.url.database}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with contextlib.closing(engine.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA journal_mode=WAL")  # kept in the file from now on
            yield
    else:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("SET lock_timeout=0")
            connection.exec_driver_sql("SET statement_timeout=0")
            connection.execute(sa.select(sa.func.pg_advisory_lock(ADVISORY_LOCK)))
            yield
            connection.execute(sa.select(sa.func.pg_advisory_unlock(ADVISORY_LOCK)))
