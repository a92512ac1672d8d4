"""What is the compact scorer made of? A frozen two-stream backbone, measures, five levels for each score."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from services.evaluation.backends.evidence import PLANES, WHOLE
from training.compact_detector.model import TAPS, Backbone, Conditioned, Paired
from training.flaws.scores import WORST

DIMENSIONS = 3
LEVELS = (10.0, 30.0, 50.0, 70.0, 90.0)
"""What bad, poor, fair, good and excellent stand for on 0..100."""
LEVEL_WIDTH = 12.0  # points: how sharply a score chooses among the levels
PLACES = 20.0  # a cell in twenty in full density is a flaw of full severity
FINE, COARSE, ABOUT = 32, 64, 64


@dataclass(frozen=True)
class Inputs:
    """One batch."""

    planes: Tensor
    """(N, P, H/8, W/8) in [-1, 1]."""
    whole: Tensor
    """(N, WHOLE)."""
    middle: tuple[Tensor, Tensor]
    """Backbone features of edited and source at stride 8."""
    coarse: tuple[Tensor, Tensor]
    """The same at stride 16."""


@dataclass(frozen=True)
class Judged:
    """What the network says of a batch."""

    levels: Tensor
    """(N, 3, 5) logits of the five levels."""
    scores: Tensor
    """(N, 3) on 0..100."""
    spread: Tensor
    """(N, 3): expected absolute error of each score, > 0."""
    embedding: Tensor
    """(N, E): by which what is unlike the training set is known."""
    damage: Tensor
    """(N, 3, H/8, W/8) logits: where each dimension suffers."""


class Judge(nn.Module):
    """Evidence and features -> levels, scores and their spread."""

    def __init__(self) -> None:
        super().__init__()
        self.about = nn.Sequential(nn.Linear(WHOLE, 96), nn.ReLU(), nn.Linear(96, ABOUT), nn.ReLU())
        self.enter = nn.Sequential(
            nn.Conv2d(len(PLANES), FINE, 3, padding=1, bias=False), nn.BatchNorm2d(FINE), nn.ReLU()
        )
        self.pair_middle, self.pair_coarse = Paired(TAPS[4], FINE), Paired(TAPS[10], COARSE)
        self.fine = nn.ModuleList([Conditioned(FINE), Conditioned(FINE)])
        self.down = nn.Conv2d(FINE, COARSE, 3, stride=2, padding=1)
        self.coarse = nn.ModuleList([Conditioned(COARSE), Conditioned(COARSE, dilation=2)])
        self.up = nn.Conv2d(COARSE, FINE, 1)
        self.out = Conditioned(FINE)
        self.damage = nn.Conv2d(FINE, DIMENSIONS, 3, padding=1)
        assert self.damage.bias is not None
        nn.init.constant_(self.damage.bias, -3.0)  # most of a picture is no flaw
        self.density = nn.Conv2d(FINE, DIMENSIONS, 3, padding=1)
        self.frame = nn.Sequential(nn.Linear(COARSE + ABOUT, 32), nn.ReLU(), nn.Linear(32, DIMENSIONS))
        self.spill = nn.Parameter(torch.full((DIMENSIONS, DIMENSIONS), -1.5))
        last = self.frame[-1]
        assert isinstance(last, nn.Linear)
        assert self.density.bias is not None
        nn.init.constant_(self.density.bias, -5.0)  # all cells together lose a tenth of the score
        nn.init.constant_(last.bias, -2.0)
        known = 2 * FINE + COARSE + ABOUT + WHOLE + DIMENSIONS
        self.embed = nn.Sequential(
            nn.Linear(known, 96), nn.ReLU(), nn.Dropout(0.1), nn.Linear(96, 48), nn.ReLU()
        )
        self.spread = nn.Linear(48, DIMENSIONS)
        self.register_buffer("centers", torch.tensor(LEVELS))
        self.register_buffer("other", 1 - torch.eye(DIMENSIONS))
        self.centers: Tensor
        self.other: Tensor

    def forward(self, inputs: Inputs) -> Judged:
        """See Judged."""
        about = self.about(inputs.whole)
        fine = functional.relu(self.enter(inputs.planes) + self.pair_middle(*inputs.middle))
        for block in self.fine:
            fine = block(fine, about)
        coarse = functional.relu(self.down(fine) + self.pair_coarse(*inputs.coarse))
        for block in self.coarse:
            coarse = block(coarse, about)
        wide = functional.interpolate(
            self.up(coarse), size=fine.shape[2:], mode="bilinear", align_corners=False
        )
        fine = self.out(functional.relu(fine + wide), about)
        scores = self._scores(fine, torch.cat([coarse.mean(dim=(2, 3)), about], dim=1))
        levels = -((scores[:, :, None] - self.centers) / LEVEL_WIDTH).square()
        seen = torch.cat([_both(fine), coarse.mean(dim=(2, 3)), about, inputs.whole, scores / 100], dim=1)
        embedding = self.embed(seen.detach())  # what an error is likely to be has no say in the scores
        spread = functional.softplus(self.spread(embedding)) * 10 + 0.5
        return Judged(levels, scores, spread, embedding, self.damage(fine))

    def _scores(self, fine: Tensor, frame: Tensor) -> Tensor:
        """(N, 3): every place and the frame as a whole take their share, as flaws do in the nominal scores.

        Places add up, so that edits of one source which differ in one place differ by that place alone.
        """
        places = functional.softplus(self.density(fine)).mean(dim=(2, 3)) * PLACES
        lost = places + functional.softplus(self.frame(frame))
        others = torch.sigmoid(self.spill) * self.other
        lost = lost + lost @ others.T
        return 100 * (1 - WORST * (1 - torch.exp(-lost)))


class Committee(nn.Module):
    """Several judges, trained apart, that answer with one voice: what one of them errs in, others do not.

    Where they disagree the spread is larger (Lakshminarayanan et al. 2017, section 2.4).
    """

    def __init__(self, judges: Sequence[Judge]) -> None:
        super().__init__()
        self.judges = nn.ModuleList(judges)

    def forward(self, inputs: Inputs) -> Judged:
        """Means of what they say; their embeddings side by side."""
        found: list[Judged] = [judge(inputs) for judge in self.judges]
        each = torch.stack([judged.scores for judged in found])
        scores = each.mean(dim=0)
        apart = (each - scores).square().mean(dim=0)
        own = torch.stack([judged.spread for judged in found]).square().mean(dim=0)
        return Judged(
            levels=torch.stack([judged.levels for judged in found]).mean(dim=0),
            scores=scores,
            spread=(own + apart).sqrt(),
            embedding=torch.cat([judged.embedding for judged in found], dim=1),
            damage=torch.stack([judged.damage for judged in found]).mean(dim=0),
        )


class Scorer(nn.Module):
    """The whole network, as it is exported."""

    def __init__(self, backbone: Backbone, judge: Judge | Committee) -> None:
        super().__init__()
        self.backbone, self.judge = backbone, judge

    def forward(
        self, edited: Tensor, source: Tensor, planes: Tensor, whole: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures (N, 3, H, W) on 0..255 and evidence -> scores (N, 3), spread (N, 3), embedding (N, E)."""
        middle, coarse = self.backbone(torch.cat([edited, source]))
        count = edited.shape[0]
        inputs = Inputs(planes, whole, (middle[:count], middle[count:]), (coarse[:count], coarse[count:]))
        judged = self.judge(inputs)
        return judged.scores, judged.spread, judged.embedding


def _both(fine: Tensor) -> Tensor:
    return torch.cat([fine.mean(dim=(2, 3)), fine.amax(dim=(2, 3))], dim=1)
