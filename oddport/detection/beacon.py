"""Times and sizes of connections between two ends → how much they look like a beacon, and its period.

The times are weighed by a likelihood ratio. One hypothesis: a program calls every `period`, with jitter, and some calls
are lost, so that an interval is k periods long with a variance of k jitters (a renewal process that is thinned). The
other: calls come by chance, in one or two rhythms (exponential intervals, or a mixture of two, which is what people,
bursts and the time of day give). Both are fitted by expectation maximisation (Dempster, Laird and Rubin, 1977), and the
ratio is lowered for the parameters that the first has more (Schwarz's criterion, 1978). Beside the times count the
sizes, how evenly the calls fill the time that was seen, and how much of it they span.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST = 10
"""Connections below which nothing is said."""
MULTIPLES = 6
"""Periods that an interval may be long, that is, calls lost in a row plus one."""
ROUNDS = 12
"""Of expectation maximisation; the fits stand still by then."""
STARTS = (20, 35, 50, 65)
"""Percentiles of the intervals from which the search for the period begins: lost calls lengthen only the upper ones."""
WIDEST = 0.36
"""Largest standard deviation of an interval as a share of the period: a uniform jitter of ±50 % has 0.29."""
NARROWEST = 0.004
SECONDS_LEAST = 1e-3
WEIGHTS = {"times": 0.55, "sizes": 0.15, "evenness": 0.15, "span": 0.15}
"""Shares of the parts in the score."""
SURE = 3.0
"""Log-likelihood ratio (natural) at which the odds of a beacon are e : 1."""
REGULARITY = 0.2
"""Share of the times' part that goes by how small the jitter is, once it is known to be a beacon."""
WINDOWS = 24
"""Windows into which the time that was seen is cut, at most; each should expect LEAST / 2 connections or so."""

Floats = NDArray[np.float64]
Fit = tuple[float, float, float, float]
"""Period in seconds; jitter; share of calls that are lost; share of intervals that are the beacon's."""
_K: Floats = np.arange(1, MULTIPLES + 1, dtype=np.float64)[:, None]
_ROOT_2PI = float(np.sqrt(2 * np.pi))
_TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Beacon:
    """How much connections look like a beacon."""

    score: float
    """0 to 100."""
    period: float
    """Seconds."""
    jitter: float
    """Standard deviation of an interval, as a share of the period."""
    lost: float
    """Share of calls that are missing, as estimated."""
    connections: int
    parts: dict[str, float]
    """By WEIGHTS, each 0 to 1."""


def weigh(
    times: NDArray[np.int64], sizes: NDArray[Any], first_ns: int, last_ns: int, least: float = 0.0
) -> Beacon | None:
    """The score of one pair of ends; None where it has too little data to say anything, or scores below `least`.

    times: start of each connection, ns; sizes: bytes that each sent, in the same order; first_ns, last_ns: the time
    that the capture covers. Sub-second times count: intervals are never rounded.
    """
    seconds = np.unique(times - first_ns) / 1e9
    if len(seconds) < LEAST:
        return None
    seen = max((last_ns - first_ns) / 1e9, seconds[-1] - seconds[0])
    parts = {
        "sizes": _sameness(np.asarray(sizes, np.float64)),
        "evenness": _evenness(seconds, seen),
        "span": min(1.0, float(seconds[-1] - seconds[0]) / seen),
    }
    others = sum(WEIGHTS[name] * part for name, part in parts.items())
    if 100 * (others + WEIGHTS["times"]) < least:
        return None  # the rhythm is dear to find, and could not help
    ratio, (period, jitter, lost, ours) = _rhythm(np.diff(seconds))
    likely = 1 / (1 + float(np.exp(-np.clip(ratio / SURE, -50, 50))))
    parts["times"] = likely * ours * (1 - REGULARITY * jitter / WIDEST)
    score = 100 * (others + WEIGHTS["times"] * parts["times"])
    return Beacon(score, period, jitter, lost, len(times), parts) if score >= least else None


def _rhythm(gaps: Floats) -> tuple[float, Fit]:
    """Log-likelihood ratio of a beacon against chance, and the beacon that fits intervals (seconds) best."""
    best, fitted = -np.inf, (float(np.median(gaps)), WIDEST, 0.0, 0.0)
    by_chance = np.exp(-gaps / gaps.mean()) / gaps.mean()
    for start in np.unique(np.percentile(gaps, STARTS)):
        likelihood, found = _fit_beacon(gaps, float(start), by_chance)
        if likelihood > best:
            best, fitted = likelihood, found
    chance = max(_fit_chance(gaps), float(np.log(by_chance + _TINY).sum()))
    return best - chance - float(np.log(len(gaps))), fitted


def _fit_beacon(gaps: Floats, period: float, by_chance: Floats) -> tuple[float, Fit]:
    """Log-likelihood of a thinned beacon, some of whose intervals are strangers, and its fit."""
    deviation, lost, ours = 0.2 * period, 0.1, 0.9
    likelihood = -np.inf
    for _ in range(ROUNDS):
        off = (gaps - _K * period) / (deviation * np.sqrt(_K))
        shares = ours * (1 - lost) * lost ** (_K - 1)
        dense = shares * np.exp(-0.5 * off * off) / (deviation * np.sqrt(_K) * _ROOT_2PI)
        total = dense.sum(0) + (1 - ours) * by_chance + _TINY
        likelihood = float(np.log(total).sum())
        member = dense / total
        members = float(member.sum())
        calls = float((member * _K).sum())
        if calls <= 0:
            break
        period = float((member * gaps).sum()) / calls
        variance = float((member * (gaps - _K * period) ** 2 / _K).sum()) / members
        deviation = min(max(variance**0.5, NARROWEST * period, SECONDS_LEAST), WIDEST * period)
        lost = min(max(1 - members / calls, 0.01), 0.45)
        ours = min(max(members / len(gaps), 0.5), 0.98)
    return likelihood, (period, min(deviation / period, WIDEST), lost, ours)


def _fit_chance(gaps: Floats) -> float:
    """Log-likelihood of intervals from a mixture of two exponential distributions."""
    mean = float(gaps.mean())
    means, shares = np.array([0.3 * mean, 2 * mean])[:, None], np.array([0.5, 0.5])[:, None]
    likelihood = -np.inf
    for _ in range(ROUNDS):
        dense = shares / means * np.exp(-gaps / means) + _TINY
        total = dense.sum(0)
        likelihood = float(np.log(total).sum())
        member = dense / total
        members = member.sum(1, keepdims=True)
        shares = members / len(gaps)
        means = np.maximum((member * gaps).sum(1, keepdims=True) / np.maximum(members, 1e-9), 1e-6 * mean)
    return likelihood


def _sameness(sizes: Floats) -> float:
    """1 where all sizes are the same, falling with their median deviation from the median."""
    middle = float(np.median(sizes))
    spread = float(np.median(np.abs(sizes - middle)))
    return 1 / (1 + 5 * spread / max(middle, 1.0))


def _evenness(seconds: Floats, seen: float) -> float:
    """1 where each window of the time seen has as many connections; 0.5 for chance; towards 0 for bursts.

    By the index of dispersion (variance by mean), which is 1 for a Poisson process.
    """
    windows = min(WINDOWS, max(4, 4 * len(seconds) // (2 * LEAST)))
    counts, _ = np.histogram(seconds, bins=windows, range=(0, max(seen, float(seconds[-1]))))
    return 1 / (1 + float(counts.var() / counts.mean()))
