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
        if image.mode == "L":
            return _apply_to_gray(image, parsed), ()
        if image.mode == "RGB" and _is_srgb(parsed):
            return image, ()
        return _apply(image, parsed), ()
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
        return _plain(image), (_ignored(name, "is damaged"),)


def _apply(image: Image.Image, source: ImageCms.ImageCmsProfile, flags: int = 0) -> Image.Image:
    transform = ImageCms.buildTransform(
        source,
        ImageCms.createProfile("sRGB"),
        image.mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION | flags,
    )
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None  # None is for work in place
    return converted


def _apply_to_gray(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    """By table: the 256 grays are converted unhurriedly, the shortcut for pictures is wrong in the darks."""
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 256)
    table = np.asarray(_apply(Image.fromarray(ramp), profile, ImageCms.Flags.NOOPTIMIZE))[0]  # (256, 3)
    if np.abs(table.astype(np.int16) - ramp.T).max() <= _SAME:
        return image
    return Image.fromarray(table[np.asarray(image)])


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    """Whether a profile leaves a lattice of colours where they are; converting would only add rounding."""
    axis = np.linspace(0, 255, 9).round().astype(np.uint8)
    probe = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(27, 27, 3)
    moved = np.asarray(_apply(Image.fromarray(probe), profile)).astype(np.int16)
    return bool(np.abs(moved - probe).max() <= _SAME)


def _ignored(name: str, reason: str) -> str:
    return f"{name}: the embedded colour profile {reason} and was ignored"


def _plain(image: Image.Image) -> Image.Image:
    return image if image.mode in ("L", "RGB") else image.convert("RGB")
