"""The demo capture in the dashboard → the pictures of the README and the guide, as SVG.

usage: pictures.py [FOLDER]     FOLDER: where they are put, docs by default
"""

import asyncio
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tui.app import start_load  # noqa: E402 - the project beside this script, installed or not
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
SETTLE_SECONDS = 1.5
"""For what comes from threads and from the process that dissects packets."""


async def take(case: Path, keys: tuple[str, ...], out: Path) -> None:
    """One picture."""
    app = OddportApp(
        case,
        title="branch-office.pcapng",
        environ={"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"},
    )
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(SETTLE_SECONDS)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(SETTLE_SECONDS)
        picture = alone(app.export_screenshot(title="oddport"))
    out.write_text(picture, encoding="utf-8")


def main() -> int:
    """Exit status: 0."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs"
    with tempfile.TemporaryDirectory() as work:
        case = Path(work) / "case.oddport"
        load = start_load(case, [str(ROOT / "demo_pcaps" / "branch-office.pcapng")])
        assert load is not None
        load.wait()
        load.end()
        for name, keys in PICTURES.items():
            asyncio.run(take(case, keys, folder / f"{name}.svg"))
            print(folder / f"{name}.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
