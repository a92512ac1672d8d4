"""The state of a refinement: held by one process, kept for the same command, dropped for another."""

import pytest

from suite.lock import FolderInUseError
from suite.workspace import open_workspace


def test_state_is_found_again_by_the_same_refinement(tmp_path):
    with open_workspace(tmp_path, "a") as first:
        first.state.mkdir()
    with open_workspace(tmp_path, "a") as again:
        assert (first.is_resumed, again.is_resumed) == (False, True)


def test_another_refinement_starts_afresh(tmp_path):
    with open_workspace(tmp_path, "a") as first:
        first.state.mkdir()
    with open_workspace(tmp_path, "b") as other:
        assert not other.is_resumed
        assert not other.state.exists()


def test_two_processes_do_not_refine_into_one_folder(tmp_path):
    with open_workspace(tmp_path, "a"), pytest.raises(FolderInUseError, match="in use by another"):
        open_workspace(tmp_path, "a").__enter__()


def test_what_is_removed_leaves_nothing_behind(tmp_path):
    with open_workspace(tmp_path / "out", "a") as workspace:
        workspace.state.mkdir()
        workspace.remove()

    assert not (tmp_path / "out").exists()


def test_removing_keeps_what_else_is_in_the_output_folder(tmp_path):
    (tmp_path / "notes.txt").touch()
    with open_workspace(tmp_path, "a") as workspace:
        workspace.remove()

    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
