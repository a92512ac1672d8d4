"""What is everything about a finished job in one file that proves itself? A zip: manifest and pictures."""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, ClassVar, Literal, Protocol

import numpy as np
from pydantic import ValidationError

import editrefiner
from editrefiner.artifacts import encode_png
from editrefiner.contracts import (
    CONTRACT_VERSION,
    ImageRef,
    Instruction,
    JobResult,
    JobStatus,
    Problem,
    ProblemCode,
    ProblemError,
    RefinementParameters,
    Sha256,
    StepKind,
    WireModel,
    canonical_json,
)
from orchestrator.jobs import CommittedStep, JobRecord, NotFinishedError

MANIFEST = "manifest.json"
RESULT = "result.png"
ARTIFACTS = "artifacts/"
MAX_ENTRIES = 10_000  # 4 rounds with 8 candidates and 64 regions each leave some 400 pictures
MAX_TOTAL_BYTES = 2 * 2**30
MAX_MANIFEST_BYTES = 64 * 2**20
EPOCH = (1980, 1, 1, 0, 0, 0)  # one time for all entries: the same job gives the same bytes


class BundleError(ProblemError):
    """The file is not a bundle, is damaged, or is larger than one may be."""

    code: ClassVar[ProblemCode] = ProblemCode.BAD_REQUEST
    status: ClassVar[int] = 400


class Pictures(Protocol):
    """What writing a bundle needs of the artifact store."""

    def bytes(self, sha256: str) -> bytes:
        """A stored blob, verified."""
        ...

    def pixels(self, ref: ImageRef | str) -> np.ndarray:
        """(H, W, 3) uint8 RGB."""
        ...

    def gray(self, ref: ImageRef | str) -> np.ndarray:
        """(H, W) uint8."""
        ...


class BundleInputs(WireModel):
    """What the job was created with."""

    source: ImageRef
    edited: ImageRef
    edited_alpha: ImageRef | None = None
    instruction: Instruction
    parameters: RefinementParameters


class BundleStep(WireModel):
    """One committed call of an agent: what it was asked and what it answered."""

    seq: int
    kind: StepKind
    iteration: int
    request: dict[str, Any]  # JSON of the agent's request model
    result: dict[str, Any]  # JSON of the agent's answer model
    run_seconds: float
    backend_digest: Sha256


class BundleJob(WireModel):
    """How the job ended."""

    id: str
    status: JobStatus
    result: JobResult | None
    error: Problem | None
    created_at: float
    finished_at: float | None


class BundleManifest(WireModel):
    """Contents of `manifest.json`."""

    format: Literal["editrefiner-bundle"] = "editrefiner-bundle"
    format_version: Literal[1] = 1
    editrefiner_version: str
    contract_version: str
    job: BundleJob
    inputs: BundleInputs
    steps: tuple[BundleStep, ...]
    artifacts: tuple[ImageRef, ...]
    result_sha256: Sha256 | None
    """Of `result.png`; None when the job ended without a result."""


@dataclass(frozen=True)
class Bundle:
    """A bundle in memory: every picture has the digest that names it."""

    manifest: BundleManifest
    pictures: Mapping[str, bytes]
    """PNG by SHA-256."""
    result_png: bytes | None


def result_png(record: JobRecord, pictures: Pictures) -> bytes | None:
    """The finished picture as a file, with the transparency it came with; None when there is no result."""
    if record.result is None:
        return None
    image, alpha = record.result.image, record.inputs.edited_alpha
    if alpha is None:
        return pictures.bytes(image.sha256)
    return encode_png(np.dstack([pictures.pixels(image), pictures.gray(alpha)]))


def write_bundle(
    out: IO[bytes], record: JobRecord, steps: Sequence[CommittedStep], pictures: Pictures
) -> None:
    """Write the bundle of a finished job; the same job always gives the same bytes."""
    if not record.status.is_terminal:
        raise NotFinishedError(f"job {record.id} is {record.status}; a bundle is made of a finished job.")
    result = result_png(record, pictures)
    manifest = _manifest(record, steps, result)
    with zipfile.ZipFile(out, "w") as archive:
        _add(archive, MANIFEST, manifest.model_dump_json(indent=2).encode(), zipfile.ZIP_DEFLATED)
        if result is not None:
            _add(archive, RESULT, result)
        for ref in manifest.artifacts:
            _add(archive, _entry_name(ref.sha256), pictures.bytes(ref.sha256))


