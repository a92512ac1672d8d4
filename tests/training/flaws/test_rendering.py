"""Is rendering a frame again faithful, of the same size, and honest about where pixels went?"""

import cv2
import numpy as np
import pytest

from training.flaws.rendering import RENDERINGS, UNMOVED, Rendered, render, then


def photo(height: int = 120, width: int = 168) -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal((height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 4) * 250 + cv2.GaussianBlur(noise, (0, 0), 1) * 20
    return np.clip(128 + smooth, 0, 255).astype(np.uint8)


def inner(picture: np.ndarray) -> np.ndarray:
    return picture[12:-12, 12:-12].astype(np.float32)


@pytest.mark.parametrize("name", RENDERINGS)
@pytest.mark.parametrize("amount", [0.0, 0.5, 1.0])
def test_a_rendering_keeps_size_and_shows_the_same_scene(name: str, amount: float) -> None:
    picture = photo()
    picture.setflags(write=False)
    rendered = RENDERINGS[name](picture, np.random.default_rng(4), amount)
    assert rendered.picture.shape == picture.shape
    assert rendered.picture.dtype == np.uint8
    assert rendered.matrix.shape == (2, 3)
    assert (rendered.description == "") == (name == "untouched")
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    expected = cv2.warpAffine(picture, rendered.matrix, picture.shape[1::-1], flags=flags)
    assert np.abs(inner(rendered.picture) - inner(expected)).mean() < 8


@pytest.mark.parametrize("seed", range(8))
def test_the_matrix_of_a_chain_says_where_a_dot_came_from(seed: int) -> None:
    picture = np.zeros((120, 168, 3), np.uint8)
    cv2.circle(picture, (100, 60), 6, (255, 255, 255), -1)
    rng = np.random.default_rng(seed)
    rendered = then(RENDERINGS["rounded"](picture, rng, 1.0), RENDERINGS["nudged"], rng, 1.0)
    ys, xs = np.nonzero(rendered.picture[..., 0] > 127)
    x, y = rendered.matrix @ np.array([xs.mean(), ys.mean(), 1.0])
    assert abs(x - 100) < 0.5
    assert abs(y - 60) < 0.5


def test_a_mask_moves_with_the_picture() -> None:
    mask = np.zeros((80, 90), bool)
    mask[30:50, 30:60] = True
    shifted = Rendered(np.zeros((80, 90, 3), np.uint8), np.array([[1, 0, 4], [0, 1, -2]], np.float32), "")
    moved = shifted.moved(mask)
    assert moved[32:52, 26:56].all()
    assert moved.sum() == mask.sum()


def test_amount_zero_gives_the_same_bytes_back() -> None:
    picture = photo()
    rendered = render(picture, np.random.default_rng(1), 0.0)
    assert np.array_equal(rendered.picture, picture)
    assert np.array_equal(rendered.matrix, UNMOVED)


def test_the_same_seed_renders_the_same_bytes() -> None:
    one, two = (render(photo(), np.random.default_rng(9), 0.8) for _ in range(2))
    assert np.array_equal(one.picture, two.picture)
    assert one.description == two.description


def test_whole_chains_stay_below_what_a_person_would_call_a_flaw() -> None:
    picture = photo()
    for seed in range(20):
        rendered = render(picture, np.random.default_rng(seed), 1.0)
        back = cv2.invertAffineTransform(rendered.matrix)
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        aligned = cv2.warpAffine(rendered.picture, back, picture.shape[1::-1], flags=flags)
        assert np.abs(inner(aligned) - inner(picture)).mean() < 9


@pytest.mark.parametrize("size", [(64, 64), (65, 97), (9, 40)])
def test_small_and_odd_frames_are_rendered_too(size: tuple[int, int]) -> None:
    for seed in range(6):
        assert render(photo(*size), np.random.default_rng(seed), 1.0).picture.shape == (*size, 3)
