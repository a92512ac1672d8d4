"""Does the judge ask the right questions, and survive what servers do? Against a real one on this machine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr

from services.evaluation.backends import load_backend
from services.evaluation.backends.calibration import CalibrationError
from services.evaluation.backends.judge import (
    JudgeOptions,
    JudgeRefusedError,
    JudgeScorer,
    JudgeSetupError,
    JudgeUnavailableError,
    UnreadableJudgementError,
)
from services.evaluation.backends.judge.client import JudgeClient
from services.evaluation.settings import Settings
from tests.evaluation.judge.chat_server import Server, failed, pictures, question, redirected, said

SOURCE = np.zeros((40, 60, 3), np.uint8)
EDITED = np.full((40, 60, 3), 200, np.uint8)


def scorer(server: Server, **settings: Any) -> JudgeScorer:
    options = JudgeOptions(server.url, "m", **{"backoff_seconds": 0.01, **settings})
    server.judges.append(JudgeScorer(options))
    return server.judges[-1]


def score(judge: JudgeScorer, *edits: np.ndarray, checkpoint: Callable[[], None] = lambda: None):
    return judge.score(SOURCE, edits or (EDITED,), 'Make it "grey"', checkpoint)


def by_dimension(body: dict[str, Any]) -> str:
    """A digit for each dimension, by the words of its criterion."""
    words = question(body)
    return "2" if "perceptual quality" in words else "5" if "what was asked for:" in words else "9"


def test_each_dimension_is_asked_for_with_both_pictures_and_the_instruction(server: Server):
    server.reply = lambda body: said(by_dimension(body), {by_dimension(body): 1.0})
    (marks,) = score(scorer(server))
    found = (marks.perceptual_quality, marks.instruction_following, marks.visual_consistency)
    assert [mark.value for mark in found] == pytest.approx([200 / 9, 500 / 9, 100])
    assert len(server.bodies) == 3
    for body in server.bodies:
        assert [int(picture[0, 0, 0]) for picture in pictures(body)] == [0, 200]
        assert '"Make it \\"grey\\""' in question(body)
        assert (body["model"], body["max_tokens"], body["temperature"]) == ("m", 1, 0.0)
        assert (body["logprobs"], body["top_logprobs"], body["seed"]) == (True, 20, 0)


def test_several_edits_keep_their_order_however_the_answers_come(server: Server):
    def reply(body: dict[str, Any]):
        digit = str(int(pictures(body)[1][0, 0, 0]) // 20)
        return said(digit, {digit: 1.0})

    server.reply = reply
    edits = [np.full((20, 20, 3), 20 * level, np.uint8) for level in (3, 9, 1)]
    values = [marks.visual_consistency.value for marks in score(scorer(server), *edits)]
    assert values == pytest.approx([300 / 9, 100, 100 / 9])


def test_samples_are_averaged_and_carry_their_own_seeds(server: Server):
    server.reply = lambda body: said(str(body["seed"]))
    (marks,) = score(scorer(server, reading="samples", samples=3, seed=4))
    assert marks.perceptual_quality.value == pytest.approx(100 / 9 * 5)  # of 4, 5 and 6
    assert sorted(body["seed"] for body in server.bodies) == [4, 4, 4, 5, 5, 5, 6, 6, 6]
    assert all("logprobs" not in body and body["temperature"] == 1.0 for body in server.bodies)


def test_an_answer_that_is_no_score_is_asked_for_once_more(server: Server):
    server.reply = lambda body: said("Well, ..." if body["seed"] == 0 else "6")
    (marks,) = score(scorer(server, reading="samples", samples=1))
    assert marks.perceptual_quality.value == pytest.approx(600 / 9)
    server.reply = lambda _body: said("good")
    with pytest.raises(UnreadableJudgementError, match="answered twice"):
        score(scorer(server))


def test_a_server_without_probabilities_is_named_as_the_reason(server: Server):
    with pytest.raises(UnreadableJudgementError, match="EVALUATION_JUDGE_READING to 'samples'"):
        score(scorer(server))


def test_a_busy_server_is_asked_again_after_the_time_it_names(server: Server):
    waits: list[float] = []
    replies = iter([failed(503), failed(429, {"Retry-After": "3"})])
    server.reply = lambda _body: next(replies, None) or said("5", {"5": 1.0})
    options = JudgeOptions(server.url, "m", concurrency=1, backoff_seconds=0.5)
    server.judges.append(JudgeScorer(options, JudgeClient(options, sleep=waits.append)))
    (marks,) = score(server.judges[-1])
    assert marks.perceptual_quality.value == pytest.approx(500 / 9)
    assert waits == [0.5, 3.0]


def test_a_server_that_stays_busy_is_unavailable_and_the_failure_retryable(server: Server):
    server.reply = lambda _body: failed(503, {"Retry-After": "0"})
    with pytest.raises(JudgeUnavailableError, match="503 3 times") as caught:
        score(scorer(server, retries=2, concurrency=1))
    assert caught.value.retryable
    assert caught.value.status == 503


def test_a_server_that_is_not_there_or_too_slow_is_unavailable(server: Server):
    gone = JudgeOptions("http://127.0.0.1:9/v1", "m", retries=1, backoff_seconds=0.01)
    with pytest.raises(JudgeUnavailableError, match="ConnectError"):
        score(JudgeScorer(gone))  # it never had a connection to close
    server.seconds = 5.0
    with pytest.raises(JudgeUnavailableError, match="ReadTimeout"):
        score(scorer(server, timeout_seconds=0.2, retries=0))


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_refusal_is_not_repeated(server: Server, status: int):
    server.reply = lambda _body: failed(status)
    with pytest.raises(JudgeRefusedError, match=f"status {status}"):
        score(scorer(server, concurrency=1))
    assert len(server.bodies) <= 3  # one of each dimension at most


def test_a_server_of_another_protocol_is_refused(server: Server):
    from fastapi.responses import JSONResponse, PlainTextResponse

    for reply in (
        PlainTextResponse("hello"),
        JSONResponse({"choices": []}),
        JSONResponse({"choices": ["x"]}),
    ):
        server.reply = lambda _body, reply=reply: reply
        with pytest.raises(JudgeRefusedError, match="chat-completions"):
            score(scorer(server))


def test_pictures_and_key_go_nowhere_else(server: Server):
    server.reply = lambda _body: redirected(server.url + "/elsewhere")
    with pytest.raises(JudgeRefusedError, match="status 307"):
        score(scorer(server, api_key="secret", concurrency=1))
    assert server.headers[0]["authorization"] == "Bearer secret"
    assert "secret" not in repr(JudgeOptions(server.url, "m", api_key="secret"))


def test_no_more_questions_are_on_their_way_than_allowed(server: Server):
    server.seconds = 0.05
    server.reply = lambda _body: said("5", {"5": 1.0})
    score(scorer(server, concurrency=2), EDITED, EDITED, EDITED)
    assert server.most_at_once == 2


def test_nothing_is_asked_once_nobody_waits(server: Server):
    class Gone(Exception):  # noqa: N818 — a sign, as the run's checkpoint gives it
        pass

    def checkpoint() -> None:
        raise Gone

    with pytest.raises(Gone):
        score(scorer(server), checkpoint=checkpoint)
    assert server.bodies == []


def test_large_pictures_are_shrunk_before_they_are_sent(server: Server):
    server.reply = lambda _body: said("5", {"5": 1.0})
    score(scorer(server, max_side=32), np.zeros((100, 200, 3), np.uint8))
    assert pictures(server.bodies[0])[1].shape == (16, 32, 3)


# ------------------------------------------------------------------------------------ calibration


def test_an_uncalibrated_judge_is_sure_of_nothing(server: Server):
    server.reply = lambda _body: said("5", {"5": 1.0})
    judge = scorer(server)
    (marks,) = score(judge)
    assert (marks.perceptual_quality.low, marks.perceptual_quality.high) == (0, 100)
    assert judge.coverage == 1
    assert judge.backend.provisional
    assert judge.difference_spread > judge.decision_margin > 100 / 9
    assert "Nothing was measured here" in judge.calibration_basis


def test_a_calibration_gives_intervals_and_margin_and_changes_the_digest(server: Server, tmp_path: Path):
    server.reply = lambda _body: said("5", {"5": 1.0})
    bare = scorer(server)
    path = tmp_path / "calibration.json"
    content = {
        "scorer": bare.backend.digest,
        "coverage": 0.9,
        "half_widths": {"perceptual_quality": 10, "instruction_following": 60, "visual_consistency": 0},
        "decision_margin": 6.5,
        "difference_spread": 7.5,
        "basis": "rated edits",
    }
    path.write_text(json.dumps(content))
    judge = scorer(server, calibration=path)
    (marks,) = score(judge)
    value = 500 / 9
    assert (marks.perceptual_quality.low, marks.perceptual_quality.high) == pytest.approx(
        (value - 10, value + 10)
    )
    assert (marks.instruction_following.low, marks.instruction_following.high) == (0, 100)
    assert (judge.coverage, judge.decision_margin) == (0.9, 6.5)
    assert judge.backend.digest != bare.backend.digest
    assert (judge.difference_spread, judge.calibration_basis) == (7.5, "rated edits")
    assert not judge.backend.provisional
    with pytest.raises(CalibrationError, match="measured with another scorer"):
        scorer(server, calibration=path, max_side=512)


def test_the_digest_covers_what_decides_and_not_the_key(server: Server):
    digest = scorer(server).backend.digest
    assert scorer(server, api_key="k", timeout_seconds=5.0).backend.digest == digest
    assert scorer(server, reading="samples").backend.digest != digest
    assert scorer(server, max_side=64).backend.digest != digest


def test_a_judge_without_address_or_model_is_refused():
    with pytest.raises(JudgeSetupError, match="EVALUATION_JUDGE_URL"):
        JudgeScorer(JudgeOptions("", "m"))
    for broken in ("http://", "http://judge:seven/v1"):
        with pytest.raises(JudgeSetupError, match="EVALUATION_JUDGE_URL"):
            JudgeScorer(JudgeOptions(broken, "m"))
    with pytest.raises(JudgeSetupError, match="EVALUATION_JUDGE_MODEL"):
        JudgeScorer(JudgeOptions("http://127.0.0.1:9/v1", ""))


def test_the_service_loads_the_judge_of_its_settings(server: Server):
    server.reply = lambda _body: said("5", {"5": 1.0})
    settings = Settings(backend="judge", judge_url=server.url, judge_model="m", judge_api_key=SecretStr("k"))
    judge = load_backend(settings)
    assert isinstance(judge, JudgeScorer)
    server.judges.append(judge)
    (marks,) = score(judge)
    assert marks.visual_consistency.value == pytest.approx(500 / 9)
    assert server.headers[0]["authorization"] == "Bearer k"
    assert "k" not in repr(settings.judge_api_key)
    with pytest.raises(JudgeSetupError, match="EVALUATION_JUDGE_URL"):
        load_backend(Settings(backend="judge"))
