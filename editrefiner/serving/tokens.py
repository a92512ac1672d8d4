"""How much does a JSON text hold? Counted before it is parsed: values take up to 300 times their bytes."""

import re
from itertools import islice

_SIGNS = (b",", b"[", b"{")
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{,]', re.DOTALL)  # possessive: each byte is read once


def first_token_past(most: int, *texts: bytes | bytearray) -> tuple[int, int] | None:
    """Where texts together hold too much: more than `most` strings, lists, objects and commas.

    These bound the values. The index of the text, and of the byte in it, of the first that is too many; None
    where none is.
    """
    if sum(text.count(sign) for text in texts for sign in _SIGNS) <= most // 3:
        return None  # as in nearly every body: base64 has none of these, and at most two strings follow each
    tokens = ((index, token.start()) for index, text in enumerate(texts) for token in _TOKEN.finditer(text))
    return next(islice(tokens, most, None), None)
