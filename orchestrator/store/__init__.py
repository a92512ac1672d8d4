"""Where are jobs kept? In SQLite or PostgreSQL, through one code."""

from orchestrator.jobs import CRASH_ATTEMPTS, JobStore
from orchestrator.store.accepting import Accepting
from orchestrator.store.committing import Committing
from orchestrator.store.database import Database
from orchestrator.store.ending import Ending
from orchestrator.store.failpoints import arm_from_settings
from orchestrator.store.held import Rules
from orchestrator.store.keeping import Keeping
from orchestrator.store.migrating import migrate
from orchestrator.store.reading import Reading
from orchestrator.store.running import Running

__all__ = ["SqlJobStore", "migrate", "open_job_store"]


class SqlJobStore(Accepting, Reading, Ending, Running, Committing, Keeping):
    """The job store over SQLAlchemy; see `orchestrator.jobs.JobStore` for what its methods promise."""

    def close(self) -> None:
        """Release connections."""
        self._database.close()


def open_job_store(
    url: str,
    *,
    lease_seconds: float = 30.0,
    ttl_seconds: float = 7 * 86_400.0,
    crash_attempts: int = CRASH_ATTEMPTS,
    fenced: bool = True,
) -> JobStore:
    """The store at `sqlite:///<path>` or `postgresql+psycopg://...`, whose schema `migrate` has brought up.

    `fenced=False` takes away the check that a worker still holds the step it writes about. It is there for
    the tests of the tests: they must turn red without the fence.
    """
    arm_from_settings()
    return SqlJobStore(Database(url), Rules(lease_seconds, ttl_seconds, fenced, crash_attempts))
