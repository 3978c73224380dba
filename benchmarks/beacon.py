#!/usr/bin/env python3
"""How well beacons are told from other traffic: the score of oddport/detection/beacon.py against RITA's, in a sweep.

usage: benchmarks/beacon.py [--samples N] [--jobs N] [--flows RECORDS.ndjson…] [--plot FILE.svg] [--page FILE.md]

Cells are period × jitter × loss. In each, as many beacons as others are drawn, with a fixed seed: a beacon sleeps
period·(1 ± jitter) between calls and loses some; captures last a quarter of an hour to a day.
The others have as many connections in the same time: by chance (Poisson), in bursts (on-off), by the time of day; and
where --flows names what `oddport scan --format ndjson` printed, the times and sizes of real pairs of hosts that were no
beacons. A cell's figure is the area under the curve (the chance that a beacon scores above another); cells with fewer
than ten connections say nothing. RITA's score is as its version 5 is described: a quarter each of timing, sizes,
duration and histogram, on whole seconds.
"""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from oddport.detection.beacon import LEAST, weigh
from tools.sections import onto

PERIODS = (5, 15, 60, 300, 900, 1_800, 3_600, 7_200, 21_600)
JITTERS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
LOSSES = (0.0, 0.1, 0.2)
SPANS = (900, 3_600, 21_600, 86_400)
CALLS_MOST = 400
TRIES = 20
"""Draws for each sample, since those that lose so many calls that fewer than LEAST are left do not count."""
SEED = 1571
REAL_SPAN = 600
REAL_ALIKE = 0.4
GOAL_CELL, GOAL_MEAN = -0.01, 0.02
HEADING = "## Beacons"
PANEL = 220
"""Pixels of a panel of the picture, with what stands around it."""
STEPS = np.linspace(0, 0.2, 101).tolist()
"""Shares of others taken for beacons at which curves are drawn."""
LOWEST = 0.5
"""Share of beacons found at which panels begin."""
Floats = NDArray[np.float64]
Series = tuple[Floats, Floats]
"""Times (s) and sizes (bytes) of connections."""


def beacon(rng: np.random.Generator, period: float, jitter: float, lost: float, span: float) -> Series:
    """A program that calls home; a tenth of its calls carry something more."""
    waits = period * (1 + rng.uniform(-jitter, jitter, int(2 * span / period) + 8))
    times = rng.uniform(0, period) + np.cumsum(waits)
    times = times[times < span]
    times = times[rng.random(len(times)) >= lost]
    more = (rng.random(len(times)) < 0.1) * rng.integers(0, 2000, len(times))
    return times, rng.integers(100, 1500) + rng.integers(0, 8, len(times)) + more.astype(float)


def _sizes(rng: np.random.Generator, count: int) -> Floats:
    """Of what is no beacon: now and then all alike, as of a status page."""
    if rng.random() < 0.3:
        return rng.integers(100, 1500) + rng.integers(0, 8, count).astype(float)
    return rng.lognormal(rng.uniform(5, 7.5), rng.uniform(0.3, 1.5), count)


def poisson(rng: np.random.Generator, count: int, span: float) -> Series:
    """Connections by chance."""
    return np.sort(rng.uniform(0, span, count)), _sizes(rng, count)


def on_off(rng: np.random.Generator, count: int, span: float) -> Series:
    """Bursts: a page is opened, and asks for more."""
    begins = rng.uniform(0, span, max(1, int(count / rng.uniform(3, 12))))
    times = rng.choice(begins, count) + rng.exponential(rng.uniform(5, 120), count)
    return np.sort(times.clip(0, span)), _sizes(rng, count)


def diurnal(rng: np.random.Generator, count: int, span: float) -> Series:
    """By chance, with the rhythm of the day."""
    phase = rng.uniform(0, 86_400)
    times: list[float] = []
    while len(times) < count:
        drawn = rng.uniform(0, span, 4 * count)
        likely = (0.5 + 0.5 * np.cos(2 * np.pi * (drawn - phase) / 86_400)) ** 2
        times.extend(drawn[rng.random(len(drawn)) < np.maximum(likely, 0.02)].tolist())
    return np.sort(np.array(times[:count])), _sizes(rng, count)


