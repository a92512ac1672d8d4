"""The command line: quick help, usage errors, and one clear sentence for every input that cannot be used."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from suite import samples
from suite.cli import main

QUICK = "import sys; import suite.cli; print([name for name in sys.modules if name in sys.argv[1:]])"
HEAVY = ["cv2", "numpy", "pydantic", "fastapi", "celery", "sqlalchemy", "jinja2", "rich", "httpx"]


def picture(path: Path, width: int = 64, height: int = 48) -> Path:
    cv2.imwrite(str(path), np.full((height, width, 3), 90, np.uint8))
    return path


def usage(capsys, *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_asking_for_help_imports_nothing_heavy():
    shown = subprocess.run([sys.executable, "-c", QUICK, *HEAVY], capture_output=True, text=True, check=True)

    assert shown.stdout.strip() == "[]"


@pytest.mark.parametrize("command", ["refine", "demo", "score", "serve", "jobs submit", "replay", "doctor"])
def test_every_command_shows_an_example(capsys, command):
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])

    assert ended.value.code == 0
    assert f"editrefiner {command}" in capsys.readouterr().out


def test_the_version_is_the_packages(capsys):
    from editrefiner import __version__

    with pytest.raises(SystemExit):
        main(["--version"])

    assert capsys.readouterr().out == f"editrefiner {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "COMMAND"),
        (("polish",), "invalid choice: 'polish'"),
        (("refine", "a.png", "b.png"), "INSTRUCTION"),
        (("refine", "a", "b", "c", "--candidates", "99"), "less than or equal to 8"),
        (("refine", "a", "b", "c", "--max-iterations", "0"), "greater than or equal to 1"),
        (("refine", "a", "b", "c", "--target-score", "high"), "valid number"),
        (("refine", "a", "b", "c", "--seed", "-1"), "greater than or equal to 0"),
        (("serve", "--port", "99999"), "ports go from 0 to 65535"),
        (("jobs",), "ACTION"),
        (("jobs", "list", "--limit", "0"), "starts at 1"),
    ],
)
def test_a_wrong_command_line_is_explained_and_ends_with_2(capsys, arguments, said):
    assert said in usage(capsys, *arguments)


def refused(capsys, *arguments: str) -> str:
    assert main(arguments) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: folder / "none.png", "is not there"),
        (lambda folder: folder, "is a folder"),
        (lambda folder: _empty(folder / "empty.png"), "is empty"),
        (lambda folder: _huge(folder / "huge.png"), "a picture has at most 26214400 bytes"),
    ],
)
def test_a_file_that_cannot_be_a_picture_is_refused_in_one_sentence(capsys, tmp_path, make, said):
    good = picture(tmp_path / "good.png")
    bad = make(tmp_path)
    out = str(tmp_path / "out")

    assert f"SOURCE: {bad}" in refused(capsys, "refine", str(bad), str(good), "Make it red", "-o", out)
    told = refused(capsys, "refine", str(good), str(bad), "Make it red", "-o", out)
    assert f"EDITED: {bad}" in told
    assert said in told


@pytest.mark.parametrize(
    ("instruction", "said"),
    [("", "INSTRUCTION is empty"), ("   ", "INSTRUCTION is empty"), ("x" * 4001, "4000 characters")],
)
def test_an_instruction_must_say_something_and_be_short_enough(capsys, tmp_path, instruction, said):
    good = str(picture(tmp_path / "good.png"))

    assert said in refused(capsys, "refine", good, good, instruction, "-o", str(tmp_path / "out"))


def test_an_output_folder_that_is_a_file_is_refused(capsys, tmp_path):
    good = str(picture(tmp_path / "good.png"))

    assert "cannot be used as a folder" in refused(capsys, "refine", good, good, "Make it red", "-o", good)


def test_a_package_that_is_missing_is_named_with_what_installs_it(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "suite.replay", None)

    assert "pip install 'editrefiner[suite]'" in refused(capsys, "replay", "bundle.zip")


def test_a_bundle_that_is_none_is_refused(capsys, tmp_path):
    text = tmp_path / "bundle.zip"
    text.write_text("not a zip")

    assert "is not there" not in refused(capsys, "replay", str(text))
    assert "No such file" in refused(capsys, "replay", str(tmp_path / "none.zip"))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:9", "Is the service running"),
        ("gopher://127.0.0.1", "no address of a job API"),
        ("not a url", "no address of a job API"),
        ("http://[::1", "no address of a job API"),
    ],
)
def test_an_api_that_is_not_there_is_one_sentence(capsys, url, said):
    assert said in refused(capsys, "jobs", "list", "--url", url)
    assert said in refused(capsys, "jobs", "watch", "0" * 26, "--url", url)


def test_an_unknown_status_names_the_known_ones(capsys):
    assert "succeeded" in refused(capsys, "jobs", "list", "--status", "done")


def test_the_sample_is_small_and_says_where_it_is_from():
    notice = (samples.SOURCE.parent / "NOTICE").read_text()

    for path in (samples.SOURCE, samples.EDITED):
        assert path.stat().st_size < 400_000
        assert path.name in notice
    assert "CC0" in notice


def _empty(path: Path) -> Path:
    path.touch()
    return path


def _huge(path: Path) -> Path:
    with path.open("wb") as file:
        file.truncate(26_214_401)
    return path
