"""Does the recipe learn, judge, stop, and go on where it stopped? On a tiny model, by the production code."""

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from services.perception.agent import Sample
from services.perception.backends.qwen3vl import Qwen3VLDetector, Qwen3VLOptions
from training.editfhf import read_records
from training.perception import train as command
from training.perception import validate
from training.perception.config import Config
from training.perception.model import build
from training.perception.train import train
from training.states import StateError
from training.trainer import TrainingError

Configured = Callable[..., Config]
ONE_BATCH = (
    ('path = "edits/records.jsonl" }\nvalidation', 'path = "edits/records.jsonl", count = 2 }\nvalidation'),
    ("accumulation = 2", "accumulation = 1"),
)


def rows(output: Path, name: str) -> list[dict[str, float]]:
    with (output / name).open(newline="") as file:
        return [{key: float(value or "nan") for key, value in row.items()} for row in csv.DictReader(file)]


def weights(directory: Path) -> dict[str, torch.Tensor]:
    files = ("adapter_model.safetensors", "sal_head.safetensors")
    return {f"{file}/{key}": tensor for file in files for key, tensor in load_file(directory / file).items()}


def saliency(config: Config, weights: Path, records: Path) -> np.ndarray:
    """What the service's detector answers to the first edit."""
    options = Qwen3VLOptions(
        config.model.base, weights, weights, layer=config.model.layer, device="cpu", dtype="float32"
    )
    edit = read_records(records)[1][0]
    sample = Sample(edit.source, edit.edited, edit.instruction)
    return Qwen3VLDetector(options).saliency([sample], "artifact", lambda: None)[0]


# ------------------------------------------------------------------------------------ learning


def test_a_few_steps_on_one_batch_reduce_its_loss(configured: Configured):
    config = configured(
        *ONE_BATCH, ("epochs = 2", "epochs = 10"), ("validate_every = 3", "validate_every = 99")
    )
    train(config, stop_after=10)
    losses = [row["loss"] for row in rows(config.output, "training.csv")]
    assert len(losses) == 10
    assert np.mean(losses[-3:]) < 0.8 * losses[0]


def test_the_service_loads_what_was_trained_and_sees_what_was_learnt(configured: Configured, edits: Path):
    config = configured(("learning_rate = 3e-3", "learning_rate = 1e-2"), ("epochs = 2", "epochs = 6"))
    train(config, stop_after=2)
    early = saliency(config, config.output / "best", edits)
    assert train(config, resume=True).finished
    late = saliency(config, config.output / "last", edits)
    assert early.shape == late.shape == (64, 64)
    assert float(np.abs(early - late).max()) > 0.02
    marks = read_records(edits)[1][0].artifact_map
    assert marks is not None
    assert late[marks > 0.5].mean() > late[marks < 0.5].mean()


