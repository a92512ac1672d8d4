"""Do the stages learn, judge, stop, and go on where they stopped? On a tiny model, by the production code."""

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from services.evaluation.backends.qwen3vl import Qwen3VLOptions, Qwen3VLScorer
from training.evaluation import train as command
from training.evaluation import validate
from training.evaluation.config import Config
from training.evaluation.model import build
from training.evaluation.tables import read_scores
from training.evaluation.train import train
from training.recipe_file import ConfigError
from training.states import StateError
from training.trainer import TrainingError

Configured = Callable[..., Config]


PREFERENCES = """
[preferences]
learning_rate = 3e-3
epochs = 1
batch = 2
accumulation = 1
"""


def rows(output: Path, name: str) -> list[dict[str, float]]:
    with (output / name).open(newline="") as file:
        return [{key: float(value or "nan") for key, value in row.items()} for row in csv.DictReader(file)]


def weights(directory: Path) -> dict[str, torch.Tensor]:
    head = torch.load(directory / "score_head.pth", weights_only=True)
    return {**load_file(directory / "adapter_model.safetensors"), **head}


def scores_of(config: Config, directory: Path, table: Path) -> np.ndarray:
    """(N, 3) scores that the service gives with these weights."""
    options = Qwen3VLOptions(config.model.base, directory, device="cpu", dtype="float32")
    scorer = Qwen3VLScorer(options)
    samples = [row.load().sample for row in read_scores(table)]
    return np.concatenate([scorer.scores(s.source, [s.edited], s.instruction) for s in samples])


# ------------------------------------------------------------------------------------ learning


def test_two_steps_of_each_stage_give_weights_that_a_service_loads_and_scores_with(
    configured: Configured, edits: Path
):
    config = configured(("epochs = 2", "epochs = 1"))
    outcomes = train(config)
    assert [(outcome.name, outcome.progress.step) for outcome in outcomes] == [("levels", 2), ("scores", 2)]
    first = scores_of(config, config.output / "levels" / "last", edits / "validation.csv")
    assert np.abs(first - 50).max() < 1  # stage 1 does not touch the head, which begins at 50
    last = scores_of(config, config.output / "scores" / "last", edits / "validation.csv")
    assert last.shape == (4, 3)
    assert np.isfinite(last).all()
    assert np.abs(last - first).max() > 0.05
    assert len(np.unique(last.round(6), axis=0)) == 4  # edits differ, and so do their scores


def test_the_layout_is_that_of_the_release(configured: Configured):
    config = configured(("epochs = 2", "epochs = 1"))
    train(config)
    place = config.output / "scores" / "best"
    head = torch.load(place / "score_head.pth", weights_only=True)
    assert {name: tuple(tensor.shape) for name, tensor in head.items()} == {
        "mlp.0.weight": (16, 32),
        "mlp.0.bias": (16,),
        "mlp.3.weight": (8, 16),
        "mlp.3.bias": (8,),
        "mlp.6.weight": (3, 8),
        "mlp.6.bias": (3,),
    }
    assert {tensor.dtype for tensor in head.values()} == {torch.float32}
    settings = json.loads((place / "regression_config.json").read_text())
    assert settings == {
        "hidden_size": 32,
        "head_hidden_size": 16,
        "head_hidden_size2": 8,
        "dropout": 0.1,
        "score_output_scale": 100.0,
        "base_model_path": "base",
    }
    names = load_file(place / "adapter_model.safetensors")
    assert "base_model.model.language_model.layers.0.self_attn.q_proj.lora_A.weight" in names
    assert len(names) == 2 * 7 * 2  # two layers, seven projections, A and B
    config_of_adapter = json.loads((place / "adapter_config.json").read_text())
    assert (config_of_adapter["r"], config_of_adapter["lora_alpha"]) == (4, 8)


def test_stage_2_learns_what_was_rated_and_says_so(configured: Configured, edits: Path):
    config = configured(
        ("[levels]\nlearning_rate = 3e-3\nepochs = 2", "[levels]\nlearning_rate = 3e-3\nepochs = 1"),
        (
            "remembered = 8\nlearning_rate = 3e-3\nepochs = 2",
            "remembered = 8\nlearning_rate = 2e-2\nepochs = 20",
        ),
        ("base = ", "dropout = 0.0\nbase = "),
    )
    train(config)
    output = config.output / "scores"
    losses = [row["loss"] for row in rows(output, "training.csv")]
    assert np.mean(losses[-4:]) < 0.7 * np.mean(losses[:4])
    judged = rows(output, "validation.csv")
    best = max(judged, key=lambda row: row["merit"])
    found = scores_of(config, output / "best", edits / "validation.csv")
    truth = np.array([row.scores for row in read_scores(edits / "validation.csv")])
    for d, name in enumerate(("visual", "editing", "preservation")):
        assert np.corrcoef(found[:, d], truth[:, d])[0, 1] == pytest.approx(best[f"plcc_{name}"], abs=1e-3)
    assert best["merit"] > 1  # of 2


