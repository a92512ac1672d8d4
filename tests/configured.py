"""Which Settings class reads the variables of which process?"""

from pydantic_settings import BaseSettings

from orchestrator.settings import Settings as OrchestratorSettings
from services.action.settings import Settings as ActionSettings
from services.evaluation.settings import Settings as EvaluationSettings
from services.perception.settings import Settings as PerceptionSettings
from services.reasoning.settings import Settings as ReasoningSettings

SETTINGS: dict[str, type[BaseSettings]] = {
    "ORCHESTRATOR_": OrchestratorSettings,
    "PERCEPTION_": PerceptionSettings,
    "REASONING_": ReasoningSettings,
    "ACTION_": ActionSettings,
    "EVALUATION_": EvaluationSettings,
}


def variables() -> set[str]:
    """Every environment variable that some Settings class reads."""
    return {
        f"{prefix}{field}".upper() for prefix, settings in SETTINGS.items() for field in settings.model_fields
    }
