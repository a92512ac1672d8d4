"""What does the state before the first digit say? A small regression head, in float32."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from services.evaluation.backends.internvl.errors import CheckpointError
from services.evaluation.backends.internvl.files import check_finite, check_names, read_tensors

HEAD = "mlp_head.pth"
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


def load_head(path: Path, *, features: int, device: str) -> RegressionHead:
    """A head for hidden states of this width, with every tensor in its place; in eval mode."""
    state = read_tensors(path)
    head = RegressionHead((features, *_widths(path, state)))
    check_names(str(path), head.state_dict(), state)
    check_finite(str(path), state)
    if not state[f"mlp.{_LINEAR[-1]}.weight"].any():
        raise CheckpointError(f"{path}: the last layer is zero, so every edit would get the same score.")
    head.load_state_dict(state)
    return head.to(device=device, dtype=torch.float32).eval().requires_grad_(False)


def _widths(path: Path, state: Mapping[str, Tensor]) -> tuple[int, int]:
    """Of the two hidden layers; the release has half the features, and 128."""
    widths: list[int] = []
    for layer in _LINEAR[:2]:
        weight = state.get(f"mlp.{layer}.weight")
        if weight is None or weight.ndim != 2 or not weight.numel():
            raise CheckpointError(f"{path} is not a regression head: mlp.{layer}.weight is no matrix.")
        widths.append(weight.shape[0])
    return widths[0], widths[1]
