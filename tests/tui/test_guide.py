"""The walk of the guide, key by key, on the demo capture."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from oddport.case.reader import CaseReader
from tests.tui.test_dashboard import desk_of
from tui.app import start_load
from tui.screens.packet import PacketScreen

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[2]
NAMES = {"/": "slash", "esc": "escape"}


def keys_of_the_guide() -> list[str]:
    """What the first table of the guide says to press."""
    text = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8").partition("## Screens")[0]
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)


async def test_the_walk_of_the_guide_leads_where_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    case = tmp_path / "case.oddport"
    load = start_load(case, [str(ROOT / "demo_pcaps" / "branch-office.pcapng")])
    assert load is not None
    while load.progress.running:
        pass
    load.end()
    keys = keys_of_the_guide()
    assert len(keys) == 12
    seen = []
    async with desk_of(case) as desk:
        for key in keys:
            if key not in NAMES and len(key) > 1 and key != "enter":
                await desk.type(key)
            else:
                await desk.press(NAMES.get(key, key))
            seen.append(type(desk.app.screen))
        assert PacketScreen in seen
        for _ in range(100):
            await desk.pilot.pause(0.05)
            if "written to" in desk.said("context"):
                break
        finding = desk.table.current
        assert (finding.title, finding.src, finding.dst) == ("TLS on 8088/tcp", "10.20.3.14", "203.0.113.80")
    written = (tmp_path / "case-findings.pcapng").read_bytes()
    assert written.startswith(b"\n\r\r\n")
    assert b"\x16\x03\x01" in written
    with CaseReader.open(case) as reader:
        assert [(row.title, row.verdict) for row in reader.review_log()] == [("TLS on 8088/tcp", "confirmed")]
