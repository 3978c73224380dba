"""Bytes of the wire → text that is safe to show: bounded, printable, no control or direction characters."""

import unicodedata

LIMIT = 256
"""Characters of a fact; longer ones end in an ellipsis."""
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def clean(data: bytes, limit: int = LIMIT) -> str:
    """`data` as UTF-8, at most `limit` characters; what is no UTF-8, and control, format, surrogate and private
    characters become U+FFFD."""
    cut = data[: 4 * limit + 4].strip()
    try:
        text = cut.decode("ascii")
    except UnicodeDecodeError:
        text = cut.decode("utf-8", "replace")
    if not text.isprintable():
        text = "".join(c if c.isprintable() or c == " " else REPLACEMENT for c in text)
    elif not text.isascii():
        text = "".join(c if unicodedata.category(c)[0] != "C" else REPLACEMENT for c in text)
    text = text.strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"
