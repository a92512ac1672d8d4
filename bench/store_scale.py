"""Do claims and sweeps stay quick with many queued jobs? Latencies at 10,000 jobs against those at 100.

python -m bench.store_scale [--jobs 10000] [--rounds 3]

Per round and database two stores are filled anew, one with 100 queued jobs and one with 10,000, 50 due for a
ring in each; then both are asked in turns. That their plans read indexes only is a test: `tests/store`.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from bench.results_file import keep
from deploy.local import PostgresServer, free_port
from editrefiner.contracts import ImageRef, RefinementParameters
from orchestrator.jobs import JobInputs, JobStore
from orchestrator.store import migrate, open_job_store, schema
from orchestrator.store.database import create_engine

FEW = 100
DUE = 50
RINGS_PER_SWEEP = 5
CLAIMS = 40


class Crowd:
    """A job store with many queued jobs."""

    def __init__(self, url: str, jobs: int) -> None:
        self.jobs = jobs
        migrate(url)
        self.store: JobStore = open_job_store(url)
        self._engine = create_engine(url)

    def close(self) -> None:
        """Release connections."""
        self.store.close()
        self._engine.dispose()

    def refill(self) -> None:
        """Queue the jobs anew, copies of one; DUE of them wait to be rung, the others have been."""
        with self._engine.begin() as connection:
            connection.execute(sa.delete(schema.jobs))
        self.store.create(_inputs(), idempotency_key=None, body_sha256="00" * 32)
        with self._engine.begin() as connection:
            now = connection.execute(sa.select(schema.database_clock())).scalar_one()
            job = dict(connection.execute(sa.select(schema.jobs)).mappings().one())
            step = dict(connection.execute(sa.select(schema.steps)).mappings().one())
            connection.execute(sa.delete(schema.jobs))
            connection.execute(sa.insert(schema.jobs), [{**job, "id": _id(n)} for n in range(self.jobs)])
            every = self.jobs // DUE
            rows = [
                {**step, "job_id": _id(n), "ring_at": now - 5 if n % every == 0 else now + 3600}
                for n in range(self.jobs)
            ]
            connection.execute(sa.insert(schema.steps), rows)
            connection.exec_driver_sql("ANALYZE")

    def claim(self, number: int) -> None:
        """Claim the first step of a job that is spread over the crowd."""
        spread = number * (self.jobs // CLAIMS)
        assert self.store.claim(_id(spread), 0) is not None, "every job of the crowd can be claimed"

    def sweep(self, _: int) -> None:
        """Ring some of those that are due."""
        assert len(self.store.sweep(limit=RINGS_PER_SWEEP)) == RINGS_PER_SWEEP

    def get(self, number: int) -> None:
        """Read one job."""
        self.store.get(_id(number * (self.jobs // CLAIMS)))


def measure(few: Crowd, many: Crowd, rounds: int) -> dict[str, Any]:
    """Median milliseconds of each operation in both crowds, and the median ratio of a round."""
    work: dict[str, tuple[int, Callable[[Crowd, int], None]]] = {
        "sweep": (DUE // RINGS_PER_SWEEP, Crowd.sweep),
        "get": (CLAIMS, Crowd.get),
        "claim": (CLAIMS, Crowd.claim),
    }
    medians: dict[str, list[tuple[float, float]]] = {name: [] for name in work}
    for _ in range(rounds):
        few.refill()
        many.refill()
        for name, (times, operation) in work.items():
            took = np.array([[_timed(operation, crowd, n) for crowd in (few, many)] for n in range(times)])
            medians[name].append(tuple(np.median(took, axis=0)))
    return {
        name: {
            f"ms_at_{few.jobs}": 1000 * float(np.median([one[0] for one in each])),
            f"ms_at_{many.jobs}": 1000 * float(np.median([one[1] for one in each])),
            "ratio": float(np.median([one[1] / one[0] for one in each])),
        }
        for name, each in medians.items()
    }


@contextmanager
def databases(folder: Path) -> Iterator[dict[str, tuple[str, str]]]:
    """Two empty databases of each kind, by kind."""
    server = PostgresServer(folder / "postgresql", port=free_port(), environment={})
    server.start()
    try:
        server.wait_ready()
        engine = sa.create_engine(server.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for name in ("few", "many"):
                connection.exec_driver_sql(f"CREATE DATABASE {name}")
        engine.dispose()
        beside = server.url.rpartition("/")[0]
        yield {
            "sqlite": (f"sqlite:///{folder / 'few.db'}", f"sqlite:///{folder / 'many.db'}"),
            "postgresql": (f"{beside}/few", f"{beside}/many"),
        }
    finally:
        server.terminate()


def _timed(operation: Callable[[Crowd, int], None], crowd: Crowd, number: int) -> float:
    begin = time.perf_counter()
    operation(crowd, number)
    return time.perf_counter() - begin


def _id(number: int) -> str:
    return f"{number:026d}"


def _inputs() -> JobInputs:
    picture = ImageRef(sha256="5c" * 32, width=1024, height=1024)
    return JobInputs(
        source=picture,
        edited=picture,
        edited_alpha=None,
        instruction="Make the car red",
        parameters=RefinementParameters(),
    )


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="store-scale-") as folder, databases(Path(folder)) as urls:
        for kind, (few_url, many_url) in urls.items():
            few, many = Crowd(few_url, FEW), Crowd(many_url, options.jobs)
            figures[kind] = measure(few, many, options.rounds)
            few.close()
            many.close()
            for name, row in figures[kind].items():
                print(
                    f"{kind:11} {name:6} {row[f'ms_at_{FEW}']:6.2f} ms at {FEW}  "
                    f"{row[f'ms_at_{options.jobs}']:6.2f} ms at {options.jobs}  ratio {row['ratio']:.2f}"
                )
    keep("store_scale", figures)


if __name__ == "__main__":
    main()
