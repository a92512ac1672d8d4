"""Are edits with human marks read as they were written, and bad rows refused by row and column?"""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from editrefiner.artifacts.png import encode_png
from editrefiner.contracts import FlawKind
from training import editfhf
from training.labelled_files import BadRowsError, Sample

SCORES = (61.0, 55.5, 80.0)


def sample(height: int = 24, width: int = 32) -> Sample:
    rng = np.random.default_rng(3)
    artifact = np.zeros((height, width), np.float32)
    artifact[4:10, 6:14] = 1.0
    return Sample(
        source=rng.integers(0, 255, (height, width, 3), dtype=np.uint8),
        edited=rng.integers(0, 255, (height, width, 3), dtype=np.uint8),
        instruction="Make the car red, please",
        artifact_map=artifact,
        failure_map=rng.random((height, width), dtype=np.float32),
    )


def folder_with_table(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    """A table beside a source `s.png`, an edited `e.png` of 32x24 and a label `g.png` of half its size."""
    drawn = sample()
    (folder / "s.png").write_bytes(encode_png(drawn.source))
    (folder / "e.png").write_bytes(encode_png(drawn.edited))
    (folder / "g.png").write_bytes(encode_png(np.tile(np.array([0, 255], np.uint8), (12, 8))))
    (folder / "wide.png").write_bytes(encode_png(np.zeros((12, 20), np.uint8)))
    (folder / "torn.png").write_bytes(encode_png(drawn.edited)[:200])
    table = folder / "train.csv"
    table.write_bytes(text.encode(encoding))
    return table


def problems_of(table: Path) -> tuple[str, ...]:
    with pytest.raises(BadRowsError) as caught:
        list(editfhf.read_table(table, FlawKind.ARTIFACT))
    return caught.value.problems


# ------------------------------------------------------------------------------------ records


def test_a_record_comes_back_as_it_was_written(tmp_path):
    written = sample()
    descriptions = (
        editfhf.Description(kind=FlawKind.ARTIFACT, box=0, flaw_type="Blur", text="The wheel is smeared."),
    )
    record = editfhf.append_record(
        tmp_path / "records.jsonl",
        "car",
        written,
        scores=SCORES,
        artifact_boxes=((6, 4, 14, 10),),
        descriptions=descriptions,
    )
    records, rows = editfhf.read_records(tmp_path / "records.jsonl")
    assert records == [record]
    assert (records[0].perceptual_quality, records[0].descriptions) == (61.0, descriptions)
    read = rows[0]
    assert read.instruction == written.instruction
    np.testing.assert_array_equal(read.source, written.source)
    np.testing.assert_array_equal(read.edited, written.edited)
    np.testing.assert_array_equal(read.artifact_map, written.artifact_map)
    assert read.failure_map is not None
    assert written.failure_map is not None
    np.testing.assert_allclose(read.failure_map, written.failure_map, atol=0.5 / 255 + 1e-6)


def test_a_class_that_nobody_marked_is_written_as_an_empty_map(tmp_path):
    unmarked = sample()
    unmarked = Sample(unmarked.source, unmarked.edited, "Add a cat", unmarked.artifact_map, None)
    editfhf.append_record(tmp_path / "records.jsonl", "cat", unmarked, scores=SCORES)
    read = editfhf.read_records(tmp_path / "records.jsonl")[1][0]
    assert read.failure_map is not None
    assert not read.failure_map.any()


def test_bad_lines_are_named_by_line_and_field(tmp_path):
    path = tmp_path / "records.jsonl"
    editfhf.append_record(path, "car", sample(), scores=SCORES)
    good = path.read_text()
    lost = good.replace("car_failure_map.png", "lost.png")
    path.write_text(f"{good}{good.replace('61.0', '161.0')}nonsense\n{lost}")
    with pytest.raises(BadRowsError) as caught:
        editfhf.read_records(path)
    scored, nonsense, missing = caught.value.problems
    assert scored.startswith("row 2, column perceptual_quality: ")
    assert nonsense.startswith("row 3, column the whole line: ")
    assert missing.startswith("row 4, column failure_map: no file ")


def test_records_turn_into_a_table_of_the_release_for_either_class(tmp_path):
    record = editfhf.append_record(tmp_path / "records.jsonl", "car", sample(), scores=SCORES)
    for kind, field in ((FlawKind.ARTIFACT, "artifact_map"), (FlawKind.EDITING_FAILURE, "failure_map")):
        editfhf.write_table(tmp_path / "train.csv", [record], kind)
        read = editfhf.read_table(tmp_path / "train.csv", kind)[0]
        assert read.instruction == "Make the car red, please"
        np.testing.assert_allclose(getattr(read, field), getattr(sample(), field), atol=0.5 / 255 + 1e-6)
    assert read.artifact_map is None


# ------------------------------------------------------------------------------------ tables


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_table_is_read_in_the_encodings_of_the_release(tmp_path, encoding):
    table = folder_with_table(
        tmp_path, "source,edited,gray,prompt\ns.png,e.png,g.png,把汽车变成红色\n", encoding
    )
    assert editfhf.read_table(table, FlawKind.ARTIFACT)[0].instruction == "把汽车变成红色"


def test_a_table_in_latin1_is_read_too(tmp_path):
    # `0xFF` followed by a comma is neither utf-8 nor gb18030
    table = folder_with_table(tmp_path, "source,edited,gray,prompt\ns.png,e.png,g.png,\xff, bleu\n", "latin1")
    assert editfhf.read_table(table, FlawKind.ARTIFACT)[0].instruction == "ÿ"


def test_a_label_of_another_size_is_resized_bilinearly(tmp_path):
    table = folder_with_table(tmp_path, "source,edited,gray,prompt\ns.png,e.png,g.png,x\n")
    label = editfhf.read_table(table, FlawKind.ARTIFACT)[0].artifact_map
    assert label is not None
    assert (label.shape, label.dtype) == ((24, 32), np.float32)
    # columns 0 1 0 1 ... doubled with half-pixel centres: 0 1/4 3/4 3/4 1/4 1/4 ...
    np.testing.assert_allclose(label[5, :6], [0, 0.25, 0.75, 0.75, 0.25, 0.25], atol=1e-6)


def test_columns_may_come_in_any_order_beside_others_and_empty_rows_are_passed_over(tmp_path):
    table = folder_with_table(tmp_path, "id,prompt,gray,edited,source\n7,x,g.png,e.png,s.png\n,,,,\n")
    assert len(editfhf.read_table(table, FlawKind.ARTIFACT)) == 1


def test_paths_count_from_a_root_and_renamed_folders_are_found(tmp_path):
    pictures = tmp_path / "root" / "my-edits"
    pictures.mkdir(parents=True)
    text = "source,edited,gray,prompt\nmy_edits/s.png,my_edits/e.png,my-edits/g.png,x\n"
    table = folder_with_table(pictures, text).rename(tmp_path / "train.csv")
    assert len(editfhf.read_table(table, FlawKind.ARTIFACT, root=tmp_path / "root")) == 1


def test_every_row_without_a_cell_or_a_file_is_named_at_once(tmp_path):
    table = folder_with_table(
        tmp_path,
        "source,edited,gray,prompt\ns.png,e.png,g.png,x\ns.png,gone.png,g.png,x\ns.png,e.png,,\nlost.png\n",
    )
    problems = problems_of(table)
    assert problems[0] == f"row 3, column edited: no file {tmp_path / 'gone.png'}"
    assert problems[1:3] == ("row 4, column gray: empty", "row 4, column prompt: empty")
    assert any(problem.startswith("row 5, column source: no file") for problem in problems)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("s.png,torn.png,g.png,x", "row 2, column edited: torn.png cannot be decoded"),
        ("train.csv,e.png,g.png,x", "row 2, column source: train.csv"),
        ("s.png,e.png,wide.png,x", "row 2, column gray: wide.png is 20x12 and the edited picture 32x24"),
    ],
)
def test_a_picture_that_cannot_be_used_is_named_when_its_row_is_read(tmp_path, row, said):
    (problem,) = problems_of(folder_with_table(tmp_path, f"source,edited,gray,prompt\n{row}\n"))
    assert problem.startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "row 1: no column source, edited, gray, prompt; the columns are none"),
        ("source,edited,prompt\n", "row 1: no column gray; the columns are source, edited, prompt"),
        ("source,edited,gray,prompt\n", "no rows"),
    ],
)
def test_a_table_without_columns_or_rows_is_refused(tmp_path, text, said):
    assert problems_of(folder_with_table(tmp_path, text)) == (said,)


