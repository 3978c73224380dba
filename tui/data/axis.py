"""A span of time and a width → round times for an axis, and heights for bars."""

from __future__ import annotations

from datetime import UTC, datetime

from tui.format import SECOND, clock

STEPS = (
    *(number * 10**power for power in range(9) for number in (1, 2, 5)),
    *(seconds * SECOND for seconds in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600)),
    *(hours * 3_600 * SECOND for hours in (2, 3, 6, 12, 24, 48, 168, 720, 8_760, 87_600)),
)
"""Distances of marks, ns."""
LEVELS = 8
"""Heights of a bar within a row."""


def marks(first_ns: int, step_ns: int, parts: int, room: int = 10) -> list[tuple[int, str]]:
    """(part, text) of round times, at least `room` parts apart."""
    distance = next((step for step in STEPS if step >= room * step_ns), STEPS[-1])
    found: list[tuple[int, str]] = []
    at = -(-first_ns // distance) * distance
    while at < first_ns + parts * step_ns and len(found) <= parts:
        text = time_text(at, distance)
        part = (at - first_ns) // step_ns
        if part + len(text) + 1 <= parts and (not found or part - found[-1][0] > len(found[-1][1]) + 1):
            found.append((part, text))
        at += distance
    return found


def time_text(ns: int, step_ns: int) -> str:
    """As much of a time as a step tells apart: `17 Mar`, `10:30`, `10:30:15`, `10:30:15.2`."""
    if step_ns >= 24 * 3_600 * SECOND:
        moment = datetime.fromtimestamp(ns // SECOND, UTC)
        return f"{moment.day} {moment:%b}"
    if step_ns >= 60 * SECOND:
        return clock(ns)[:5]
    if step_ns >= SECOND:
        return clock(ns)
    digits = next(digits for digits in range(1, 10) if step_ns >= 10 ** (9 - digits))
    return clock(ns, digits)


def iso(ns: int) -> str:
    """A time as the filter language takes it."""
    moment = datetime.fromtimestamp(ns // SECOND, UTC)
    fraction = f".{ns % SECOND:09d}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}"


def round_up(number: int) -> int:
    """The next of 1, 2, 5, 10, 20, 50 …"""
    scale = 1
    while scale * 10 < number:
        scale *= 10
    return next(each * scale for each in (1, 2, 5, 10) if each * scale >= number)


def height(value: int, top: int, rows: int) -> tuple[int, int]:
    """(full rows, eighths of the next one) of a bar; what is not nothing shows."""
    if value <= 0 or top <= 0:
        return 0, 0
    return divmod(max(min(value * rows * LEVELS // top, rows * LEVELS), 1), LEVELS)