def read_bundle(file: IO[bytes], *, max_total_bytes: int = MAX_TOTAL_BYTES) -> Bundle:
    """Read and verify a bundle from anybody. Nothing is written to disk."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = _checked_entries(archive, max_total_bytes)
            manifest = _read_manifest(archive, entries)
            expected = {_entry_name(ref.sha256): ref.sha256 for ref in manifest.artifacts}
            pictures = {
                digest: _verified(archive, entries, name, digest) for name, digest in expected.items()
            }
            result = None
            if manifest.result_sha256 is not None:
                result = _verified(archive, entries, RESULT, manifest.result_sha256)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as exc:
        raise BundleError(f"the bundle cannot be read: {exc}. Export it again.") from exc
    unknown = set(entries) - set(expected) - {MANIFEST, RESULT}
    if unknown:
        raise BundleError(f"the bundle holds {min(unknown)!r}, which its manifest does not name.")
    return Bundle(manifest=manifest, pictures=pictures, result_png=result)


def _manifest(record: JobRecord, steps: Sequence[CommittedStep], result: bytes | None) -> BundleManifest:
    inputs = record.inputs
    manifest = BundleManifest(
        editrefiner_version=editrefiner.__version__,
        contract_version=CONTRACT_VERSION,
        job=BundleJob(
            id=record.id,
            status=record.status,
            result=record.result,
            error=record.error,
            created_at=record.created_at,
            finished_at=record.finished_at,
        ),
        inputs=BundleInputs(
            source=inputs.source,
            edited=inputs.edited,
            edited_alpha=inputs.edited_alpha,
            instruction=inputs.instruction,
            parameters=inputs.parameters,
        ),
        steps=tuple(_bundle_step(step) for step in steps),
        artifacts=(),
        result_sha256=hashlib.sha256(result).hexdigest() if result is not None else None,
    )
    refs = {ref.sha256: ref for ref in _image_refs(manifest.model_dump(mode="json"))}
    return manifest.model_copy(update={"artifacts": tuple(refs[sha256] for sha256 in sorted(refs))})


def _bundle_step(step: CommittedStep) -> BundleStep:
    return BundleStep(
        seq=step.seq,
        kind=step.kind,
        iteration=step.iteration,
        request=step.request,
        result=step.result,
        run_seconds=step.run_seconds,
        backend_digest=step.result["backend"]["digest"],
    )


def _image_refs(value: Any) -> Iterator[ImageRef]:  # Any: a JSON value
    """Every picture that a JSON document refers to."""
    if isinstance(value, list):
        for item in value:
            yield from _image_refs(item)
    elif isinstance(value, dict):
        if {"sha256", "width", "height"} <= value.keys():
            yield ImageRef.model_validate(value)
            return
        for item in value.values():
            yield from _image_refs(item)


def _add(archive: zipfile.ZipFile, name: str, content: bytes, compression: int = zipfile.ZIP_STORED) -> None:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, content, compression)


def _entry_name(sha256: str) -> str:
    return f"{ARTIFACTS}{sha256}.png"


def _checked_entries(archive: zipfile.ZipFile, max_total_bytes: int) -> dict[str, zipfile.ZipInfo]:
    """Entries by name, after the limits that the directory of the zip can tell."""
    infos = archive.infolist()
    entries = {info.filename: info for info in infos}
    if len(infos) > MAX_ENTRIES or len(entries) != len(infos):
        raise BundleError(f"the bundle has {len(infos)} entries, some double or more than {MAX_ENTRIES}.")
    total = sum(info.file_size for info in infos)
    if total > max_total_bytes:
        raise BundleError(f"the bundle unpacks to {total} bytes; the limit is {max_total_bytes}.")
    return entries


def _read_manifest(archive: zipfile.ZipFile, entries: Mapping[str, zipfile.ZipInfo]) -> BundleManifest:
    if MANIFEST not in entries or entries[MANIFEST].file_size > MAX_MANIFEST_BYTES:
        raise BundleError(f"the bundle has no {MANIFEST} of at most {MAX_MANIFEST_BYTES} bytes.")
    try:
        document = json.loads(archive.read(MANIFEST))
        canonical_json(document)  # ValueError for NaN, infinities and half characters, which are no JSON
        return BundleManifest.model_validate(document)
    except (ValidationError, ValueError, RecursionError) as exc:
        raise BundleError(f"the bundle's {MANIFEST} is not one of format version 1: {exc}") from exc


def _verified(
    archive: zipfile.ZipFile, entries: Mapping[str, zipfile.ZipInfo], name: str, sha256: str
) -> bytes:
    if name not in entries:
        raise BundleError(f"the bundle lacks {name}, which its manifest names.")
    content = archive.read(name)  # never more than the declared size, which was checked
    if hashlib.sha256(content).hexdigest() != sha256:
        raise BundleError(f"{name} in the bundle is damaged: its SHA-256 is not {sha256}.")
    return content
