"""The detector looks at both pictures and answers in the frame of the edit, in every arrangement the same."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from editrefiner.contracts import ChangeScope, EditKind
from services.checkpoints import CheckpointError, file_digests
from services.perception.agent import ImagesMismatchedError, Sample
from services.perception.backends.qwen3vl import (
    KINDS,
    FeatureReader,
    Kind,
    Qwen3VLDetector,
    Qwen3VLOptions,
    encode,
    load_decoder,
)
from services.perception.backends.qwen3vl.merge import main, merge
from services.qwen3vl import Preprocessor, attach, load_model
from tests.checkpoints.spoiling import settings
from tests.perception.qwen3vl.pairs import pair, picture, unhurried

SAMPLES = [pair(), pair((160, 192), (64, 96), seeds=(3, 4)), pair((64, 96), (128, 96), seeds=(5, 6))]


def saliency(detector: Qwen3VLDetector, sample: Sample, kind: Kind = "artifact") -> np.ndarray:
    (found,) = detector.saliency([sample], kind, unhurried)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_either_picture_and_the_words_change_the_map(detector: Qwen3VLDetector, kind: Kind) -> None:
    sample = pair()
    before, source, edited, words = detector.saliency(
        [
            sample,
            dataclasses.replace(sample, source=picture(96, 128, 7)),
            dataclasses.replace(sample, edited=picture(96, 128, 7)),
            dataclasses.replace(sample, instruction="Remove the dog"),
        ],
        kind,
        unhurried,
    )

    assert np.abs(source - before).max() > 0.1
    assert np.abs(edited - before).max() > 0.1
    assert np.abs(words - before).max() > 0.003  # words come last: they reach the decoder as context alone


def test_the_two_kinds_answer_differently(detector: Qwen3VLDetector) -> None:
    assert np.abs(saliency(detector, pair()) - saliency(detector, pair(), "failure")).max() > 0.1


@pytest.mark.parametrize("size", [(96, 160), (160, 96), (97, 131), (64, 64), (17, 300)])
def test_a_map_has_the_shape_of_the_edited_picture(detector: Qwen3VLDetector, size: tuple[int, int]) -> None:
    found = saliency(detector, pair((128, 96), size))

    assert found.shape == size
    assert found.dtype == np.float32
    assert 0 <= found.min() <= found.max() <= 1


def test_a_map_of_a_large_picture_is_as_large_as_what_was_shown(detector: Qwen3VLDetector) -> None:
    assert saliency(detector, pair((64, 96), (900, 1400))).shape == (816, 1264)


@pytest.mark.parametrize("kind", KINDS)
def test_edits_together_are_answered_as_alone(
    options: Qwen3VLOptions, detector: Qwen3VLDetector, kind: Kind
) -> None:
    together = detector.saliency(SAMPLES, kind, unhurried)

    for sample, found in zip(SAMPLES, together, strict=True):
        np.testing.assert_allclose(found, saliency(detector, sample, kind), atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_adapters_that_share_a_base_answer_as_each_on_its_own(
    tiny: Path, detector: Qwen3VLDetector, kind: Kind
) -> None:
    alone = load_model(tiny / "base", dtype=torch.float32, device="cpu")
    attach(alone, "only", tiny / kind)
    decoder = load_decoder(tiny / kind / "sal_head.pth", dtype=torch.float32, device="cpu")
    preprocessor = Preprocessor(tiny / kind)
    sample = SAMPLES[1]

    batch = preprocessor.collate([encode(preprocessor, sample, kind)])
    with torch.no_grad():
        (seen,) = FeatureReader(alone).read(batch)
        expected = decoder(seen.tokens, seen.grid, seen.context).sigmoid().numpy()

    for other in KINDS:  # whichever ran last
        saliency(detector, sample, other)
        np.testing.assert_allclose(saliency(detector, sample, kind), expected, atol=1e-5)


def test_an_adapter_made_with_the_lm_head_is_the_same_adapter(
    tiny: Path, tmp_path: Path, options: Qwen3VLOptions, detector: Qwen3VLDetector
) -> None:
    shutil.copytree(tiny / "artifact", tmp_path / "artifact")
    path = tmp_path / "artifact" / "adapter_model.safetensors"
    state = {
        key.replace("base_model.model.", "base_model.model.model."): t for key, t in load_file(path).items()
    }
    save_file(state, path)

    other = Qwen3VLDetector(dataclasses.replace(options, artifact_weights=tmp_path / "artifact"))

    np.testing.assert_array_equal(saliency(other, pair()), saliency(detector, pair()))


def test_rank_and_scale_are_those_of_each_adapter(
    tiny: Path, tmp_path: Path, options: Qwen3VLOptions, detector: Qwen3VLDetector
) -> None:
    shutil.copytree(tiny / "artifact", tmp_path / "artifact")
    settings("adapter_config.json", lora_alpha=7)(tmp_path / "artifact")

    other = Qwen3VLDetector(dataclasses.replace(options, artifact_weights=tmp_path / "artifact"))

    assert np.abs(saliency(other, pair()) - saliency(detector, pair())).max() > 0.02
    np.testing.assert_array_equal(saliency(other, pair(), "failure"), saliency(detector, pair(), "failure"))


def test_a_merged_model_answers_like_its_adapter(
    tiny: Path, tmp_path: Path, options: Qwen3VLOptions, detector: Qwen3VLDetector
) -> None:
    merge(tiny / "base", tiny / "artifact", tmp_path / "artifact", dtype=torch.float32)
    half = Qwen3VLDetector(dataclasses.replace(options, artifact_weights=tmp_path / "artifact"))
    arguments = ["--base", tiny / "base", "--adapter", tiny / "failure", "--out", tmp_path / "failure"]
    main([*map(str, arguments), "--dtype", "float32"])
    whole = Qwen3VLDetector(Qwen3VLOptions(Path("nowhere"), tmp_path / "artifact", tmp_path / "failure"))

    for kind in KINDS:
        expected = saliency(detector, SAMPLES[1], kind)
        np.testing.assert_allclose(saliency(half, SAMPLES[1], kind), expected, atol=0.005)
        np.testing.assert_allclose(saliency(whole, SAMPLES[1], kind), expected, atol=0.005)
    with pytest.raises(CheckpointError, match="is a merged model already"):
        merge(tiny / "base", tmp_path / "artifact", tmp_path / "again")
    with pytest.raises(CheckpointError, match="exists and is no empty directory"):
        merge(tiny / "base", tiny / "artifact", tmp_path / "artifact")


def test_positions_in_a_line_give_another_map(options: Qwen3VLOptions, detector: Qwen3VLDetector) -> None:
    linear = Qwen3VLDetector(dataclasses.replace(options, positions="linear"))

    assert np.abs(saliency(linear, pair()) - saliency(detector, pair())).max() > 0.1
    assert linear.backend.digest != detector.backend.digest


def test_maps_are_absolute_unless_stretching_is_asked_for(
    options: Qwen3VLOptions, detector: Qwen3VLDetector
) -> None:
    stretching = Qwen3VLDetector(dataclasses.replace(options, min_max=True))

    for kind in KINDS:
        absolute, stretched = (saliency(which, pair(), kind) for which in (detector, stretching))
        assert absolute.min() > 0
        assert absolute.max() < 1
        expected = (absolute - absolute.min()) / (absolute.max() - absolute.min())
        np.testing.assert_allclose(stretched, expected, atol=1e-5)


def test_bfloat16_answers_about_the_same(options: Qwen3VLOptions, detector: Qwen3VLDetector) -> None:
    half = Qwen3VLDetector(dataclasses.replace(options, dtype="bfloat16"))

    found = saliency(half, pair())

    assert found.dtype == np.float32
    assert np.abs(found - saliency(detector, pair())).mean() < 0.2


def test_a_finding_says_how_the_pictures_relate(detector: Qwen3VLDetector) -> None:
    source = picture(120, 160, 1)
    edited = source.copy()
    edited[40:90, 50:110] = (30, 60, 200)

    finding = detector.detect(Sample(source, edited, "Make the cup blue"), unhurried)

    assert finding.scope is ChangeScope.LOCAL
    assert finding.edit_kind is EditKind.RECOLOR
    assert finding.registration.reliable
    assert finding.artifact.shape == finding.failure.shape == (120, 160)
    assert 0 < finding.changed_fraction < 0.3


def test_pictures_of_two_frames_are_refused_before_the_model_runs(detector: Qwen3VLDetector) -> None:
    with pytest.raises(ImagesMismatchedError, match="64x128"):
        detector.detect(pair((64, 128), (128, 64)), unhurried)


def test_a_run_that_is_canceled_stops_between_the_stages(detector: Qwen3VLDetector) -> None:
    stages = 0

    class GivenUpError(Exception):
        pass

    def checkpoint() -> None:
        nonlocal stages
        stages += 1
        if stages == 6:
            raise GivenUpError

    with pytest.raises(GivenUpError):
        detector.detect(pair(), checkpoint)

    assert np.array_equal(saliency(detector, pair()), saliency(detector, pair()))


def test_the_digest_follows_weights_and_not_places(
    tiny: Path, tmp_path: Path, options: Qwen3VLOptions, detector: Qwen3VLDetector
) -> None:
    shutil.copytree(tiny / "artifact", tmp_path / "moved")
    moved = Qwen3VLDetector(dataclasses.replace(options, artifact_weights=tmp_path / "moved"))
    swapped = Qwen3VLDetector(Qwen3VLOptions(options.base, options.failure_weights, options.artifact_weights))

    assert moved.backend.digest == detector.backend.digest
    assert swapped.backend.digest != detector.backend.digest


def test_digests_are_of_the_bytes_of_all_files_that_matter(tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny / "artifact", tmp_path / "copy")
    (tmp_path / "copy" / "README.md").write_text("decides about nothing")
    assert file_digests(tmp_path / "copy") == file_digests(tiny / "artifact")

    with (tmp_path / "copy" / "sal_head.pth").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"x")

    assert file_digests(tmp_path / "copy") != file_digests(tiny / "artifact")
