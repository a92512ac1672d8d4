"""What a directory of artifacts survives: kills, full disks, damage, and copies that go stale."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from editrefiner.artifacts import ArtifactNotFoundError, ArtifactStoreUnavailableError, open_store
from editrefiner.artifacts.working import WorkingCopies

WRITER = """
import sys
import numpy as np
from editrefiner.artifacts import open_store
store = open_store(sys.argv[1])
rng = np.random.default_rng(int(sys.argv[2]))
for turn in range(100_000):
    ref = store.put_pixels(rng.integers(0, 256, (200, 200, 3), dtype=np.uint8))
    store.put_record("latest", f"{turn} {ref.sha256}".encode())
    print(ref.sha256, flush=True)
"""
FILLER = """
import resource, sys
from editrefiner.artifacts import ArtifactStoreUnavailableError, open_store
store = open_store(sys.argv[1])
store.put_bytes(b"small")
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    store.put_bytes(bytes(10_000))
except ArtifactStoreUnavailableError as exc:
    print(exc.status, exc.retryable, exc.detail)
"""


def noise(*shape: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_a_store_is_opened_by_path_or_file_url(tmp_path: Path) -> None:
    folder = tmp_path / "with a space"
    sha256 = open_store(str(folder)).put_bytes(b"x")
    assert open_store(f"file://{str(folder).replace(' ', '%20')}").bytes(sha256) == b"x"


@pytest.mark.parametrize(
    "url", ["http://example.com/store", "ftp://a/b", "gs://bucket", "s3://", "s3://b?secret=1"]
)
def test_other_urls_are_no_stores(url: str) -> None:
    with pytest.raises(ValueError, match="is not a"):
        open_store(url)


def test_a_place_that_cannot_be_used_says_where_and_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ArtifactStoreUnavailableError, match=r"file.*Check that it is mounted"):
        open_store(str(tmp_path / "file"))


def test_writing_again_heals_a_damaged_blob(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    sha256 = store.put_bytes(b"precious")
    path = tmp_path / "blobs" / sha256[:2] / sha256
    path.write_bytes(b"precioux")
    store.put_bytes(b"precious")
    assert path.read_bytes() == b"precious"


def test_a_blob_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    sha256 = store.put_bytes(b"precious")
    path = tmp_path / "blobs" / sha256[:2] / sha256
    before = path.stat().st_ino
    store.put_bytes(b"precious")
    assert path.stat().st_ino == before


def test_what_a_dead_writer_left_is_cleared_and_what_a_live_one_writes_is_not(tmp_path: Path) -> None:
    open_store(str(tmp_path))
    old, new = tmp_path / "incoming/old", tmp_path / "incoming/new"
    old.write_bytes(b"half")
    new.write_bytes(b"half")
    os.utime(old, (time.time() - 7200, time.time() - 7200))
    open_store(str(tmp_path))
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.process
def test_no_picture_that_was_promised_is_lost_when_writers_are_killed(tmp_path: Path) -> None:
    promised: list[str] = []
    for seed in range(4):
        command = [sys.executable, "-c", WRITER, str(tmp_path), str(seed)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            promised += [writer.stdout.readline().strip() for _ in range(10 + 7 * seed)]
            writer.send_signal(signal.SIGKILL)
            promised += [line.strip() for line in writer.stdout if line.endswith("\n")]

    store = open_store(str(tmp_path))
    assert len(promised) >= 4 * 10
    for sha256 in promised:
        assert store.bytes(sha256)
    for path in (tmp_path / "blobs").rglob("*"):
        if path.is_file():
            assert store.bytes(path.name)  # verified: what has a name is whole
    latest = (store.record("latest") or b"").decode().split()
    assert latest[1] in promised or store.exists(latest[1])


@pytest.mark.process
def test_a_full_disk_is_reported_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILLER, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("503 True the artifact directory cannot be used")
    assert list((tmp_path / "incoming").iterdir()) == []
    files = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in files] == [b"small"]


# ------------------------------------------------------------------ working copies


def working_file(root: Path, sha256: str) -> Path:
    return root / "working" / sha256


def test_a_picture_is_read_from_its_working_copy_by_another_process(tmp_path: Path) -> None:
    ref = open_store(str(tmp_path)).put_pixels(noise(20, 30, 3))
    copies = WorkingCopies(tmp_path / "working", 10**9)
    copy = copies.get(ref.sha256)
    assert copy is not None
    np.testing.assert_array_equal(copy, noise(20, 30, 3))


@pytest.mark.parametrize(
    "harm", ["gone", "empty", "cut short", "longer", "one bit", "header", "of another picture"]
)
def test_a_working_copy_that_is_not_sound_is_never_used(harm: str, tmp_path: Path) -> None:
    writer = open_store(str(tmp_path))
    ref, other = writer.put_pixels(noise(20, 30, 3)), writer.put_pixels(noise(20, 30, 3, seed=4))
    path = working_file(tmp_path, ref.sha256)
    content = path.read_bytes()
    match harm:
        case "gone":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
        case "cut short":
            path.write_bytes(content[:-7])
        case "longer":
            path.write_bytes(content + b"\x00")
        case "one bit":
            path.write_bytes(content[:-100] + bytes([content[-100] ^ 1]) + content[-99:])
        case "header":
            path.write_bytes(content[:40] + b"\xff" * 12 + content[52:])
        case "of another picture":
            path.write_bytes(working_file(tmp_path, other.sha256).read_bytes())

    np.testing.assert_array_equal(open_store(str(tmp_path)).pixels(ref), noise(20, 30, 3))
    assert path.read_bytes() == content  # made again from the PNG


def test_a_working_copy_does_not_outlive_its_picture(tmp_path: Path) -> None:
    ref = open_store(str(tmp_path)).put_pixels(noise(20, 30, 3))
    (tmp_path / "blobs" / ref.sha256[:2] / ref.sha256).unlink()
    with pytest.raises(ArtifactNotFoundError):
        open_store(str(tmp_path)).pixels(ref)
    assert not working_file(tmp_path, ref.sha256).exists()


def test_working_copies_keep_to_their_allowance(tmp_path: Path) -> None:
    copies = WorkingCopies(tmp_path, 100_000)
    for number in range(60):
        copies.put(f"{number:064x}", noise(60, 60, 3))  # some 11 kB each
    used = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert used <= 100_000 + 100_000 // 8 + 11_000
    assert copies.get(f"{59:064x}") is not None
    assert copies.get(f"{0:064x}") is None


def test_a_store_works_without_room_for_working_copies(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    (tmp_path / "working").rmdir()
    (tmp_path / "working").write_bytes(b"in the way")
    ref = store.put_pixels(noise(20, 30, 3))
    (tmp_path / "working").unlink()
    np.testing.assert_array_equal(open_store(str(tmp_path)).pixels(ref), noise(20, 30, 3))
