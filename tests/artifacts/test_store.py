"""What every artifact store does, wherever it keeps its bytes."""

import base64
import hashlib
import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from editrefiner.artifacts import (
    ArtifactCorruptError,
    ArtifactNotFoundError,
    ImageLimits,
    ImageTooLargeError,
    ImageUnreadableError,
    ImageUnsupportedError,
    encode_png,
    open_store,
)
from editrefiner.contracts import ImageRef

ABSENT = "ab" * 32


def noise(*shape: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def data_uri(content: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def test_a_blob_that_unpacks_to_more_than_a_picture_may_have_is_refused(tmp_path) -> None:
    store = open_store(str(tmp_path), limits=ImageLimits(max_pixels=599))
    sha256 = store.put_bytes(encode_png(noise(20, 30)))
    with pytest.raises(ImageTooLargeError, match="the limit is 599"):
        store.gray(sha256)


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3), (20, 30, 4), (1, 1, 3)])
def test_pixels_come_back_bit_for_bit_in_another_process_of_the_store(shape, place) -> None:
    pixels = noise(*shape)
    ref = open_store(place.url).put_pixels(pixels)
    assert (ref.width, ref.height, ref.media_type) == (shape[1], shape[0], "image/png")

    again = open_store(place.url).pixels(ref)
    expected = pixels[..., None].repeat(3, axis=2) if pixels.ndim == 2 else pixels[..., :3]
    np.testing.assert_array_equal(again, expected)


def test_a_reference_is_the_sha256_of_a_png(place) -> None:
    store = open_store(place.url)
    pixels = noise(8, 8, 3)
    ref = store.put_pixels(pixels)
    content = store.bytes(ref.sha256)
    assert hashlib.sha256(content).hexdigest() == ref.sha256
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content))), pixels)


def test_the_same_picture_has_one_reference(place) -> None:
    store = open_store(place.url)
    assert store.put_pixels(noise(9, 9, 3)) == store.put_pixels(noise(9, 9, 3))
    assert store.put_pixels(noise(9, 9, 3)) != store.put_pixels(noise(9, 9, 3, seed=4))


def test_a_picture_is_found_by_reference_id_and_bare_hash(place) -> None:
    store = open_store(place.url)
    pixels = noise(6, 7, 3)
    ref = store.put_pixels(pixels)
    for name in (ref, ref.artifact_id, ref.sha256):
        np.testing.assert_array_equal(store.pixels(name), pixels)
        assert store.size(name) == ref


def test_a_map_is_read_as_it_was_stored(place) -> None:
    store = open_store(place.url)
    saliency = noise(12, 10)
    ref = store.put_pixels(saliency)
    np.testing.assert_array_equal(store.gray(ref), saliency)
    np.testing.assert_array_equal(open_store(place.url).gray(ref), saliency)


def test_a_mask_stored_in_color_is_read_as_gray(place) -> None:
    store = open_store(place.url)
    mask = noise(12, 10)
    for stored in (mask[..., None].repeat(3, axis=2), np.dstack([mask, mask, mask, mask])):
        np.testing.assert_array_equal(store.gray(store.put_pixels(stored)), mask)


def test_arrays_that_are_handed_out_cannot_be_changed(place) -> None:
    store = open_store(place.url)
    color, gray, transparent = (store.put_pixels(noise(*shape)) for shape in ((5, 5, 3), (5, 5), (5, 5, 4)))
    for array in (
        *(store.pixels(ref) for ref in (color, gray, transparent)),
        store.gray(color),
        store.gray(gray),
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        open_store(place.url).pixels(color)[0, 0] = 1


def test_drawing_on_an_array_after_it_was_stored_changes_nothing(place) -> None:
    store = open_store(place.url)
    pixels = noise(5, 5, 3)
    kept = pixels.copy()
    ref = store.put_pixels(pixels)
    pixels[:] = 0
    np.testing.assert_array_equal(store.pixels(ref), kept)


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 5000])
def test_any_blob_is_kept_by_its_sha256(content: bytes, place) -> None:
    store = open_store(place.url)
    sha256 = store.put_bytes(content)
    assert sha256 == hashlib.sha256(content).hexdigest()
    assert store.put_bytes(content) == sha256
    assert open_store(place.url).bytes(sha256) == content


def test_a_png_that_another_program_wrote_is_read_through_the_codec(place) -> None:
    store = open_store(place.url)
    pixels = noise(16, 16, 3)
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG")
    sha256 = store.put_bytes(target.getvalue())
    np.testing.assert_array_equal(store.pixels(sha256), pixels)
    assert store.size(sha256) == ImageRef(sha256=sha256, width=16, height=16)


def test_what_is_not_there_is_not_found(place) -> None:
    store = open_store(place.url)
    assert not store.exists(ABSENT)
    for read in (store.bytes, store.pixels, store.gray, store.size):
        with pytest.raises(ArtifactNotFoundError, match=f"sha256:{ABSENT}"):
            read(ABSENT)


def test_a_deleted_blob_is_gone_and_can_be_stored_again(place) -> None:
    store = open_store(place.url)
    ref = store.put_pixels(noise(5, 5, 3))
    assert store.exists(ref.sha256)
    store.delete(ref.sha256)
    store.delete(ref.sha256)
    assert not store.exists(ref.sha256)
    with pytest.raises(ArtifactNotFoundError):
        store.pixels(ref)
    assert store.put_pixels(noise(5, 5, 3)) == ref
    np.testing.assert_array_equal(open_store(place.url).pixels(ref), noise(5, 5, 3))


