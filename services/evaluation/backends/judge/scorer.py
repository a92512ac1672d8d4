"""How does a general model come to marks? Asked about each dimension by itself, on a scale of one digit.

A judge without a calibration is used with intervals of the whole scale and a wide decision margin: what its
numbers mean is not known then.
"""

import base64
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from editrefiner.artifacts import encode_png
from editrefiner.contracts import DIMENSIONS, BackendInfo, fingerprint
from services.evaluation.backends.calibration import Unmeasured, trust
from services.evaluation.backends.judge.client import JudgeClient, is_address
from services.evaluation.backends.judge.errors import JudgeSetupError, UnreadableJudgementError
from services.evaluation.backends.judge.options import JudgeOptions
from services.evaluation.backends.judge.prompts import Prompt, read_prompt
from services.evaluation.backends.judge.reading import expected, written
from services.evaluation.marks import Marks

VERSION = "1"  # raise it with every change of what is asked or read: answers are stored by it
UNMEASURED = Unmeasured(
    11.2,
    "The decision margin is one step between two of ten digits, and a little: what the digits of a model "
    "mean that was not trained to score is not known.",
)
AGAIN = 1_000_003  # added to the seed of a question that is put once more


class JudgeScorer:
    """Scores by asking a server; what it says is as reproducible as that server is."""

    def __init__(self, options: JudgeOptions, client: JudgeClient | None = None) -> None:
        if not is_address(options.base_url) or not options.model:
            raise JudgeSetupError(
                "EVALUATION_BACKEND 'judge' needs EVALUATION_JUDGE_URL, such as http://127.0.0.1:8000/v1, "
                "and EVALUATION_JUDGE_MODEL."
            )
        self._options = options
        self._client = client or JudgeClient(options)
        self._prompt: Prompt = read_prompt()
        self._trust = trust(options.calibration, self._digest(), UNMEASURED)
        self.decision_margin = self._trust.decision_margin
        self.difference_spread = self._trust.difference_spread
        self.coverage = self._trust.coverage
        self.calibration_basis = self._trust.basis
        self.backend = BackendInfo(
            name="judge",
            version=f"{VERSION}-{self._prompt.version}",
            digest=self._trust.digest,
            provisional=not self._trust.measured,
        )

    def close(self) -> None:
        """Close the connections to the server."""
        self._client.close()

    def score(
        self,
        source: np.ndarray,
        edits: Sequence[np.ndarray],
        instruction: str,
        checkpoint: Callable[[], None],
    ) -> list[Marks]:
        """Marks of each edit of one source; questions are on their way side by side."""
        shown = self._uri(source)
        pairs = [(shown, self._uri(edited)) for edited in edits]
        asked = [(pair, dimension) for pair in pairs for dimension in DIMENSIONS]

        def one(question: tuple[tuple[str, str], str]) -> float:
            return self._judged(*question, instruction, checkpoint)

        with ThreadPoolExecutor(max_workers=min(self._options.concurrency, len(asked) or 1)) as threads:
            points = list(threads.map(one, asked))
        per_edit = [points[i : i + len(DIMENSIONS)] for i in range(0, len(points), len(DIMENSIONS))]
        return [Marks(*map(self._trust.estimate, DIMENSIONS, values)) for values in per_edit]

    def _judged(
        self, pair: tuple[str, str], dimension: str, instruction: str, checkpoint: Callable[[], None]
    ) -> float:
        """0..100 of one dimension of one edit."""
        question = self._prompt.ask(dimension, instruction)
        seed = self._options.seed
        if self._options.reading == "logits":
            return self._read(question, pair, seed, checkpoint)
        seeds = range(seed, seed + self._options.samples)
        return float(np.mean([self._read(question, pair, each, checkpoint) for each in seeds]))

    def _read(self, question: str, pair: tuple[str, str], seed: int, checkpoint: Callable[[], None]) -> float:
        """One answer; asked once more where the first is no score."""
        read = expected if self._options.reading == "logits" else written
        for each in (seed, seed + AGAIN):
            value = read(self._client.ask(self._prompt.system, question, pair, each, checkpoint))
            if value is not None:
                return value
        hint = (
            " Does the server give log-probabilities? If not, set EVALUATION_JUDGE_READING to 'samples'."
            if self._options.reading == "logits"
            else ""
        )
        raise UnreadableJudgementError(f"The judge answered twice without a score of 0 to 9.{hint}")

    def _uri(self, picture: np.ndarray) -> str:
        """A PNG as a `data:` URI, shrunk where it is larger than what is sent."""
        height, width = picture.shape[:2]
        scale = self._options.max_side / max(height, width)
        if scale < 1:
            size = max(1, round(width * scale)), max(1, round(height * scale))
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        return "data:image/png;base64," + base64.b64encode(encode_png(picture)).decode("ascii")

    def _digest(self) -> str:
        """Of all on this side that decides about an uncalibrated answer; not of what the server runs."""
        options = self._options
        sampled = [options.samples, options.seed] if options.reading == "samples" else []
        return fingerprint(
            [
                "judge",
                VERSION,
                options.base_url,
                options.model,
                options.reading,
                *sampled,
                options.max_side,
                self._prompt.digest,
            ]
        )
