"""How are the four agents called without services around them? Loaded as they are, called as functions."""

from bench.plain import Call, MemoryPictures
from editrefiner.contracts import StepKind
from services.action.agent import ActionAgent
from services.action.backends import load_backend as load_editor
from services.action.settings import Settings as ActionSettings
from services.evaluation.agent import EvaluationAgent
from services.evaluation.backends import load_backend as load_scorer
from services.evaluation.settings import Settings as EvaluationSettings
from services.perception.agent import PerceptionAgent
from services.perception.backends import load_backend as load_detector
from services.perception.settings import Settings as PerceptionSettings
from services.reasoning.agent import ReasoningAgent
from services.reasoning.backends import load_backend as load_diagnostician
from services.reasoning.settings import Settings as ReasoningSettings


def plain_calls(pictures: MemoryPictures) -> dict[StepKind, Call]:
    """The verbs that the loop needs, with the backends that the services load by default."""
    perception = PerceptionAgent(load_detector(PerceptionSettings()), pictures)
    reasoning = ReasoningAgent(load_diagnostician(ReasoningSettings()), pictures)
    action = ActionAgent(load_editor(ActionSettings()), pictures)
    evaluation = EvaluationAgent(load_scorer(EvaluationSettings()), pictures)
    return {
        StepKind.SCORE: evaluation.score,
        StepKind.PERCEIVE: perception.perceive,
        StepKind.DIAGNOSE: reasoning.diagnose,
        StepKind.EDIT: action.edit,
        StepKind.RANK: evaluation.rank,
    }