def test_a_long_list_of_bad_rows_is_cut_in_the_message_and_kept_in_the_error(tmp_path):
    rows = "".join(f"s.png,gone{number}.png,g.png,x\n" for number in range(13))
    with pytest.raises(BadRowsError, match="and 3 more") as caught:
        editfhf.read_table(
            folder_with_table(tmp_path, f"source,edited,gray,prompt\n{rows}"), FlawKind.ARTIFACT
        )
    assert len(caught.value.problems) == 13


def test_a_turned_photograph_is_read_upright(tmp_path):
    from PIL import Image

    folder_with_table(tmp_path, "")
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn
    Image.fromarray(np.zeros((32, 24, 3), np.uint8)).save(tmp_path / "turned.jpg", exif=exif)
    (tmp_path / "train.csv").write_text("source,edited,gray,prompt\ns.png,turned.jpg,g.png,x\n")
    assert editfhf.read_table(tmp_path / "train.csv", FlawKind.ARTIFACT)[0].edited.shape == (24, 32, 3)


def test_the_command_prints_the_bad_rows_and_fails(tmp_path):
    table = folder_with_table(
        tmp_path, "source,edited,gray,prompt\ns.png,e.png,g.png,x\ns.png,torn.png,g.png,x\n"
    )
    command = [sys.executable, "-m", "training.editfhf", str(table)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "row 3, column edited" in done.stdout
    assert "2 rows, 1 bad" in done.stdout
    table.write_text("source,edited,gray,prompt\ns.png,e.png,g.png,x\n")
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_coloured_label_counts_by_its_brightness(tmp_path):
    table = folder_with_table(tmp_path, "source,edited,gray,prompt\ns.png,e.png,red.png,x\n")
    red = np.zeros((24, 32, 3), np.uint8)
    red[..., 0] = 255
    (tmp_path / "red.png").write_bytes(encode_png(red))
    label = editfhf.read_table(table, FlawKind.ARTIFACT)[0].artifact_map
    assert label is not None
    assert label[0, 0] == pytest.approx(cv2.cvtColor(red, cv2.COLOR_RGB2GRAY)[0, 0] / 255)
