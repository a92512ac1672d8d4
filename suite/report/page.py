"""How does a refinement become a page? Previews, drawings and a template with nothing from outside."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from editrefiner import __version__
from editrefiner.contracts import CONTRACT_VERSION, DIMENSIONS, TAXONOMY_VERSION
from suite.outcome import Refinement
from suite.report import charts
from suite.report.previews import Preview, outline, preview
from suite.report.rounds import RoundView, show_round
from suite.wording import STOP_SENTENCES, change, headline, plain, repairs

LARGE_SIDE, LARGE_BYTES = 1280, 500_000
AGENTS = ("perception", "reasoning", "action", "evaluation")
OUTLINE_RGB = (0, 229, 160)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The pictures of the slider."""

    source: Preview
    given: Preview
    refined: Preview
    repaired: Preview | None
    """Border of what was allowed to change; None when nothing was."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Compute seconds of a round by agent."""

    title: str
    seconds: Mapping[str, float]

    @property
    def total(self) -> float:
        """Of all agents."""
        return sum(self.seconds.values())


def render_report(refinement: Refinement) -> str:
    """The page as text: no request leaves it, and no script runs but its own."""
    environment = Environment(
        loader=PackageLoader("suite.report", "."),
        autoescape=True,  # the instruction and every model's words are a stranger's text
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["plain"] = plain
    environment.filters["capitalize_first"] = _capitalized
    template = environment.get_template("page.html.j2")
    style, script = (_source(environment, name) for name in ("page.css", "page.js"))
    return template.render(
        **_content(refinement), style=style, script=script, style_hash=_hash(style), script_hash=_hash(script)
    )


def _content(refinement: Refinement) -> dict[str, Any]:  # Any: names of the template
    job, result = refinement.job, refinement.result
    pictures = refinement.pictures
    source = pictures.pixels(job.source)
    rounds = tuple(show_round(iteration, source, pictures) for iteration in refinement.iterations)
    finished = job.finished_at or job.updated_at
    return {
        "job": job,
        "result": result,
        "headline": headline(result),
        "stop": STOP_SENTENCES[result.stop_reason],
        "change": change,
        "repairs": repairs(refinement.iterations),
        "comparison": _comparison(refinement, source),
        "dimensions": (*DIMENSIONS, "overall"),
        "titles": charts.TITLES,
        "interval_of": charts.interval_of,
        "charts": charts.score_charts(result.scores_before, refinement.iterations),
        "chart_frame": charts,
        "rounds": rounds,
        "protection": _protection(rounds),
        "timings": _timings(refinement),
        "agents": AGENTS,
        "wall_seconds": (finished - job.created_at).total_seconds(),
        "backends": refinement.backends,
        "provisional": [agent for agent, backend in refinement.backends.items() if backend.provisional],
        "versions": {"editrefiner": __version__, "contract": CONTRACT_VERSION, "taxonomy": TAXONOMY_VERSION},
    }


def _comparison(refinement: Refinement, source: np.ndarray) -> Comparison:
    job, result, pictures = refinement.job, refinement.result, refinement.pictures

    def large(rgb: np.ndarray) -> Preview:
        return preview(rgb, side=LARGE_SIDE, max_bytes=LARGE_BYTES)

    given = pictures.pixels(job.edited)
    mask = refinement.mask()
    return Comparison(
        source=large(source),
        given=large(given),
        refined=large(pictures.pixels(result.image)),
        repaired=outline(mask, OUTLINE_RGB, side=LARGE_SIDE) if mask is not None else None,
    )


def _protection(rounds: Sequence[RoundView]) -> list[dict[str, Any]]:  # Any: names of the template
    return [
        {"round": view.iteration.number, "candidate": shown, "report": shown.candidate.protection}
        for view in rounds
        for shown in view.candidates
    ]


def _timings(refinement: Refinement) -> tuple[Timing, ...]:
    rounds = [Timing(f"Round {each.number}", each.agent_seconds) for each in refinement.iterations]
    in_rounds = {agent: sum(timing.seconds.get(agent, 0.0) for timing in rounds) for agent in AGENTS}
    total = refinement.result.agent_seconds
    before = {agent: max(0.0, total.get(agent, 0.0) - in_rounds[agent]) for agent in AGENTS}
    return Timing("Score of the edit as given", before), *rounds, Timing("All", total)


def _source(environment: Environment, name: str) -> str:
    assert environment.loader is not None, "the environment was made with a loader"
    return environment.loader.get_source(environment, name)[0].strip()


def _hash(text: str) -> str:
    """What a content security policy takes for an inline element with this text."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]
