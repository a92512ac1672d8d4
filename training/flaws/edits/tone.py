"""How does the whole picture take another tone, style, weather or time of day?"""

from functools import partial

import cv2
import numpy as np

from editrefiner.contracts import EditKind
from training.flaws import wording
from training.flaws.edits.looks import PHOTO, STYLES, TONES
from training.flaws.edits.pixels import visible
from training.flaws.lab import from_lab, to_bytes, to_lab
from training.flaws.scene import IdealEdit, Random, Scene

MIN_VISIBLE = 6.0  # mean absolute difference over the frame, of 255


def tone(scene: Scene, other: Scene, rng: Random) -> IdealEdit | None:  # noqa: ARG001 — all makers are called alike
    """The whole picture in another tone."""
    return _frame_edit(scene, TONES, rng)


def style(scene: Scene, other: Scene, rng: Random) -> IdealEdit | None:  # noqa: ARG001 — all makers are called alike
    """The whole picture in another style, weather or light."""
    return _frame_edit(scene, STYLES, rng)


def _frame_edit(scene: Scene, looks: dict[str, tuple[str, tuple[str, ...]]], rng: Random) -> IdealEdit | None:
    whole = np.ones(scene.picture.shape[:2], bool)
    for look in rng.choice(np.array(list(looks)), 3, replace=False):
        opposite, templates = looks[str(look)]
        ideal = toned(scene.picture, str(look), rng.uniform(0.6, 1.0))
        if visible(scene.picture, ideal, whole) < MIN_VISIBLE:
            continue
        return IdealEdit(
            source=scene.picture,
            ideal=ideal,
            instruction=wording.say(templates, rng, photo=str(rng.choice(np.array(PHOTO)))),
            kind=EditKind.GLOBAL,
            intended=whole,
            wrong=partial(_wrong_look, scene.picture, opposite),
        )
    return None


def _wrong_look(picture: np.ndarray, look: str, rng: Random) -> tuple[np.ndarray, str] | None:
    result = toned(picture, look, rng.uniform(0.7, 1.0))
    words = {"gray": "made black and white", "contrast": "given a hard contrast"}
    if visible(picture, result, np.ones(picture.shape[:2], bool)) < MIN_VISIBLE:
        return None
    return result, words.get(look, f"made {look}")


def toned(picture: np.ndarray, look: str, strength: float) -> np.ndarray:
    """The picture in one of the looks of `TONES` or `STYLES`; strength in 0..1."""
    if look in ("gray", "sepia", "vivid", "autumn", "winter"):
        return _colored(picture, look, strength)
    unit = picture.astype(np.float32) / 255
    match look:
        case "warmer":
            unit *= 1 + strength * np.array([0.14, 0.02, -0.2], np.float32)
        case "cooler":
            unit *= 1 + strength * np.array([-0.16, -0.02, 0.12], np.float32)
        case "brighter":
            unit **= 1 - 0.42 * strength
        case "darker":
            unit **= 1 + 0.7 * strength
        case "contrast":
            unit = (unit - unit.mean()) * (1 + 0.6 * strength) + unit.mean()
        case "faded":
            unit = _desaturated((unit - 0.5) * (1 - 0.4 * strength) + 0.56, 0.35 * strength)
        case _:
            unit = _styled(unit, look, strength)
    return to_bytes(unit)


def _styled(unit: np.ndarray, look: str, strength: float) -> np.ndarray:
    light = cv2.cvtColor(unit, cv2.COLOR_RGB2GRAY)[..., None]
    match look:
        case "vintage":
            faded = _desaturated(unit, 0.35) * np.array([0.9, 0.82, 0.66], np.float32) + 0.09
            return faded * _vignette(unit.shape, 0.35 * strength)
        case "cinematic":
            cool, warm = np.array([-0.1, 0.02, 0.1]), np.array([0.12, 0.02, -0.12])
            split = light * warm + (1 - light) * cool
            return ((unit - 0.5) * 1.15 + 0.48 + strength * split).astype(np.float32)
        case "moody":
            return _desaturated(unit, 0.4) ** (1 + 0.6 * strength) * _vignette(unit.shape, 0.5)
        case "high-key":
            return _desaturated(unit, 0.15) ** (1 - 0.45 * strength) * 0.9 + 0.12
        case "cross-processed":
            curved = unit * unit * (3 - 2 * unit)
            return unit + strength * (curved * np.array([1.05, 1.03, 0.75]) + [0, 0, 0.14] - unit).astype(
                "f4"
            )
        case "fog":
            depth = np.linspace(1, 0.35, unit.shape[0], dtype=np.float32)[:, None, None]
            veil = np.clip(depth * (0.5 + 0.4 * strength), 0, 0.9)
            return _desaturated(unit, 0.4) * (1 - veil) + np.array([0.8, 0.82, 0.84], np.float32) * veil
        case "night":
            dark = _desaturated(unit, 0.5) ** 1.5 * np.array([0.3, 0.38, 0.58], np.float32)
            return dark * _vignette(unit.shape, 0.4 * strength)
        case _:
            glow = np.linspace(0.25, 0, unit.shape[0], dtype=np.float32)[:, None, None] * strength
            return unit * np.array([1.05, 0.82, 0.62], np.float32) + glow * np.array([0.9, 0.45, 0.15], "f4")


def _colored(picture: np.ndarray, look: str, strength: float) -> np.ndarray:
    lab = to_lab(picture)
    match look:
        case "gray":
            lab[..., 1:] = 0
        case "sepia":
            lab[..., 1], lab[..., 2] = 6 + 4 * strength, 18 + 10 * strength
        case "vivid":
            lab[..., 1:] *= 1.3 + 0.7 * strength
        case "autumn":
            green = np.clip(-lab[..., 1] / 12, 0, 1) * np.clip(lab[..., 2] / 10, 0, 1)
            lab[..., 1] += strength * (8 + 30 * green)
            lab[..., 2] += strength * (12 + 14 * green)
        case _:
            lab[..., 0] = 100 - (100 - lab[..., 0]) * (1 - 0.3 * strength)
            lab[..., 1:] *= 1 - 0.6 * strength
            lab[..., 2] -= 7 * strength
    return from_lab(lab)


def _desaturated(unit: np.ndarray, share: float) -> np.ndarray:
    unit = np.clip(unit, 0, 1).astype(np.float32)
    return unit * (1 - share) + cv2.cvtColor(unit, cv2.COLOR_RGB2GRAY)[..., None] * share


def _vignette(shape: tuple[int, ...], strength: float) -> np.ndarray:
    y = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None, None]
    x = np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :, None]
    return 1 - strength * np.clip((x * x + y * y) / 2, 0, 1)
