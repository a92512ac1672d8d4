"""Is a judgement read as it was meant? Worked out by hand."""

import math
from typing import Any

import pytest

from services.evaluation.backends.judge.reading import expected, written


def tokens(**probabilities: float) -> dict[str, Any]:
    top = [
        {"token": token.replace("_", " ").replace("d", ""), "logprob": math.log(p)}
        for token, p in probabilities.items()
    ]
    return {"logprobs": {"content": [{"top_logprobs": top}]}}


def text(content: str | None) -> dict[str, Any]:
    return {"message": {"content": content}}


def test_the_mean_is_that_of_the_digits_under_their_probabilities():
    # (9 * 0.5 + 3 * 0.25) / 0.75 = 7 of 9; the word that is no digit has no part.
    assert expected(tokens(d9=0.5, d3=0.25, The=0.25)) == pytest.approx(700 / 9)


def test_a_digit_with_a_space_before_it_is_that_digit():
    assert expected(tokens(d4=0.4, _d4=0.4, d8=0.2)) == pytest.approx(100 / 9 * (4 * 0.8 + 8 * 0.2))


def test_an_answer_that_means_something_else_or_has_no_probabilities_is_none():
    assert expected(tokens(The=0.6, d9=0.4)) is None
    assert expected({"logprobs": None}) is None
    assert expected({"logprobs": {"content": []}}) is None
    assert expected({"message": {"content": "9"}}) is None
    assert expected({"logprobs": {"content": [{"top_logprobs": [{"token": "9", "logprob": None}]}]}}) is None


@pytest.mark.parametrize(
    ("answer", "digit"),
    [
        ("7", 7),
        (" 7.\n", 7),
        ("Score: 7", 7),
        ('{"score": 7}', 7),
        ('```json\n{"score": 7.5, "why": "blur"}\n```', 7.5),
        ("I would say 0.", 0),
        ("7 - yes, 7", 7),
    ],
)
def test_a_score_is_found_in_what_models_write(answer: str, digit: float):
    assert written(text(answer)) == pytest.approx(100 / 9 * digit)


@pytest.mark.parametrize(
    "answer", ["", "good", "between 3 and 5", "70", "-3", "85%", '{"a": 1, "b": 2}', "true"]
)
def test_what_is_no_score_is_none(answer: str):
    assert written(text(answer)) is None


@pytest.mark.parametrize("answer", ["1" * 400, f'{{"score": {"1" * 400}}}', "[" * 100_000, "NaN", "Infinity"])
def test_what_no_reader_can_hold_is_none(answer: str):
    assert written(text(answer)) is None


def test_a_probability_that_no_number_can_hold_is_none():
    tops = [{"token": "5", "logprob": -(10**400)}]
    assert expected({"logprobs": {"content": [{"top_logprobs": tops}]}}) is None


def test_an_answer_without_text_is_none():
    assert written(text(None)) is None
    assert written({}) is None
