"""What do the published EditHF weights say of an edit? Three aspects on one resident InternVL3_5-8B."""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import InternVLModel

from editrefiner.contracts import BackendInfo, WeightsFile, fingerprint
from services.checkpoints import CheckpointError, chosen_device, chosen_dtype, file_digests, is_weights
from services.evaluation.backends.calibration import WHOLE_SCALE, Trust, Unmeasured, trust
from services.evaluation.backends.internvl.adapters import WRAPPED, Adapters
from services.evaluation.backends.internvl.aspects import ASPECTS, DIMENSION, Aspect
from services.evaluation.backends.internvl.base import load_base
from services.evaluation.backends.internvl.errors import NoScoreError, NotAcknowledgedError
from services.evaluation.backends.internvl.head import RegressionHead, load_head
from services.evaluation.backends.internvl.options import InternVLOptions
from services.evaluation.backends.internvl.preprocess import POSITION, Question, pixels, placed
from services.evaluation.marks import Estimate, Marks

log = logging.getLogger(__name__)

VERSION = "1"  # raise it with every change of what the same weights answer
WARNINGS = (
    "pictures are squashed to 448 x 448, so fine artifacts and proportions are lost",
    "the head's absolute value has no upper bound and folds negatives, so scores are cut off at 100",
    "it orders edits of high quality poorly (SRCC 0.13 to 0.21 in the EditRefiner paper)",
    "so it must not decide when a refinement stops",
)
UNMEASURED = Unmeasured(
    WHOLE_SCALE,
    "No difference is known to mean anything, so the decision margin is the whole scale too: every "
    "comparison is a tie, and no step of a refinement is accepted on the word of this scorer.",
)
Files = dict[str, dict[str, str]]
"""SHA-256 by the role of a directory and the name of a file in it."""
_LICENCE = "as its publisher states"


@dataclass(frozen=True)
class RawScores:
    """What the heads say, 0 and above without a bound."""

    visual: float
    alignment: float
    preservation: float


