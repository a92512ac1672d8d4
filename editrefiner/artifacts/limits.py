"""How large a picture may be, and the refusal of one that is larger."""

from editrefiner.artifacts.errors import ImageAnimatedError, ImageTooLargeError, ImageUnreadableError
from editrefiner.contracts import ImageLimits

DEFAULT_LIMITS = ImageLimits()


def check_bytes(limits: ImageLimits, count: int, name: str) -> None:
    """Refuse a file that is longer than `max_bytes`."""
    if count > limits.max_bytes:
        raise ImageTooLargeError(
            f"{name} has {count} bytes; the limit is {limits.max_bytes}. "
            "Send a smaller picture, or a JPEG or WebP of it."
        )


def check_size(limits: ImageLimits, width: int, height: int, name: str) -> None:
    """Refuse a picture whose header says that it is too large, too long or empty."""
    if width < 1 or height < 1:
        raise ImageUnreadableError(f"{name} says it is {width}x{height} pixels. Save the picture again.")
    if width * height > limits.max_pixels:
        raise ImageTooLargeError(
            f"{name} is {width}x{height} pixels, {width * height} in all; the limit is "
            f"{limits.max_pixels}. Scale it down."
        )
    if max(width, height) > limits.max_side:
        raise ImageTooLargeError(
            f"{name} is {width}x{height} pixels; the limit of a side is {limits.max_side}. Scale it down."
        )
    if max(width, height) > limits.max_ratio * min(width, height):
        raise ImageTooLargeError(
            f"{name} is {width}x{height} pixels; one side may be at most {limits.max_ratio:g} times "
            "the other. Crop it."
        )


def check_frames(limits: ImageLimits, count: int, name: str) -> None:
    """Refuse an animation or a multi-page file; `count` may stop at the first frame too many."""
    if count > limits.max_frames:
        raise ImageAnimatedError(
            f"{name} has more than {limits.max_frames} frame(s) or page(s). Export the one to work on."
        )
