"""Is a configuration read as a whole, and refused with the field named?"""

from collections.abc import Callable
from pathlib import Path

import pytest

import training.evaluation as recipe
from training.evaluation.config import Config, read_config
from training.recipe_file import ConfigError

FOLDER = Path(recipe.__file__).parent


def refused(tmp_path: Path, text: str) -> str:
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_config(tmp_path / "bad.toml")
    return str(caught.value)


def test_the_full_configuration_is_that_of_the_release():
    config = read_config(FOLDER / "qwen3vl_8b.toml")
    assert list(config.stages()) == ["levels", "scores"]
    assert config.scores is not None
    assert (config.scores.learning_rate, config.scores.warmup, config.scores.floor) == (2e-5, 0.08, 0.4)
    assert (config.scores.epochs, config.scores.batch, config.scores.accumulation) == (2, 1, 8)
    assert (config.optimizer.weight_decay, config.optimizer.betas) == (0.01, (0.9, 0.98))
    assert (config.optimizer.epsilon, config.optimizer.clip, config.seed) == (1e-8, 0.5, 20260415)
    assert (config.model.lora_rank, config.model.lora_alpha) == (64, 32)
    assert (config.model.head_widths, config.model.dropout) == ((2048, 512), 0.1)
    assert config.data.train is not None
    assert config.data.train.path == FOLDER / "../../editfhf/train.csv"
    assert config.data.test[0].path == FOLDER / "../../editfhf/test.csv"


def test_the_tiny_configuration_has_every_stage():
    config = read_config(FOLDER / "tiny_cpu.toml")
    assert list(config.stages()) == ["levels", "scores", "preferences"]
    assert config.output == FOLDER / "../../out/evaluation-tiny"


def test_the_digest_is_of_what_decides_about_the_numbers(configured: Callable[..., Config]):
    digest = configured().digest()
    assert (
        configured(('output = "run"', 'output = "other"'), ("[data]", "[data]\nworkers = 2")).digest()
        == digest
    )
    assert configured(("remembered = 8", "remembered = 9")).digest() != digest


def test_what_is_missing_or_unknown_is_named(tmp_path: Path):
    head = 'output = "o"\n[data]\n'
    model = '[model]\nbase = "b"\n'
    assert "there is no stage to train" in refused(tmp_path, head + model)
    assert "[levels] and [scores] need data.train" in refused(tmp_path, head + model + "[scores]\n")
    assert "[preferences] needs data.pairs" in refused(tmp_path, head + model + "[preferences]\n")
    assert "model.base" in refused(tmp_path, head + "[model]\n[scores]\n")
    assert "scores.remembered" in refused(tmp_path, head + model + "[scores]\nremembered = -1\n")
    assert "levels.target" in refused(tmp_path, head + model + '[levels]\ntarget = "hard"\n')
    assert "is no TOML file" in refused(tmp_path, "output =")
