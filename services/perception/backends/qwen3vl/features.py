"""What does the language model know about the edited picture? Features per 32x32 pixels, and the context."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from services.perception.backends.qwen3vl.errors import CheckpointError
from services.perception.backends.qwen3vl.preprocess import Batch

Positions = Literal["mrope", "linear"]
"""Whether picture tokens carry time, row and column, or count on like words.

Which of the two the published weights were trained with is not recorded: older releases of the library
did the one, later ones silently the other.
"""

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
        # PEFT hands unknown attributes on to the model inside, so `config` and `get_rope_index` are there.
        self._model: Any = model
        layers: Any = language_layers(model)
        if not 1 <= layer < len(layers):  # what leaves the last one is normalised, so it is no feature
            raise CheckpointError(
                f"Features are read after layer {layer} of the language model, and more must follow: "
                f"this one has {len(layers)} layers."
            )
        self._layer: nn.Module = layers[layer - 1]
        self._positions = positions
        self._image_token: int = self._model.config.image_token_id
        self._merge: int = self._model.config.vision_config.spatial_merge_size

    def read(self, batch: Batch) -> tuple[Features, ...]:
        """One forward pass; gradients flow where they are on."""
        is_image = batch.input_ids == self._image_token
        with _output_of(self._layer) as captured:
            output = self._model(
                # No mask: padding lies on the right, where no real token looks, and plain causal
                # attention has the faster kernels.
                input_ids=batch.input_ids,
                position_ids=self._position_ids(batch, is_image),
                pixel_values=batch.pixel_values,
                image_grid_thw=batch.grids,
                # Read by no one once positions are given, but some releases insist on it.
                mm_token_type_ids=is_image.int(),
                use_cache=False,
            )
            states: Tensor = captured[0]  # (B, S, C)
        grids = [(int(h) // self._merge, int(w) // self._merge) for _, h, w in batch.grids.tolist()]
        return tuple(
            Features(
                # Image tokens of the row are those of the source, then those of the edited picture,
                # which may be of another number: their count comes from the grid, not from halving.
                tokens=states[row][is_image[row]][-grids[2 * row + 1][0] * grids[2 * row + 1][1] :],
                grid=grids[2 * row + 1],
                context=output.last_hidden_state[row, :length],
            )
            for row, length in enumerate(batch.lengths)
        )

    def _position_ids(self, batch: Batch, is_image: Tensor) -> Tensor:
        """(4, B, S): place in the sequence; then time, row and column."""
        rows, length = batch.input_ids.shape
        places = torch.arange(length, device=batch.input_ids.device)
        if self._positions == "linear":
            return places.expand(4, rows, length)
        axes, _ = self._model.get_rope_index(
            batch.input_ids, mm_token_type_ids=is_image.int(), image_grid_thw=batch.grids
        )
        # The places go along because the library, left to itself, may take the time axis for them and then
        # sees several sequences packed into one.
        return torch.cat([places.expand(1, rows, length), axes])


def language_layers(model: nn.Module) -> nn.ModuleList:
    """The decoder layers of the language model, first to last."""
    inner: Any = model
    return inner.language_model.layers


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
