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
from services.perception.backends.network import WEIGHTS, FlawNetwork, WeightsChangedError, input_size
from services.perception.backends.wordvectors import WordVectors
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
