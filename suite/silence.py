"""How does a command keep the log off the terminal? For as long as it runs, and no longer."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silenced(level: int) -> Iterator[None]:
    """Drop every log line up to `level`."""
    before = logging.root.manager.disable
    logging.disable(level)
    try:
        yield
    finally:
        logging.disable(before)
