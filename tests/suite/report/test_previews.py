"""The small pictures of the report show what is there."""

import base64

import cv2
import numpy as np
import pytest

from editrefiner.contracts import Registration
from suite.report.previews import Preview, close_up


def pixels(preview: Preview) -> np.ndarray:
    content = base64.b64decode(preview.uri.partition(",")[2])
    gray = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert gray is not None
    return gray


@pytest.mark.parametrize("across", [True, False])
def test_fine_stripes_of_a_large_region_become_gray_and_no_pattern(across):
    picture = np.zeros((900, 900, 3), np.uint8)
    picture[::3] = 255  # one row in three is white
    if across:
        picture = np.ascontiguousarray(picture.swapaxes(0, 1))

    shown = close_up(picture, (50, 50, 770, 770), side=240, max_bytes=18_000, registration=Registration())

    assert (shown.width, shown.height) == (240, 240)
    assert np.abs(pixels(shown).astype(int) - 85).max() <= 3


def test_a_small_region_is_enlarged_three_times():
    picture = np.full((100, 100, 3), 90, np.uint8)

    shown = close_up(picture, (10, 20, 40, 30), side=240, max_bytes=18_000, registration=Registration())

    assert (shown.width, shown.height) == (90, 30)
