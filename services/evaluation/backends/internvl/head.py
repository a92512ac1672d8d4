"""What does the state before the first digit say? A small regression head, in float32."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from services.checkpoints import CheckpointError, HeadFile, check_finite

HEAD = HeadFile(stem="mlp_head", called="regression head")
SCALE = 100.0
_LINEAR = (0, 2, 4)  # what stands between them is a ReLU each


class RegressionHead(nn.Module):
    """From a hidden state to 100 times the absolute value of one number: no score below 0, no bound above."""

    def __init__(self, widths: tuple[int, int, int]) -> None:
        super().__init__()
        features, hidden, last = widths
        self.mlp = nn.Sequential(
            nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, last), nn.ReLU(), nn.Linear(last, 1)
        )

    def forward(self, state: Tensor) -> Tensor:
        """(..., features) to (...)."""
        return SCALE * self.mlp(state.float()).squeeze(-1).abs()


def load_head(directory: Path, *, features: int, device: str) -> RegressionHead:
    """The head of an aspect for hidden states of this width, with every tensor in its place."""
    path = HEAD.find(directory)
    head = HEAD.load(path, lambda state: RegressionHead((features, *_widths(state))))
    check_finite(str(path), head.state_dict())
    if not head.mlp[_LINEAR[-1]].get_parameter("weight").any():
        raise CheckpointError(f"{path}: the last layer is zero, so every edit would get the same score.")
    return head.to(device)


def _widths(state: Mapping[str, Tensor]) -> tuple[int, int]:
    """Of the two hidden layers; the release has half the features, and 128."""
    widths: list[int] = []
    for layer in _LINEAR[:2]:
        weight = state.get(f"mlp.{layer}.weight")
        if weight is None or weight.ndim != 2 or not weight.numel():
            raise ValueError(f"mlp.{layer}.weight is no matrix")
        widths.append(weight.shape[0])
    return widths[0], widths[1]
