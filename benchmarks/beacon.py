#!/usr/bin/env python3
"""How well beacons are told from other traffic: the score of oddport/detection/beacon.py against RITA's, in a sweep.

usage: benchmarks/beacon.py [--samples N] [--flows RECORDS.ndjson…] [--plot FILE.svg] [--markdown]

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
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oddport.detection.beacon import LEAST, weigh

PERIODS = (5, 15, 60, 300, 900, 1_800, 3_600, 7_200, 21_600)
JITTERS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
LOSSES = (0.0, 0.1, 0.2)
SPANS = (900, 3_600, 21_600, 86_400)
CALLS_MOST = 400
SEED = 1571
REAL_SPAN = 600
REAL_ALIKE = 0.4
GOAL_CELL, GOAL_MEAN = -0.01, 0.02
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


def cells(
    samples: int, pairs: list[tuple[Series, float]]
) -> Iterator[tuple[tuple[float, ...], dict[str, list[float]]]]:
    """((period, jitter, loss), scores of `rita` and `ours` for beacons and others) of each cell with enough data."""
    makers: tuple[Callable[[np.random.Generator, int, float], Series], ...] = (poisson, on_off, diurnal)
    for period in PERIODS:
        for jitter in JITTERS:
            for lost in LOSSES:
                rng = np.random.default_rng([SEED, period, int(100 * jitter), int(100 * lost)])
                scores: dict[str, list[float]] = {name: [] for name in ("rita+", "rita-", "ours+", "ours-")}
                for _ in range(samples):
                    span = float(min(rng.choice(SPANS), CALLS_MOST * period))
                    one = beacon(rng, period, jitter, lost, span)
                    if len(one[0]) < LEAST:
                        continue
                    kind = int(rng.integers(len(makers) + bool(pairs)))
                    if kind == len(makers):
                        other, covered = pairs[int(rng.integers(len(pairs)))]
                    else:
                        other, covered = makers[kind](rng, len(one[0]), span), span
                    for sign, series, seen in (("+", one, span), ("-", other, covered)):
                        scores["rita" + sign].append(rita(series, seen))
                        scores["ours" + sign].append(ours(series, seen))
                if len(scores["ours+"]) >= LEAST:
                    yield (period, jitter, lost), scores


def plot(everything: dict[float, dict[str, list[float]]], path: Path) -> None:
    """The curves of both scores, one picture for each jitter."""
    try:
        from matplotlib import pyplot
    except ImportError:
        sys.exit("--plot draws with matplotlib, which is not installed: pip install matplotlib")
    figure, axes = pyplot.subplots(2, 3, figsize=(9, 6), sharex=True, sharey=True)
    for axis, (jitter, scores) in zip(axes.flat, sorted(everything.items()), strict=True):
        for name, style in (("rita", "--"), ("ours", "-")):
            steps = np.unique(scores[name + "+"] + scores[name + "-"])[::-1]
            hit = [
                1 - np.searchsorted(np.sort(scores[name + "+"]), step, "left") / len(scores[name + "+"])
                for step in steps
            ]
            false = [
                1 - np.searchsorted(np.sort(scores[name + "-"]), step, "left") / len(scores[name + "-"])
                for step in steps
            ]
            axis.plot([0, *false], [0, *hit], style, label=name, color="black" if name == "ours" else "grey")
        axis.set(title=f"jitter ±{jitter:.0%}", xlim=(0, 0.5), ylim=(0.5, 1.005))
    axes[0, 0].legend()
    figure.supxlabel("others taken for beacons")
    figure.supylabel("beacons found")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> int:
    """Print a line a cell; exit status 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=1000, help="beacons in a cell (1000)")
    parser.add_argument("--flows", type=Path, nargs="*", default=[], help="records of scan, for real others")
    parser.add_argument("--plot", type=Path, help="draw the curves into this SVG file")
    parser.add_argument("--markdown", action="store_true", help="a table by period, as in docs/accuracy.md")
    options = parser.parse_args()
    gains: list[float] = []
    by_period: dict[float, list[tuple[float, float]]] = defaultdict(list)
    by_jitter: dict[float, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for (period, jitter, lost), scores in cells(options.samples, real(options.flows)):
        theirs = area(scores["rita+"], scores["rita-"])
        mine = area(scores["ours+"], scores["ours-"])
        gains.append(mine - theirs)
        by_period[period].append((theirs, mine))
        for name, values in scores.items():
            by_jitter[jitter][name].extend(values)
        if not options.markdown:
            mark = "  MISSED" if gains[-1] < GOAL_CELL else ""
            print(f"{period:>6} s  ±{jitter:.0%}  -{lost:.0%}  rita {theirs:.4f}  ours {mine:.4f}{mark}", flush=True)
    if options.markdown:
        print("| period | cells | RITA, mean | worst | ours, mean | worst |\n|---|---|---|---|---|---|")
        for period, rows in by_period.items():
            theirs, mine = (np.array(column) for column in zip(*rows, strict=True))
            cells_of = [f"{rows.mean():.4f} | {rows.min():.4f}" for rows in (theirs, mine)]
            print(f"| {period:,} s | {len(theirs)} | {' | '.join(cells_of)} |")
    print(f"\n{len(gains)} cells; ours less RITA's: mean {np.mean(gains):+.4f} (goal {GOAL_MEAN:+}), ", end="")
    print(f"least {min(gains):+.4f} (goal {GOAL_CELL:+})")
    if options.plot:
        plot(by_jitter, options.plot)
    return int(min(gains) < GOAL_CELL or float(np.mean(gains)) < GOAL_MEAN)


if __name__ == "__main__":
    sys.exit(main())