def test_stage_1_learns_levels(configured: Configured):
    config = configured(
        ("[levels]\nlearning_rate = 3e-3\nepochs = 2", "[levels]\nlearning_rate = 2e-2\nepochs = 15")
    )
    train(config, stop_after=30)
    losses = [row["loss"] for row in rows(config.output / "levels", "training.csv")]
    assert np.mean(losses[-4:]) < 0.7 * np.mean(losses[:4])


def test_preferences_move_scores_apart_as_people_want_them(configured: Configured, edits: Path):
    config = configured(
        (
            "[preferences]\nlearning_rate = 3e-3\nepochs = 2",
            "[preferences]\nlearning_rate = 2e-2\nepochs = 8",
        ),
        ("epochs = 2", "epochs = 1"),
        ("base = ", "dropout = 0.0\nbase = "),
        preferences=True,
    )
    outcomes = train(config)
    assert [outcome.name for outcome in outcomes] == ["levels", "scores", "preferences"]
    output = config.output / "preferences"
    losses = [row["loss"] for row in rows(output, "training.csv")]
    assert np.mean(losses[-3:]) < np.mean(losses[:3])
    judged = rows(output, "validation.csv")
    best = max(judged, key=lambda row: row["merit"])
    assert best["merit"] > -math.log(3)  # of one that says nothing
    found = scores_of(config, output / "best", edits / "validation.csv")
    right = np.mean(np.diff(found[:, 0]) > 0)  # the later edits are preferred in `visual`
    assert right == pytest.approx(best["accuracy_visual"])
    assert math.isnan(best["accuracy_preservation"])  # nobody was asked


def test_preferences_alone_go_on_from_given_weights(configured: Configured, tmp_path: Path):
    first = configured(("epochs = 2", "epochs = 1"))
    train(first)
    start = first.output / "scores" / "best"
    text = (tmp_path / "run.toml").read_text()
    stages = text[text.index("[levels]") :]
    config = configured(
        ("epochs = 2", "epochs = 1"),
        (stages, PREFERENCES),
        ('output = "run"', 'output = "pairs"'),
        ("base = ", f'start = "{start}"\nbase = '),
    )
    model, _, _ = build(config.model, "scores", start, "cpu")
    trained = {name.replace(".evaluation.", "."): p for name, p in model.trained().items()}
    for name, tensor in weights(start).items():
        assert torch.equal(trained[f"head.{name}" if name.startswith("mlp") else f"adapted.{name}"], tensor)
    (outcome,) = train(config)
    assert outcome.finished
    assert not torch.equal(
        weights(start)["mlp.6.weight"], weights(config.output / "preferences" / "last")["mlp.6.weight"]
    )


def test_checkpointing_of_gradients_changes_no_figure(configured: Configured):
    plain = configured()
    train(plain, stop_after=2)
    again = configured(
        ("gradient_checkpointing = false", "gradient_checkpointing = true"), ('"run"', '"other"')
    )
    train(again, stop_after=2)
    one, other = (rows(config.output / "levels", "training.csv") for config in (plain, again))
    for a, b in zip(one, other, strict=True):
        assert b["loss"] == pytest.approx(a["loss"], rel=1e-5)
        assert b["gradient_norm"] == pytest.approx(a["gradient_norm"], rel=1e-4)


def test_in_bf16_the_base_is_halved_and_what_learns_is_not(configured: Configured):
    config = configured(('precision = "float32"', 'precision = "bf16"'), ("epochs = 2", "epochs = 1"))
    model, _, _ = build(config.model, "scores", None, "cpu")
    assert {parameter.dtype for parameter in model.trained().values()} == {torch.float32}
    frozen = [parameter for parameter in model.adapted.parameters() if not parameter.requires_grad]
    assert {parameter.dtype for parameter in frozen} == {torch.bfloat16}
    assert [outcome.progress.step for outcome in train(config)] == [2, 2]


def test_only_the_adapter_learns_levels_and_the_head_learns_with_it_later(configured: Configured):
    settings = configured().model
    levels, _, answer = build(settings, "levels", None, "cpu")
    assert answer is not None
    assert all(".lora_" in name for name in levels.trained())
    scores, _, _ = build(settings, "scores", None, "cpu")
    assert {name for name in scores.trained() if ".lora_" not in name} == {
        f"head.mlp.{layer}.{kind}" for layer in (0, 3, 6) for kind in ("weight", "bias")
    }


