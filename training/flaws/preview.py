"""What do the records look like? A contact sheet: source, ideal, flawed, maps, and the words."""

import textwrap
from collections.abc import Sequence

import cv2
import numpy as np

from training.flaws.record import FlawRecord

CELL = 300  # width of one picture on the sheet
TEXT_HEIGHT = 74
ORANGE, BLUE = (230, 120, 20), (40, 110, 230)
FONT = cv2.FONT_HERSHEY_SIMPLEX


def contact_sheet(records: Sequence[FlawRecord], columns: int = 2) -> np.ndarray:
    """(H, W, 3) uint8 RGB: one panel of four pictures a record."""
    panels = [panel(record) for record in records]
    rows = [_row(panels[i : i + columns], columns) for i in range(0, len(panels), columns)]
    return np.vstack(rows)


def panel(record: FlawRecord) -> np.ndarray:
    """Source, ideal, flawed edit with boxes, maps over gray; instruction and flaws below."""
    marked = record.edited.copy()
    for flaw in record.flaws:
        x0, y0, x1, y1 = flaw.box
        color = ORANGE if flaw.flaw_type.kind == "artifact" else BLUE
        cv2.rectangle(marked, (x0, y0), (x1 - 1, y1 - 1), color, 1)
    gray = cv2.cvtColor(cv2.cvtColor(record.edited, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB).astype(
        np.float32
    )
    for saliency, color in ((record.artifact_map, ORANGE), (record.failure_map, BLUE)):
        weight = 0.75 * saliency[..., None]
        gray = gray * (1 - weight) + np.array(color, np.float32) * weight
    pictures = [record.source, record.ideal, record.edited, marked, gray.astype(np.uint8)]
    height = round(CELL * record.edited.shape[0] / record.edited.shape[1])
    row = np.hstack([cv2.resize(p, (CELL, height), interpolation=cv2.INTER_AREA) for p in pictures])
    text = np.full((TEXT_HEIGHT, row.shape[1], 3), 255, np.uint8)
    flaws = "; ".join(
        f"{f.generator} {f.strength:.2f}/{f.severity:.2f}: {f.description}" for f in record.flaws
    )
    lines = [f"{record.seed} {record.edit}: {record.instruction} [{record.rendering}]"]
    lines += textwrap.wrap(flaws or "no flaw", 190)[:4]
    for i, line in enumerate(lines):
        cv2.putText(text, line, (4, 13 + 14 * i), FONT, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([row, text])


def _row(panels: list[np.ndarray], columns: int) -> np.ndarray:
    height = max(p.shape[0] for p in panels)
    padded = [_padded(p, height) for p in panels]
    return np.hstack(padded + [np.full_like(padded[0], 255)] * (columns - len(padded)))


def _padded(picture: np.ndarray, height: int) -> np.ndarray:
    rest = np.full((height - picture.shape[0], picture.shape[1], 3), 255, np.uint8)
    return np.vstack([picture, rest])
