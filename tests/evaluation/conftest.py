"""What tests of several scorers share."""

import pytest

from services.evaluation.agent import EvaluationAgent


@pytest.fixture
def ready_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights fail the probes, as they should; here they are let in, with that on record."""
    monkeypatch.setattr(EvaluationAgent, "require_probes", EvaluationAgent.probe)
