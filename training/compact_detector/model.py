"""What is the compact detector made of? A frozen two-stream backbone, evidence, a conditioned decoder."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from services.perception.backends.evidence import PLANES, SCALARS
from training.compact_detector.words import WIDTH

INPUTS = len(PLANES) + 3  # the edited picture itself, small, beside the evidence
WHOLE = SCALARS + WIDTH
FINE, MIDDLE, COARSE = 32, 56, 96
TAPS = {4: 40, 10: 112}
"""Block of EfficientNet-Lite0 -> channels, at strides 8 and 16."""


class Backbone(nn.Module):
    """EfficientNet-Lite0 up to stride 16, with its ImageNet weights (Apache-2.0)."""

    def __init__(self, weights: str | None = None) -> None:
        super().__init__()
        from efficientnet_lite_pytorch import EfficientNet  # noqa: PLC0415 — untyped, needed here alone

        net = EfficientNet.from_name("efficientnet-lite0")
        if weights is not None:
            net.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        self.stem, self.norm, self.act = net._conv_stem, net._bn0, net._swish  # noqa: SLF001 — no public names
        self.blocks = nn.ModuleList(list(net._blocks)[: max(TAPS) + 1])  # noqa: SLF001

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, H, W) on 0..255, sides multiples of 16 -> (N, 40, H/8, W/8), (N, 112, H/16, W/16)."""
        x = self.act(self.norm(self.stem((pictures - 127.0) / 128.0)))
        taps = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in TAPS:
                taps.append(x)
        return taps[0], taps[1]


@dataclass(frozen=True)
class Inputs:
    """One batch."""

    planes: Tensor
    """(N, INPUTS, H/4, W/4) in [-1, 1]."""
    whole: Tensor
    """(N, WHOLE)."""
    middle: tuple[Tensor, Tensor]
    """Backbone features of edited and source at stride 8."""
    coarse: tuple[Tensor, Tensor]
    """The same at stride 16."""


class Conditioned(nn.Module):
    """Two convolutions with a shortcut, scaled and shifted by what the whole edit is about (FiLM)."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.film = nn.Linear(64, 2 * width)

    def forward(self, x: Tensor, about: Tensor) -> Tensor:
        """(N, C, h, w) and (N, 64) -> (N, C, h, w)."""
        scale, shift = self.film(about)[:, :, None, None].chunk(2, dim=1)
        y = functional.relu(self.norm(self.first(x)) * (1 + scale) + shift)
        return functional.relu(x + self.second(y))


class Paired(nn.Module):
    """Features of edited and source and how far they are apart, in fewer channels."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(width, out // 2, 1)
        self.join = nn.Conv2d(3 * (out // 2), out, 1, bias=False)
        self.norm = nn.BatchNorm2d(out)

    def forward(self, edited: Tensor, source: Tensor) -> Tensor:
        """Two (N, C, h, w) -> (N, out, h, w)."""
        first, second = self.narrow(edited), self.narrow(source)
        return functional.relu(
            self.norm(self.join(torch.cat([first, second, (first - second).abs()], dim=1)))
        )


class Decoder(nn.Module):
    """Evidence and features -> two maps (before the sigmoid) at stride 4."""

    def __init__(self) -> None:
        super().__init__()
        self.about = nn.Sequential(nn.Linear(WHOLE, 96), nn.ReLU(), nn.Linear(96, 64), nn.ReLU())
        self.pair_middle, self.pair_coarse = Paired(TAPS[4], MIDDLE), Paired(TAPS[10], COARSE)
        self.enter = nn.Sequential(
            nn.Conv2d(INPUTS, FINE, 3, padding=1, bias=False), nn.BatchNorm2d(FINE), nn.ReLU()
        )
        self.fine_in = Conditioned(FINE)
        self.to_middle = nn.Conv2d(FINE, MIDDLE, 3, stride=2, padding=1)
        self.middle_in = Conditioned(MIDDLE)
        self.to_coarse = nn.Conv2d(MIDDLE, COARSE, 3, stride=2, padding=1)
        self.coarse = nn.ModuleList([Conditioned(COARSE), Conditioned(COARSE, dilation=2)])
        self.frame = nn.Linear(COARSE + 64, COARSE)
        self.question = nn.Linear(64, COARSE)
        self.up_middle = nn.Conv2d(COARSE + 1, MIDDLE, 1)
        self.middle_out = Conditioned(MIDDLE)
        self.up_fine = nn.Conv2d(MIDDLE, FINE, 1)
        self.fine_out = Conditioned(FINE)
        self.head = nn.Conv2d(FINE, 2, 3, padding=1)
        assert self.head.bias is not None
        nn.init.constant_(self.head.bias, -3.0)  # most of a picture is no flaw

    def forward(self, inputs: Inputs) -> Tensor:
        """(N, 2, H/4, W/4) logits: artifact, failure."""
        about = self.about(inputs.whole)
        fine = self.fine_in(self.enter(inputs.planes), about)
        middle = self.to_middle(fine) + self.pair_middle(*inputs.middle)
        middle = self.middle_in(functional.relu(middle), about)
        coarse = functional.relu(self.to_coarse(middle) + self.pair_coarse(*inputs.coarse))
        for block in self.coarse:
            coarse = block(coarse, about)
        frame = self.frame(torch.cat([coarse.mean(dim=(2, 3)), about], dim=1))
        coarse = functional.relu(coarse + frame[:, :, None, None])
        asked = (coarse * self.question(about)[:, :, None, None]).mean(dim=1, keepdim=True)
        coarse = torch.cat([coarse, asked], dim=1)
        middle = functional.relu(middle + _up(self.up_middle(coarse), middle))
        middle = self.middle_out(middle, about)
        fine = functional.relu(fine + _up(self.up_fine(middle), fine))
        return self.head(self.fine_out(fine, about))


class Detector(nn.Module):
    """The whole network, as it is exported."""

    def __init__(self, backbone: Backbone, decoder: Decoder) -> None:
        super().__init__()
        self.backbone, self.decoder = backbone, decoder

    def forward(self, edited: Tensor, source: Tensor, planes: Tensor, whole: Tensor) -> Tensor:
        """Pictures (N, 3, H, W) on 0..255 and the evidence -> maps (N, 2, H/4, W/4) in 0..1."""
        middle, coarse = self.backbone(torch.cat([edited, source]))
        count = edited.shape[0]
        inputs = Inputs(planes, whole, (middle[:count], middle[count:]), (coarse[:count], coarse[count:]))
        return torch.sigmoid(self.decoder(inputs))


def _up(x: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)
