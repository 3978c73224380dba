"""Times of packets and flows → how a list shows them: time of day, since the first packet, or since the row before."""

from __future__ import annotations

from tui.format import SECOND, clock

CLOCK, START, BEFORE = "clock", "start", "before"
FORMS = (CLOCK, START, BEFORE)
HEADS = {CLOCK: "Time", START: "Time", BEFORE: "Since"}
SAYS = {CLOCK: "time of day, UTC", START: "seconds since the first packet", BEFORE: "seconds since the row above"}
"""What a form is, for people."""


def following(form: str) -> str:
    """The form after this one."""
    return FORMS[(FORMS.index(form) + 1) % len(FORMS)]


def time_text(form: str, ns: int, start_ns: int, before_ns: int | None, digits: int) -> str:
    """A time in one of FORMS, with `digits` of the second's fraction. `before_ns` is None in the first row."""
    if form == CLOCK:
        return clock(ns, digits)
    since = ns - (start_ns if form == START else ns if before_ns is None else before_ns)
    sign, since = ("-", -since) if since < 0 else ("", since)
    fraction = f".{since % SECOND:09d}"[: 1 + digits] if digits else ""
    return f"{sign}{since // SECOND}{fraction}"