def real(paths: Iterable[Path]) -> list[tuple[Series, float]]:
    """(series, seconds covered) of pairs of hosts in scan's records that are no beacons.

    Pairs with REAL_ALIKE of their intervals within a tenth of some value are beacons in fact, and left out, as are
    captures shorter than REAL_SPAN and connections without payload.
    """
    pairs: dict[tuple[Any, ...], list[tuple[float, float]]] = defaultdict(list)
    spans: dict[str, list[float]] = {}
    for path in paths:
        for line in path.open(encoding="utf-8"):
            record = json.loads(line)
            if record["type"] != "flow" or not record["payload_bytes"]:
                continue
            key = (record["capture"], record["src"], record["dst"], record["dport"], record["proto"])
            pairs[key].append((record["first_ns"] / 1e9, record["payload_bytes"]))
            seen = spans.setdefault(record["capture"], [record["first_ns"] / 1e9, record["last_ns"] / 1e9])
            seen[0], seen[1] = min(seen[0], record["first_ns"] / 1e9), max(seen[1], record["last_ns"] / 1e9)
    found = []
    for key, rows in sorted(pairs.items()):
        begin, end = spans[key[0]]
        rows.sort()
        times = np.array([when - begin for when, _ in rows])
        gaps = np.diff(np.unique(times))
        if len(gaps) < LEAST - 1 or end - begin < REAL_SPAN:
            continue
        alike = max(float((np.abs(gaps - gap) <= 0.1 * gap).mean()) for gap in gaps)
        if alike < REAL_ALIKE:
            found.append(((times, np.array([size for _, size in rows], float)), end - begin))
    return found


def _quarter(values: Floats, default: float) -> float:
    """Mean of 1 - |Bowley skewness| and of how close the median deviation keeps to the median."""
    low, middle, high = np.percentile(values, (25, 50, 75))
    skew = 0.0 if high - low < 10 or middle in (low, high) else (high + low - 2 * middle) / (high - low)
    spread = float(np.median(np.abs(values - middle)))
    kept = default if middle < 1 else max(0.0, (middle - spread) / middle)
    return (1 - abs(skew) + kept) / 2


