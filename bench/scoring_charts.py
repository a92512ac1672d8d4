"""How are a scorer's calibration and monotonicity drawn? In colours that everyone can tell apart."""

from collections.abc import Sequence
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bench.scoring_told import DIMENSIONS, Pairs, Series, Told

NOMINAL = 0.9  # coverage of the intervals in the file
LEVELS = np.arange(50, 96, 5) / 100
BINS = np.linspace(0, 100, 11)
LEAST_IN_BIN = 3
LEAST_STEP = 1.0  # points of the true overall score: a smaller step is none
BAND = (10, 90)  # percentiles
INK, FAINT = "#222222", "#d9d9d9"
COLORS = ("#0072B2", "#D55E00", "#009E73")  # Okabe and Ito
MARKERS = ("o", "s", "^")
NAMES = {"seen": "seen kinds of flaws", "unseen": "unseen kinds"}
COLUMNS = 6
BYTES = 150_000


def calibration(told: Told) -> Figure:
    """Told against true score of each dimension, and how often intervals hold the truth."""
    figure = _figure(11, 6.6)
    grid = figure.add_gridspec(2, 6, height_ratios=(1, 0.95))
    for index, name in enumerate(DIMENSIONS):
        axes = figure.add_subplot(grid[0, 2 * index : 2 * index + 2])
        _reliability(axes, told.pairs, index, name)
    for index, (split, shares) in enumerate(coverage(told).items()):
        axes = figure.add_subplot(grid[1, 3 * index : 3 * index + 3])
        _coverage(axes, shares, f"intervals, {NAMES[split]} ({len(told.pairs[split].true)} edits)")
    return figure


def monotonicity(told: Told) -> Figure:
    """Overall score against strength, one small picture per type of flaw."""
    names = sorted(told.series)
    rows = -(-len(names) // COLUMNS)
    figure = _figure(11, 1.2 + 2.15 * rows)
    all_axes = figure.subplots(rows, COLUMNS, squeeze=False, sharex=True, sharey=True).ravel()
    for axes, name in zip(all_axes, names, strict=False):
        _course(axes, name, told.series[name])
    for number, axes in enumerate(all_axes):
        if number >= len(names):
            axes.axis("off")
        if len(names) - COLUMNS <= number < len(names):
            axes.tick_params(labelbottom=True)
    down, steps = np.sum([falls(series) for series in told.series.values()], axis=0)
    figure.suptitle(
        f"Overall score as one flaw grows: {down} of {steps} steps fall ({_percent(down, steps)}); "
        f"line: mean, band: middle {BAND[1] - BAND[0]} %, dashed: true mean",
        fontsize=11,
    )
    figure.supxlabel("strength of the flaw, 0 to 1", fontsize=10)
    figure.supylabel("overall score, 0 to 100", fontsize=10)
    return figure


def falls(series: Sequence[Series]) -> tuple[int, int]:
    """How many steps up in strength lower what is told, of those that lower the true score."""
    steps = [
        told_after < told_before
        for one in series
        for (told_before, told_after), (before, after) in zip(
            pairwise(one.overall), pairwise(one.true), strict=True
        )
        if before - after > LEAST_STEP
    ]
    return sum(steps), len(steps)


def coverage(told: Told) -> dict[str, np.ndarray]:
    """(L, 3) share of true scores inside intervals of each of LEVELS, by split.

    A scorer tells 90 % intervals only. Those of the other levels are so many times as wide as half of the
    edits of the first split ask for; that half is not counted. At 90 % they are as they were told.
    """
    off = {
        split: np.abs(pairs.told - pairs.true) / np.maximum(pairs.half_width, 1e-9)
        for split, pairs in told.pairs.items()
    }
    first = next(iter(off))
    reference, off[first] = np.array_split(off[first], 2)
    times = np.quantile(reference, LEVELS, axis=0)
    times[np.isclose(LEVELS, NOMINAL)] = 1.0
    return {split: np.stack([(rows <= row).mean(axis=0) for row in times]) for split, rows in off.items()}


def saved(figure: Figure, path: Path) -> Path:
    """Write a PNG of at most BYTES, smaller where it has to be."""
    for dots in (110, 90, 70):
        buffer = BytesIO()
        figure.savefig(buffer, format="png", dpi=dots, metadata={"Software": None})
        if buffer.tell() <= BYTES:
            break
    path.write_bytes(buffer.getvalue())
    return path


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)  # draws without a display, and leaves the settings of others alone
    return figure


