"""A screen as Textual draws it in SVG → a picture that shows alike everywhere and fetches nothing from anywhere."""

from __future__ import annotations

import re

_FONTS = re.compile(r"\s*@font-face \{.*?\}\n", re.DOTALL)
"""Fonts that would come from another host when the picture is shown."""
_FAMILY = "Fira Code, monospace"


def alone(svg: str) -> str:
    """The picture with the reader's own font, and its spaces kept (SVG 1.1, section 10.15, xml:space)."""
    plain = _FONTS.sub("", svg).replace(_FAMILY, "monospace").replace("<svg ", '<svg xml:space="preserve" ', 1)
    return "\n".join(line.rstrip() for line in plain.splitlines()) + "\n"
