"""How often does the loop keep what is no better, and miss what is, when its judge errs?

python -m bench.noisy_judge [--spread S --margin M] [--residuals FILE] [--jobs 4000]

The loop's own decision, `orchestrator.rounds.judge`, is given scores with errors; a job ends as it always
does, after `patience` rejected rounds or `max_iterations`. The stated level: at most 10 % of edits that are
no better are kept. The hardest of these are exactly as good as what they are compared with; worse ones are
rejected more easily. By default errors of differences have a spread of five points, and the margin is the one
that such normal errors ask for; `bench.scoring_attempts` measures the scorer that ships.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np

from bench.noisy_scores import (
    DIMENSIONS,
    OVERALL_WEIGHTS,
    Errors,
    Measured,
    Random,
    ResidualsError,
    alike,
    apart,
    gaussian,
    overall,
    read_measured,
    resampled,
    shared,
)
from bench.results_file import keep
from editrefiner.contracts import Intervals, RefinementParameters, Scores
from orchestrator.rounds import judge, widened

LEVEL = 0.1
SPREAD = 5.0  # points: of no scorer, but of the size that one may have
CANDIDATES = (1, 3, 8)  # a single pair, what a job asks for, and the most it may ask for
START = 40.0  # of each true score of the edit given: low, so that one alone can be made much better
BETTER = (2.0, 3.0)  # true gains, in spreads of the error of a difference
ONLY_FOR_THE_LEVEL = {"shared", "alike"}  # noise that keeps the better ones as often as the gaussian does
PARAMETERS = RefinementParameters()
ANYWHERE = (0.0, 100.0)
INTERVALS = Intervals(
    perceptual_quality=ANYWHERE, instruction_following=ANYWHERE, visual_consistency=ANYWHERE
)

Gains = Callable[[Random, int, bool], np.ndarray]
"""(random, candidates, was a truly better one kept before) -> (candidates, 3) true gains over the best."""


@dataclass(frozen=True)
class Setting:
    """What a job is played with."""

    errors: Errors
    gains: Gains
    margin: float
    """That a gain has to exceed in the end: what the loop adds for the best of several is taken off."""
    candidates: int


@dataclass(frozen=True)
class Played:
    """One accepted or rejected round."""

    gain: float | None
    """True gain of what was kept; None where nothing was."""
    claimed: float
    """What the judge said it gains; 0 where nothing was kept."""


def none_better(_rng: Random, candidates: int, _repaired: bool) -> np.ndarray:
    """All exactly as good as the best so far."""
    return np.zeros((candidates, DIMENSIONS))


def one_better(gain: float, *, in_one: bool = False) -> Gains:
    """One candidate repairs the one flaw that there is, the others change nothing, and later ones neither.

    The gain of overall comes from all three scores alike, or `in_one`, from visual consistency alone.
    """
    alone = START * ((1 + gain / START) ** (1 / OVERALL_WEIGHTS[2]) - 1)

    def drawn(_rng: Random, candidates: int, repaired: bool) -> np.ndarray:
        gains = np.zeros((candidates, DIMENSIONS))
        if not repaired:
            gains[0] = (0, 0, alone) if in_one else gain
        return gains

    return drawn


def mixed(spread: float) -> Gains:
    """Most are worse: normal about one spread below the best, with a standard deviation of two."""

    def drawn(rng: Random, candidates: int, _repaired: bool) -> np.ndarray:
        return np.repeat(rng.normal(-spread, 2 * spread, (candidates, 1)), DIMENSIONS, axis=1)

    return drawn


def play(setting: Setting, rng: Random) -> list[Played]:
    """One job, round by round."""
    errors = setting.errors(rng, PARAMETERS.max_iterations, setting.candidates)
    margin = setting.margin / widened(1.0, setting.candidates)
    true, best = np.full(DIMENSIONS, START), scores(START + errors[0], margin)
    rounds: list[Played] = []
    for number in range(PARAMETERS.max_iterations):
        repaired = any(played.gain is not None and played.gain > 0 for played in rounds)
        truths = np.clip(true + setting.gains(rng, setting.candidates, repaired), 0, 100)
        first = 1 + number * setting.candidates
        told = {index: scores(truth + errors[first + index], margin) for index, truth in enumerate(truths)}
        accepted = judge(best, told, PARAMETERS.tolerance).accepted
        if accepted is None:
            rounds.append(Played(None, 0.0))
        else:
            claimed = told[accepted].overall - best.overall
            before, after = overall(np.stack([true, truths[accepted]]))
            rounds.append(Played(float(after - before), claimed))
            true, best = truths[accepted], told[accepted]
        last = rounds[-PARAMETERS.patience :]
        if len(last) == PARAMETERS.patience and all(played.gain is None for played in last):
            break
    return rounds


def scores(dimensions: np.ndarray, margin: float) -> Scores:
    """(3,) values as a judge answers them."""
    quality, following, consistency = np.clip(dimensions, 0, 100).tolist()
    return Scores(
        perceptual_quality=quality,
        instruction_following=following,
        visual_consistency=consistency,
        intervals=INTERVALS,
        decision_margin=margin,
    )


def figures_of(setting: Setting, jobs: int, seed: int) -> dict[str, float]:
    """Shares of first rounds and of jobs that went wrong or right."""
    rng = np.random.default_rng(seed)
    played = [play(setting, rng) for _ in range(jobs)]
    kept = [[step.gain for step in job if step.gain is not None] for job in played]
    curse = [step.claimed - step.gain for job in played for step in job if step.gain is not None]
    first = [job[0].gain for job in played]
    shares = {
        "kept though no better, per first round": np.mean([gain is not None and gain <= 0 for gain in first]),
        "kept though no better, per job": np.mean([any(gain <= 0 for gain in gains) for gains in kept]),
        "better one kept, per first round": np.mean([gain is not None and gain > 0 for gain in first]),
        "better one kept, per job": np.mean([any(gain > 0 for gain in gains) for gains in kept]),
        "jobs that end truly worse": np.mean([sum(gains) < 0 for gains in kept]),
        "mean true gain per job": np.mean([sum(gains) for gains in kept]),
        "claimed beyond the true gain, when kept": np.mean(curse) if curse else 0.0,
    }
    return {name: round(float(share), 4) for name, share in shares.items()}


def held(share: float, jobs: int) -> bool:
    """Not above the level by more than chance does in two of a hundred simulations."""
    return bool(share <= LEVEL + 2 * np.sqrt(LEVEL * (1 - LEVEL) / jobs))


def margins(scorers: float, spread: float, candidates: int) -> dict[str, float]:
    """Margins by name."""
    return {
        "none": 0.0,
        "scorer's": scorers,
        "twice the scorer's": 2 * scorers,
        "of equal pairs by formula": NormalDist().inv_cdf(1 - LEVEL) * spread,
        "scorer's, for the candidates: the loop's": widened(scorers, candidates),
        "scorer's, for candidates and patience": widened(scorers, candidates * PARAMETERS.patience),
        "scorer's, for candidates and rounds": widened(scorers, candidates * PARAMETERS.max_iterations),
    }


def on_measured(measured: Measured, margin: float) -> dict[str, float]:
    """What the loop does with every measured pair of edits of one source: nothing is made up here."""
    (bases, candidates), _, true = measured.differences()
    told = [scores(row, margin) for row in measured.told]
    accepted = np.array(
        [
            judge(told[base], {0: told[candidate]}, PARAMETERS.tolerance).accepted is not None
            for base, candidate in zip(bases, candidates, strict=True)
        ]
    )
    worse, better = true <= 0, true > 0
    return {
        "kept though no better": float(accepted[worse].mean()),
        "better ones kept": float(accepted[better].mean()) if better.any() else 0.0,
        "pairs": len(true),
    }


def by_margin(
    errors: Errors, gains: Gains, calibration: tuple[float, float], jobs: int, seed: int
) -> dict[str, dict[str, dict[str, float]]]:
    """Figures by number of candidates and by margin."""
    spread, margin = calibration
    return {
        str(count): {
            label: {"margin": round(value, 2)} | figures_of(Setting(errors, gains, value, count), jobs, seed)
            for label, value in margins(margin, spread, count).items()
        }
        for count in CANDIDATES
    }


def simulated(
    noise: Mapping[str, Errors], calibration: tuple[float, float], jobs: int, seed: int
) -> dict[str, object]:
    """Figures by truth and noise; where none is better, also where the level is held."""
    spread = calibration[0]
    truths: dict[str, Gains] = {"none better": none_better, "mixed": mixed(spread)}
    truths |= {f"one better by {gain:g} spreads": one_better(gain * spread) for gain in BETTER}
    truths["one better by 2 spreads, all in consistency"] = one_better(2 * spread, in_one=True)
    found = {
        truth: {
            name: by_margin(errors, gains, calibration, jobs, seed)
            for name, errors in noise.items()
            if gains is none_better or name not in ONLY_FOR_THE_LEVEL
        }
        for truth, gains in truths.items()
    }
    level = {
        f"{name}, {count} candidates, per {unit}": [
            label for label, row in rows.items() if held(row[f"kept though no better, per {unit}"], jobs)
        ]
        for name, by_count in found["none better"].items()
        for count, rows in by_count.items()
        for unit in ("first round", "job")
    }
    return {"margins that hold the level": level, "by truth": found}


def _calibration(
    options: argparse.Namespace, measured: Measured | None, fail: Callable[[str], object]
) -> tuple[float, float]:
    """Spread and margin: as asked for, else as measured, else a spread of SPREAD and its margin."""
    spread: float = measured.difference_spread if measured else SPREAD
    spread = spread if options.spread is None else options.spread
    margin: float = (measured and measured.decision_margin) or spread * NormalDist().inv_cdf(1 - LEVEL)
    margin = margin if options.margin is None else options.margin
    if not 0 <= spread <= 50 or not 0 <= margin <= 100:
        fail("--spread is 0 to 50 points and --margin 0 to 100")
    return spread, margin


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate, and say where the level is held."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spread", type=float, help="standard deviation of the error of a difference")
    parser.add_argument("--margin", type=float, help="the scorer's decision margin, in points")
    parser.add_argument("--residuals", type=Path, help="JSON of pairs with what was told and what is true")
    parser.add_argument("--jobs", type=int, default=4000, help="per row of the result")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    if options.jobs < 1 or options.seed < 0:
        parser.error("--jobs is at least 1 and --seed at least 0")
    try:
        measured = read_measured(options.residuals) if options.residuals else None
    except ResidualsError as exc:
        parser.error(str(exc))
    spread, margin = _calibration(options, measured, parser.error)
    makers = {"gaussian": gaussian, "shared": shared, "alike": alike, "apart": apart}
    noise = {name: maker(spread) for name, maker in makers.items()}
    figures: dict[str, object] = {"level": LEVEL, "spread": spread, "scorer's margin": margin}
    if measured:
        noise["resampled"] = resampled(measured)
        figures["measured pairs"] = {
            label: on_measured(measured, value) for label, value in margins(margin, spread, 1).items()
        }
    figures["jobs"] = options.jobs
    figures |= simulated(noise, (spread, margin), options.jobs, options.seed)
    keep("noisy_judge", figures)


if __name__ == "__main__":
    main()
