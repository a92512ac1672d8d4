"""What is a job's time made of? Parts that add up to the whole, from the spans at the suite's seams."""

from collections.abc import Iterable

from bench.overhead_arms import Run
from bench.stopwatch import Span

PARTS = {
    "intake": "two PNGs taken in: decoded; for a job also sent, stored durably, and its row written",
    "agents": "compute of the agents, without their reading and writing of pictures",
    "pictures_read": "pictures read by agents from the store",
    "pictures_written": "pictures written by agents to the store: encoded, named by SHA-256, made durable",
    "calls": "from the worker to the agents and back, with stored results: calls less their compute",
    "store": "claims and commits of steps",
    "waiting": "between acceptance and the last commit, with nothing above going on",
    "notice": "from the last commit until the caller knows",
    "output": "the refined picture encoded or fetched, and written",
}


def parts(run: Run, spans: list[Span]) -> dict[str, float]:
    """Seconds by part of one run; `spans` are those of its process or processes."""
    compute = sum(run.agents.values())
    whole = {"intake": run.accepted - run.began, "output": run.done - run.known}
    inner = [span for span in spans if run.accepted - 0.5 <= span.begin and span.end <= run.known]
    commits = [span.end for span in inner if span.what == "commit"]
    if not commits:  # the plain loop
        return _all({**whole, "agents": compute, "waiting": run.known - run.accepted - compute})
    calls = sum(span.seconds for span in inner if span.what == "call")
    busy = covered(span for span in inner if span.what in ("claim", "commit", "call"))
    on_lane = [span for span in inner if "-lane" in span.thread]
    read = sum(span.seconds for span in on_lane if span.what == "read")
    written = sum(span.seconds for span in on_lane if span.what == "write")
    return _all(
        {
            **whole,
            "agents": compute - read - written,
            "pictures_read": read,
            "pictures_written": written,
            "calls": calls - compute,
            "store": busy - calls,
            "waiting": max(commits) - run.accepted - busy,
            "notice": run.known - max(commits),
        }
    )


def covered(spans: Iterable[Span]) -> float:
    """Seconds in which at least one of the spans was under way."""
    total, until = 0.0, float("-inf")
    for span in sorted(spans, key=lambda span: span.begin):
        total += max(0.0, span.end - max(span.begin, until))
        until = max(until, span.end)
    return total


def _all(seconds: dict[str, float]) -> dict[str, float]:
    return {name: seconds.get(name, 0.0) for name in PARTS}
