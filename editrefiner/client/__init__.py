"""Typed clients of the agents and of the job API."""

from editrefiner.client.agents import (
    ActionClient,
    AgentClient,
    Answered,
    EvaluationClient,
    PerceptionClient,
    ReasoningClient,
)
from editrefiner.client.errors import (
    AnswerUnreadableError,
    ClientError,
    ConnectionLostError,
    DeadlineError,
    PictureUnusableError,
    RequestRejectedError,
    RewardMissingError,
    RunCanceledError,
    ServiceFailedError,
    ServiceUnavailableError,
    ServiceUnreachableError,
)
from editrefiner.client.jobs import JobsClient

__all__ = [
    "ActionClient",
    "AgentClient",
    "AnswerUnreadableError",
    "Answered",
    "ClientError",
    "ConnectionLostError",
    "DeadlineError",
    "EvaluationClient",
    "JobsClient",
    "PerceptionClient",
    "PictureUnusableError",
    "ReasoningClient",
    "RequestRejectedError",
    "RewardMissingError",
    "RunCanceledError",
    "ServiceFailedError",
    "ServiceUnavailableError",
    "ServiceUnreachableError",
]
