"""In which words is a general model asked? One versioned file, whose digest is part of every answer's."""

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from editrefiner.contracts import DIMENSIONS

FILE = Path(__file__).with_name("prompt.json")


class _Words(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    version: str = Field(min_length=1)
    system: str
    question: str
    criteria: dict[str, str]


@dataclass(frozen=True)
class Prompt:
    """The words and where they come from."""

    version: str
    digest: str
    """SHA-256 of the file."""
    system: str
    question: str
    criteria: dict[str, str]
    """By dimension."""

    def ask(self, dimension: str, instruction: str) -> str:
        """The question about one dimension of one edit."""
        # Quoted as JSON does it, so that no instruction can end its own quotation.
        before, after = self.question.split("{instruction}")
        quoted = json.dumps(instruction.strip(), ensure_ascii=False)
        return f"{before}{quoted}{after.replace('{criterion}', self.criteria[dimension])}"


@cache
def read_prompt() -> Prompt:
    """The prompt that comes with this version of the backend."""
    content = FILE.read_bytes()
    words = _Words.model_validate_json(content)
    assert set(words.criteria) == set(DIMENSIONS)
    return Prompt(
        words.version,
        hashlib.sha256(content).hexdigest(),
        words.system,
        words.question,
        words.criteria,
    )
