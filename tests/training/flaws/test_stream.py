"""Records of the flaw stream are reproducible, and everything they say of a pair is true of its pixels."""

from pathlib import Path

import numpy as np
import pytest

from editrefiner.contracts import FlawKind, FlawType
from training.editfhf import read_records, read_table
from training.flaws import generators
from training.flaws.__main__ import main
from training.flaws.export import export
from training.flaws.photos import DATA, folder_photos, photos
from training.flaws.record import FlawRecord
from training.flaws.stream import FlawStream

from .pictures import photographs

COUNT = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photographs(tmp_path_factory.mktemp("photographs"))


@pytest.fixture(scope="module")
def records(folder: Path) -> list[FlawRecord]:
    stream = FlawStream(folder_photos(folder), seed=3, use="all")
    return [stream.record(index) for index in range(COUNT)]


def test_a_record_is_the_same_whenever_it_is_drawn(folder: Path, records: list[FlawRecord]) -> None:
    again = FlawStream(folder_photos(folder), seed=3, use="all").record(COUNT - 1)

    last = records[-1]
    assert np.array_equal(again.edited, last.edited)
    assert np.array_equal(again.failure_map, last.failure_map)
    assert [flaw.description for flaw in again.flaws] == [flaw.description for flaw in last.flaws]


def test_pictures_masks_and_maps_of_a_record_have_one_size(records: list[FlawRecord]) -> None:
    for record in records:
        shape = record.edited.shape[:2]
        assert record.source.shape[:2] == record.ideal.shape[:2] == record.intended.shape == shape
        assert record.artifact_map.shape == record.failure_map.shape == shape
        assert all(flaw.mask.shape == shape for flaw in record.flaws)


def test_a_flaw_lies_in_its_box_and_is_marked_on_the_map_of_its_kind(records: list[FlawRecord]) -> None:
    flaws = [(record, flaw) for record in records for flaw in record.flaws]
    assert flaws

    for record, flaw in flaws:
        x0, y0, x1, y1 = flaw.box
        outside = flaw.mask.copy()
        outside[y0:y1, x0:x1] = False
        assert not outside.any()
        is_artifact = flaw.flaw_type.kind is FlawKind.ARTIFACT
        saliency = record.artifact_map if is_artifact else record.failure_map
        assert saliency[flaw.mask].max() > 0.15
        assert 0 < flaw.severity <= 1


def test_a_flawless_record_has_empty_maps_and_full_nominal_scores(folder: Path) -> None:
    stream = FlawStream(folder_photos(folder), seed=4, flawless=1.0)
    found = [stream.record(index) for index in range(4)]

    for record in found:
        assert not record.flaws
        assert record.artifact_map.max() == record.failure_map.max() == 0
        assert record.scores.perceptual_quality == record.scores.visual_consistency == 100


def test_one_fifth_of_the_records_have_no_flaw() -> None:
    stream = FlawStream([], seed=1)
    counts = [stream._count(np.random.default_rng(i)) for i in range(2000)]

    assert 0.17 < np.mean([count == 0 for count in counts]) < 0.23
    assert max(counts) == 5


def test_generators_kept_from_training_are_of_at_least_three_types_and_never_used_as_seen() -> None:
    kept = generators.usable("unseen")

    assert len({generator.flaw_type for generator in kept}) >= 3
    assert {generator.name for generator in kept} == generators.UNSEEN
    assert not {g.name for g in generators.usable("seen")} & generators.UNSEEN


def test_every_type_of_the_taxonomy_has_several_generators() -> None:
    for flaw_type in FlawType:
        assert sum(generator.flaw_type is flaw_type for generator in generators.GENERATORS) >= 3
        assert any(generator.flaw_type is flaw_type for generator in generators.usable("seen"))


@pytest.mark.skipif(not DATA.exists(), reason=f"the photographs are not at {DATA}")
def test_no_photograph_is_in_two_splits_and_no_folder_of_the_report_is_trained_on() -> None:
    training, validation, report = (
        {photo.path for photo in photos(split)} for split in ("training", "validation", "report")
    )

    assert training
    assert validation
    assert not training & validation
    assert not {path.parent for path in training | validation} & {path.parent for path in report}


def test_exported_records_are_read_back_as_they_were(tmp_path: Path, records: list[FlawRecord]) -> None:
    export(records[:3], tmp_path / "set")

    listed, edits = read_records(tmp_path / "set" / "records.jsonl")
    table = read_table(tmp_path / "set" / "failure.csv", FlawKind.EDITING_FAILURE)
    assert len(listed) == len(edits) == len(table) == 3
    for record, edit, entry in zip(records, edits, listed, strict=False):
        assert np.array_equal(edit.edited, record.edited)
        assert edit.instruction == record.instruction
        assert len(entry.artifact_boxes) + len(entry.failure_boxes) == len(record.flaws)
        assert edit.failure_map is not None
        assert np.abs(edit.failure_map - record.failure_map).max() <= 1 / 255


def test_a_folder_in_use_is_not_written_to(tmp_path: Path, records: list[FlawRecord]) -> None:
    (tmp_path / "records.jsonl").write_text("mine")

    with pytest.raises(FileExistsError, match="nothing is overwritten"):
        export(records[:1], tmp_path)
    assert (tmp_path / "records.jsonl").read_text() == "mine"


def test_a_folder_without_photographs_is_an_error_that_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"\.jpg"):
        folder_photos(tmp_path)


def test_preview_writes_a_contact_sheet(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sheet = tmp_path / "sheet.png"
    words = ["preview", "--photos", str(folder), "--count", "2", "--type", "blur", "--out", str(sheet)]
    monkeypatch.setattr("sys.argv", ["training.flaws", *words])

    assert main() == 0
    assert sheet.stat().st_size > 10_000
