"""Values → the words that the command line and the dashboard share for them; and any text → one a terminal may show.

Imports nothing but the standard library: the dashboard's first paint waits for it.
"""

import unicodedata

SEVERITY_LETTERS = ("I", "L", "M", "H", "C")
"""By Severity, from info to critical."""
SEVERITY_WORDS = ("info", "low", "medium", "high", "critical")
UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
_MARKS = frozenset({"Mn", "Me", "Mc"})


def safe(text: str) -> str:
    """`text` with everything that could move the cursor, hide, reorder or stack replaced by `·`; tabs and ends
    of lines too."""
    if text.isascii() and text.isprintable():
        return text
    out = []
    for char in unicodedata.normalize("NFC", text):
        if char.isprintable():
            out.append("·" if unicodedata.category(char) in _MARKS else char)
        else:
            out.append(" " if unicodedata.category(char) == "Zs" else "·")
    return "".join(out)


def count(value: int) -> str:
    """`1,284,506`."""
    return f"{value:,}"


def size(value: int | float) -> str:
    """Bytes with three digits and a decimal unit: `996 B`, `9.45 kB`, `412 MB`."""
    number, unit = float(value), 0
    while number >= 999.5 and unit < len(UNITS) - 1:
        number /= 1000
        unit += 1
    if unit == 0:
        return f"{int(value)} B"
    return f"{three_digits(number)} {UNITS[unit]}"


def three_digits(number: float) -> str:
    """A number below 1,000 with three digits: 9.45, 12.6, 412."""
    if number < 9.995:
        return f"{number:.2f}"
    if number < 99.95:
        return f"{number:.1f}"
    return f"{number:.0f}"


def duration(seconds: float) -> str:
    """`0.50 s`, `42.0 s`, `5 min`, `2 h 30 min`, `3 d 4 h`: a span of time, to what is worth saying of it."""
    if seconds < 120:
        return f"{three_digits(seconds)} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def eta(seconds: float) -> str:
    """`about 7 s left`, rounded to 1, 5 and 30 seconds, then to minutes."""
    seconds = max(seconds, 1)
    if seconds < 10:
        return f"about {seconds:.0f} s left"
    if seconds < 60:
        return f"about {5 * round(seconds / 5)} s left"
    if seconds < 300:
        half = 30 * round(seconds / 30)
        return f"about {half // 60} min {half % 60} s left" if half % 60 else f"about {half // 60} min left"
    minutes = round(seconds / 60)
    return f"about {minutes} min left" if minutes < 120 else f"about {minutes // 60} h {minutes % 60} min left"


def plural(number: int, one: str, many: str | None = None) -> str:
    """`1 flow`, `12,931 flows`."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"
