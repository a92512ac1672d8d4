"""How is a run computed and kept? In the lane's thread, alone or together with others of its verb."""

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic

from editrefiner.contracts import ProblemError
from editrefiner.serving.errors import BackendFailedError, MemoryExhaustedError
from editrefiner.serving.flights import Batching, Flight, Work
from editrefiner.serving.host import Host
from editrefiner.serving.records import StoredRun
from editrefiner.serving.verbs import AgentT, AnswerT, RequestT, Verb
from editrefiner.telemetry import metrics

log = logging.getLogger(__name__)


class Computer(Generic[AgentT, RequestT, AnswerT]):
    """Computes the flights of one verb. Whatever fails is returned, and logged here once."""

    def __init__(self, host: Host[AgentT], verb: Verb[AgentT, RequestT, AnswerT]) -> None:
        self._host = host
        self._verb = verb
        self.work = Work(self._compute, Batching() if verb.run_together is None else host.batching)

    def _compute(self, flights: Sequence[Flight]) -> list[StoredRun | ProblemError]:
        answers = self._together(flights) if len(flights) > 1 else None
        if answers is None:
            return [flight.context.run(self._ended, partial(self._alone, flight)) for flight in flights]
        return [
            flight.context.run(self._ended, partial(self._kept, flight, answer, seconds))
            for flight, (answer, seconds) in zip(flights, answers, strict=True)
        ]

    def _together(self, flights: Sequence[Flight]) -> list[tuple[AnswerT, float]] | None:
        """An answer for each with its share of the time; None when each has to find its own failure alone."""
        assert self._verb.run_together is not None  # else the batch is one flight
        asked = [(self._request(flight), flight.run) for flight in flights]
        started = time.perf_counter()
        try:
            answers = self._verb.run_together(self._host.loaded_agent, asked)
            share = (time.perf_counter() - started) / len(flights)
            return [(answer, share) for _, answer in zip(flights, answers, strict=True)]
        except BaseException as error:  # noqa: BLE001 — of one member or of all: run alone, each shows its own
            cause = type(error).__name__
            log.warning(
                "batch given up", extra={"verb": self._verb.path, "runs": len(flights), "cause": cause}
            )
            return None

    def _alone(self, flight: Flight) -> StoredRun:
        flight.run.checkpoint()
        started = time.perf_counter()
        answer = self._verb.run(self._host.loaded_agent, self._request(flight), flight.run)
        return self._kept(flight, answer, time.perf_counter() - started)

    def _kept(self, flight: Flight, answer: AnswerT, seconds: float) -> StoredRun:
        """Make the result durable."""
        stored = StoredRun(
            verb=self._verb.path,
            backend_digest=self._host.loaded_agent.backend.digest,
            run_seconds=seconds,
            answer=answer.model_dump_json(),
        )
        self._host.records.put_run(flight.key, stored)
        return stored

    def _ended(self, run: Callable[[], StoredRun]) -> StoredRun | ProblemError:
        """What a run came to."""
        host, verb = self._host, self._verb
        backend = host.loaded_agent.backend.name
        try:
            stored = run()
        except ProblemError as error:
            failure = error
        except MemoryError:
            host.lifecycle.count_memory(exhausted=True)
            log.exception("run out of memory", extra={"verb": verb.path})
            failure = MemoryExhaustedError(
                f"{backend} ran out of memory. Send smaller pictures, or give the process more."
            )
        except BaseException as error:
            log.exception("backend failed", extra={"verb": verb.path})
            failure = BackendFailedError(
                f"{type(error).__name__} in backend {backend}; the log has it under request_id."
            )
        else:
            host.lifecycle.count_memory(exhausted=False)
            metrics.AGENT_RUN_SECONDS.labels(host.name, verb.path).observe(stored.run_seconds)
            return stored
        metrics.AGENT_FAILURES.labels(host.name, failure.code).inc()
        return failure

    def _request(self, flight: Flight) -> RequestT:
        assert isinstance(flight.request, self._verb.request)  # flights of one work are of one verb
        return flight.request
