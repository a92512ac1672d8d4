"""What does the model make of pictures and words? Its hidden states, with positions of either kind."""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from services.qwen3vl.preprocess import Batch

Positions = Literal["mrope", "linear"]
"""Whether picture tokens carry time, row and column, or count on like words.

Which of the two the published weights were trained with is not recorded: older releases of the library
did the one, later ones silently the other.
"""


class Backbone:
    """Runs a Qwen3VLModel, with or without adapters on it."""

    def __init__(self, model: nn.Module, *, positions: Positions = "mrope") -> None:
        # PEFT hands unknown attributes on to the model inside, so `config` and `get_rope_index` are there.
        self._model: Any = model
        self._positions = positions
        self._image_token: int = self._model.config.image_token_id
        self.merge: int = self._model.config.vision_config.spatial_merge_size
        """Patches along each side of a picture token."""

    def is_picture(self, batch: Batch) -> Tensor:
        """(B, S) bool: which tokens are of pictures."""
        return batch.input_ids == self._image_token

    def run(self, batch: Batch) -> Tensor:
        """(B, S, C): the last hidden states, after the final norm; gradients flow where they are on."""
        is_picture = self.is_picture(batch)
        output = self._model(
            # No mask: padding lies on the right, where no real token looks, and plain causal
            # attention has the faster kernels.
            input_ids=batch.input_ids,
            position_ids=self._position_ids(batch, is_picture),
            pixel_values=batch.pixel_values,
            image_grid_thw=batch.grids,
            # Read by no one once positions are given, but some releases insist on it.
            mm_token_type_ids=is_picture.int(),
            use_cache=False,
        )
        return output.last_hidden_state

    def _position_ids(self, batch: Batch, is_picture: Tensor) -> Tensor:
        """(4, B, S): place in the sequence; then time, row and column."""
        rows, length = batch.input_ids.shape
        places = torch.arange(length, device=batch.input_ids.device)
        if self._positions == "linear":
            return places.expand(4, rows, length)
        axes, _ = self._model.get_rope_index(
            batch.input_ids, mm_token_type_ids=is_picture.int(), image_grid_thw=batch.grids
        )
        # The places go along because the library, left to itself, may take the time axis for them and then
        # sees several sequences packed into one.
        return torch.cat([places.expand(1, rows, length), axes])


def language_layers(model: nn.Module) -> nn.ModuleList:
    """The decoder layers of the language model, first to last."""
    inner: Any = model
    return inner.language_model.layers
