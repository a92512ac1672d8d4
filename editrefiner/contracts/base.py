"""What every wire type has in common: frozen, strict about numbers, and hashable to one canonical form."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)

CONTRACT_VERSION = "1"  # part of every step key: raise it when the meaning of a request or answer changes

UnitInterval = Annotated[float, Field(ge=0.0, le=1.0)]
Score = Annotated[float, Field(ge=0.0, le=100.0)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Instruction = Annotated[str, StringConstraints(min_length=1, max_length=4000, strip_whitespace=True)]
Seed = Annotated[int, Field(ge=0, lt=2**53)]  # 53 bits: every JSON reader keeps it exactly


def rfc3339(moment: datetime) -> str:
    """The one text form of a moment: UTC with milliseconds, `2026-11-21T10:15:30.250Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Timestamp = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class WireModel(BaseModel):
    """An answer. Readers ignore fields they do not know, so a newer writer breaks nobody."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False, use_attribute_docstrings=True)


class RequestModel(WireModel):
    """A question. A field nobody knows is refused: it is a misspelling more often than an extension."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


def canonical_json(value: Any) -> bytes:  # any JSON value
    """The one byte form of a JSON value: sorted keys, no spaces, UTF-8, no NaN."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def fingerprint(value: Any) -> str:  # any JSON value
    """SHA-256 (lower-case hex) of the canonical form of a JSON value."""
    return hashlib.sha256(canonical_json(value)).hexdigest()
