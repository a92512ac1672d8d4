"""How does a process write its log? One line per event, with the ids of the work it belongs to."""

import json as json_text
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

from editrefiner.telemetry import context

# What a log record has by itself; everything else on it was given as `extra`.
_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


def configure_logging(
    service: str, *, level: str = "info", json: bool = True, stream: TextIO | None = None
) -> None:
    """Send every log of this process to `stream` (default stderr), in place of earlier handlers."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines(service) if json else PlainLines())
    root = logging.getLogger()
    for earlier in root.handlers[:]:
        root.removeHandler(earlier)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for chatty in ("httpx", "httpcore"):  # one line per call: the callee logs it with the same request id
        logging.getLogger(chatty).setLevel(logging.WARNING)


class JsonLines(logging.Formatter):
    """One JSON object per line: time, level, logger, event, ids, the values given, a traceback if any."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The line for one record."""
        line: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "event": record.getMessage(),
            **_ids(),
            **_values(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json_text.dumps(line, ensure_ascii=False, default=str)


class PlainLines(logging.Formatter):
    """The same for a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """The line for one record."""
        values = {**_values(record), **_ids()}
        tail = "".join(f" {name}={value}" for name, value in values.items())
        line = f"{_time(record)} {record.levelname.lower():7} {record.name}: {record.getMessage()}{tail}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _ids() -> dict[str, str]:
    ids = {
        "request_id": context.request_id.get(),
        "job_id": context.job_id.get(),
        "trace_id": context.trace_id(),
    }
    return {name: value for name, value in ids.items() if value is not None}


def _values(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _OWN_FIELDS}