def test_judging_the_best_weights_gives_the_figures_of_their_step(
    configured: Configured, edits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    config = configured(("epochs = 2", "epochs = 1"))
    outcome = train(config)[-1]
    asked = ["--config", str(tmp_path / "run.toml"), "--weights", str(config.output / "scores" / "best")]
    assert validate.main(asked) == 0
    judged = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert judged["edits"] == 4
    logged = {row["step"]: row for row in rows(config.output / "scores", "validation.csv")}
    for name in ("merit", "plcc_visual", "srcc_editing", "krcc_preservation"):
        assert judged[name] == pytest.approx(logged[outcome.progress.best_step][name], abs=1e-3)
    assert validate.main([*asked, "--table", str(edits / "train.csv"), "--batch", "3"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["edits"] == 6
    assert validate.main([*asked, "--table", str(edits / "lost.csv")]) == 1
    assert "lost.csv" in capsys.readouterr().err


# ------------------------------------------------------------------------------------ resuming


def test_a_resumed_training_ends_exactly_where_an_uninterrupted_one_does(configured: Configured):
    whole = configured(("epochs = 2", "epochs = 1"), preferences=True)
    train(whole)
    config = configured(("epochs = 2", "epochs = 1"), ('"run"', '"parts"'), preferences=True)
    assert [outcome.finished for outcome in train(config, stop_after=1)] == [False]
    second = train(config, resume=True, stop_after=2)  # one step of levels, and the first of scores
    assert [(outcome.name, outcome.progress.step) for outcome in second] == [("levels", 2), ("scores", 1)]
    assert all(outcome.finished for outcome in train(config, resume=True))
    for stage in ("levels", "scores", "preferences"):
        for name in ("training.csv", "validation.csv"):
            ours, theirs = (config_.output / stage / name for config_ in (config, whole))
            assert ours.read_text() == theirs.read_text()
        for place in ("last", "best"):
            once, parts = weights(whole.output / stage / place), weights(config.output / stage / place)
            assert once.keys() == parts.keys()
            assert all(torch.equal(once[name], parts[name]) for name in once)


def test_what_is_remembered_for_the_correlation_is_part_of_a_state(configured: Configured):
    config = configured(("epochs = 2", "epochs = 1"))
    train(config)
    (state,) = (config.output / "scores").glob("state-*")
    memory = load_file(state / "weights.safetensors")["memory"]
    assert memory.shape == (8, 6)
    assert memory[-6:].isfinite().all()
    assert memory[:2].isnan().all()  # six edits have been seen
    assert {path.suffix for path in state.iterdir()} == {".safetensors", ".json"}


def test_a_finished_training_that_is_resumed_stays_as_it_is(configured: Configured):
    config = configured(("epochs = 2", "epochs = 1"))
    first = train(config)
    before = weights(config.output / "scores" / "last")
    assert train(config, resume=True) == first
    after = weights(config.output / "scores" / "last")
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_outputs_and_states_of_other_runs_are_refused(configured: Configured):
    with pytest.raises(StateError, match="no state to resume from"):
        train(configured(), resume=True)
    train(configured(), stop_after=1)
    with pytest.raises(StateError, match="resume it, or name another output"):
        train(configured())
    with pytest.raises(StateError, match="under other settings"):
        train(configured(("remembered = 8", "remembered = 4")), resume=True)


# ------------------------------------------------------------------------------------ stopping


def test_a_stage_stops_when_its_figures_do_not_get_better_and_the_next_one_begins(configured: Configured):
    config = configured(
        ("[levels]\nlearning_rate = 3e-3\nepochs = 2", "[levels]\nlearning_rate = 1e-9\nepochs = 30"),
        ("validate_every = 3", "validate_every = 1"),
        ("patience = 9", "patience = 2"),
        (
            "remembered = 8\nlearning_rate = 3e-3\nepochs = 2",
            "remembered = 8\nlearning_rate = 3e-3\nepochs = 1",
        ),
    )
    levels, scores = train(config)
    assert levels.stopped_early
    assert levels.progress.step == levels.progress.best_step + 2 < 60
    assert scores.progress.step > 0


def test_ratings_that_say_nothing_end_the_training_with_the_reason(configured: Configured, edits: Path):
    path = edits / "validation.csv"
    with path.open(newline="") as file:
        table = list(csv.reader(file))
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([table[0], *([*row[:2], 50, 50, 50, row[5]] for row in table[1:])])
    with pytest.raises(TrainingError, match="two that differ in score"):
        train(configured())


def test_a_gradient_that_is_no_number_ends_the_training(configured: Configured):
    with pytest.raises(TrainingError, match="lower the learning rate"):
        train(configured(("learning_rate = 3e-3", "learning_rate = 1e30")))


# ------------------------------------------------------------------------------------ data


def test_a_picture_that_is_learnt_from_and_judged_by_or_tested_is_refused(
    configured: Configured, edits: Path
):
    with pytest.raises(ConfigError, match=r"data.train and data.test train.csv share .*train0_e.png"):
        train(configured(("[model]", 'test = [{ path = "edits/train.csv" }]\n[model]')))
    train_rows = (edits / "train.csv").read_text().splitlines()
    (edits / "validation.csv").write_text("\n".join([train_rows[0], train_rows[-1]]))
    with pytest.raises(ConfigError, match=r"data.train and data.validation share .*train5_e.png"):
        train(configured())


def test_the_command_names_what_is_wrong_and_fails(
    configured: Configured, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    configured(("edits/train.csv", "lost/train.csv"))
    assert command.main(["--config", str(tmp_path / "run.toml")]) == 1
    assert "lost/train.csv" in capsys.readouterr().err
    assert command.main(["--config", str(tmp_path / "nowhere.toml")]) == 1
    assert "nowhere.toml is no TOML file" in capsys.readouterr().err
