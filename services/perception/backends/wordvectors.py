"""What do the words of an instruction mean? A table of word vectors, averaged, rare words counting more."""

import re
from pathlib import Path

import numpy as np

_WORD = re.compile(r"[a-z]+")


class WordVectors:
    """Static vectors distilled from WordLlama (MIT) for a fixed vocabulary."""

    def __init__(self, words: list[str], vectors: np.ndarray, weights: np.ndarray) -> None:
        self._index = {word: i for i, word in enumerate(words)}
        self._vectors = vectors.astype(np.float32)
        self._weights = weights.astype(np.float32)

    @classmethod
    def read(cls, path: Path) -> "WordVectors":
        """From an .npz file: `words` (one string, a line each), `vectors` (V, D), `weights` (V,)."""
        with np.load(path, allow_pickle=False) as table:
            return cls(str(table["words"]).split("\n"), table["vectors"], table["weights"])

    @property
    def width(self) -> int:
        """Length of a vector."""
        return self._vectors.shape[1]

    def mean(self, text: str) -> np.ndarray:
        """(D,) float32 of length 1 or 0: words that the table lacks are left out, also without a plural s."""
        rows = [row for word in _WORD.findall(text.lower()) if (row := self._row(word)) is not None]
        if not rows:
            return np.zeros(self.width, np.float32)
        total = (self._vectors[rows] * self._weights[rows, None]).sum(axis=0)
        return total / max(float(np.linalg.norm(total)), 1e-6)

    def _row(self, word: str) -> int | None:
        found = self._index.get(word)
        return self._index.get(word[:-1]) if found is None and word.endswith("s") else found
