"""Which score do the judge's words stand for? Digits 0..9, by their probabilities or as they were written."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

BEST = 9  # the digit that stands for 100
LEAST_MASS = 0.5  # of the probability on digits: below it the model meant to say something else
_NUMBER = re.compile(r"(?<![\d.-])\d+(?:\.\d+)?(?![\d%])")


def expected(choice: Mapping[str, Any]) -> float | None:
    """0..100: the mean of the digits under the probabilities of the answer's first token.

    Tokens that are the same digit with and without a space before it count together. None where the answer
    has no probabilities of that kind, or has them on other tokens than digits.
    """
    try:
        candidates = choice["logprobs"]["content"][0]["top_logprobs"]
        pairs = [(str(candidate["token"]), float(candidate["logprob"])) for candidate in candidates]
    except (KeyError, IndexError, TypeError, ValueError, OverflowError):
        return None
    mass = dict.fromkeys(range(BEST + 1), 0.0)
    for token, log_probability in pairs:
        word = token.strip()
        if len(word) == 1 and word in "0123456789" and not math.isnan(log_probability):
            mass[int(word)] += math.exp(min(log_probability, 0.0))
    total = sum(mass.values())
    if total < LEAST_MASS:
        return None
    return 100 / BEST * sum(digit * weight for digit, weight in mass.items()) / total


def written(choice: Mapping[str, Any]) -> float | None:
    """0..100: the score in the answer's text.

    Taken are a digit alone, a JSON object with one number, and else the one number in the text; with several
    different ones nobody knows which is meant. None where there is none of 0..9.
    """
    try:
        text = str(choice["message"]["content"] or "").strip()
    except (KeyError, TypeError):
        return None
    found = _of_json(text)
    if found is None:
        numbers = {float(number) for number in _NUMBER.findall(text)}
        found = numbers.pop() if len(numbers) == 1 else None
    if found is None or not 0 <= found <= BEST:
        return None
    return 100 / BEST * found


def _of_json(text: str) -> float | None:
    fenced = text.removeprefix("```json").removeprefix("```").removesuffix("```").strip()
    try:
        said = json.loads(fenced, parse_int=float)  # no int: one of hundreds of digits is no float
    except (ValueError, RecursionError):
        return None
    if isinstance(said, dict):
        numbers = [v for v in said.values() if isinstance(v, int | float) and not isinstance(v, bool)]
        return float(numbers[0]) if len(numbers) == 1 else None
    return float(said) if isinstance(said, int | float) and not isinstance(said, bool) else None
