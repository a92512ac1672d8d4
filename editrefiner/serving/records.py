"""Was this computed before? Keys of runs, and the stored results that outlive the process."""

import hashlib
import re
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from editrefiner.contracts import (
    CONTRACT_VERSION,
    FieldError,
    ProblemCode,
    ProblemError,
    RequestModel,
    WireModel,
    fingerprint,
)
from editrefiner.contracts.headers import IDEMPOTENCY_KEY
from editrefiner.serving.errors import IdempotencyMismatchError, ValidationFailedError
from editrefiner.serving.fields import nested_images
from editrefiner.serving.verbs import ImageStore

_ModelT = TypeVar("_ModelT", bound=BaseModel)

KEY_PATTERN = r"^[0-9A-Za-z._-]{1,128}$"


class StoredRun(BaseModel):
    """A finished run, as written to the store."""

    model_config = ConfigDict(frozen=True)

    verb: str
    backend_digest: str
    run_seconds: float
    answer: str
    """The JSON text that was answered, byte for byte."""


class StoredAlias(BaseModel):
    """What an Idempotency-Key was used for."""

    model_config = ConfigDict(frozen=True)

    fingerprint: str
    content_key: str


def idempotency_key(header: str | None) -> str | None:
    """The key without the quotes of a structured field; None when the header is absent."""
    if header is None:
        return None
    is_quoted = len(header) > 1 and header[0] == header[-1] == '"'
    key = header[1:-1] if is_quoted else header
    if not re.fullmatch(KEY_PATTERN, key):
        message = "must be 1 to 128 letters, digits, dots, dashes or underscores"
        raise ValidationFailedError(
            f"The {IDEMPOTENCY_KEY} header {message}.",
            errors=(FieldError(field=f"header.{IDEMPOTENCY_KEY}", message=message),),
        )
    return key


def request_fingerprint(path: str, request: RequestModel) -> str:
    """Names a question, whoever answers it: equal for equal questions about equal pictures."""
    return fingerprint(
        {"contract": CONTRACT_VERSION, "verb": path, "request": request.model_dump(mode="json")}
    )


def content_key(backend_digest: str, request_fingerprint: str) -> str:
    """Names a run: equal keys have equal answers."""
    return fingerprint({"backend": backend_digest, "request": request_fingerprint})


class Records:
    """The stored results of one service. Methods block; call them in worker threads."""

    def __init__(self, service: str, store: ImageStore) -> None:
        self._service = service
        self._store = store

    def run(self, key: str) -> StoredRun | None:
        """The finished run of this content key; None when there is none that can be read."""
        return _read(StoredRun, self._store.record(self._run_name(key)))

    def usable_run(self, key: str, answer: type[WireModel]) -> StoredRun | None:
        """The same, and None as well when a picture that it refers to has been removed since."""
        stored = self.run(key)
        if stored is None:
            return None
        try:
            for path, image in nested_images(answer.model_validate_json(stored.answer), ""):
                self._store.resolve(image, name=path)
        except ValidationError:
            return None
        except ProblemError as error:
            if error.code is ProblemCode.ARTIFACT_NOT_FOUND:
                return None
            raise
        return stored

    def put_run(self, key: str, run: StoredRun) -> None:
        """Write a finished run; it is durable on return."""
        self._store.put_record(self._run_name(key), run.model_dump_json().encode())

    def alias(self, key: str) -> StoredAlias | None:
        """What this Idempotency-Key was used for; None when it was not."""
        return _read(StoredAlias, self._store.record(self._alias_name(key)))

    def put_alias(self, key: str, alias: StoredAlias) -> None:
        """Write what an Idempotency-Key was used for."""
        self._store.put_record(self._alias_name(key), alias.model_dump_json().encode())

    def _run_name(self, key: str) -> str:
        return f"run.{self._service}.{key}"

    def _alias_name(self, key: str) -> str:
        return f"key.{self._service}.{hashlib.sha256(key.encode()).hexdigest()}"


class LiveAliases:
    """Which Idempotency-Keys are in use right now, and for what. Used on the event loop only."""

    def __init__(self) -> None:
        self._uses: dict[str, tuple[StoredAlias, int]] = {}

    def get(self, key: str) -> StoredAlias | None:
        """What requests in progress use this key for; None when no request does."""
        use = self._uses.get(key)
        return use[0] if use else None

    def claim(self, key: str, alias: StoredAlias) -> None:
        """Use the key until `release`; IdempotencyMismatchError when it is in use for something else."""
        current, count = self._uses.get(key, (alias, 0))
        require_match(current, alias)
        self._uses[key] = (alias, count + 1)

    def release(self, key: str) -> None:
        """The request that claimed the key is answered."""
        current, count = self._uses[key]
        if count == 1:
            del self._uses[key]
        else:
            self._uses[key] = (current, count - 1)


def require_match(used: StoredAlias | None, wanted: StoredAlias) -> None:
    """IdempotencyMismatchError when the key stands for another question."""
    if used is not None and used.fingerprint != wanted.fingerprint:
        raise IdempotencyMismatchError(
            f"This {IDEMPOTENCY_KEY} was used for another request. Use a new key for a new request."
        )


def _read(model: type[_ModelT], text: bytes | None) -> _ModelT | None:
    if text is None:
        return None
    try:
        return model.model_validate_json(text)
    except ValidationError:  # written by another version: compute again rather than guess
        return None
