"""Which parts does this form have? A `multipart/form-data` body, already read, cut into its parts."""

from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from editrefiner.serving.errors import ValidationFailedError

MAX_PARTS = 256  # 64 regions and 16 candidates sent one by one fit


@dataclass(slots=True)
class Part:
    """One part. `filename` is None for a text field."""

    name: str = ""
    filename: str | None = None
    content: bytearray = field(default_factory=bytearray)


def parse_multipart(body: bytes | bytearray, content_type: str) -> list[Part]:
    """The parts in order; ValidationFailedError when the body is not such a form."""
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise ValidationFailedError("The Content-Type of the form names no boundary.")
    collector = _Collector()
    try:
        parser = MultipartParser(boundary, collector.callbacks())  # pyright: ignore[reportArgumentType]
        parser.write(bytes(body))
        parser.finalize()
    except FormParserError as error:
        raise ValidationFailedError(f"The multipart body is malformed: {error}") from error
    if not collector.is_complete:
        raise ValidationFailedError("The multipart body ends before its closing boundary.")
    return collector.parts


class _Collector:
    """Receives the parser's events and builds parts of them."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.is_complete = False
        self._header_name = b""
        self._header_value = b""
        self._disposition = b""

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._begin_part,
            "on_part_data": self._add_content,
            "on_header_field": self._add_header_name,
            "on_header_value": self._add_header_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._name_part,
            "on_end": self._end,
        }

    def _begin_part(self) -> None:
        if len(self.parts) == MAX_PARTS:
            raise ValidationFailedError(f"The form has more than {MAX_PARTS} parts.")
        self.parts.append(Part())
        self._disposition = b""

    def _add_content(self, data: bytes, start: int, end: int) -> None:
        self.parts[-1].content += data[start:end]

    def _add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = self._header_value
        self._header_name = self._header_value = b""

    def _name_part(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"name" not in options:
            raise ValidationFailedError('A part of the form has no "name" in its Content-Disposition.')
        part = self.parts[-1]
        part.name = options[b"name"].decode("utf-8", "replace")
        if b"filename" in options:
            part.filename = options[b"filename"].decode("utf-8", "replace")

    def _end(self) -> None:
        self.is_complete = True
