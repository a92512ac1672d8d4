"""What turns an agent into a service."""

from editrefiner.serving.answering import deadline_seconds
from editrefiner.serving.bodies import Body, Draft, media_type, parse_request, read_body, resolve_images
from editrefiner.serving.body_limit import BodyLimitMiddleware
from editrefiner.serving.disconnect import unless_disconnected
from editrefiner.serving.door import Hold
from editrefiner.serving.errors import (
    AlreadyFinishedError,
    CanceledError,
    DeadlineExceededError,
    IdempotencyMismatchError,
    NotFoundError,
    NotReadyError,
    QueueFullError,
    ValidationFailedError,
)
from editrefiner.serving.flights import Batching
from editrefiner.serving.host import Host
from editrefiner.serving.lifecycle import Lifecycle
from editrefiner.serving.many import Many, Outcome
from editrefiner.serving.openapi import install_openapi, problem_answers
from editrefiner.serving.probes import probes
from editrefiner.serving.problems import install_problem_handlers, problem_response, validation_problem
from editrefiner.serving.process import run_service
from editrefiner.serving.records import StoredRun, idempotency_key
from editrefiner.serving.request_context import RequestContextMiddleware
from editrefiner.serving.runs import Run, shared_checkpoint
from editrefiner.serving.service import create_service, install_plumbing
from editrefiner.serving.settings import ServiceSettings
from editrefiner.serving.tokens import first_token_past
from editrefiner.serving.verbs import Agent, Example, ImageStore, Reading, Verb, View

__all__ = [
    "Agent",
    "AlreadyFinishedError",
    "Batching",
    "Body",
    "BodyLimitMiddleware",
    "CanceledError",
    "DeadlineExceededError",
    "Draft",
    "Example",
    "Hold",
    "Host",
    "IdempotencyMismatchError",
    "ImageStore",
    "Lifecycle",
    "Many",
    "NotFoundError",
    "NotReadyError",
    "Outcome",
    "QueueFullError",
    "Reading",
    "RequestContextMiddleware",
    "Run",
    "ServiceSettings",
    "StoredRun",
    "ValidationFailedError",
    "Verb",
    "View",
    "create_service",
    "deadline_seconds",
    "first_token_past",
    "idempotency_key",
    "install_openapi",
    "install_plumbing",
    "install_problem_handlers",
    "media_type",
    "parse_request",
    "probes",
    "problem_answers",
    "problem_response",
    "read_body",
    "resolve_images",
    "run_service",
    "shared_checkpoint",
    "unless_disconnected",
    "validation_problem",
]
