"""What is particular to a bucket: being told that it cannot be reached."""

import pytest

from editrefiner.artifacts import ArtifactStoreUnavailableError, open_store

pytestmark = pytest.mark.process


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "reader")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "for the test only")


def test_a_bucket_that_does_not_exist_is_unavailable(s3_server: str) -> None:
    store = open_store(f"s3://nowhere?endpoint={s3_server}&region=us-east-1")
    with pytest.raises(ArtifactStoreUnavailableError, match=r"s3://nowhere .*that the bucket exists"):
        store.put_bytes(b"x")


def test_a_server_that_is_down_is_unavailable_and_worth_a_retry() -> None:
    store = open_store(
        "s3://shelf?endpoint=http://127.0.0.1:9&region=us-east-1"
    )  # the discard port: nobody listens
    with pytest.raises(ArtifactStoreUnavailableError) as caught:
        store.bytes("ab" * 32)
    assert caught.value.retryable
    assert "for the test only" not in caught.value.detail


def test_buckets_are_kept_apart_by_prefix(s3_server: str) -> None:
    one = open_store(f"s3://shelf/one?endpoint={s3_server}&region=us-east-1")
    two = open_store(f"s3://shelf/two?endpoint={s3_server}&region=us-east-1")
    sha256 = one.put_bytes(b"only here")
    assert one.exists(sha256)
    assert not two.exists(sha256)
