"""The suite's own PNG writer and reader, against two other readers."""

import io

import cv2
import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from editrefiner.artifacts import encode_png
from editrefiner.artifacts.png import decode_own_png, png_size

SIDES = st.integers(1, 40)
SHAPES = st.one_of(
    st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES, st.just(3)), st.tuples(SIDES, SIDES, st.just(4))
)
PIXELS = SHAPES.flatmap(lambda shape: arrays.arrays(np.uint8, shape))


@settings(deadline=None, max_examples=150)
@given(PIXELS)
def test_any_uint8_array_comes_back_bit_for_bit_from_three_readers(pixels: np.ndarray) -> None:
    encoded = encode_png(pixels)

    own = decode_own_png(encoded, max_pixels=pixels.size)
    assert own is not None
    np.testing.assert_array_equal(own, pixels)
    with Image.open(io.BytesIO(encoded)) as image:
        image.verify()
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(encoded))), pixels)
    by_cv2 = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_UNCHANGED)
    assert by_cv2 is not None
    order = {2: slice(None), 3: [2, 1, 0], 4: [2, 1, 0, 3]}[2 if pixels.ndim == 2 else pixels.shape[2]]
    np.testing.assert_array_equal(by_cv2 if pixels.ndim == 2 else by_cv2[..., order], pixels)


def test_a_picture_that_is_not_contiguous_is_encoded_as_it_looks() -> None:
    pixels = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)[::-1, ::2]
    np.testing.assert_array_equal(decode_own_png(encode_png(pixels), max_pixels=pixels.size), pixels)


def test_a_large_picture_comes_back_bit_for_bit() -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (1500, 2100, 3), dtype=np.uint8)
    np.testing.assert_array_equal(decode_own_png(encode_png(pixels), max_pixels=pixels.size), pixels)


def test_the_same_pixels_give_the_same_bytes() -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert encode_png(pixels) == encode_png(pixels.copy())


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4, 3), np.float32),
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((0, 4), np.uint8),
        np.zeros(4, np.uint8),
    ],
)
def test_what_is_not_a_picture_is_refused(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="a PNG takes"):
        encode_png(pixels)


def test_the_size_is_read_from_the_header() -> None:
    assert png_size(encode_png(np.zeros((5, 9), np.uint8))[:33]) == (9, 5)
    assert png_size(b"not a PNG, whatever its length may be") is None


@pytest.mark.parametrize("kind", ["other filter", "palette", "two data chunks", "damaged"])
def test_the_quick_reader_leaves_other_peoples_pngs_alone(kind: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    own = encode_png(pixels)
    foreign = io.BytesIO()
    match kind:
        case "other filter":
            Image.fromarray(pixels).save(foreign, "PNG")
        case "palette":
            Image.fromarray(pixels).quantize(8).save(foreign, "PNG")
        case "two data chunks":
            foreign.write(own[:-12] + own[33:-12] + own[-12:])
        case "damaged":
            foreign.write(own[:60] + b"\xff" * 20 + own[80:])
    assert decode_own_png(foreign.getvalue(), max_pixels=pixels.size) is None


def test_a_picture_of_more_pixels_than_allowed_is_not_unpacked() -> None:
    encoded = encode_png(np.zeros((20, 30), np.uint8))
    assert decode_own_png(encoded, max_pixels=599) is None
    assert decode_own_png(encoded, max_pixels=600) is not None
