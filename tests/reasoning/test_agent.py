"""The agent asks its backend about the right pixels and takes no silence for an answer."""

import numpy as np
import pytest

from editrefiner.contracts import (
    BackendInfo,
    DiagnoseRequest,
    FlawDiagnosis,
    FlawKind,
    FlawRegion,
    FlawType,
    Operation,
    fingerprint,
)
from editrefiner.regions import RegionInvalidError
from services.reasoning.agent import DiagnosisIncompleteError, Findings, ReasoningAgent
from services.reasoning.backends.compact import CompactDiagnostician
from tests.shelf import Shelf


class Echo:
    """Answers about the regions it was built with, whatever it is asked."""

    backend = BackendInfo(name="echo", version="1", digest=fingerprint("echo"))

    def __init__(self, *ids: str) -> None:
        self._ids = ids

    def diagnose(self, sample, targets, checkpoint) -> Findings:
        return Findings(tuple(_diagnosis(name) for name in self._ids), "As told.")


def _diagnosis(name: str) -> FlawDiagnosis:
    return FlawDiagnosis(
        region_id=name,
        flaw_type=FlawType.BLUR,
        flaw_type_text="blur",
        explanation="It is blurred.",
        severity=0.5,
        confidence=0.5,
        suggested_operation=Operation.RESTORE,
        edit_instruction="Sharpen it.",
    )


def _region(
    shelf: Shelf, name: str, box: tuple[int, int, int, int], mask: np.ndarray | None = None
) -> FlawRegion:
    marked = np.full((box[3] - box[1], box[2] - box[0]), 255, np.uint8) if mask is None else mask
    return FlawRegion(
        id=name,
        kind=FlawKind.ARTIFACT,
        bbox=box,
        area=1,
        mean_saliency=0.5,
        peak_saliency=0.5,
        mask=shelf.put(marked),
    )


def _request(shelf: Shelf, *regions: FlawRegion, mask: np.ndarray | None = None) -> DiagnoseRequest:
    picture = np.zeros((40, 60, 3), np.uint8)
    return DiagnoseRequest(
        source=shelf.put(picture),
        edited=shelf.put(picture.copy()),
        instruction="Make it red",
        regions=regions,
        mask=None if mask is None else shelf.put(mask),
    )


def test_there_is_one_diagnosis_per_region_in_the_order_of_the_request() -> None:
    shelf = Shelf()
    request = _request(shelf, _region(shelf, "b", (0, 0, 9, 9)), _region(shelf, "a", (20, 20, 40, 40)))

    diagnosis = ReasoningAgent(CompactDiagnostician(), shelf).diagnose(request)

    assert [flaw.region_id for flaw in diagnosis.flaws] == ["b", "a"]


def test_a_backend_that_leaves_a_region_out_is_an_error_and_not_a_flawless_edit() -> None:
    shelf = Shelf()
    request = _request(shelf, _region(shelf, "r1", (0, 0, 9, 9)), _region(shelf, "r2", (20, 20, 40, 40)))

    with pytest.raises(DiagnosisIncompleteError, match="r2"):
        ReasoningAgent(Echo("r1"), shelf).diagnose(request)


def test_a_mask_is_explained_part_by_part_largest_first() -> None:
    shelf = Shelf()
    mask = np.zeros((40, 60), np.uint8)
    mask[2:6, 2:6] = 255
    mask[20:35, 20:50] = 255

    diagnosis = ReasoningAgent(CompactDiagnostician(), shelf).diagnose(_request(shelf, mask=mask))

    assert [flaw.region_id for flaw in diagnosis.flaws] == ["m1", "m2"]


def test_a_region_that_leaves_the_picture_is_refused_by_name() -> None:
    shelf = Shelf()
    request = _request(shelf, _region(shelf, "r1", (50, 30, 70, 39)))

    with pytest.raises(RegionInvalidError, match="60x40") as caught:
        ReasoningAgent(CompactDiagnostician(), shelf).diagnose(request)

    assert caught.value.errors[0].field == "body.regions.0.bbox"


@pytest.mark.parametrize(
    ("mask", "reason"),
    [(np.zeros((40, 60), np.uint8), "marks no pixel"), (np.full((10, 10), 255, np.uint8), "10x10")],
    ids=["empty", "of another size"],
)
def test_a_mask_that_asks_nothing_or_fits_nothing_is_refused(mask: np.ndarray, reason: str) -> None:
    shelf = Shelf()

    with pytest.raises(RegionInvalidError, match=reason):
        ReasoningAgent(CompactDiagnostician(), shelf).diagnose(_request(shelf, mask=mask))


def test_regions_and_mask_together_are_refused() -> None:
    shelf = Shelf()

    with pytest.raises(ValueError, match="either regions or a mask"):
        _request(shelf, _region(shelf, "r1", (0, 0, 9, 9)), mask=np.full((40, 60), 255, np.uint8))


def test_the_warm_up_runs_the_backend() -> None:
    ReasoningAgent(CompactDiagnostician(), Shelf()).warm_up()
