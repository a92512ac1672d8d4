"""A file that one process writes, and the second `editrefiner score` that would write it too."""

import pytest

from suite.cli import main
from suite.lock import FileInUseError, FolderUnusableError, exclusive_file


def test_a_file_is_written_by_one_process_at_a_time(tmp_path):
    with exclusive_file(tmp_path / "a.csv"):
        with pytest.raises(FileInUseError, match=r"a\.csv is being written by another"):
            exclusive_file(tmp_path / "a.csv").__enter__()
        with exclusive_file(tmp_path / "b.csv"):
            pass
    with exclusive_file(tmp_path / "a.csv"):
        pass


def test_a_file_that_was_held_has_nothing_left_beside_it(tmp_path):
    with exclusive_file(tmp_path / "new" / "a.csv"):
        (tmp_path / "new" / "a.csv").touch()

    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.csv"]


def test_a_lock_that_a_kill_left_behind_holds_nobody_up(tmp_path):
    (tmp_path / ".a.csv.lock").touch()

    with exclusive_file(tmp_path / "a.csv"):
        pass


def test_a_file_in_a_folder_that_cannot_be_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "notes").touch()

    with pytest.raises(FolderUnusableError, match=r"notes/a\.csv cannot be written to"):
        exclusive_file(tmp_path / "notes" / "a.csv").__enter__()


def test_scores_that_another_run_writes_are_left_to_it(tmp_path, capsys):
    (tmp_path / "pairs.csv").write_text("source,edited,instruction\n")
    scores = tmp_path / "scores.csv"
    scores.write_text("rows of the first run\n")

    with exclusive_file(scores):
        status = main(["score", "--csv", str(tmp_path / "pairs.csv"), "-o", str(scores)])

    assert status == 1
    assert "is being written by another editrefiner process" in capsys.readouterr().err
    assert scores.read_text() == "rows of the first run\n"
