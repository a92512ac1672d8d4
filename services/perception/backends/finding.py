"""How do maps of a model and measures of the pair make one finding?"""

import numpy as np

from editrefiner.contracts import ChangeScope, Registration
from services.perception.agent import Finding
from services.perception.backends import intent, registration
from services.perception.backends.comparison import VISIBLE_TONE, Comparison


def finding(comparison: Comparison, artifact: np.ndarray, failure: np.ndarray) -> Finding:
    """The maps, (h, w) float32 in [0, 1], beside what the pixels say about the change."""
    changed = float(comparison.split.changed.mean())
    return Finding(
        artifact=artifact,
        failure=failure,
        intended=comparison.split.intended,
        changed_fraction=changed,
        scope=_scope(changed, comparison.tone.strength),
        edit_kind=comparison.wish.kind,
        registration=_registration(comparison),
    )


def _scope(changed: float, tone_strength: float) -> ChangeScope:
    if tone_strength > VISIBLE_TONE or changed > intent.WHOLE_FRAME:
        return ChangeScope.GLOBAL
    return ChangeScope.LOCAL if changed > 0 else ChangeScope.NONE


def _registration(comparison: Comparison) -> Registration:
    """The measured relation in full-size pixels; the identity where it cannot be trusted."""
    frame, geometry, tone = comparison.frame, comparison.geometry, comparison.tone
    to_source = geometry.matrix if geometry.reliable else registration.IDENTITY
    matrix = registration.between(to_source, frame.edited_scale, frame.source_scale)
    values = tuple(float(v) for v in np.round(matrix, 6).ravel())
    assert len(values) == 6
    if not geometry.reliable:
        return Registration(matrix=values, reliable=False)
    return Registration(matrix=values, gain=tone.gain, offset=tone.offset, residual=tone.residual)
