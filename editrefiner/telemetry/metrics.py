"""Which numbers does the suite publish? The closed list of its metrics; nothing else declares one.

Every label takes values from a list fixed in code: no ids, no paths as sent, no text from users.
`service` is a label on all, so several services in one process share the default registry.
"""

from prometheus_client import Counter, Gauge, Histogram

# A compact backend answers in 10 ms to seconds, a diffusion backend in seconds to minutes.
_RUN_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320)
# Waiting starts near nothing and ends with the deadline of a step.
_QUEUE_SECONDS = (0.001, 0.01, 0.1, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320)
# Job API answers are milliseconds; long polls last up to a minute.
_HTTP = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
# A refinement is seconds on the compact backends and up to an hour on diffusion backends.
_JOB_SECONDS = (1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640, 1280, 3600)
# Scores are 0..100, and those of usable edits crowd into the upper half: finer steps there.
_POINTS = (10, 20, 30, 40, 50, 55, 60, 65, 70, 75, 80, 85, 90, 95, 98, 100)

# agents
AGENT_QUEUE_DEPTH = Gauge("refine_agent_queue_depth", "Runs that wait for the lane.", ["service"])
AGENT_INFLIGHT = Gauge("refine_agent_inflight", "Runs on the lane: one, or a batch.", ["service"])
AGENT_QUEUE_SECONDS = Histogram(
    "refine_agent_queue_seconds", "Wait between acceptance and start.", ["service"], buckets=_QUEUE_SECONDS
)
AGENT_RUN_SECONDS = Histogram(
    "refine_agent_run_seconds", "Compute time of a run.", ["service", "verb"], buckets=_RUN_SECONDS
)
AGENT_REJECTED = Counter(
    "refine_agent_rejected", "Requests turned away: queue_full, not_ready, deadline.", ["service", "reason"]
)
AGENT_CANCELLED = Counter(
    "refine_agent_cancelled",
    "Runs given up before their end: abandoned (nobody waits), requested, drain.",
    ["service", "reason"],
)
AGENT_CACHE_HITS = Counter(
    "refine_agent_cache_hits",
    "Requests answered without a run of their own: stored, joined.",
    ["service", "kind"],
)
AGENT_FAILURES = Counter("refine_agent_failures", "Runs that ended in a problem.", ["service", "code"])
MODEL = Gauge("refine_model_info", "The backend that is loaded; always 1.", ["service", "backend", "digest"])

# evaluation
SCORE_POINTS = Histogram(
    "refine_score_points",
    "Scores as they were computed, by dimension; the digest is that of the scorer, cut to 12 characters.",
    ["service", "dimension", "digest"],
    buckets=_POINTS,
)

# HTTP
HTTP_REQUESTS = Counter(
    "refine_http_requests", "Answers by route template and status.", ["service", "method", "route", "status"]
)
HTTP_SECONDS = Histogram(
    "refine_http_request_seconds",
    "Time to the end of the answer.",
    ["service", "route"],
    buckets=_HTTP,
)

# orchestrator
JOBS = Counter("refine_jobs", "Jobs that ended.", ["service", "status", "stop_reason"])
JOB_SECONDS = Histogram(
    "refine_job_seconds", "Acceptance to end of a job.", ["service"], buckets=_JOB_SECONDS
)
STEPS = Counter(
    "refine_steps",
    "Steps by how the attempt ended: done, busy, crashed, failed.",
    ["service", "kind", "outcome"],
)
STEP_SECONDS = Histogram(
    "refine_step_seconds", "Claim to commit of a step.", ["service", "kind"], buckets=_RUN_SECONDS
)
DOORBELLS = Counter(
    "refine_doorbells", "Doorbells sent and answered, by what came of them.", ["service", "outcome"]
)
SWEEP_RUNG = Counter("refine_sweep_rung", "Steps that a sweep had to ring for.", ["service"])
LEASES_LOST = Counter("refine_leases_lost", "Commits refused because the lease had moved on.", ["service"])