class InternVLScorer:
    """See Scorer. Each edit goes through the model alone: its score does not depend on its company."""

    def __init__(self, options: InternVLOptions) -> None:
        if not options.acknowledged:
            raise NotAcknowledgedError(
                f"The EditHF scorer has known limits: {'; '.join(WARNINGS)}. "
                "Set EVALUATION_INTERNVL_ACKNOWLEDGED=true to use it all the same."
            )
        torch.set_num_threads(options.threads)
        self._options = options
        self._device = chosen_device(options.device)
        self._dtype = chosen_dtype(options.dtype, self._device)
        # What is small shows its faults before gigabytes are read.
        for aspect in ASPECTS:
            if not options.directory(aspect).is_dir():
                raise CheckpointError(
                    f"There is no directory {options.directory(aspect)} for the aspect {aspect!r}."
                )
        self._question = Question(options.base)
        self._image_token_id = self._question.image_token_id
        model = load_base(
            options.base, image_token_id=self._image_token_id, dtype=self._dtype, device=self._device
        )
        width = self._check_vocabulary(model)
        self._adapters = Adapters(model)
        # The library is annotated for every way to call it; what is used of it here is tested.
        self._model: Any = model
        self._heads: dict[Aspect, RegressionHead] = {}
        for aspect in ASPECTS:
            directory = options.directory(aspect)
            self._heads[aspect] = load_head(directory, features=width, device=self._device)
            self._adapters.attach(aspect, directory)
        files = _files(options)
        self._trust = trust(options.calibration, _digest(files, self._dtype), UNMEASURED)
        self.decision_margin = self._trust.decision_margin
        self.difference_spread = self._trust.difference_spread
        self.coverage = self._trust.coverage
        self.calibration_basis = self._trust.basis
        self.backend = _described(files, self._trust)
        log.warning("EditHF scorer loaded", extra={"limits": list(WARNINGS), "device": self._device})

    def score(
        self,
        source: np.ndarray,
        edits: Sequence[np.ndarray],
        instruction: str,
        checkpoint: Callable[[], None],
    ) -> list[Marks]:
        """Marks of each edit of one source."""
        raw = self.raw_scores(source, edits, instruction, checkpoint)
        return [_marks(scores, self._trust) for scores in raw]

    def raw_scores(
        self,
        source: np.ndarray,
        edits: Sequence[np.ndarray],
        instruction: str,
        checkpoint: Callable[[], None],
    ) -> list[RawScores]:
        """What the heads say of each edit."""
        found = {aspect: self.raw(aspect, source, edits, instruction, checkpoint) for aspect in ASPECTS}
        return [
            RawScores(**{aspect: found[aspect][number] for aspect in ASPECTS}) for number in range(len(edits))
        ]

    @torch.inference_mode()
    def raw(
        self,
        aspect: Aspect,
        source: np.ndarray,
        edits: Sequence[np.ndarray],
        instruction: str,
        checkpoint: Callable[[], None],
    ) -> list[float]:
        """What one head says of each edit, whatever was asked before."""
        ids = self._question.ids(aspect, instruction).to(self._device)
        scores: list[float] = []
        try:
            with self._adapters.of(aspect):
                words = self._model.get_input_embeddings()(ids)
                before = self._features(source)
                for edited in edits:
                    checkpoint()
                    seen = placed(words, ids, (before, self._features(edited)), self._image_token_id)
                    states = self._model.language_model(inputs_embeds=seen, use_cache=False).last_hidden_state
                    scores.append(float(self._heads[aspect](states[0, POSITION])))
        except torch.OutOfMemoryError as error:
            raise MemoryError from error
        if not all(map(math.isfinite, scores)):
            raise NoScoreError(f"The model computed {scores} for the aspect {aspect!r}.")
        return scores

    def _features(self, picture: np.ndarray) -> Tensor:
        """(1, 256, W): what the vision tower and the projector make of a picture."""
        return self._model.get_image_features(pixels(picture).to(self._device)).pooler_output

    def _check_vocabulary(self, model: InternVLModel) -> int:
        """The width of hidden states, once every token is known to have its row."""
        rows, width = model.get_input_embeddings().get_parameter("weight").shape
        if self._question.vocabulary > rows:
            raise CheckpointError(
                f"The tokenizer in {self._options.base} has {self._question.vocabulary} tokens "
                f"and the model {rows}."
            )
        return width


def _marks(raw: RawScores, trusted: Trust) -> Marks:
    def estimate(aspect: Aspect) -> Estimate:
        return trusted.estimate(DIMENSION[aspect], min(getattr(raw, aspect), WHOLE_SCALE))

    return Marks(
        perceptual_quality=estimate("visual"),
        instruction_following=estimate("alignment"),
        visual_consistency=estimate("preservation"),
    )


def _files(options: InternVLOptions) -> Files:
    places = {"base": options.base}
    for aspect in ASPECTS:
        directory = options.directory(aspect)
        places[aspect] = directory
        places |= {f"{aspect}/{name}": directory / name for name in WRAPPED}
    return {role: file_digests(place) for role, place in places.items()}


def _digest(files: Files, dtype: torch.dtype) -> str:
    """Of the scorer as it is without a calibration."""
    return fingerprint({"backend": "internvl", "version": VERSION, "weights": files, "dtype": str(dtype)})


def _described(files: Files, trusted: Trust) -> BackendInfo:
    return BackendInfo(
        name="internvl",
        version=VERSION,
        digest=trusted.digest,
        licence=_LICENCE,
        provisional=not trusted.measured,
        weights=tuple(
            WeightsFile(
                name=f"{role}/{name}",
                sha256=sha256,
                licence="Apache-2.0" if role == "base" else _LICENCE,
                origin="InternVL3_5-8B, or what was given as such" if role == "base" else "EditHF scorer",
            )
            for role, found in files.items()
            for name, sha256 in found.items()
            if is_weights(name)
        ),
        training_data="EditHF-1M, as its publisher states: scores of edited pictures given by people",
    )
