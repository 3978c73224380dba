"""Values → the text of them that a terminal may show.

`safe` is the one gate for text that came from the wire: what it returns has no control character, no bidirectional
or other invisible mark and no stacked combining character, and nothing here ever reads markup. The painter of lines
sends every piece of text through it, so that a caller who forgets is safe as well.
"""

from __future__ import annotations

from datetime import UTC, datetime

from oddport.wording import UNITS, count, eta, plural, safe, size, three_digits

__all__ = [
    "SECOND", "bit_rate", "clock", "count", "date", "duration", "endpoint", "eta", "hexes", "lasted", "minute",
    "percent", "plural", "rate", "running", "safe", "size", "size_of", "span",
]  # fmt: skip

SECOND = 1_000_000_000
"""ns"""


def size_of(value: int, total: int) -> str:
    """`157 of 412 MB`: the part in the unit of the whole."""
    unit, scale = 0, 1.0
    while total / scale >= 999.5 and unit < len(UNITS) - 1:
        scale *= 1000
        unit += 1
    part = value / scale
    shown = (
        f"{part:.0f}"
        if unit == 0 or total / scale >= 99.95
        else f"{part:.1f}"
        if total / scale >= 9.995
        else f"{part:.2f}"
    )
    return f"{shown} of {size(total)}"


def rate(value: float) -> str:
    """Bytes a second of a file: `38 MB/s`."""
    number, unit = float(value), 0
    while number >= 999.5 and unit < len(UNITS) - 1:
        number /= 1000
        unit += 1
    return f"{number:.0f} {UNITS[unit]}/s"


def running(seconds: float) -> str:
    """For how long something runs, in whole seconds: `42 s`, `12 min 41 s`, `2 h 34 min`."""
    return f"{int(seconds)} s" if seconds < 60 else duration(int(seconds) * SECOND)


def bit_rate(value: float) -> str:
    """Bytes a second of an interface, as its speed is told: `31.2 Mbit/s`."""
    number, unit = 8 * value, 0
    units = ("bit/s", "kbit/s", "Mbit/s", "Gbit/s")
    while number >= 999.5 and unit < len(units) - 1:
        number /= 1000
        unit += 1
    return f"{number:.0f} {units[unit]}" if unit == 0 else f"{three_digits(number)} {units[unit]}"


def percent(part: int | float, whole: int | float) -> str:
    """`38 %`; never 100 before all is there."""
    value = 100 * part / whole if whole else 0.0
    return f"{min(int(value), 99) if part < whole else 100} %"


def duration(ns: int) -> str:
    """`18.2 ms`, `0.841 s`, `11 min 4 s`, `2 h 34 min`, `3 d 4 h`; a negative one has its sign."""
    if ns < 0:
        return f"-{duration(-ns)}"
    if ns < 100_000_000 and ns:
        if ns < 1_000:
            return f"{ns} ns"
        return f"{three_digits(ns / 1e3)} µs" if ns < 999_500 else f"{three_digits(ns / 1e6)} ms"
    if ns < 60 * SECOND:
        return f"{ns / SECOND:.3f} s" if ns < 10 * SECOND else f"{ns / SECOND:.1f} s"
    seconds = ns // SECOND
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    if seconds < 86_400:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return f"{seconds // 86_400} d {seconds % 86_400 // 3600} h"


def lasted(ns: int) -> str:
    """A duration in a column: seconds to the millisecond under a minute, so that they line up."""
    return f"{ns / SECOND:.3f} s" if 0 <= ns < 60 * SECOND else duration(ns)


def clock(ns: int, digits: int = 0) -> str:
    """Time of day of the capture, UTC: `10:02:17`, with `digits` of the second's fraction."""
    second, rest = divmod(ns, SECOND)
    second %= 86_400
    text = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    return f"{text}.{rest:09d}"[: 9 + digits] if digits else text


def minute(ns: int) -> str:
    """`10:02`."""
    return clock(ns)[:5]


def date(ns: int) -> str:
    """`17 March 2026`, UTC; times outside of what a calendar holds as seconds."""
    try:
        moment = datetime.fromtimestamp(ns // SECOND, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{ns // SECOND} s"
    return f"{moment.day} {moment:%B %Y}"


def span(first_ns: int, last_ns: int) -> str:
    """From when to when, with the dates where they differ."""
    if first_ns // SECOND // 86_400 == last_ns // SECOND // 86_400:
        return f"{date(first_ns)}, {clock(first_ns)} to {clock(last_ns)}"
    return f"{date(first_ns)} {clock(first_ns)} to {date(last_ns)} {clock(last_ns)}"


def endpoint(host: str, port: int | None) -> str:
    """`10.20.3.14:51544`, `[2001:db8::8]:443`; without the port where there is none."""
    if port is None:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def hexes(data: bytes, limit: int | None = None) -> str:
    """`16 03 01`: lower-case pairs, at most `limit` bytes, then `…`."""
    shown = data if limit is None or len(data) <= limit else data[:limit]
    return shown.hex(" ") + (" …" if len(shown) < len(data) else "")
