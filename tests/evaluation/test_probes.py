"""A scorer that does not look at what it is given is found out, and gets no work."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from editrefiner.contracts import ProbeReport, ServiceInfo
from services.evaluation.app import create_app
from services.evaluation.backends import load_backend
from services.evaluation.probes import pinned, run_probes
from services.evaluation.settings import Settings
from tests.evaluation import scorers
from tests.serving.contract import assert_problem

BROKEN = {
    "inert": scorers.ConstantScorer,
    "finite": scorers.NaNScorer,
    "shuffled_source": scorers.SourceBlindScorer,
    "swapped_instruction": scorers.InstructionBlindScorer,
    "identity": scorers.GenerousScorer,
    "black": scorers.DarkBlindScorer,
}


@asynccontextmanager
async def started(tmp_path: Path, scorer: scorers.PixelScorer) -> AsyncGenerator[httpx.AsyncClient]:
    """The service after its start, whether that went well or not."""
    app = create_app(Settings(artifacts=str(tmp_path)), scorer=scorer)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service") as client,
    ):
        await app.state.lifecycle.wait_started()
        yield client


def test_the_compact_scorer_passes_every_probe_and_its_scores_are_pinned() -> None:
    scorer = load_backend(Settings())

    results = run_probes(scorer)

    assert [result.name for result in results if not result.passed] == []
    assert [result.name for result in results] == [
        "finite",
        "inert",
        "black",
        "identity",
        "swapped_instruction",
        "shuffled_source",
        "golden",
    ]
    assert scorer.backend.digest in pinned()


def test_a_scorer_that_looks_at_everything_passes_and_needs_no_pins() -> None:
    results = run_probes(scorers.PixelScorer())

    assert [result.name for result in results if not result.passed] == []
    assert "golden" not in {result.name for result in results}


@pytest.mark.parametrize(("probe", "scorer"), BROKEN.items(), ids=BROKEN)
def test_the_probe_for_a_flaw_finds_it_and_says_what_it_saw(
    probe: str, scorer: type[scorers.PixelScorer]
) -> None:
    failed = {result.name: result for result in run_probes(scorer()) if not result.passed}

    assert probe in failed
    assert "expected: " in failed[probe].detail
    if probe in {"shuffled_source", "swapped_instruction", "identity", "black"}:
        assert set(failed) == {probe}


@pytest.mark.parametrize(("probe", "scorer"), BROKEN.items(), ids=BROKEN)
async def test_a_service_whose_scorer_fails_a_probe_stays_red_and_says_why(
    tmp_path: Path, probe: str, scorer: type[scorers.PixelScorer]
) -> None:
    async with started(tmp_path, scorer()) as client:
        problem = assert_problem(await client.get("/readyz"), 503, "not_ready")
        refused = await client.post("/v1/score", json={})

    assert f"Probe {probe} failed: expected: " in problem.detail
    assert_problem(refused, 503, "not_ready")


async def test_changed_scores_of_a_pinned_backend_are_found(tmp_path: Path) -> None:
    scorer = scorers.PixelScorer("compact")

    async with started(tmp_path, scorer) as client:
        problem = assert_problem(await client.get("/readyz"), 503, "not_ready")

    assert f"Probe golden failed: no scores are pinned for digest {scorer.backend.digest}" in problem.detail


async def test_probes_on_demand_run_anew_and_show_in_the_description(tmp_path: Path) -> None:
    scorer = scorers.PixelScorer()
    async with started(tmp_path, scorer) as client:
        first = ServiceInfo.model_validate_json((await client.get("/v1/info")).content).scoring
        runs = scorer.runs
        response = await client.post("/v1/probes")
        second = ServiceInfo.model_validate_json((await client.get("/v1/info")).content).scoring

    assert response.status_code == 200, response.text
    report = ProbeReport.model_validate_json(response.content)
    assert report.passed
    assert scorer.runs > runs
    assert first is not None
    assert first.probes is not None
    assert first.probes.results == report.results
    assert second is not None
    assert second.probes == report
    assert report.probed_at > first.probes.probed_at


async def test_probes_that_fail_on_demand_are_an_answer(tmp_path: Path) -> None:
    scorer = scorers.PixelScorer()
    async with started(tmp_path, scorer) as client:
        scorer.marks = scorers.ConstantScorer().marks
        response = await client.post("/v1/probes")

    report = ProbeReport.model_validate_json(response.content)
    assert response.status_code == 200
    assert not report.passed
    assert "inert" in {result.name for result in report.results if not result.passed}


async def test_the_description_says_how_to_read_the_scores(tmp_path: Path) -> None:
    async with started(tmp_path, scorers.PixelScorer()) as client:
        scoring = ServiceInfo.model_validate_json((await client.get("/v1/info")).content).scoring

    assert scoring is not None
    assert scoring.scale == (0, 100)
    assert "perceptual_quality^0.3" in scoring.overall
    assert scoring.calibration.difference_spread == 1.0
    assert scoring.calibration.decision_margin == 2.0
    assert scoring.calibration.basis == "by definition"
