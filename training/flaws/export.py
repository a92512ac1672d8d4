"""How do made records get onto disk? As the records and tables that recipes for annotated edits read."""

from collections.abc import Iterable
from pathlib import Path

from editrefiner.contracts import FlawKind
from training.editfhf import Description, append_record, write_table
from training.flaws.record import FlawRecord
from training.flaws.scene import Flaw


def export(records: Iterable[FlawRecord], folder: Path) -> int:
    """Write pictures, maps, `records.jsonl`, `artifact.csv` and `failure.csv`; refuses a folder in use."""
    folder.mkdir(parents=True, exist_ok=True)
    listing = folder / "records.jsonl"
    if listing.exists():
        raise FileExistsError(f"{listing} exists: name an empty folder, nothing is overwritten")
    kept = [
        append_record(
            listing,
            f"{number:06}",
            record,
            scores=(
                record.scores.perceptual_quality,
                record.scores.instruction_following,
                record.scores.visual_consistency,
            ),
            artifact_boxes=tuple(flaw.box for flaw in _of(record, FlawKind.ARTIFACT)),
            failure_boxes=tuple(flaw.box for flaw in _of(record, FlawKind.EDITING_FAILURE)),
            descriptions=tuple(_descriptions(record)),
        )
        for number, record in enumerate(records)
    ]
    write_table(folder / "artifact.csv", kept, FlawKind.ARTIFACT)
    write_table(folder / "failure.csv", kept, FlawKind.EDITING_FAILURE)
    return len(kept)


def _of(record: FlawRecord, kind: FlawKind) -> list[Flaw]:
    return [flaw for flaw in record.flaws if flaw.flaw_type.kind is kind]


def _descriptions(record: FlawRecord) -> Iterable[Description]:
    for kind in FlawKind:
        for box, flaw in enumerate(_of(record, kind)):
            yield Description(kind=kind, box=box, flaw_type=flaw.flaw_type.value, text=flaw.description)
