"""How large a picture may be, and the refusal of one that is larger."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from editrefiner.artifacts.errors import ImageAnimatedError, ImageTooLargeError, ImageUnreadableError


class ImageLimits(BaseModel):
    """What is accepted from outside. Every limit is checked before a pixel is decoded."""

    model_config = ConfigDict(frozen=True)

    max_bytes: Annotated[int, Field(gt=0)] = 25 * 2**20
    max_pixels: Annotated[int, Field(gt=0)] = 40_000_000
    max_side: Annotated[int, Field(gt=0)] = 16_384
    max_ratio: Annotated[float, Field(ge=1)] = 100.0
    """Longer side over shorter side."""
    max_frames: Annotated[int, Field(gt=0)] = 1
    """Frames or pages; the first is the one that is read."""

    def check_bytes(self, count: int, name: str) -> None:
        """Refuse a file that is longer than `max_bytes`."""
        if count > self.max_bytes:
            raise ImageTooLargeError(
                f"{name} has {count} bytes; the limit is {self.max_bytes}. "
                "Send a smaller picture, or a JPEG or WebP of it."
            )

    def check_size(self, width: int, height: int, name: str) -> None:
        """Refuse a picture whose header says that it is too large, too long or empty."""
        if width < 1 or height < 1:
            raise ImageUnreadableError(f"{name} says it is {width}x{height} pixels. Save the picture again.")
        if width * height > self.max_pixels:
            raise ImageTooLargeError(
                f"{name} is {width}x{height} pixels, {width * height} in all; the limit is "
                f"{self.max_pixels}. Scale it down."
            )
        if max(width, height) > self.max_side:
            raise ImageTooLargeError(
                f"{name} is {width}x{height} pixels; the limit of a side is {self.max_side}. Scale it down."
            )
        if max(width, height) > self.max_ratio * min(width, height):
            raise ImageTooLargeError(
                f"{name} is {width}x{height} pixels; one side may be at most {self.max_ratio:g} times "
                "the other. Crop it."
            )

    def check_frames(self, count: int, name: str) -> None:
        """Refuse an animation or a multi-page file; `count` may stop at the first frame too many."""
        if count > self.max_frames:
            raise ImageAnimatedError(
                f"{name} has more than {self.max_frames} frame(s) or page(s). Export the one to work on."
            )


DEFAULT_LIMITS = ImageLimits()
