"""Colours as sRGB: embedded ICC profiles applied, or ignored with a warning when they cannot be."""

import io

import numpy as np
from PIL import Image, ImageCms

MAX_PROFILE_BYTES = 4 * 2**20  # the largest press profiles in use have under 3 MB
_SPACES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}  # ICC colour space -> Pillow mode
_SAME = 1  # levels; a profile that moves no probe colour further is sRGB under another name


def to_srgb(image: Image.Image, profile: bytes | None, name: str) -> tuple[Image.Image, tuple[str, ...]]:
    """An L, RGB, CMYK or LAB image as sRGB (mode L or RGB), and what could not be honoured."""
    if image.mode == "LAB":
        return _apply(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))), ()
    if not profile:
        return _plain(image), ()
    if len(profile) > MAX_PROFILE_BYTES:
        return _plain(image), (_ignored(name, f"is larger than {MAX_PROFILE_BYTES} bytes"),)
    try:
        parsed = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = parsed.profile.xcolor_space  # pyright: ignore[reportAttributeAccessIssue] -- a core profile
        mode = _SPACES.get(space.strip())
        if mode == "RGB" and image.mode == "L":
            image = image.convert("RGB")
        if mode != image.mode:
            return _plain(image), (_ignored(name, "is for other channels"),)
        if _is_srgb(parsed, image.mode):
            return image, ()
        return _apply(image, parsed), ()
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
        return _plain(image), (_ignored(name, "is damaged"),)


def _apply(image: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    transform = ImageCms.buildTransform(
        source,
        ImageCms.createProfile("sRGB"),
        image.mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None  # None is for work in place
    return converted


def _is_srgb(profile: ImageCms.ImageCmsProfile, mode: str) -> bool:
    """Whether a profile leaves a lattice of colours where they are; converting would only add rounding."""
    if mode == "RGB":
        axis = np.linspace(0, 255, 9).round().astype(np.uint8)
        probe = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(27, 27, 3)
    elif mode == "L":
        probe = np.arange(256, dtype=np.uint8).reshape(16, 16)
    else:
        return False
    moved = np.asarray(_apply(Image.fromarray(probe), profile)).astype(np.int16)
    return bool(np.abs(moved - probe.reshape(*probe.shape[:2], -1)).max() <= _SAME)


def _ignored(name: str, reason: str) -> str:
    return f"{name}: the embedded colour profile {reason} and was ignored"


def _plain(image: Image.Image) -> Image.Image:
    return image if image.mode in ("L", "RGB") else image.convert("RGB")
