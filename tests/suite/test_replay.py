"""`editrefiner replay`: the same bundle comes out the same; what was tampered with is found."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from suite.replay import compare

pytestmark = pytest.mark.process


def rewritten(
    bundle: Path, to: Path, change: Callable[[dict], None], swap: dict[str, bytes] | None = None
) -> Path:
    """A copy of a bundle with another manifest, and other entries."""
    with zipfile.ZipFile(bundle) as original, zipfile.ZipFile(to, "w") as copy:
        for name in original.namelist():
            content = (swap or {}).get(name, original.read(name))
            if name == "manifest.json":
                manifest = json.loads(content)
                change(manifest)
                content = json.dumps(manifest).encode()
            copy.writestr(name, content)
    return to


def test_a_refinement_comes_out_the_same_bit_by_bit(command, sample_run):
    ended = command("replay", sample_run.out / "bundle.zip")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "differs" not in ended.stdout
    assert "results are the same, bit by bit." in ended.stdout


def test_a_number_that_was_changed_is_found_and_named(command, sample_run, tmp_path):
    def flatter(manifest):
        manifest["steps"][0]["result"]["scores"]["perceptual_quality"] += 1

    ended = command("replay", rewritten(sample_run.out / "bundle.zip", tmp_path / "b.zip", flatter))

    assert ended.returncode == 1
    assert "as given, score          differs" in ended.stdout
    assert "scores.perceptual_quality" in ended.stdout


def test_an_answer_that_the_loop_cannot_read_is_a_difference_like_others(command, sample_run, tmp_path):
    def unread(manifest):
        del manifest["steps"][0]["result"]["scores"]["visual_consistency"]

    ended = command("replay", rewritten(sample_run.out / "bundle.zip", tmp_path / "b.zip", unread), "--json")

    steps = {step["name"]: step for step in json.loads(ended.stdout)}
    assert ended.returncode == 1
    assert any("visual_consistency" in line for line in steps["as given, score"]["differences"])
    assert any("cannot go on" in line for line in steps["decisions of the loop"]["differences"])


def test_another_seed_than_the_one_used_is_found(command, sample_run, tmp_path):
    def reseed(manifest):
        manifest["inputs"]["parameters"]["seed"] = 99

    ended = command("replay", rewritten(sample_run.out / "bundle.zip", tmp_path / "b.zip", reseed), "--json")

    steps = {step["name"]: step for step in json.loads(ended.stdout)}
    assert ended.returncode == 1
    assert any("request seed" in line for line in steps["decisions of the loop"]["differences"])


def test_answers_of_another_backend_are_told_apart(command, sample_run, tmp_path):
    def elsewhere(manifest):
        for step in manifest["steps"]:
            step["backend_digest"] = "ab" * 32

    ended = command("replay", rewritten(sample_run.out / "bundle.zip", tmp_path / "b.zip", elsewhere))

    assert ended.returncode == 1
    assert "backend: abababababab in the bundle" in ended.stdout
    assert "Other backends computed this bundle" in ended.stdout


def test_a_picture_that_was_exchanged_is_refused(command, sample_run, tmp_path):
    other = io.BytesIO(b"another picture").getvalue()
    swapped = rewritten(
        sample_run.out / "bundle.zip", tmp_path / "b.zip", lambda _: None, {"result.png": other}
    )

    ended = command("replay", swapped)

    assert ended.returncode == 1
    assert "result.png in the bundle is damaged" in ended.stderr


@pytest.mark.parametrize(
    ("was", "now", "found"),
    [
        ({"a": 1.0}, {"a": 1.0}, []),
        ({"a": 1.0}, {"a": 1.5}, ["a: 1.0 in the bundle, 1.5 here"]),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, ["a[1].b: 2 in the bundle, 3 here"]),
        ({"a": [1]}, {"a": [1, 2]}, ["a: [1] in the bundle, [1,2] here"]),
        ({}, {"a": 1}, ["a: null in the bundle, 1 here"]),
    ],
)
def test_differences_are_named_by_their_place(was, now, found):
    assert list(compare(was, now)) == found
