"""What does the language model know about the edited picture? Features per 32x32 pixels, and the context."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from services.checkpoints import CheckpointError
from services.qwen3vl import Backbone, Batch, Positions, language_layers

LAYER = 26  # whose output the published decoders read, counted from 1


@dataclass(frozen=True)
class Features:
    """What the decoder reads of one edit."""

    tokens: Tensor
    """(h*w, C): the edited picture, row by row."""
    grid: tuple[int, int]
    context: Tensor
    """(S, C): the last hidden state of every token, text and both pictures."""


class FeatureReader:
    """Runs a Qwen3VLModel, with or without adapters on it, and picks what the decoder needs."""

    def __init__(self, model: nn.Module, *, layer: int = LAYER, positions: Positions = "mrope") -> None:
        layers: Any = language_layers(model)
        if not 1 <= layer < len(layers):  # what leaves the last one is normalised, so it is no feature
            raise CheckpointError(
                f"Features are read after layer {layer} of the language model, and more must follow: "
                f"this one has {len(layers)} layers."
            )
        self._layer: nn.Module = layers[layer - 1]
        self._backbone = Backbone(model, positions=positions)

    def read(self, batch: Batch) -> tuple[Features, ...]:
        """One forward pass; gradients flow where they are on."""
        is_image = self._backbone.is_picture(batch)
        with _output_of(self._layer) as captured:
            last = self._backbone.run(batch)
        states: Tensor = captured[0]  # (B, S, C)
        merge = self._backbone.merge
        grids = [(int(h) // merge, int(w) // merge) for _, h, w in batch.grids.tolist()]
        return tuple(
            Features(
                # Image tokens of the row are those of the source, then those of the edited picture,
                # which may be of another number: their count comes from the grid, not from halving.
                tokens=states[row][is_image[row]][-grids[2 * row + 1][0] * grids[2 * row + 1][1] :],
                grid=grids[2 * row + 1],
                context=last[row, :length],
            )
            for row, length in enumerate(batch.lengths)
        )


@contextmanager
def _output_of(layer: nn.Module) -> Iterator[list[Tensor]]:
    """Keep what a layer returns: all 37 states of the 8B model would take half a gigabyte per edit."""
    captured: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: Tensor | tuple[Tensor, ...]) -> None:
        if not captured:  # gradient checkpointing runs the layer again
            captured.append(output[0] if isinstance(output, tuple) else output)

    handle = layer.register_forward_hook(keep)
    try:
        yield captured
    finally:
        handle.remove()
