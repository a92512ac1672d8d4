"""Instructions are read for what they ask: the kind of change, its colour, place, number and reach."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from editrefiner.contracts import EditKind
from services.perception.backends.instruction import Reach, parse


@pytest.mark.parametrize(
    ("instruction", "kind", "reach"),
    [
        ("Make the ball red", EditKind.RECOLOR, "part"),
        ("Change the color of the car", EditKind.RECOLOR, "part"),
        ("Remove the cat", EditKind.REMOVE, "part"),
        ("Get rid of the man on the left", EditKind.REMOVE, "part"),
        ("Add a hat to the dog", EditKind.ADD, "part"),
        ("Please add two birds in the sky", EditKind.ADD, "part"),
        ("Replace the cat with a dog", EditKind.REPLACE, "part"),
        ("Turn the dog into a cat", EditKind.REPLACE, "part"),
        ("Make the table of marble", EditKind.MATERIAL, "part"),
        ("Change the text 'OPEN' to 'CLOSED'", EditKind.TEXT, "part"),
        ("Fill in the missing region", EditKind.RESTORE, "part"),
        ("Remove the noise", EditKind.RESTORE, "frame"),
        ("Change the background to a beach", EditKind.BACKGROUND, "frame"),
        ("Make it look like winter", EditKind.GLOBAL, "frame"),
        ("Turn the photo into a watercolor painting", EditKind.GLOBAL, "frame"),
        ("Brighten the photo", EditKind.GLOBAL, "tone"),
        ("Make it black and white", EditKind.GLOBAL, "tone"),
        ("Hello", EditKind.UNKNOWN, "part"),
        ("把球变成红色", EditKind.UNKNOWN, "part"),
    ],
)
def test_the_kind_of_change_and_its_reach_are_read(instruction: str, kind: EditKind, reach: Reach) -> None:
    wish = parse(instruction)

    assert (wish.kind, wish.reach) == (kind, reach)


@pytest.mark.parametrize(
    ("instruction", "color"),
    [
        ("Make the ball red", "red"),
        ("Change the red car to blue", "blue"),
        ("CHANGE THE CAR TO NAVY", "navy"),
        ("Change the color of the car", None),
        ("Remove the red car", None),
    ],
)
def test_the_colour_to_take_is_the_last_one_named(instruction: str, color: str | None) -> None:
    assert parse(instruction).color == color


def test_places_and_numbers_are_read() -> None:
    several, one = parse("Make the two cups on the right green"), parse("Make the cup green")

    assert (several.places, several.many) == (("right",), True)
    assert (one.places, one.many) == ((), False)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=200))
def test_any_text_has_a_kind(text: str) -> None:
    assert isinstance(parse(text).kind, EditKind)


@pytest.mark.parametrize("unit", ["a", "remove ", "'a' to ", "the cats ", "make in "])
def test_the_end_of_an_endless_instruction_changes_nothing(unit: str) -> None:
    assert parse(unit * 1_000) == parse((unit * 1_000)[:600])


@pytest.mark.parametrize(
    ("instruction", "plain"),
    [
        ("Make the car red", True),
        ("Change the color of the cup and the saucer to blue", True),
        ("Remove the dog and the bench", True),
        ("Make the dog red and remove the bottle.", False),
        ("Recolor the car in blue. Add a hat to the man.", False),
        ('Turn "Hello" into "Keep Out". Could you please turn the wall green?', False),
        ("Make the dog brighter", False),
        ("Give the green part at the upper left a paler tint.", False),
        ("Make the color of the object at the top more intense", False),
        ("Give the photo a warmer tone", True),
        ("Increase the saturation of the photo", False),
    ],
)
def test_a_plain_request_is_one_change_of_a_part_or_of_the_light_of_the_whole(
    instruction: str, plain: bool
) -> None:
    assert parse(instruction).plain is plain
