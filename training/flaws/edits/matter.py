"""How does a segment come to be made of another material?"""

from functools import partial

import cv2
import numpy as np

from editrefiner.contracts import EditKind
from training.flaws import wording
from training.flaws.edits.pixels import blend_box, box_of, fitting, visible
from training.flaws.edits.surface import MIN_VISIBLE, surface_edit, target_of
from training.flaws.edits.texture import PATTERNS, TEXTURES
from training.flaws.lab import to_bytes
from training.flaws.scene import IdealEdit, Random, Scene


def material(scene: Scene, other: Scene, rng: Random) -> IdealEdit | None:  # noqa: ARG001 — all makers are called alike
    """A segment gets a material or a pattern in its own light."""
    fit = [s for s in fitting(scene, rng, 0.012, 0.35) if s.name not in wording.PEOPLE]
    for segment in fit[:2]:
        name = str(rng.choice(np.array(list(TEXTURES))))
        ideal = clad(scene.picture, segment.mask, name, rng)
        if visible(scene.picture, ideal, segment.mask) < MIN_VISIBLE:
            continue
        target = target_of(segment, scene, rng)
        templates = wording.PATTERN if name in PATTERNS else wording.MATERIAL
        words = str(rng.choice(np.array(TEXTURES[name][1])))
        instruction = wording.say(templates, rng, target=target, material=words)
        wrong = partial(_other_material, scene.picture, segment.mask, name)
        return surface_edit(scene, segment, ideal, instruction, EditKind.MATERIAL, target, wrong)
    return None


def clad(picture: np.ndarray, mask: np.ndarray, name: str, rng: Random) -> np.ndarray:
    """The segment covered with the texture, lit as the segment was."""
    box = box_of(mask, margin=3)
    x0, y0, x1, y1 = box
    inside = mask[y0:y1, x0:x1]
    reach = max(12.0, float(np.sqrt(mask.sum())))
    texture = TEXTURES[name][0](y1 - y0, x1 - x0, max(3.5, reach * rng.uniform(0.07, 0.14)), rng)
    light = cv2.cvtColor(picture[y0:y1, x0:x1], cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    broad = cv2.GaussianBlur(light, (0, 0), max(1.0, reach / 60))
    mean = float(light[inside].mean())
    # Broad shading shapes the thing; its own fine pattern must not shine through the new material.
    shade = ((0.8 * broad + 0.2 * light + 0.05) / (mean + 0.05)) ** 0.85
    exposure = 0.55 + 0.6 * mean
    covered = to_bytes(texture * (np.clip(shade, 0.25, 1.8) * exposure)[..., None])
    return blend_box(picture, covered, mask, box)


def _other_material(
    picture: np.ndarray, mask: np.ndarray, asked: str, rng: Random
) -> tuple[np.ndarray, str] | None:
    name = str(rng.choice(np.array([n for n in TEXTURES if n != asked])))
    said = (
        f"given a {TEXTURES[name][1][0]} pattern" if name in PATTERNS else f"made of {TEXTURES[name][1][0]}"
    )
    return clad(picture, mask, name, rng), f"{said} instead of {TEXTURES[asked][1][0]}"
