"""Where are Pillow's own test pictures, fuzzers' findings among them?"""

from pathlib import Path

import pytest

CORPUS = Path.home() / ".cache/editrefiner/pillow-corpus"
MIN_FILES = 900
needs_corpus = pytest.mark.skipif(
    not CORPUS.is_dir(),
    reason=f"{CORPUS} is absent; python tests/corpora/fetch_pillow_images.py fetches it",
)
