"""Runs the steps of jobs: claims them, calls agents, commits what they answer."""

from orchestrator.worker.embedded import EmbeddedWorker

__all__ = ["EmbeddedWorker"]
