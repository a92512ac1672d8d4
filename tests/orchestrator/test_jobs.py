"""How the failures of the job store look on the wire."""

import pytest

from editrefiner.contracts import ProblemError
from orchestrator import jobs


@pytest.mark.parametrize(
    ("failure", "status", "code", "retryable"),
    [
        (jobs.JobNotFoundError, 404, "not_found", False),
        (jobs.JobGoneError, 410, "gone", False),
        (jobs.IdempotencyMismatchError, 422, "idempotency_mismatch", False),
        (jobs.AlreadyFinishedError, 409, "already_finished", False),
        (jobs.NotFinishedError, 409, "not_finished", False),
        (jobs.LeaseLostError, 409, "conflict", False),
        (jobs.StepAnswerError, 502, "backend_failed", False),
        (jobs.StoreUnavailableError, 503, "dependency_unavailable", True),
    ],
)
def test_a_failure_of_the_store_is_a_problem(
    failure: type[ProblemError], status: int, code: str, *, retryable: bool
) -> None:
    problem = failure("what is wrong").problem()

    assert (problem.status, problem.code, problem.retryable) == (status, code, retryable)
    assert problem.detail == "what is wrong"