def test_judging_the_best_weights_gives_the_figures_of_their_step(
    configured: Configured, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    config = configured()
    outcome = train(config)
    arguments = ["--config", str(tmp_path / "run.toml"), "--weights", str(config.output / "best")]
    assert validate.main(arguments) == 0
    judged = json.loads(capsys.readouterr().out.splitlines()[-1])
    logged = {row["step"]: row for row in rows(config.output, "validation.csv")}[outcome.progress.best_step]
    for name in ("auc_judd", "nss", "cc", "sim", "kld"):
        assert judged[name] == pytest.approx(logged[name], rel=1e-3)


def test_several_small_passes_are_one_large_pass(configured: Configured):
    first = configured(("accumulation = 2", "accumulation = 1"))
    train(first, stop_after=2)
    second = configured(("batch = 2", "batch = 1"), ('"run"', '"other"'))
    train(second, stop_after=2)
    for large, small in zip(
        rows(first.output, "training.csv"), rows(second.output, "training.csv"), strict=True
    ):
        assert small["loss"] == pytest.approx(large["loss"], rel=1e-4)
        assert small["gradient_norm"] == pytest.approx(large["gradient_norm"], rel=1e-3)


def test_checkpointing_of_gradients_saves_memory_and_changes_no_figure(configured: Configured):
    plain = configured()
    train(plain, stop_after=2)
    again = configured(
        ("gradient_checkpointing = false", "gradient_checkpointing = true"), ('"run"', '"other"')
    )
    train(again, stop_after=2)
    for one, other in zip(
        rows(plain.output, "training.csv"), rows(again.output, "training.csv"), strict=True
    ):
        assert other["loss"] == pytest.approx(one["loss"], rel=1e-5)
        assert other["gradient_norm"] == pytest.approx(one["gradient_norm"], rel=1e-4)


def test_in_bf16_the_base_is_halved_and_what_learns_is_not(configured: Configured, edits: Path):
    config = configured(('precision = "float32"', 'precision = "bf16"'))
    model, _ = build(config.model, "cpu")
    assert {parameter.dtype for parameter in model.trained().values()} == {torch.float32}
    frozen = [parameter for parameter in model.adapted.parameters() if not parameter.requires_grad]
    assert {parameter.dtype for parameter in frozen} == {torch.bfloat16}
    assert train(config, stop_after=2).progress.step == 2
    assert np.isfinite(saliency(config, config.output / "best", edits)).all()


def test_only_the_adapter_and_the_used_part_of_the_decoder_learn(configured: Configured):
    config = configured()
    model, _ = build(config.model, "cpu")
    names = set(model.trained())
    projections = {name.split(".lora_")[0].rsplit(".", 1)[1] for name in names if ".lora_" in name}
    assert projections == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    assert all(".language_model.layers." in name for name in names if ".lora_" in name)
    heads = {name.split(".")[1] for name in names if name.startswith("decoder.")}
    assert heads == {"img_proj", "global_proj", "attn", "dec1", "dec2", "dec3", "refine", "saliency_head"}
    assert all(".lora_" in name or name.startswith("decoder.") for name in names)


# ------------------------------------------------------------------------------------ resuming


def test_a_resumed_training_ends_exactly_where_an_uninterrupted_one_does(configured: Configured):
    whole = configured()
    train(whole)
    config = configured(('"run"', '"parts"'))
    assert not train(config, stop_after=1).finished  # in the middle of the first epoch
    assert not train(config, resume=True, stop_after=2).finished
    assert train(config, resume=True).finished
    for name in ("training.csv", "validation.csv"):
        assert (config.output / name).read_text() == (whole.output / name).read_text()
    once, parts = weights(whole.output / "last"), weights(config.output / "last")
    assert once.keys() == parts.keys()
    assert all(torch.equal(once[name], parts[name]) for name in once)


def test_one_state_is_kept_and_nothing_in_it_is_a_pickle(configured: Configured):
    config = configured()
    train(config)
    (state,) = config.output.glob("state*")
    assert state.name == "state-0000004"
    assert {path.suffix for path in state.iterdir()} == {".safetensors", ".json"}


def test_rows_of_steps_that_were_lost_are_dropped(configured: Configured):
    config = configured()
    train(config, stop_after=2)
    for name in ("training.csv", "validation.csv"):
        with (config.output / name).open("a") as file:
            file.write("3" + ",1" * (len(rows(config.output, name)[0]) - 1) + "\n")
    train(config, resume=True, stop_after=1)
    assert [row["step"] for row in rows(config.output, "training.csv")] == [1, 2, 3]
    assert rows(config.output, "training.csv")[2]["loss"] != 1


def test_a_finished_training_that_is_resumed_stays_as_it_is(configured: Configured):
    config = configured()
    first = train(config)
    assert train(config, resume=True) == first


def test_an_output_that_holds_a_training_is_not_overwritten(configured: Configured):
    config = configured()
    train(config, stop_after=1)
    with pytest.raises(StateError, match="resume it, or name another output"):
        train(config)


def test_resuming_needs_a_state_of_the_same_settings(configured: Configured):
    with pytest.raises(StateError, match="no state to resume from"):
        train(configured(), resume=True)
    train(configured(), stop_after=1)
    with pytest.raises(StateError, match="under other settings"):
        train(configured(("learning_rate = 3e-3", "learning_rate = 1e-3")), resume=True)


def test_a_damaged_state_is_refused(configured: Configured):
    config = configured()
    train(config, stop_after=1)
    (state,) = config.output.glob("state-*")
    content = (state / "optimizer.safetensors").read_bytes()
    (state / "optimizer.safetensors").write_bytes(content[: len(content) // 2])
    with pytest.raises(StateError, match="is damaged"):
        train(config, resume=True)


# ------------------------------------------------------------------------------------ stopping


def test_training_stops_when_cc_does_not_get_better(configured: Configured):
    config = configured(
        ("learning_rate = 3e-3", "learning_rate = 1e-9"),
        ("epochs = 2", "epochs = 30"),
        ("validate_every = 3", "validate_every = 1"),
        ("patience = 9", "patience = 2"),
    )
    outcome = train(config)
    assert outcome.stopped_early
    assert outcome.progress.step == outcome.progress.best_step + 2 < 60
    judged = [row["cc"] for row in rows(config.output, "validation.csv")]
    assert max(judged[-2:]) <= judged[-3] == max(judged)
    assert train(config, resume=True) == outcome


def test_labels_that_say_nothing_end_the_training_with_the_reason(configured: Configured):
    with pytest.raises(TrainingError, match="more than an empty map"):
        train(configured(('kind = "artifact"', 'kind = "failure"')))


def test_a_gradient_that_is_no_number_ends_the_training(configured: Configured):
    with pytest.raises(TrainingError, match="lower the learning rate"):
        train(configured(("learning_rate = 3e-3", "learning_rate = 1e30")))


# ------------------------------------------------------------------------------------ the command


def test_the_command_names_what_is_wrong_and_fails(
    configured: Configured, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    configured(('path = "edits/', 'path = "lost/'))
    assert command.main(["--config", str(tmp_path / "run.toml")]) == 1
    assert "lost/records.jsonl" in capsys.readouterr().err
    assert command.main(["--config", str(tmp_path / "nowhere.toml")]) == 1
    assert "nowhere.toml is no TOML file" in capsys.readouterr().err


def test_a_table_of_the_other_class_is_refused_in_words(configured: Configured, edits: Path):
    from editrefiner.contracts import FlawKind
    from training.editfhf import read_table, write_table
    from training.perception.examples import Examples

    write_table(edits.parent / "t.csv", read_records(edits)[0], FlawKind.ARTIFACT)
    _, preprocessor = build(configured().model, "cpu")
    examples = Examples(read_table(edits.parent / "t.csv", FlawKind.ARTIFACT), preprocessor, "failure")
    with pytest.raises(ValueError, match="has no failure map"):
        examples[0]


def test_the_tables_hold_every_figure(configured: Configured):
    config = configured()
    train(config)
    training, judged = rows(config.output, "training.csv"), rows(config.output, "validation.csv")
    assert [row["step"] for row in training] == [1, 2, 3, 4]
    assert [row["step"] for row in judged] == [2, 3, 4]  # ends of epochs, and every third step
    assert all(not math.isnan(value) for row in training + judged for value in row.values())
    for row in training:
        assert row["loss"] == pytest.approx((row["l1"] + row["bce"] + row["kld"]) / 3, rel=1e-4)
