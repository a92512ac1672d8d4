"""A worker whose commits are not fenced: what the chaos test must be able to tell from a right one."""

from functools import partial

from orchestrator.settings import Settings
from orchestrator.store import open_job_store
from orchestrator.worker.process import run_worker

if __name__ == "__main__":
    run_worker(Settings(), open_jobs=partial(open_job_store, fenced=False))
