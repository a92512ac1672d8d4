"""How is a flaw repaired? The action agent: plan, crop, edit, lay back, composite, prove."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from editrefiner.contracts import (
    BackendInfo,
    Box,
    EditCandidate,
    EditPlan,
    EditRequest,
    EditResult,
    ImageRef,
    Operation,
    RegionPlan,
    ToolCall,
)
from editrefiner.regions import full_mask
from services.action import context, extent, planning
from services.action.composite import Canvas
from services.action.context import Frame, Placement, RegionContext
from services.action.geometry import size_of
from services.action.regions import Target, read_targets
from services.action.returned import Settled, checked, settled

Checkpoint = Callable[[], None]
"""Raises when the run is to end early; called wherever it may."""

MEMO_BYTES = 256 * 2**20  # repairs kept for the next candidate of the same request

log = logging.getLogger(__name__)


class Pictures(Protocol):
    """Where pictures come from and go to."""

    def pixels(self, ref: ImageRef) -> np.ndarray:
        """(H, W, 3) uint8 RGB."""
        ...

    def gray(self, ref: ImageRef) -> np.ndarray:
        """(H, W) uint8."""
        ...

    def put_pixels(self, pixels: np.ndarray) -> ImageRef:
        """Keep a picture losslessly; the reference is the same for the same pixels."""
        ...


@dataclass(frozen=True)
class Repair:
    """What an editor made of a crop."""

    pixels: np.ndarray
    """(h, w, 3) uint8 of the size of the crop; only what lies in the mask will be used."""
    calls: tuple[ToolCall, ...] = ()
    """The tool calls as executed, with what was measured for them."""


class Editor(Protocol):
    """What a backend must do. The agent protects the rest of the picture around every one."""

    @property
    def info(self) -> BackendInfo:
        """Who repairs."""
        ...

    @property
    def operations(self) -> frozenset[Operation]:
        """What it can be asked for."""
        ...

    def repair(self, region: RegionContext, checkpoint: Checkpoint) -> Repair | None:
        """Carry out `region.plan` on the crop; None when that would not help here."""
        ...


@dataclass(frozen=True)
class _Done:
    """A repair ready to be laid on the picture."""

    box: Box
    weights: np.ndarray
    settled: Settled
    plan: RegionPlan


class ActionAgent:
    """Repairs the regions of a request with one editor."""

    def __init__(self, editor: Editor, pictures: Pictures) -> None:
        self._editor = editor
        self._pictures = pictures

    @property
    def backend(self) -> BackendInfo:
        """Who repairs."""
        return self._editor.info

    def edit(self, request: EditRequest, checkpoint: Checkpoint) -> EditResult:
        """Candidates, best guess first; empty when every region is better left alone."""
        assert isinstance(
            request.source, ImageRef
        )  # the service resolves image fields before it runs an agent
        assert isinstance(request.edited, ImageRef)
        edited = _read_only(self._pictures.pixels(request.edited))
        source = _read_only(self._pictures.pixels(request.source))
        targets = read_targets(request, size_of(edited), self._pictures.gray)
        checkpoint()
        frame = context.survey(request, edited, source, targets, self._intended(request, edited))
        run = _Run(self._editor, request, frame, targets, checkpoint)
        candidates: list[EditCandidate] = []
        for number, plan in enumerate(run.plans()):
            candidate = self._finish(run, plan, _derived(request.seed, request.attempt, number))
            if candidate and all(candidate.image.sha256 != known.image.sha256 for known in candidates):
                candidates.append(candidate)
        return EditResult(candidates=tuple(candidates), backend=self.backend)

    def warm_up(self) -> None:
        """One real run on a small picture, so that the first request is not the slow one."""
        rows, columns = np.mgrid[0:96, 0:96]
        picture = np.stack([rows * 2, columns * 2, (rows ^ columns) * 2], axis=-1).astype(np.uint8)
        flawed, mask = picture.copy(), np.zeros((96, 96), np.uint8)
        flawed[40:56, 40:56], mask[40:56, 40:56] = 128, 255
        memory = _Memory()
        source, edited, marked = (memory.put_pixels(pixels) for pixels in (picture, flawed, mask))
        request = EditRequest(source=source, edited=edited, mask=marked, instruction="Warm up.", candidates=8)
        ActionAgent(self._editor, memory).edit(request, lambda: None)

    def _intended(self, request: EditRequest, edited: np.ndarray) -> np.ndarray | None:
        if request.change is None or request.change.intended_mask is None:
            return None
        ref = request.change.intended_mask
        return full_mask(ref, size_of(edited), self._pictures.gray, "change.intended_mask")

    def _finish(self, run: "_Run", plan: EditPlan, seed: int) -> EditCandidate | None:
        """One candidate; None when it changes nothing or breaks the protection."""
        canvas = Canvas(run.frame.edited)
        shift, scale = (0.0, 0.0), 1.0
        executed: list[RegionPlan] = []
        for region in plan.regions:
            done = run.repaired(region, seed)
            executed.append(planning.left(region.region_id) if done is None else done.plan)
            if done is not None:
                canvas.lay(done.box, done.settled.pixels, done.weights)
                shift = max(shift, done.settled.shift_px, key=lambda s: np.hypot(*s))
                scale = max(scale, done.settled.scale, key=lambda s: abs(s - 1))
        protection = canvas.protection(shift, scale)
        if not protection.holds:
            log.error(
                "candidate dropped", extra={"max_difference_outside": protection.max_difference_outside}
            )
            return None
        if protection.changed_pixels == 0:
            return None
        return EditCandidate(
            image=self._pictures.put_pixels(canvas.pixels),
            mask=self._pictures.put_pixels(canvas.weights),
            plan=EditPlan(regions=tuple(executed)),
            protection=protection,
            seed=seed,
        )


class _Memory:
    """Pictures for the length of a warm-up."""

    def __init__(self) -> None:
        self._pictures: dict[str, np.ndarray] = {}

    def pixels(self, ref: ImageRef) -> np.ndarray:
        return self._pictures[ref.sha256]

    gray = pixels

    def put_pixels(self, pixels: np.ndarray) -> ImageRef:
        sha256 = hashlib.sha256(pixels.tobytes()).hexdigest()
        self._pictures[sha256] = pixels
        return ImageRef(sha256=sha256, width=pixels.shape[1], height=pixels.shape[0])


class _Run:
    """One request under way: where its regions lie, and what was already repaired."""

    def __init__(
        self,
        editor: Editor,
        request: EditRequest,
        frame: Frame,
        targets: tuple[Target, ...],
        checkpoint: Checkpoint,
    ) -> None:
        self.frame = frame
        self._editor = editor
        self._request = request
        self._checkpoint = checkpoint
        self._targets = {target.id: target for target in targets}
        self._places: dict[str, Placement] = {}
        for target in targets:
            checkpoint()
            self._places[target.id] = context.place(frame, target)
        self._memo: dict[tuple[str, int], _Done | None] = {}
        self._memo_left = MEMO_BYTES

    def plans(self) -> list[EditPlan]:
        """What each candidate is to do."""
        menus = {
            name: planning.choices(target, self._places[name], self._editor.operations)
            for name, target in self._targets.items()
        }
        order = sorted(self._targets, key=lambda name: -planning.need(self._targets[name]))
        return planning.candidate_plans(tuple(order), menus, self._request.candidates, self._request.attempt)

    def repaired(self, plan: RegionPlan, seed: int) -> _Done | None:
        """The repair of one region; None when it is left. Computed once for all candidates that share it."""
        if plan.operation is Operation.LEAVE:
            return None
        key = (plan.model_dump_json(), seed if planning.is_random(plan) else 0)
        if key not in self._memo:
            self._checkpoint()
            done = self._repair(plan, seed)
            size = 0 if done is None else done.settled.pixels.nbytes + done.weights.nbytes
            if size > self._memo_left:
                return done
            self._memo[key] = done
            self._memo_left -= size
        return self._memo[key]

    def _repair(self, plan: RegionPlan, seed: int) -> _Done | None:
        target, placement = self._targets[plan.region_id], self._places[plan.region_id]
        box = context.context_box(self.frame, target.box)
        weights = extent.weights(self.frame, target, placement, box, extent.Extent.of(plan))
        region = context.crop(
            self.frame,
            target,
            placement,
            box,
            weights,
            plan=plan,
            instruction=self._request.instruction,
            seed=_derived(seed, plan.region_id),
        )
        answer = self._editor.repair(region, self._checkpoint)
        if answer is None:
            return None
        laid = settled(checked(answer.pixels, region.edited), region.edited, region.trusted)
        others = tuple(call for call in plan.tool_calls if call.name == extent.TOOL)
        executed = plan.model_copy(update={"tool_calls": others + (answer.calls or plan.tool_calls)})
        return _Done(box, weights, laid, executed)


def _read_only(picture: np.ndarray) -> np.ndarray:
    """The picture as a view that no editor can write through."""
    view = picture.view()
    view.flags.writeable = False
    return view


def _derived(*parts: int | str) -> int:
    """A seed of 53 bits that depends on every part."""
    text = "/".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 11
