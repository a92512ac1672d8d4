"""Is a training set up by a file that says what is wrong with it?"""

from pathlib import Path

import pytest

from training.perception.config import read_config
from training.recipe_file import ConfigError

SHIPPED = Path(__file__).parents[3] / "training" / "perception"
SMALLEST = """
output = "run"
[data]
train = { form = "table", path = "train.csv" }
validation = { form = "records", path = "/elsewhere/records.jsonl" }
[model]
base = "base"
kind = "failure"
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "run.toml"
    path.write_text(text)
    return path


def test_what_is_left_out_is_as_in_the_paper_and_its_release(tmp_path):
    config = read_config(written(tmp_path, SMALLEST))
    assert (config.model.lora_rank, config.model.lora_alpha, config.model.layer) == (64, 32, 26)
    assert (config.optimizer.learning_rate, config.optimizer.weight_decay) == (3e-5, 0.01)
    assert (config.optimizer.betas, config.optimizer.clip, config.optimizer.floor) == ((0.9, 0.98), 0.5, 0.4)
    assert (config.schedule.epochs, config.schedule.batch, config.schedule.accumulation) == (5, 1, 16)
    assert (config.schedule.seed, config.model.precision) == (20260319, "bf16")


def test_the_shipped_8b_file_says_what_is_the_default_anyway(tmp_path):
    shipped = read_config(SHIPPED / "qwen3vl_8b.toml")
    plain = read_config(written(tmp_path, SMALLEST))
    assert (shipped.model.model_copy(update={"base": plain.model.base}), shipped.optimizer, shipped.loss) == (
        plain.model,
        plain.optimizer,
        plain.loss,
    )
    assert shipped.schedule == plain.schedule


def test_the_shipped_tiny_file_is_a_configuration():
    assert read_config(SHIPPED / "tiny_cpu.toml").data.train.form == "flaws"


def test_relative_paths_count_from_the_folder_of_the_file(tmp_path):
    config = read_config(written(tmp_path, SMALLEST))
    assert config.output == tmp_path / "run"
    assert config.data.train.path == tmp_path / "train.csv"
    assert config.data.validation.path == Path("/elsewhere/records.jsonl")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('kind = "failure"', 'kind = "typo"', "model.kind: Input should be 'artifact' or 'failure'"),
        ('kind = "failure"', 'kind = "failure"\nlora_rang = 8', "model.lora_rang: Extra inputs"),
        ('base = "base"\n', "", "model.base: Field required"),
        ('form = "table", path = "train.csv"', 'form = "table"', "data.train: .*needs a path"),
        ('form = "table", path = "train.csv"', 'form = "flaws"', "data.train: .*say how many, as count"),
        ("[model]", "[loss]\nalpha = 0.8\nbeta = 0.3\n[model]", "loss: .*weight of KLD"),
        ("[model]", "[optimizer]\nlearning_rate = 0\n[model]", "optimizer.learning_rate: .*greater than 0"),
        ("[model]", "[schedule]\nbatch = 0\n[model]", "schedule.batch: .*greater than 0"),
        ("[model]", "[model", "is no TOML file"),
    ],
)
def test_a_bad_file_is_refused_by_field(tmp_path, before, after, said):
    assert before in SMALLEST
    with pytest.raises(ConfigError, match=said):
        read_config(written(tmp_path, SMALLEST.replace(before, after)))


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.toml is no TOML file"):
        read_config(tmp_path / "nowhere.toml")


def test_what_decides_about_the_numbers_changes_the_digest_and_nothing_else_does(tmp_path):
    digest = read_config(written(tmp_path, SMALLEST)).digest()
    assert read_config(written(tmp_path, SMALLEST.replace('"run"', '"other"'))).digest() == digest
    assert (
        read_config(written(tmp_path, SMALLEST.replace("[model]", "workers = 3\n[model]"))).digest() == digest
    )
    assert read_config(written(tmp_path, f"{SMALLEST}layer = 20\n")).digest() != digest
