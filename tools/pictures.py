"""The demo capture in the dashboard → the pictures of the README and the guide, and a film of the guide's walk, as SVG.

usage: pictures.py [FOLDER]     FOLDER: where they are put, docs by default
"""

import asyncio
import contextlib
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from textual.pilot import Pilot  # noqa: E402

from tools.film import as_part, film  # noqa: E402 - the project beside this script, installed or not
from tui.app import start_load  # noqa: E402
from tui.dashboard import OddportApp  # noqa: E402
from tui.data.picture import alone  # noqa: E402

SIZE = (100, 30)
TERMINAL = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
PICTURES = {
    "screenshot": (),
    "ports": ("4",),
    "evidence": ("enter", "enter"),
}
"""Name of the picture → keys pressed from the list of findings on."""
FILM_SIZE = (80, 24)
NAMED = {"/": "slash", "esc": "escape", "enter": "enter"}
SETTLE_SECONDS = 1.5
"""For what comes from threads and from the process that dissects packets."""


@contextlib.asynccontextmanager
async def dashboard(case: Path, size: tuple[int, int]) -> AsyncIterator[tuple[OddportApp, Pilot[int]]]:
    """On the case, settled."""
    app = OddportApp(case, title="branch-office.pcapng", environ=TERMINAL)
    async with app.run_test(size=size) as pilot:
        await pilot.pause(SETTLE_SECONDS)
        yield app, pilot


async def take(case: Path, keys: tuple[str, ...], out: Path) -> None:
    """One picture."""
    async with dashboard(case, SIZE) as (app, pilot):
        for key in keys:
            await pilot.press(key)
            await pilot.pause(SETTLE_SECONDS)
        picture = alone(app.export_screenshot(title="oddport"))
    out.write_text(picture, encoding="utf-8")


async def take_walk(case: Path, out: Path) -> None:
    """The walk of the guide as a film."""
    shots = []
    async with dashboard(case, FILM_SIZE) as (app, pilot):
        shots.append(("", "make demo", as_part(alone(app.export_screenshot(title="oddport", simplify=True)))))
        for key, said in walk():
            await pilot.press(
                *(
                    [{" ": "space", '"': "quotation_mark"}.get(each, each) for each in key]
                    if key not in NAMED and len(key) > 1
                    else [NAMED.get(key, key)]
                )
            )
            await pilot.pause(SETTLE_SECONDS)
            shots.append((key, said, as_part(alone(app.export_screenshot(title="oddport", simplify=True)))))
    out.write_text(film(shots), encoding="utf-8")


def walk() -> list[tuple[str, str]]:
    """(key, what happens) of the first table of the guide."""
    text = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8").partition("## Screens")[0]
    return [(key, said.replace("`", "")) for key, said in re.findall(r"^\| `([^`]+)` \| (.+) \|$", text, re.MULTILINE)]


def main() -> int:
    """Exit status: 0."""
    folder = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else ROOT / "docs"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as work:
        case = Path(work) / "case.oddport"
        load = start_load(case, [str(ROOT / "demo_pcaps" / "branch-office.pcapng")])
        assert load is not None
        load.wait()
        load.end()
        for name, keys in PICTURES.items():
            asyncio.run(take(case, keys, folder / f"{name}.svg"))
            print(folder / f"{name}.svg")
        here = Path.cwd()
        os.chdir(work)  # the walk exports into the folder one is in
        try:
            asyncio.run(take_walk(case, folder / "triage.svg"))
        finally:
            os.chdir(here)
        print(folder / "triage.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
