"""What the loop says of every round, and which answers it refuses."""

import pytest

from editrefiner.contracts import (
    StepKind,
)
from orchestrator.jobs import CommittedStep, StepAnswerError
from orchestrator.loop import iterations, next_step
from tests.orchestrator.hand_answers import (
    commit,
    diagnosed,
    edited,
    given,
    job,
    perceived,
    picture,
    ranked,
    round_with,
    scores,
)


def test_every_round_says_what_it_saw_tried_and_decided() -> None:
    inputs = job()
    answers = given(50), *round_with(scores(60), scores(58)), perceived("r1")
    steps = commit(inputs, *answers, run_seconds=0.5)

    first, second = iterations(inputs, steps)

    assert (first.number, first.base, first.accepted) == (1, picture("edited"), 0)
    assert (first.perception, first.diagnosis, first.edit) == answers[1:4]
    assert (first.scores, first.scored) == ((scores(60), scores(58)), (0, 1))
    assert first.agent_seconds == {"perception": 0.5, "reasoning": 0.5, "action": 0.5, "evaluation": 0.5}
    assert (second.number, second.base, second.accepted) == (2, picture("candidate 0"), None)
    assert (second.diagnosis, second.edit, second.scores, second.decision) == (None, None, (), "")


@pytest.mark.parametrize(
    ("answers", "decision"),
    [
        (round_with(scores(60)), "Accepted candidate 1: overall 60.0, +10.0."),
        (
            round_with(scores(40), scores(50)),
            "Rejected: the best candidate, 2, changes the overall score by +0.0; "
            "the best of 2 has to gain more than 0.6: the scorer's margin for one is 0.5.",
        ),
        (
            round_with(scores(40)),
            "Rejected: the best candidate, 1, changes the overall score by -10.0; "
            "it has to gain more than the scorer's margin of 0.5.",
        ),
        (
            round_with(scores(49.99)),
            "Rejected: the best candidate, 1, changes the overall score by +0.0; "
            "it has to gain more than the scorer's margin of 0.5.",
        ),
        (
            round_with(scores(80, visual_consistency=44.0), scores(30)),
            "Rejected: the best candidate, 1, loses 6.0 in visual consistency, more than the 2.0 tolerated.",
        ),
        (
            (perceived("r1"), diagnosed(r1=True), edited()),
            "Rejected: no candidate was made that leaves the rest of the picture untouched.",
        ),
        ((perceived(),), "Nothing to repair: no flaw was seen."),
        (
            (perceived("r1", "r2"), diagnosed(r1=False, r2=False)),
            "Nothing to repair: on a closer look none of 2 regions is a flaw.",
        ),
        ((perceived("r1"), diagnosed(r1=True)), ""),
    ],
)
def test_a_decision_is_one_sentence(answers, decision: str) -> None:
    inputs = job()

    (only,) = iterations(inputs, commit(inputs, given(50, margin=0.5), *answers))

    assert only.decision == decision


def test_scores_for_other_than_the_ranked_candidates_are_refused() -> None:
    inputs = job()
    steps = commit(
        inputs, given(50), perceived("r1"), diagnosed(r1=True), edited("a", "b"), ranked(scores(60))
    )

    with pytest.raises(StepAnswerError, match=r"step 4 \(rank\): 1 scores for 2 candidates"):
        next_step(inputs, steps)


def test_an_answer_that_cannot_be_read_is_refused() -> None:
    step = CommittedStep(0, StepKind.SCORE, 0, {}, {"scores": {}}, 1.0)

    with pytest.raises(StepAnswerError, match=r"the evaluation service's scores\.\w+ cannot be read"):
        next_step(job(), [step])


def test_an_answer_that_no_request_can_be_made_of_is_refused() -> None:
    inputs = job()
    steps = commit(inputs, given(50), perceived(*(f"r{number}" for number in range(65))))

    with pytest.raises(StepAnswerError, match=r"step 1 \(perceive\): no further request can be made"):
        next_step(inputs, steps)
