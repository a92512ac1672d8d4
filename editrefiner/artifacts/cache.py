"""Decoded pictures kept in memory, the least recently used dropped first."""

import threading
from collections import OrderedDict

import numpy as np


class ArrayCache:
    """Read-only arrays by name, at most `max_bytes` in all. Safe to share between threads."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._used_bytes = 0
        self._arrays: OrderedDict[str, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: str) -> np.ndarray | None:
        """The array kept under this name; None when there is none (any more)."""
        with self._lock:
            array = self._arrays.get(name)
            if array is not None:
                self._arrays.move_to_end(name)
            return array

    def put(self, name: str, array: np.ndarray) -> None:
        """Keep an array, which must be read-only; one larger than the whole cache is not kept."""
        assert not array.flags.writeable
        with self._lock:
            self._drop(name)
            if array.nbytes > self._max_bytes:
                return
            self._arrays[name] = array
            self._used_bytes += array.nbytes
            while self._used_bytes > self._max_bytes:
                self._drop(next(iter(self._arrays)))

    def drop(self, name: str) -> None:
        """Forget an array."""
        with self._lock:
            self._drop(name)

    def _drop(self, name: str) -> None:
        array = self._arrays.pop(name, None)
        if array is not None:
            self._used_bytes -= array.nbytes