def _reliability(axes: Axes, by_split: dict[str, Pairs], index: int, name: str) -> None:
    axes.plot([0, 100], [0, 100], color=INK, linewidth=0.8, linestyle=":", label="as it should be")
    for number, (split, pairs) in enumerate(by_split.items()):
        told, true = pairs.told[:, index], pairs.true[:, index]
        bins = np.clip(np.digitize(told, BINS) - 1, 0, len(BINS) - 2)
        kept = [b for b in range(len(BINS) - 1) if (bins == b).sum() >= LEAST_IN_BIN]
        if not kept:
            continue
        at = np.array([told[bins == b].mean() for b in kept]) + (number - 0.5) * 1.6
        mean = np.array([true[bins == b].mean() for b in kept])
        low, high = np.array([np.percentile(true[bins == b], BAND) for b in kept]).T
        axes.vlines(at, low, high, color=COLORS[number], linewidth=1.4, alpha=0.55)
        axes.plot(at, mean, MARKERS[number] + "-", color=COLORS[number], markersize=5, label=NAMES[split])
    _dress(axes, name, f"told {name}, points", "true score, points")
    axes.set(xlim=(0, 100), ylim=(0, 100), aspect="equal")
    if index == 0:
        axes.legend(fontsize=8, frameon=False, loc="upper left")
        note = f"mean and middle {BAND[1] - BAND[0]} % of true"
        axes.text(98, 3, note, fontsize=7.5, ha="right", color=INK)


def _coverage(axes: Axes, shares: np.ndarray, title: str) -> None:
    nominal = 100 * LEVELS
    axes.plot(nominal, nominal, color=INK, linewidth=0.8, linestyle=":", label="as it should be")
    axes.fill_between(nominal, nominal - 2, nominal + 2, color=FAINT, linewidth=0, label="within 2 points")
    for index, name in enumerate(DIMENSIONS):
        axes.plot(
            nominal,
            100 * shares[:, index],
            MARKERS[index] + "-",
            color=COLORS[index],
            markersize=4,
            label=name,
        )
    shipped = int(np.flatnonzero(np.isclose(LEVELS, NOMINAL))[0])
    axes.axvline(nominal[shipped], color=INK, linewidth=0.6, alpha=0.5)
    axes.annotate("as shipped", (nominal[shipped] - 0.5, 41.5), fontsize=8, ha="right", color=INK)
    _dress(axes, title, "nominal coverage of the interval, %", "true scores inside, %")
    axes.set(xlim=(48, 97), ylim=(40, 100))
    axes.legend(fontsize=8, frameon=False, loc="upper left")


def _course(axes: Axes, name: str, series: Sequence[Series]) -> None:
    strengths = sorted({float(value) for one in series for value in one.strengths})
    told = [_at(series, strength, "overall") for strength in strengths]
    true = [_at(series, strength, "true").mean() for strength in strengths]
    low, high = np.array([np.percentile(values, BAND) for values in told]).T
    axes.fill_between(strengths, low, high, color=COLORS[0], alpha=0.22, linewidth=0)
    axes.plot(strengths, true, "--", color=COLORS[1], linewidth=1.3)
    axes.plot(strengths, [values.mean() for values in told], "o-", color=COLORS[0], markersize=3.5)
    down, steps = falls(series)
    _dress(axes, name.replace("_", " "), "", "")
    axes.text(
        0.04,
        0.05,
        f"{down} of {steps} fall" if steps else "no step to count",
        fontsize=8,
        transform=axes.transAxes,
        color=INK,
    )
    axes.set(xlim=(0, 1), ylim=(0, 100), xticks=(0, 0.5, 1), yticks=(0, 50, 100))
    axes.set_xticklabels(("0", "0.5", "1"))


def _at(series: Sequence[Series], strength: float, name: str) -> np.ndarray:
    """What the series that have a strength say of it."""
    return np.concatenate([getattr(one, name)[one.strengths == strength] for one in series])


def _dress(axes: Axes, title: str, across: str, up: str) -> None:
    axes.set_title(title, fontsize=9.5, color=INK)
    axes.set_xlabel(across, fontsize=9)
    axes.set_ylabel(up, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "none to count"
