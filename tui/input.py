"""Bytes of the terminal → keys, also where the terminal speaks another encoding than UTF-8.

Textual reads keys as strict UTF-8: one letter of a terminal in Latin-1, or half a letter that was left over from before
the dashboard took the terminal, would end the dashboard.
"""

from __future__ import annotations

from codecs import getincrementaldecoder
from functools import partial
from typing import TYPE_CHECKING

from textual.drivers import linux_driver

if TYPE_CHECKING:
    from codecs import IncrementalDecoder
    from collections.abc import Callable


def tolerant_decoder(encoding: str) -> Callable[[], IncrementalDecoder]:
    """As `codecs.getincrementaldecoder`; other bytes are a replacement character, to which no key is bound."""
    return partial(getincrementaldecoder(encoding), "replace")


def take_any_bytes() -> None:
    """From here on no byte that is typed or pasted ends the dashboard."""
    setattr(linux_driver, "getincrementaldecoder", tolerant_decoder)  # noqa: B010 - a name that Textual looks up
