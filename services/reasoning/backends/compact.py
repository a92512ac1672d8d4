"""Which diagnoses can be made without a language model? Measured facts, rules and plain sentences."""

from collections.abc import Sequence

import numpy as np

from editrefiner.contracts import BackendInfo, FlawDiagnosis, fingerprint
from editrefiner.regions import MarkedRegion
from services.reasoning.agent import Checkpoint, Findings, Sample
from services.reasoning.backends import crops, facts, rules, wording

VERSION = "5"  # raise it with every change of a rule, constant or sentence: answers are stored by it


class CompactDiagnostician:
    """Looks at one region after the other; every statement it makes is a measured one."""

    def __init__(self) -> None:
        self.backend = BackendInfo(
            name="compact",
            version=VERSION,
            digest=fingerprint({"service": "reasoning", "backend": "compact", "version": VERSION}),
            provisional=True,
        )

    def diagnose(self, sample: Sample, targets: Sequence[MarkedRegion], checkpoint: Checkpoint) -> Findings:
        """See Diagnostician."""
        marked = np.zeros(sample.edited.shape[:2], bool)
        for target in targets:
            x0, y0, x1, y1 = target.box
            marked[y0:y1, x0:x1] |= target.mask > 0
        flaws: list[FlawDiagnosis] = []
        found: list[tuple[rules.Ruling, str]] = []
        for target in targets:
            checkpoint()
            flaw, ruling, place = self._explain(sample, target, marked)
            flaws.append(flaw)
            found.append((ruling, place))
        return Findings(tuple(flaws), wording.summary(found))

    def _explain(
        self, sample: Sample, target: MarkedRegion, marked: np.ndarray
    ) -> tuple[FlawDiagnosis, rules.Ruling, str]:
        measured = facts.measure(crops.cut(sample, target, marked))
        ruling = rules.judge(measured, area_fraction=np.count_nonzero(target.mask) / marked.size)
        place = wording.place_of(target.box, *sample.edited.shape[:2])
        diagnosis = FlawDiagnosis(
            region_id=target.id,
            is_flaw=ruling.is_flaw,
            flaw_type=ruling.flaw_type,
            flaw_type_text=wording.NAMES[ruling.flaw_type],
            explanation=wording.explanation(ruling, measured, place, sample.instruction),
            severity=round(ruling.severity, 3),
            confidence=round(ruling.confidence, 3),
            evidence=wording.evidence(measured),
            suggested_operation=ruling.operation,
            edit_instruction=wording.TASKS[ruling.flaw_type],
        )
        return diagnosis, ruling, place
