"""What is left of a refinement on disk? The picture, its mask, the report, the bundle and the data."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from editrefiner.artifacts import encode_png
from editrefiner.contracts import ProblemError
from orchestrator.bundle import read_bundle
from suite.outcome import Refinement
from suite.report import render_report


class OutputError(ProblemError):
    """A result cannot be written down."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where the files are."""

    refined: Path
    mask: Path
    report: Path
    bundle: Path
    result: Path

    def named(self) -> dict[str, Path]:
        """By what they are."""
        return {
            "refined": self.refined,
            "mask": self.mask,
            "report": self.report,
            "bundle": self.bundle,
            "result": self.result,
        }


def write_outputs(out: Path, refinement: Refinement, bundle: bytes) -> Outputs:
    """Write every file, each whole or not at all."""
    files = Outputs(
        refined=out / "refined.png",
        mask=out / "mask.png",
        report=out / "report.html",
        bundle=out / "bundle.zip",
        result=out / "result.json",
    )
    picture = read_bundle(io.BytesIO(bundle)).result_png
    assert picture is not None, "a job with a result has a picture"
    mask = refinement.mask()
    if mask is None:
        mask = np.zeros((refinement.job.edited.height, refinement.job.edited.width), np.uint8)
    _write(files.refined, picture)
    _write(files.mask, encode_png(mask))
    _write(files.report, render_report(refinement).encode())
    _write(files.bundle, bundle)
    _write(files.result, json.dumps(result_document(refinement, files), indent=2).encode())
    return files


def result_document(refinement: Refinement, files: Outputs) -> dict[str, Any]:  # Any: a JSON document
    """What `result.json` holds, and what `--json` prints."""
    return {
        "job": refinement.job.model_dump(mode="json"),
        "iterations": [iteration.model_dump(mode="json") for iteration in refinement.iterations],
        "backends": {name: info.model_dump(mode="json") for name, info in refinement.backends.items()},
        "files": {name: str(path.absolute()) for name, path in files.named().items()},
    }


def _write(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.part")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as exc:
        unfinished.unlink(missing_ok=True)
        raise OutputError(f"{path} cannot be written: {exc.strerror}.") from exc