def rita(series: Series, span: float) -> float:
    """RITA's four quarters, 0 to 1; 0 where it gives no score."""
    times = np.unique(np.floor(series[0]))
    gaps = np.diff(times)
    if len(times) < 4 or len(gaps) < 3:
        return 0.0
    counts = np.histogram(times, bins=24, range=(0, span))[0].astype(float)
    even = max(0.0, 1 - float(counts.std() / counts.mean()))
    filled = counts[counts > 0]
    two = 0.0
    if len(filled) >= 11:
        _, number = np.unique(np.floor(filled / max(1.0, np.ceil(0.05 * counts.max()))), return_counts=True)
        two = min(1.0, float(np.sort(number)[::-1][:2].sum()) / max(1, len(filled) - 1))
    hours = np.unique(times // 3600)
    lasting = 0.0
    if len(hours) >= 6:
        breaks = np.flatnonzero(np.diff(hours) > 1)
        run = np.diff(np.concatenate(([-1], breaks, [len(hours) - 1]))).max()
        lasting = max(float(times[-1] - times[0]) / span, min(1.0, float(run) / 12))
    return 0.25 * (_quarter(gaps, 1.0) + _quarter(series[1], 0.0) + max(even, two) + lasting)


def ours(series: Series, span: float) -> float:
    """The score of this project, 0 to 1."""
    found = weigh((series[0] * 1e9).astype(np.int64), series[1], 0, int(span * 1e9))
    return found.score / 100 if found else 0.0


def area(ones: list[float], others: list[float]) -> float:
    """Under the curve: the share of (one, other) in which the one scores higher; a draw counts half."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, ones, "left")
    level = np.searchsorted(ordered, ones, "right")
    return float((below + level).mean() / (2 * len(others)))


Cell = tuple[float, float, float]
"""Period in seconds, jitter, loss."""
Scores = dict[str, list[float]]
"""Of `rita` and `ours`, for beacons (+) and others (-)."""
MAKERS: tuple[Callable[[np.random.Generator, int, float], Series], ...] = (poisson, on_off, diurnal)


def draw(cell: Cell, samples: int, pairs: list[tuple[Series, float]]) -> Scores:
    """The scores of a cell, of `samples` beacons and others; none where no capture is long enough for LEAST calls."""
    period, jitter, lost = cell
    rng = np.random.default_rng([SEED, int(period), int(100 * jitter), int(100 * lost)])
    scores: Scores = {name: [] for name in ("rita+", "rita-", "ours+", "ours-")}
    spans = [span for span in SPANS if min(span, CALLS_MOST * period) > LEAST * period]
    for _ in range(TRIES * samples if spans else 0):
        if len(scores["ours+"]) == samples:
            break
        span = float(min(rng.choice(spans), CALLS_MOST * period))
        one = beacon(rng, period, jitter, lost, span)
        if len(one[0]) < LEAST:
            continue
        kind = int(rng.integers(len(MAKERS) + bool(pairs)))
        if kind == len(MAKERS):
            other, covered = pairs[int(rng.integers(len(pairs)))]
        else:
            other, covered = MAKERS[kind](rng, len(one[0]), span), span
        for sign, series, seen in (("+", one, span), ("-", other, covered)):
            scores["rita" + sign].append(rita(series, seen))
            scores["ours" + sign].append(ours(series, seen))
    return scores


def cells(samples: int, jobs: int, pairs: list[tuple[Series, float]]) -> Iterator[tuple[Cell, Scores]]:
    """Each cell with its scores. Cells have seeds of their own, so that `jobs` changes the time alone."""
    every = [(float(period), jitter, lost) for period in PERIODS for jitter in JITTERS for lost in LOSSES]
    with ProcessPoolExecutor(jobs) as pool:
        yield from zip(every, pool.map(draw, every, repeat(samples), repeat(pairs)), strict=True)


def curve(scores: Scores, name: str) -> list[tuple[float, float]]:
    """(others taken for beacons, beacons found) as shares, at the thresholds that let through each share of STEPS."""
    ones, others = np.sort(scores[name + "+"]), np.sort(scores[name + "-"])
    thresholds = np.unique(np.concatenate((ones, others)))[::-1]
    found = np.concatenate(([0.0], 1 - np.searchsorted(ones, thresholds) / len(ones)))
    false = np.concatenate(([0.0], 1 - np.searchsorted(others, thresholds) / len(others)))
    first = [float(found[false == 0].max())]
    return list(zip(STEPS, first + np.interp(STEPS[1:], false, found).tolist(), strict=True))


def picture(by_jitter: dict[float, Scores]) -> str:
    """The curves of both scores as an SVG, a panel for each jitter: the corner that STEPS and LOWEST bound."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {3 * PANEL + 40} {2 * PANEL + 60}" '
        'font-family="sans-serif" font-size="12" fill="#222">',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for index, (jitter, scores) in enumerate(sorted(by_jitter.items())):
        left, top = 40 + PANEL * (index % 3), 10 + PANEL * (index // 3)
        size = PANEL - 40
        lines.append(f'<g transform="translate({left},{top + 20})"><text y="-6">jitter ±{jitter:.0%}</text>')
        lines.append(f'<rect width="{size}" height="{size}" fill="none" stroke="#bbb"/>')
        for name, style in (("rita", 'stroke="#888" stroke-dasharray="4 3"'), ("ours", 'stroke="#0a58ca"')):
            points = " ".join(
                f"{size * false / STEPS[-1]:.1f},{size * (1 - max(0.0, found - LOWEST) / (1 - LOWEST)):.1f}"
                for false, found in curve(scores, name)
            )
            lines.append(f'<polyline points="{points}" fill="none" stroke-width="2" {style}/>')
        for share in (0.0, 1.0):
            anchor = "end" if share else "start"
            lines.append(
                f'<text x="{size * share}" y="{size + 14}" text-anchor="{anchor}">{STEPS[-1] * share:.0%}</text>'
            )
            height = size * (1 - share) + (10 if share else 0)
            lines.append(f'<text x="-4" y="{height}" text-anchor="end">{LOWEST + (1 - LOWEST) * share:.0%}</text>')
        lines.append("</g>")
    lines += [
        f'<text x="40" y="{2 * PANEL + 34}">across: others taken for beacons; up: beacons found</text>',
        f'<text x="40" y="{2 * PANEL + 52}" fill="#0a58ca">oddport, solid</text>',
        f'<text x="140" y="{2 * PANEL + 52}" fill="#888">RITA, dashed</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def table(areas: dict[Cell, tuple[float, float]], little: int, samples: int, others: int) -> str:
    """A section of docs/accuracy.md: areas under the curve by period and by jitter."""
    gains = np.array([mine - theirs for theirs, mine in areas.values()])
    lines = [
        HEADING,
        "",
        f"How well times and sizes tell beacons from other connections: {samples:,} drawn beacons and as many others",
        f"in each cell of period × jitter × loss (`python benchmarks/beacon.py`, seed {SEED}). The others come by",
        f"chance, in bursts or by the time of day, or are one of {others:,} pairs of hosts in real captures that are",
        "no beacons. The figure is the area under the curve, the chance that a beacon scores above another. RITA's",
        f"score is the formula of its version 5, made anew. {little} of {little + len(areas)} cells say too little: a",
        f"capture, which lasts a day at most, holds fewer than {LEAST} calls.",
        "",
        f"Over {len(areas)} cells ours is above RITA's by {gains.mean():.4f}, in the worst one by {gains.min():+.4f}.",
        "",
        "![Curves of both scores by jitter](beacons.svg)",
        "",
        "| cells | how many | RITA, mean | worst | oddport, mean | worst |",
        "|---|---|---|---|---|---|",
    ]
    for place, word in ((0, "every {:,.0f} s"), (1, "jitter ±{:.0%}"), (2, "{:.0%} lost")):
        for value in sorted({cell[place] for cell in areas}):
            theirs, mine = (
                np.array(column)
                for column in zip(*(both for cell, both in areas.items() if cell[place] == value), strict=True)
            )
            figures = " | ".join(f"{each.mean():.4f} | {each.min():.4f}" for each in (theirs, mine))
            lines.append(f"| {word.format(value)} | {len(theirs)} | {figures} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Print a line a cell; exit status 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=1000, help="beacons in a cell (1000)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (1)")
    parser.add_argument("--flows", type=Path, nargs="*", default=[], help="records of scan, for real others")
    parser.add_argument("--plot", type=Path, help="draw the curves into this SVG file")
    parser.add_argument("--page", type=Path, help="put the table into this page, in place of the one that is there")
    options = parser.parse_args()
    pairs = real(options.flows)
    areas: dict[Cell, tuple[float, float]] = {}
    little = 0
    by_jitter: dict[float, Scores] = defaultdict(lambda: defaultdict(list))
    for cell, scores in cells(options.samples, options.jobs, pairs):
        if len(scores["ours+"]) < LEAST:
            little += 1
            continue
        theirs, mine = (area(scores[name + "+"], scores[name + "-"]) for name in ("rita", "ours"))
        areas[cell] = theirs, mine
        for name, values in scores.items():
            by_jitter[cell[1]][name].extend(values)
        mark = "  MISSED" if mine - theirs < GOAL_CELL else ""
        print(
            f"{cell[0]:>6.0f} s  ±{cell[1]:.0%}  -{cell[2]:.0%}  rita {theirs:.4f}  ours {mine:.4f}{mark}", flush=True
        )
    gains = [mine - theirs for theirs, mine in areas.values()]
    if not gains:
        print("No cell has enough connections: more --samples are needed.", file=sys.stderr)
        return 1
    print(f"\n{len(gains)} cells, {little} say too little; ours less RITA's: mean {np.mean(gains):+.4f} ", end="")
    print(f"(goal {GOAL_MEAN:+}), least {min(gains):+.4f} (goal {GOAL_CELL:+})")
    if options.plot is not None:
        options.plot.write_text(picture(by_jitter), encoding="utf-8")
    if options.page is not None:
        page = options.page.read_text(encoding="utf-8")
        made = table(areas, little, options.samples, len(pairs))
        options.page.write_text(onto(page, made), encoding="utf-8")
    return int(min(gains) < GOAL_CELL or float(np.mean(gains)) < GOAL_MEAN)


if __name__ == "__main__":
    sys.exit(main())
