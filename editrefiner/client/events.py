"""What does an event stream say? The parser of server-sent events, fed with bytes as they come."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One dispatched event."""

    id: str
    type: str
    data: str


class EventParser:
    """Turns a `text/event-stream` into events, as the WHATWG standard says; lines end in LF or CRLF."""

    def __init__(self) -> None:
        self._unfinished = b""
        self._id = ""
        self._type = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[ServerEvent]:
        """The events that this chunk completes."""
        *lines, self._unfinished = (self._unfinished + chunk).split(b"\n")
        for line in lines:
            event = self._take(line.removesuffix(b"\r").decode("utf-8", "replace"))
            if event is not None:
                yield event

    def _take(self, line: str) -> ServerEvent | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "data":
                self._data.append(value)
            case "event":
                self._type = value
            case "id" if "\0" not in value:
                self._id = value
            case _:  # comments keep the connection open; other fields are for later versions
                pass
        return None

    def _dispatch(self) -> ServerEvent | None:
        event = ServerEvent(self._id, self._type or "message", "\n".join(self._data)) if self._data else None
        self._type, self._data = "", []
        return event