@pytest.mark.parametrize(
    "damage",
    [b"", b"another content", encode_png(np.zeros((5, 5, 3), np.uint8))],
    ids=["empty", "other bytes", "other picture"],
)
def test_a_damaged_blob_is_reported_removed_and_can_be_made_again(damage: bytes, place) -> None:
    ref = open_store(place.url).put_pixels(noise(5, 5, 3))
    place.damage(ref.sha256, damage)
    store = open_store(place.url)
    with pytest.raises(ArtifactCorruptError, match=ref.sha256) as caught:
        store.bytes(ref.sha256)
    assert caught.value.retryable
    assert not store.exists(ref.sha256)
    store.put_pixels(noise(5, 5, 3))
    np.testing.assert_array_equal(open_store(place.url).pixels(ref), noise(5, 5, 3))


@pytest.mark.parametrize("name", ["", "xyz", "A" * 64, "../" * 20 + "etc", "sha256:" + "g" * 64])
def test_what_is_not_a_sha256_is_a_mistake_of_the_caller(name: str, place) -> None:
    store = open_store(place.url)
    for read in (store.bytes, store.pixels, store.size, store.exists, store.delete):
        with pytest.raises(ValueError, match="SHA-256"):
            read(name)


# ------------------------------------------------------------------ records


def test_a_record_is_kept_by_name_and_replaced_whole(place) -> None:
    store = open_store(place.url)
    assert store.record("run-1") is None
    store.put_record("run-1", b'{"score": 71}')
    assert open_store(place.url).record("run-1") == b'{"score": 71}'
    store.put_record("run-1", b'{"score": 72, "note": "longer"}')
    store.put_record("run-1", b"{}")
    assert open_store(place.url).record("run-1") == b"{}"


@pytest.mark.parametrize("key", ["a", "..", ".", "0123456789abcdef" * 4, "A.b_c-d", "x" * 128])
def test_record_names_within_the_alphabet_are_kept_apart(key: str, place) -> None:
    store = open_store(place.url)
    store.put_record(key, b"1")
    store.put_record("other", b"2")
    assert (store.record(key), store.record("other")) == (b"1", b"2")


@pytest.mark.parametrize("key", ["", "x" * 129, "a/b", "../a", "a b", "é", "a\n", "a\x00"])
def test_other_record_names_are_refused(key: str, place) -> None:
    store = open_store(place.url)
    for act in (store.record, lambda name: store.put_record(name, b"")):
        with pytest.raises(ValueError, match="record key"):
            act(key)


# ------------------------------------------------------------------ pictures from outside


def test_an_ingested_picture_is_stored_as_srgb_without_alpha(place) -> None:
    store = open_store(place.url)
    pixels = noise(8, 8, 4)
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "WEBP", lossless=True, exact=True)
    ref, decoded = store.ingest(target.getvalue(), name="edited")
    np.testing.assert_array_equal(store.pixels(ref), pixels[..., :3])
    np.testing.assert_array_equal(decoded.alpha, pixels[..., 3])
    assert (decoded.media_type, ref.media_type) == ("image/webp", "image/png")


def test_every_form_of_an_image_field_resolves_to_the_same_reference(place) -> None:
    store = open_store(place.url)
    ref = store.put_pixels(noise(8, 8, 3))
    content = store.bytes(ref.sha256)
    wrong_size = ImageRef(sha256=ref.sha256, media_type="image/jpeg", width=1, height=1)
    for image in (ref, ref.artifact_id, data_uri(content), wrong_size):
        assert store.resolve(image, name="source") == ref


def test_a_reference_to_nothing_does_not_resolve(place) -> None:
    store = open_store(place.url)
    for image in (f"sha256:{ABSENT}", ImageRef(sha256=ABSENT, width=1, height=1)):
        with pytest.raises(ArtifactNotFoundError):
            store.resolve(image, name="source")


def test_a_blob_that_is_no_picture_does_not_resolve(place) -> None:
    store = open_store(place.url)
    for content in (b"", b"{}", b"\x89PNG\r\n\x1a\n" + bytes(60)):
        with pytest.raises(ImageUnsupportedError, match="not a picture"):
            store.resolve(f"sha256:{store.put_bytes(content)}", name="source")


@pytest.mark.parametrize(
    ("uri", "error"),
    [
        ("data:image/png;base64,iVBORw0KGgo=", ImageUnreadableError),
        ("data:image/png;base64,not base64!", ImageUnreadableError),
        ("data:image/png;base64,iVBORw0KGg", ImageUnreadableError),
        ("data:image/png;base64,", ImageUnreadableError),
        ("data:image/gif;base64," + base64.b64encode(b"GIF89a").decode(), ImageUnsupportedError),
        ("https://example.com/a.png", ImageUnreadableError),
        ("file:///etc/passwd", ImageUnreadableError),
        ("data:text/html;base64,PGI+", ImageUnreadableError),
        ("data:image/png;base64," + "A" * 2000, ImageTooLargeError),
    ],
)
def test_a_bad_data_uri_is_refused_by_name(uri: str, error: type, place) -> None:
    store = open_store(place.url, limits=ImageLimits(max_bytes=1000))
    with pytest.raises(error, match=r"^edited "):
        store.resolve(uri, name="edited")


def test_the_limits_of_a_store_hold_for_what_it_takes_in(place) -> None:
    store = open_store(place.url, limits=ImageLimits(max_pixels=50))
    with pytest.raises(ImageTooLargeError):
        store.resolve(data_uri(encode_png(noise(8, 8, 3))), name="edited")


# ------------------------------------------------------------------ many at once


def test_threads_can_share_a_store(place) -> None:
    store = open_store(place.url, cache_bytes=5000)
    pictures = [noise(16, 16, 3, seed=seed) for seed in range(6)]

    def work(turn: int) -> bool:
        pixels = pictures[turn % len(pictures)]
        ref = store.put_pixels(pixels)
        return np.array_equal(store.pixels(ref), pixels) and store.exists(ref.sha256)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(60)))
