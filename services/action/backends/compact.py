"""Classical operators on a CPU: restore, harmonize, inpaint, denoise, sharpen. No weights, no network."""

from collections.abc import Mapping
from dataclasses import replace
from types import ModuleType

import cv2
import numpy as np

from editrefiner.contracts import BackendInfo, Operation, ToolCall, fingerprint
from services.action import alignment, composite, context, extent, planning, returned, tone
from services.action.agent import Checkpoint, Repair
from services.action.backends import denoise, detail, fields, harmonize, inpaint, restore, sharpen
from services.action.context import RegionContext

NAME = "compact"
VERSION = "1"
OPERATORS = {module.NAME: module for module in (restore, harmonize, inpaint, denoise, sharpen)}
MODULES = (
    *OPERATORS.values(),
    detail,
    fields,
    alignment,
    composite,
    context,
    extent,
    planning,
    returned,
    tone,
)


class CompactEditor:
    """Carries out the tool calls of a plan, one after the other."""

    def __init__(self) -> None:
        digest = fingerprint(
            {"name": NAME, "version": VERSION, "cv2": cv2.__version__, "constants": _constants()}
        )
        self._info = BackendInfo(name=NAME, version=VERSION, digest=digest)

    @property
    def info(self) -> BackendInfo:
        """Operators and constants, by their digest."""
        return self._info

    @property
    def operations(self) -> frozenset[Operation]:
        """Everything but painting anew."""
        return frozenset({Operation.RESTORE, Operation.TOOLS, Operation.INPAINT})

    def repair(self, region: RegionContext, checkpoint: Checkpoint) -> Repair | None:
        """The crop after every tool that had something to do; None when none had."""
        calls: list[ToolCall] = []
        for call in region.plan.tool_calls:
            if call.name in OPERATORS:
                checkpoint()
                outcome = _run(region, call, checkpoint)
                if outcome is not None:
                    pixels, parameters = outcome
                    region = replace(region, edited=pixels)
                    calls.append(ToolCall(name=call.name, parameters=parameters))
        return Repair(region.edited, tuple(calls)) if calls else None


def _run(
    region: RegionContext, call: ToolCall, checkpoint: Checkpoint
) -> tuple[np.ndarray, dict[str, float]] | None:
    parameters = _bounded(call.parameters, OPERATORS[call.name].BOUNDS)
    match call.name:
        case restore.NAME:
            return restore.restore(region, parameters)
        case harmonize.NAME:
            return harmonize.harmonize(region, parameters)
        case inpaint.NAME:
            return inpaint.inpaint(region, parameters, checkpoint)
        case denoise.NAME:
            return denoise.denoise(region, parameters, checkpoint)
        case _:
            return sharpen.sharpen(region, parameters, checkpoint)


def _bounded(
    given: Mapping[str, float], bounds: Mapping[str, tuple[float, float, float]]
) -> dict[str, float]:
    """Every parameter of a tool, within its bounds; what was not given has its default."""
    return {
        name: float(np.clip(given.get(name, usual), low, high)) for name, (low, high, usual) in bounds.items()
    }


def _constants() -> dict[str, dict[str, str]]:
    """Every named constant that the operators read."""
    return {module.__name__: _named(module) for module in MODULES}


def _named(module: ModuleType) -> dict[str, str]:
    return {name: repr(value) for name, value in sorted(vars(module).items()) if name.isupper()}
