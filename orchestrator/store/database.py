"""How does a transaction begin, end, and get repeated when the database falters?"""

import contextlib
import json
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.dialects import postgresql, sqlite

from orchestrator.jobs import StoreUnavailableError
from orchestrator.store.failpoints import failpoint
from orchestrator.store.schema import database_clock

T = TypeVar("T")

BUSY_TIMEOUT_SECONDS = 5.0  # SQLite: longest wait for another process's write
PATIENCE_SECONDS = 8.0  # after this no transaction is tried again
RETRY_DELAYS_SECONDS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
POOL_SIZE = 16  # a worker's threads; more wait their turn
POSTGRESQL_OPTIONS = (
    # A paused client must not hold a job's row for longer than others are ready to wait.
    "-c statement_timeout=10000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=5000"
)
TRANSIENT_SQLSTATE_CLASSES = ("08", "40", "53", "57")  # connection, rollback, resources, operator
TRANSIENT_SQLSTATES = ("25P03", "55P03")  # idle in transaction, lock timeout
TRANSIENT_SQLITE_CODES = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
)


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction that writes, and the database's time at its beginning."""

    connection: sa.Connection
    now: float

    def execute(
        self, statement: sa.Executable, rows: Sequence[dict[str, Any]] | None = None
    ) -> sa.CursorResult[Any]:
        """Run one statement, once for each of `rows` when given."""
        return self.connection.execute(statement, rows)

    def insert_new(self, table: sa.Table, *rows: dict[str, Any]) -> int:  # Any: column values
        """Insert those rows whose keys are not taken yet; how many these are."""
        if not rows:
            return 0
        of_dialect = postgresql if self.connection.dialect.name == "postgresql" else sqlite
        statement = of_dialect.insert(table).values(rows).on_conflict_do_nothing()
        return self.execute(statement.execution_options(preserve_rowcount=True)).rowcount


class Database:
    """A database of jobs, to be read and written from any thread."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url)
        self._is_sqlite = self._engine.dialect.name == "sqlite"
        # Readers of SQLite begin no transaction, those of PostgreSQL spare two round trips.
        options = {"reads": True} if self._is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        self._reader = self._engine.execution_options(**options)
        self._hurried = self._engine.execution_options(hurried=True)
        # SQLite has one writer at a time: threads queue here instead of polling its lock.
        self._turn = threading.Lock() if self._is_sqlite else contextlib.nullcontext()

    def read(self, work: Callable[[sa.Connection], T]) -> T:
        """What `work` reads; each of its statements sees what is committed by then."""

        def attempt() -> T:
            with self._reader.connect() as connection:
                return work(connection)

        return _persist(attempt)

    def write(self, name: str, work: Callable[[Transaction], T], *, outlives_power_cut: bool = True) -> T:
        """Run `work` in one transaction; again after a failure, even of a COMMIT that nobody heard of.

        With `outlives_power_cut=False` SQLite does not wait for the disk: right for what means nothing once
        this machine has stopped. A killed process loses neither.
        """
        engine = self._engine if outlives_power_cut else self._hurried

        def attempt() -> T:
            failpoint(f"{name}.begin")
            with self._turn, engine.begin() as connection:
                now = connection.execute(sa.select(database_clock())).scalar_one()
                answer = work(Transaction(connection, now))
                failpoint(f"{name}.before_commit")
            failpoint(f"{name}.after_commit")
            return answer

        return _persist(attempt)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def create_engine(url: str) -> sa.Engine:
    """An engine set up for jobs. ValueError for a database that cannot hold them."""
    target = sa.make_url(url)
    if target.get_backend_name() == "sqlite" and target.database:
        _make_folder(Path(target.database).parent)
        engine = sa.create_engine(
            target,
            connect_args={"timeout": BUSY_TIMEOUT_SECONDS},
            pool_size=POOL_SIZE,
            json_serializer=_compact,
        )
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if target.get_backend_name() == "postgresql":
        return sa.create_engine(
            target.set(drivername="postgresql+psycopg"),
            connect_args={"options": POSTGRESQL_OPTIONS, "connect_timeout": 5},
            pool_size=POOL_SIZE,
            json_serializer=_compact,
        )
    shown = target.render_as_string(hide_password=True)
    raise ValueError(
        f"{shown} cannot hold jobs; give sqlite:///<path> or postgresql+psycopg://<server>/<name>"
    )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailableError(
            f"the folder of the job database cannot be made ({error}); keep it elsewhere"
        ) from error


def _set_up_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = (
        None  # transactions begin where _begin_sqlite says, not where the driver guesses
    )
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_sqlite(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    if options.get("reads"):
        return
    connection.exec_driver_sql(f"PRAGMA synchronous={'NORMAL' if options.get('hurried') else 'FULL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")  # to take the write lock late is how SQLite deadlocks


def _compact(value: Any) -> str:  # Any: a JSON value
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _persist(attempt: Callable[[], T]) -> T:
    """The one place that decides what is worth another try."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    for delay in (*RETRY_DELAYS_SECONDS, None):
        try:
            return attempt()
        except (exc.DBAPIError, exc.TimeoutError) as error:
            if not _is_transient(error):
                raise
            if delay is None or time.monotonic() >= give_up_at:
                raise StoreUnavailableError(
                    f"the job database does not answer ({_first_line(error)}); try again later",
                    retry_after_seconds=5.0,
                ) from error
        time.sleep(delay * random.uniform(0.5, 1.5))  # noqa: S311 -- spreads retries, guards nothing
    raise AssertionError("the last try returns or raises")


def _is_transient(error: exc.DBAPIError | exc.TimeoutError) -> bool:
    if isinstance(error, exc.TimeoutError) or error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.Error):
        return (getattr(error.orig, "sqlite_errorcode", None) or 0) & 0xFF in TRANSIENT_SQLITE_CODES
    state = getattr(error.orig, "sqlstate", None)
    if state is None:  # the connection never came about, or went without a word
        return isinstance(error, exc.OperationalError | exc.InterfaceError)
    return state[:2] in TRANSIENT_SQLSTATE_CLASSES or state in TRANSIENT_SQLSTATES


def _first_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().partition("\n")[0]
