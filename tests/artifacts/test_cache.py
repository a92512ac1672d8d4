"""The cache of decoded pictures: bounded, least recently used first out."""

import numpy as np

from editrefiner.artifacts.cache import ArrayCache


def picture(size: int) -> np.ndarray:
    array = np.zeros(size, np.uint8)
    array.setflags(write=False)
    return array


def test_the_least_recently_used_picture_goes_first() -> None:
    cache = ArrayCache(250)
    cache.put("a", picture(100))
    cache.put("b", picture(100))
    assert cache.get("a") is not None
    cache.put("c", picture(100))
    assert [name for name in "abc" if cache.get(name) is not None] == ["a", "c"]


def test_a_picture_put_twice_counts_once() -> None:
    cache = ArrayCache(250)
    for _ in range(5):
        cache.put("a", picture(100))
    cache.put("b", picture(100))
    assert cache.get("a") is not None
    assert cache.get("b") is not None


def test_a_picture_larger_than_the_cache_is_not_kept() -> None:
    cache = ArrayCache(250)
    cache.put("a", picture(100))
    cache.put("b", picture(251))
    assert cache.get("a") is not None
    assert cache.get("b") is None


def test_a_dropped_picture_leaves_its_room_to_others() -> None:
    cache = ArrayCache(250)
    cache.put("a", picture(200))
    cache.drop("a")
    cache.drop("a")
    cache.put("b", picture(250))
    assert cache.get("b") is not None
