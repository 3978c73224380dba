"""A case and a seed → any keys in any order in a terminal that changes its size; fails where one gets lost.

usage: python -m tests.tui.random_keys [--keys N] [--seed N] [--corpora DIR]

Runs through real captures, RUN keys each, chosen by the seed; through the demo captures where there is no collection.
A failure names the capture and the seed, with which it happens again.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
from collections import deque
from pathlib import Path

from tests.tui.test_dashboard import Desk, desk_of
from tui.app import start_load
from tui.screens.base import TABS

ROOT = Path(__file__).parents[2]
DEMOS = ROOT / "demo_pcaps"
CORPORA = Path(os.environ.get("ODDPORT_CORPORA", ROOT.parent / "shared" / "corpora"))
KEYS = (
    *"jkgGhlnNbfdweyvViucopPsSxtTzCaAKJrD0+-=!/:?[].|", *(tab.key for tab in TABS), "tab", "enter", "enter", "escape",
    "left", "right", "up", "down", "pageup", "pagedown", "ctrl+d", "ctrl+u", "ctrl+p", "space",
)  # fmt: skip
NAMES = {
    "+": "plus", "-": "minus", "=": "equals_sign", "!": "exclamation_mark", "/": "slash", ":": "colon",
    "?": "question_mark", "[": "left_square_bracket", "]": "right_square_bracket", ".": "full_stop",
    "|": "vertical_line",
}  # fmt: skip
SIZES = ((80, 24), (60, 20), (200, 50), (40, 10), (120, 30))
RUN, RESIZE_AT = 250, 50
WAYS_BACK = 12
"""Keys that lead from anywhere to a top-level screen, at most."""
LARGEST = 2_000_000
"""Bytes of a real capture that is taken."""
LAST = 40
"""Keys that are told where one gets lost."""


def load(capture: Path, case: Path) -> None:
    """The capture, loaded into the case."""
    loading = start_load(case, [str(capture)])
    assert loading is not None
    while loading.progress.running:
        pass
    loading.end()


def real_captures(corpora: Path) -> list[Path]:
    """Captures of the collection that load quickly, by name; the demo captures where there is no collection."""
    found = corpora / "captures"
    if not found.is_dir():
        return sorted(DEMOS.glob("*.pcap*"))
    return sorted(path for path in found.iterdir() if path.suffix in (".pcap", ".pcapng", ".cap")
                  and path.stat().st_size < LARGEST)  # fmt: skip


async def press_any(case: Path, seed: int, number: int = RUN) -> None:
    """Press keys; raises AssertionError where there is no way back, and whatever a screen raises."""
    chance, last = random.Random(seed), deque[str](maxlen=LAST)
    try:
        async with desk_of(case) as desk:
            for place in range(number):
                if place % RESIZE_AT == RESIZE_AT - 1:
                    await _way_back(desk)
                    await desk.pilot.resize_terminal(*chance.choice(SIZES))
                key = chance.choice(KEYS)
                last.append(key)
                await desk.pilot.press(NAMES.get(key, key))
            await desk.pilot.resize_terminal(80, 24)
            await _way_back(desk)
            await desk.press("1")
            assert "Findings" in desk.said("top")
    except BaseException as error:
        error.add_note(f"seed {seed}, case {case}, after the keys {' '.join(last)}")
        raise


async def _way_back(desk: Desk) -> None:
    for _ in range(WAYS_BACK):
        if len(desk.app.screen_stack) == 1 and not desk.app.screen.has_class("-filtering"):
            return
        await desk.pilot.press("escape")
    assert len(desk.app.screen_stack) == 1, f"no way back from {desk.app.screen!r}"


def main() -> int:
    """Press, and say how far it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpora", type=Path, default=CORPORA)
    options = parser.parse_args()
    captures = real_captures(options.corpora)
    chance = random.Random(options.seed)
    for pressed in range(0, options.keys, RUN):
        capture, seed = chance.choice(captures), chance.randrange(1 << 30)
        print(f"{pressed:>6,} of {options.keys:,} keys   {capture.name}   seed {seed}", flush=True)
        with tempfile.TemporaryDirectory(prefix="oddport-keys-") as folder:
            os.environ["ODDPORT_DATA"] = str(Path(folder) / "data")
            os.chdir(folder)
            case = Path(folder) / "case.oddport"
            load(capture, case)
            asyncio.run(press_any(case, seed, min(RUN, options.keys - pressed)))
            os.chdir(ROOT)
    print(f"{options.keys:,} keys: no crash, no dead end")
    return 0


if __name__ == "__main__":
    sys.exit(main())
