"""How forms are cut into parts."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from editrefiner.serving.errors import ValidationFailedError
from editrefiner.serving.multipart import MAX_PARTS, parse_multipart

FORM = "multipart/form-data; boundary=B"
TEXT = b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n'
names = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=10)


@given(st.lists(st.tuples(names, names, st.binary(max_size=300)), min_size=1, max_size=5))
def test_parts_come_out_as_they_went_in(parts: list[tuple[str, str, bytes]]) -> None:
    request = httpx.Request(
        "POST", "http://service", files=[(name, (filename, content)) for name, filename, content in parts]
    )
    parsed = parse_multipart(request.read(), request.headers["content-type"])
    assert [(part.name, part.filename, bytes(part.content)) for part in parsed] == parts


@given(st.binary(max_size=200))
def test_whatever_comes_is_cut_or_refused(noise: bytes) -> None:
    for body in (noise, TEXT + noise, b"--B" + noise, TEXT.replace(b"x", noise) + b"--B--\r\n"):
        try:
            parse_multipart(body, FORM)
        except ValidationFailedError:
            continue


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (TEXT + b"--B--\r\n", "multipart/form-data"),
        (TEXT, FORM),
        (b"", FORM),
        (b"--B\r\nContent-Type: text/plain\r\n\r\nx\r\n--B--\r\n", FORM),
        (TEXT * (MAX_PARTS + 1) + b"--B--\r\n", FORM),
        (TEXT + b"--B--\r\n", "multipart/form-data; boundary=" + "B" * 300),
    ],
    ids=["no boundary", "cut short", "empty", "nameless part", "too many parts", "endless boundary"],
)
def test_a_form_that_is_none_is_refused(body: bytes, content_type: str) -> None:
    with pytest.raises(ValidationFailedError):
        parse_multipart(body, content_type)
