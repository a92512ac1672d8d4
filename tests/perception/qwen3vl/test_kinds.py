"""The detectors are asked in the words they were trained on."""

from hashlib import sha256

import pytest

from services.perception.backends.qwen3vl import Kind, prompt

# SHA-256 of the published text with this instruction in its place.
PUBLISHED: dict[Kind, str] = {
    "artifact": "133acbe11092ef4f7bf1d95927311a94a9e82b274cdd8a286547e708dc13540d",
    "failure": "51bd9ec30fbed3c904d7f5025d653a7f2de2d73877c1673769287a2d9fb27718",
}


@pytest.mark.parametrize("kind", PUBLISHED)
def test_the_question_is_the_published_one_to_the_character(kind: Kind) -> None:
    assert sha256(prompt(kind, " Make the cup blue\n").encode()).hexdigest() == PUBLISHED[kind]


def test_braces_in_an_instruction_are_only_text() -> None:
    assert "'{0} {instruction} {}'" in prompt("artifact", "{0} {instruction} {}")
