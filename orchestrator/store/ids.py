"""What is a job called? Identifiers that sort by creation."""

import secrets
import threading

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no I, L, O, U to misread
TIME_DIGITS = 11  # 55 bits of microseconds, enough until the year 3111
RANDOM_DIGITS = 15  # 75 bits


class JobIds:
    """Makes ids of 26 characters; each is greater than the one before it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def new(self, now: float) -> str:
        """An id for a job created at `now` (seconds since the epoch)."""
        with self._lock:
            self._last = max(_microseconds(now), self._last + 1)
            return _encode(self._last, TIME_DIGITS) + _encode(secrets.randbits(75), RANDOM_DIGITS)


def lowest_id(created_at: float) -> str:
    """No job created at this time or later has an id below this one."""
    return _encode(_microseconds(created_at), TIME_DIGITS)


def _microseconds(seconds: float) -> int:
    return int(seconds * 1e6)


def _encode(number: int, digits: int) -> str:
    return "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(digits)))
