"""What if the database behaved otherwise? Stores that are the real one but for one method."""

from collections.abc import Sequence
from typing import Any

from orchestrator.jobs import Claim, Doorbell, JobStore, LeaseState, StoreUnavailableError
from orchestrator.store import SqlJobStore


class Altered(SqlJobStore):
    """A second store on the database of `store`, save for what a subclass does otherwise."""

    def __init__(self, store: JobStore) -> None:
        assert isinstance(store, SqlJobStore)
        super().__init__(store._database, store._rules)
        self.count = 0


class HeartbeatsSay(Altered):
    def __init__(self, store: JobStore, state: LeaseState) -> None:
        super().__init__(store)
        self._state = state

    def heartbeat(self, claim: Claim) -> LeaseState:
        return self._state


class CountsHeartbeats(Altered):
    def heartbeat(self, claim: Claim) -> LeaseState:
        self.count += 1
        return super().heartbeat(claim)


class HeartbeatsFail(Altered):
    def heartbeat(self, claim: Claim) -> LeaseState:
        self.count += 1
        raise StoreUnavailableError("the database is away")


class FirstSweepFails(Altered):
    def sweep(self, *, limit: int = 100) -> Sequence[Doorbell]:
        self.count += 1
        if self.count == 1:
            raise StoreUnavailableError("the database is away")
        return super().sweep(limit=limit)


class GivesBackAtOnce(Altered):
    def release(self, claim: Claim, *, busy_for_seconds: float) -> None:
        super().release(claim, busy_for_seconds=0.0)


class CommitsFail(Altered):
    """The first `times` commits are written and their outcome is never heard of."""

    def __init__(self, store: JobStore, times: int) -> None:
        super().__init__(store)
        self._times = times

    def commit(
        self, claim: Claim, result: dict[str, Any], *, run_seconds: float, backend_digest: str
    ) -> Doorbell | None:
        doorbell = super().commit(claim, result, run_seconds=run_seconds, backend_digest=backend_digest)
        self.count += 1
        if self.count <= self._times:
            raise StoreUnavailableError("the database is away")
        return doorbell
