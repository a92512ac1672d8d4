"""What the network is given: planes on one scale, words with a meaning, the weights that were released."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from services.perception.agent import Sample
from services.perception.backends.comparison import compare, untouched
from services.perception.backends.evidence import PLANES, SCALARS, evidence, named_color
from services.perception.backends.network import WEIGHTS, FlawNetwork, input_size
from services.perception.backends.wordvectors import WordVectors
from services.shipped import WeightsChangedError
from tests.perception import scenes


@pytest.fixture(scope="module")
def vectors() -> WordVectors:
    return WordVectors.read(WEIGHTS / "words.npz")


def plane(picture: np.ndarray, name: str) -> np.ndarray:
    return picture[PLANES.index(name)]


def test_planes_have_the_size_asked_for_and_lie_between_minus_one_and_one(vectors: WordVectors) -> None:
    found = compare(Sample(scenes.still_life(), scenes.edited_well(), scenes.RECOLOR))
    seen = evidence(found, scenes.RECOLOR, vectors, (96, 128))

    assert seen.planes.shape == (len(PLANES), 96, 128)
    assert np.abs(seen.planes).max() <= 1
    assert seen.whole.shape == (SCALARS + vectors.width,)
    assert np.isfinite(seen.whole).all()


def test_the_requested_change_and_its_colour_are_planes(vectors: WordVectors) -> None:
    found = compare(Sample(scenes.still_life(), scenes.edited_well(), scenes.RECOLOR))
    planes = evidence(found, scenes.RECOLOR, vectors, scenes.ball().shape).planes

    assert plane(planes, "intended")[scenes.ball()].mean() > 0.9
    assert plane(planes, "intended")[scenes.bystander()].mean() < 0.05
    wished = plane(planes, "wished_color")
    assert wished[scenes.ball()].mean() > wished[scenes.bystander()].mean() + 0.1


def test_what_was_left_of_a_half_made_change_looks_like_what_was_changed(vectors: WordVectors) -> None:
    half = scenes.edited_well()
    lower = scenes.ball() & (np.arange(half.shape[0]) > np.argwhere(scenes.ball())[:, 0].mean())[:, None]
    half[lower] = scenes.still_life()[lower]
    found = compare(Sample(scenes.still_life(), half, scenes.RECOLOR))
    planes = evidence(found, scenes.RECOLOR, vectors, half.shape[:2]).planes

    likeness = plane(planes, "like_changed")
    assert likeness[lower].mean() > 0.3
    assert likeness[lower].mean() > likeness[~scenes.ball()].mean() + 0.3
    near = plane(planes, "near_intended")
    assert near[scenes.ball() & ~lower].mean() > 0.9
    assert near[lower].mean() > near[~scenes.ball()].mean()


def test_a_change_that_was_made_weaker_in_one_part_stands_out_there(vectors: WordVectors) -> None:
    source, edited = scenes.still_life(), scenes.edited_well()
    _, columns = np.nonzero(scenes.ball())
    weak = scenes.ball() & (np.arange(edited.shape[1]) < np.median(columns))[None, :]
    mixed = edited.copy()
    mixed[weak] = (0.75 * edited[weak] + 0.25 * source[weak]).astype(np.uint8)
    found = compare(Sample(source, mixed, scenes.RECOLOR))
    strength = plane(evidence(found, scenes.RECOLOR, vectors, edited.shape[:2]).planes, "change_strength")

    assert strength[weak].mean() < strength[scenes.ball() & ~weak].mean() - 0.1
    assert np.abs(strength[~scenes.ball()]).mean() < 0.02


def test_a_place_that_shows_something_else_does_not_match(vectors: WordVectors) -> None:
    picture, box = scenes.photograph("coffee"), (200, 150, 260, 210)
    found = compare(Sample(picture, scenes.with_block(picture, box), "Make it warmer"))
    match = plane(evidence(found, "Make it warmer", vectors, picture.shape[:2]).planes, "match")

    left, top, right, bottom = box
    inside = match[top + 10 : bottom - 10, left + 10 : right - 10].mean()
    assert inside < np.median(match) - 0.3


def test_an_untouched_copy_is_known_as_one_and_a_small_change_is_not() -> None:
    picture = scenes.photograph("coffee")

    assert untouched(compare(Sample(picture, picture.copy(), "Make the cup red")))
    changed = scenes.with_block(picture, (200, 150, 260, 210))
    assert not untouched(compare(Sample(picture, changed, "Make the cup red")))


def test_a_colour_that_says_which_thing_is_meant_is_told_from_the_one_it_is_to_take() -> None:
    assert named_color("Change the red car to blue") == "red"
    assert named_color("Make the car blue") is None


def test_words_of_one_meaning_are_nearer_than_words_of_two(vectors: WordVectors) -> None:
    dog, puppy, sky = (vectors.mean(word) for word in ("dog", "puppy", "sky"))

    assert dog @ puppy > dog @ sky + 0.2


def test_unknown_words_have_no_direction_and_known_ones_have_length_one(vectors: WordVectors) -> None:
    assert not vectors.mean("qqqqzzx 123 !?").any()
    assert np.isclose(np.linalg.norm(vectors.mean("Make the dog red")), 1, atol=1e-5)


@pytest.mark.parametrize("shape", [(64, 64), (300, 400), (512, 384), (768, 96)])
def test_the_network_is_shown_sides_of_multiples_of_16_at_about_one_area(shape: tuple[int, int]) -> None:
    height, width = input_size(shape)

    assert height % 16 == width % 16 == 0
    assert height >= 64
    assert width >= 64
    assert height * width <= 1.3 * 288 * 288


def test_weights_that_were_changed_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(WEIGHTS, folder)
    content = bytearray((folder / "compact.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "compact.onnx").write_bytes(content)

    with pytest.raises(WeightsChangedError, match=r"compact\.onnx has SHA-256"):
        FlawNetwork(folder=folder)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(WEIGHTS, folder)
    (folder / "words.npz").unlink()

    with pytest.raises(WeightsChangedError, match=r"words\.npz cannot be read"):
        FlawNetwork(folder=folder)


def test_the_manifest_names_every_weights_file_by_its_digest() -> None:
    manifest = json.loads((WEIGHTS / "manifest.json").read_text())

    for name, digest in manifest["sha256"].items():
        assert hashlib.sha256((WEIGHTS / name).read_bytes()).hexdigest() == digest
    kept = {path.name for path in WEIGHTS.iterdir()}
    assert kept == {*manifest["sha256"], "manifest.json", "MODEL_CARD.md"}


def test_the_same_pair_gives_the_same_maps_bit_for_bit() -> None:
    sample = Sample(scenes.still_life(), scenes.with_cast(scenes.edited_well(), (250, 40, 330, 110)), "x")
    found = compare(sample)
    maps = []
    for _ in range(2):
        network = FlawNetwork()
        seen = evidence(found, sample.instruction, network.words, input_size(found.seen.shape))
        maps.append(network.maps(seen))

    assert np.array_equal(*maps)
    assert maps[0].shape[0] == 2
    assert maps[0].min() >= 0
    assert maps[0].max() <= 1
