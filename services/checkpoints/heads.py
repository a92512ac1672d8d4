"""Which file holds the head that an agent puts on the model? One, in either of two forms, read strictly."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from safetensors.torch import save_file
from torch import Tensor, nn

from services.checkpoints.errors import CheckpointError
from services.checkpoints.tensors import check_names, contiguous, read_tensors

HeadT = TypeVar("HeadT", bound=nn.Module)


@dataclass(frozen=True)
class HeadFile:
    """The name of a kind of head, on disk and in messages."""

    stem: str
    """Of the file, such as `sal_head`."""
    called: str
    """Without an article, such as `saliency decoder`."""

    @property
    def names(self) -> tuple[str, str]:
        """What the file may be called; the first is how it is written here."""
        return f"{self.stem}.safetensors", f"{self.stem}.pth"

    def find(self, directory: Path) -> Path:
        """The one such file of a directory."""
        heads = [directory / name for name in self.names if (directory / name).is_file()]
        if len(heads) != 1:
            found = "both of" if heads else "none of"
            raise CheckpointError(
                f"{directory} must hold one {self.called}; it has {found} {', '.join(self.names)}."
            )
        return heads[0]

    def load(self, path: Path, build: Callable[[Mapping[str, Tensor]], HeadT]) -> HeadT:
        """The head with every tensor of the file in its place, in float32 and eval mode.

        `build` makes an empty one for a state; it may raise KeyError, ValueError or IndexError.
        """
        state = read_tensors(path)
        try:
            head = build(state)
        except KeyError as error:
            raise CheckpointError(f"{path} is not a {self.called}: it has no tensor {error}.") from error
        except (ValueError, IndexError) as error:
            raise CheckpointError(f"{path} is not a {self.called}: {error}.") from error
        check_names(str(path), head.state_dict(), state)
        head.load_state_dict(state)
        return head.eval().requires_grad_(False)

    def save(self, directory: Path, head: nn.Module) -> None:
        """Write a head beside its adapter or merged model."""
        save_file(contiguous(head.state_dict()), directory / self.names[0], metadata={"format": "pt"})
