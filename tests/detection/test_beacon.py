"""How much connections look like a beacon."""

from itertools import pairwise

import numpy as np
import pytest

from oddport.detection.beacon import LEAST, WEIGHTS, weigh

SECOND = 1_000_000_000
HOUR = 3600


def calls(period: float, jitter: float, lost: float, span: float, seed: int) -> np.ndarray:
    """Start times in ns of a program that sleeps period·(1 ± jitter) between calls, some of which are missing."""
    rng = np.random.default_rng(seed)
    waits = period * (1 + rng.uniform(-jitter, jitter, int(2 * span / period) + 4))
    times = np.cumsum(waits)
    times = times[times < span]
    return (times[rng.random(len(times)) >= lost] * SECOND).astype(np.int64)


def by_chance(count: int, span: float, seed: int) -> np.ndarray:
    return (np.sort(np.random.default_rng(seed).uniform(0, span, count)) * SECOND).astype(np.int64)


def bursts(count: int, span: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    begins = rng.uniform(0, 0.95 * span, max(2, count // 10))
    times = rng.choice(begins, count) + rng.exponential(20, count)
    return (np.sort(times) * SECOND).astype(np.int64)


def score(times: np.ndarray, span: float) -> float:
    found = weigh(times, np.full(len(times), 420), 0, int(span * SECOND))
    assert found is not None
    return found.score


@pytest.mark.parametrize("period", [30, 300, 900])
@pytest.mark.parametrize("jitter", [0.0, 0.2, 0.5])
@pytest.mark.parametrize("lost", [0.0, 0.2])
def test_a_beacon_scores_70_whatever_its_jitter_and_losses(period: float, jitter: float, lost: float) -> None:
    span = max(HOUR, 30 * period)
    assert score(calls(period, jitter, lost, span, 7), span) >= 70


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("count", [20, 200])
def test_chance_and_bursts_stay_below_70_though_their_sizes_are_all_the_same(seed: int, count: int) -> None:
    assert score(by_chance(count, 6 * HOUR, seed), 6 * HOUR) < 70
    assert score(bursts(count, 6 * HOUR, seed), 6 * HOUR) < 70


def test_the_period_is_found_though_a_fifth_of_the_calls_is_missing() -> None:
    times = calls(120, 0.1, 0.2, 4 * HOUR, 3)
    found = weigh(times, np.full(len(times), 99), 0, 4 * HOUR * SECOND)
    assert found is not None
    assert found.period == pytest.approx(120, rel=0.05)
    assert 0.1 < found.lost < 0.3


def test_times_within_a_second_count() -> None:
    times = calls(0.5, 0.05, 0, 30, 5)
    found = weigh(times, np.full(len(times), 10), 0, 30 * SECOND)
    assert found is not None
    assert found.period == pytest.approx(0.5, rel=0.05)
    assert found.score >= 70


def test_too_few_connections_say_nothing() -> None:
    times = np.arange(LEAST - 1, dtype=np.int64) * SECOND
    assert weigh(times, np.full(len(times), 1), 0, 60 * SECOND) is None


def test_connections_at_one_moment_are_one_call() -> None:
    times = np.repeat(np.arange(LEAST - 1, dtype=np.int64) * SECOND, 3)
    assert weigh(times, np.full(len(times), 1), 0, 60 * SECOND) is None


def test_more_jitter_never_raises_the_score_by_much() -> None:
    scores = [score(calls(60, jitter, 0, 2 * HOUR, 11), 2 * HOUR) for jitter in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)]
    assert all(later <= earlier + 2 for earlier, later in pairwise(scores))


def test_sizes_that_vary_lower_the_score() -> None:
    times = calls(60, 0.1, 0, 2 * HOUR, 1)
    sizes = np.random.default_rng(1).lognormal(6, 1.5, len(times))
    same = weigh(times, np.full(len(times), 400), 0, 2 * HOUR * SECOND)
    varied = weigh(times, sizes, 0, 2 * HOUR * SECOND)
    assert same is not None
    assert varied is not None
    assert varied.score < same.score - 5


def test_shares_of_the_parts_make_up_the_whole() -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1)
