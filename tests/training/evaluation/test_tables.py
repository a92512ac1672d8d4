"""Are tables of scores and preferences read as they are meant, and refused by row and column?"""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from editrefiner.artifacts.png import encode_png
from training.evaluation import tables as command
from training.evaluation.tables import read_pairs, read_scores
from training.labelled_files import BadRowsError

HEADER = "source,edited,visual,editing,preservation,instruction\n"
QUERY = (
    "With the image editing prompt [{}], the source image <image> is edited to generate the target image "
    "<image>. Please rate the target image from {} aspect on a scale of 0-100. Just reply a sentence in the "
    "following format: [The quality score is XX.XX (a number with two decimal)]"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures, the last in a folder whose name the tables write with a hyphen."""
    (tmp_path / "model_x").mkdir()
    for i, name in enumerate(("s.png", "e.png", "model_x/f.png")):
        (tmp_path / name).write_bytes(encode_png(np.full((8, 12, 3), 60 * i, np.uint8)))
    return tmp_path


def refused(folder: Path, text: str) -> str:
    """What is said about a table of scores."""
    (folder / "t.csv").write_text(text, encoding="utf-8")
    with pytest.raises(BadRowsError) as caught:
        read_scores(folder / "t.csv")
    return str(caught.value)


def test_the_columns_of_the_release_are_read_in_the_order_of_the_head(folder: Path):
    (folder / "t.csv").write_text(HEADER + "s.png,e.png,81.5,40,62,Add a cup\ns.png,model-x/f.png,1,2,3,Go\n")
    first, second = read_scores(folder / "t.csv")
    assert first.scores == (81.5, 40, 62)
    rated = first.load()
    assert rated.sample.instruction == "Add a cup"
    assert rated.sample.edited.shape == (8, 12, 3)
    assert (rated.sample.source[0, 0, 0], rated.sample.edited[0, 0, 0]) == (0, 60)
    assert second.row.edited == folder / "model_x" / "f.png"


def test_other_names_other_orders_and_a_byte_order_mark_are_read(folder: Path):
    text = "Prompt,edited_image,source_image,visual_quality,attribute_preservation,edit_alignment,model\n"
    (folder / "t.csv").write_text("\ufeff" + text + "Go,e.png,s.png,10,30,20,x\n\n,,,,,,\n", encoding="utf-8")
    (row,) = read_scores(folder / "t.csv")
    assert row.scores == (10, 20, 30)


def test_a_dimension_that_was_not_rated_is_no_number(folder: Path):
    (folder / "t.csv").write_text("source,edited,visual,editing,instruction\ns.png,e.png,,55,Go\n")
    (row,) = read_scores(folder / "t.csv")
    assert math.isnan(row.scores[0])
    assert row.scores[1] == 55
    assert math.isnan(row.scores[2])


def test_bad_cells_are_named_by_row_and_column(folder: Path):
    said = refused(folder, HEADER + "s.png,e.png,81,101,good,Go\ns.png,e.png,,,,Go\n")
    assert "row 2, column editing: 101 is no score of 0 to 100" in said
    assert "row 2, column preservation: 'good' is no number" in said
    assert "row 3: no score in any of visual, editing, preservation" in said
    assert "row 2, column instruction: empty" in refused(folder, HEADER + "s.png,e.png,1,2,3,\n")
    assert "row 2, column edited: no file" in refused(folder, HEADER + "s.png,lost.png,1,2,3,Go\n")
    assert "row 1: no column instruction or prompt" in refused(
        folder, "source,edited,visual\ns.png,e.png,1\n"
    )
    assert "row 1: several columns say visual: visual, quality" in refused(
        folder, "source,edited,visual,quality,instruction\ns.png,e.png,1,2,Go\n"
    )
    assert "no rows" in refused(folder, HEADER)


def test_conversations_of_edithf_about_one_edit_become_one_row(folder: Path):
    lines = [
        {"images": ["s.png", "e.png"], "query": QUERY.format("Add [a] cup", aspect), "response": answer}
        for aspect, answer in (
            ("visual quality", "The quality score is 61.30"),
            ("attribute preservation", "The quality score is 80"),
        )
    ]
    (folder / "t.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    (row,) = read_scores(folder / "t.jsonl")
    assert row.row.instruction == "Add [a] cup"
    assert (row.scores[0], row.scores[2]) == (61.3, 80)
    assert math.isnan(row.scores[1])


def test_conversations_that_say_nothing_are_named_by_line(folder: Path):
    good = {
        "images": ["s.png", "e.png"],
        "query": QUERY.format("Go", "visual quality"),
        "response": "The quality score is 1",
    }
    bad = [
        json.dumps(good),
        json.dumps(good),
        json.dumps({**good, "query": QUERY.format("Go", "beauty")}),
        json.dumps({**good, "response": "It is good."}),
        json.dumps({**good, "images": ["s.png"]}),
        "no json",
    ]
    (folder / "t.jsonl").write_text("\n".join(bad))
    with pytest.raises(BadRowsError) as caught:
        read_scores(folder / "t.jsonl")
    said = str(caught.value)
    assert "row 2, column query: a second score of this edit for visual" in said
    assert "row 3, column query: asks for none of visual quality" in said
    assert "row 4, column response: says no score: 'It is good.'" in said
    assert "row 5, column the whole line" in said
    assert "row 6, column the whole line" in said


def test_preferences_are_read_for_each_dimension_and_overall(folder: Path):
    text = (
        "source,a,b,instruction,visual,overall\ns.png,e.png,model-x/f.png,Go,A,tie\ns.png,e.png,e.png,Go,b,\n"
    )
    (folder / "t.csv").write_text(text)
    first, second = read_pairs(folder / "t.csv")
    assert (first.preferred[0], first.preferred[3]) == (1, 0)
    assert math.isnan(first.preferred[1])
    assert second.preferred[0] == -1
    assert math.isnan(second.preferred[3])
    pair = first.load()
    assert (pair.a.edited[0, 0, 0], pair.b.edited[0, 0, 0]) == (60, 120)
    assert first.pictures == (folder / "e.png", folder / "model_x" / "f.png")


def test_preferences_that_say_nothing_are_named(folder: Path):
    (folder / "t.csv").write_text(
        "source,a,b,instruction,overall\ns.png,e.png,e.png,Go,left\ns.png,e.png,e.png,Go,\n"
    )
    with pytest.raises(
        BadRowsError, match=r"row 2, column overall: 'left' is none of a, b, tie.*row 3: no pref"
    ):
        read_pairs(folder / "t.csv")


def test_the_command_reads_every_picture_and_names_the_bad(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "bad.png").write_bytes(b"no picture")
    (folder / "t.csv").write_text(HEADER + "s.png,e.png,1,2,3,Go\ns.png,bad.png,1,2,3,Go\n")
    assert command.main([str(folder / "t.csv")]) == 1
    said = capsys.readouterr().out
    assert "row 3, column edited" in said
    assert said.endswith("2 rows, 1 bad\n")
    (folder / "p.csv").write_text("source,a,b,instruction,overall\ns.png,e.png,e.png,Go,a\n")
    assert command.main([str(folder / "p.csv"), "--pairs"]) == 0
    assert capsys.readouterr().out == "1 rows, 0 bad\n"
