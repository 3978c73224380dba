"""A case is judged again from the dashboard: after an exception of the site, or as it is; both can be taken back."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from oddport.capture import open_capture
from oddport.case.reader import CaseReader
from oddport.detection.registry import load as load_detectors
from oddport.loading.into_case import into_case
from oddport.protocols.site import read_site
from tests.captures import HTTP_TURNS, SSH_TURNS, conversation, write_pcap
from tests.tui.test_dashboard import Desk, desk_of
from tui.data.judging import Judged
from tui.dialogs.exception import ExceptionDialog
from tui.screens.findings import FindingsScreen
from tui.screens.judged import JudgedScreen, summary_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """SSH on 41414, HTTP on 443, and HTTP on the usual alternate 8080."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    frames = [
        *conversation(SSH_TURNS), *conversation(HTTP_TURNS, sport=40001, port=443),
        *conversation(HTTP_TURNS, sport=40002, port=8080),
    ]  # fmt: skip
    capture, path = write_pcap(tmp_path / "odd.pcap", frames), tmp_path / "odd.oddport"
    with open_capture([str(capture)], workdir=tmp_path) as reader:
        into_case(reader, path, load_detectors()[0], lambda: False, lambda progress: None)
    return path


def titles(case: Path) -> list[str]:
    with CaseReader.open(case) as reader:
        return sorted(str(row[0]) for row in reader.rows("findings", reader.query_ids("findings"), ("title",)) if row)


async def judged(desk: Desk) -> None:
    for _ in range(600):
        await desk.pilot.pause(0.05)
        if not desk.app.is_judging:
            break
    assert not desk.app.is_judging
    await desk.settle()


async def except_ssh(desk: Desk) -> None:
    await desk.press("slash")
    await desk.type("app == ssh")
    await desk.press("enter", "b")
    assert isinstance(desk.app.screen, ExceptionDialog)
    await desk.type("jump host")
    await desk.press("enter")
    await judged(desk)


async def test_benign_here_ends_the_finding_and_undo_brings_it_back(case: Path, tmp_path: Path) -> None:
    before = titles(case)
    assert "SSH on 41414/tcp" in before
    async with desk_of(case) as desk:
        await except_ssh(desk)
        assert isinstance(desk.app.screen, JudgedScreen)
        assert "Went       SSH on 41414/tcp" in desk.said("text")
        assert "is fine from now on" in desk.said("text")
        assert titles(case) == [each for each in before if each != "SSH on 41414/tcp"]
        site = read_site(tmp_path / "config" / "oddport" / "site.toml")
        assert site is not None
        ((entry,),) = site.by_port.values()
        assert (entry.app, entry.port, entry.reason) == ("ssh", 41414, "jump host")
        assert entry.until_ns is not None
        await desk.press("u")
        await judged(desk)
        assert "Appeared   SSH on 41414/tcp" in desk.said("text")
        await desk.press("enter")
        assert isinstance(desk.app.screen, FindingsScreen)
    assert titles(case) == before
    site = read_site(tmp_path / "config" / "oddport" / "site.toml")
    assert site is not None
    assert not site.by_port


async def test_an_excused_flow_leads_to_its_exception_in_a_later_session(case: Path) -> None:
    before = titles(case)
    async with desk_of(case) as desk:
        await except_ssh(desk)
    async with desk_of(case) as desk:
        await desk.press("2", "slash")
        await desk.type("app == ssh")
        await desk.press("enter", "b")
        assert "jump host" in desk.picture()
        await desk.press("y")
        await judged(desk)
        assert "Appeared   SSH on 41414/tcp" in desk.said("text")
    assert titles(case) == before


async def test_what_is_no_exception_is_a_sentence_and_nothing_is_written(case: Path, tmp_path: Path) -> None:
    async with desk_of(case) as desk:
        await desk.press("b", "enter")
        assert "gives no reason" in desk.said("why")
        await desk.type("why not")
        await desk.press("tab")
        await desk.press("ctrl+u")
        await desk.type("soon")
        await desk.press("enter")
        assert "“soon” is no day" in desk.said("why")
        await desk.press("escape")
        assert not desk.app.is_judging
    assert not (tmp_path / "config" / "oddport" / "site.toml").exists()


async def test_judging_again_with_other_settings_says_what_appeared(case: Path, tmp_path: Path) -> None:
    async with desk_of(case) as desk:
        await desk.press("J")
        await judged(desk)
        assert "the findings are the same" in desk.said("context")
        folder = tmp_path / "config" / "oddport"
        folder.mkdir(parents=True)
        (folder / "oddport.toml").write_text("[port-mismatch]\nreport_alternates = true\n", encoding="utf-8")
        await desk.press("J")
        await judged(desk)
        assert "Appeared   HTTP on 8080/tcp (alternate)" in desk.said("text")
        (folder / "oddport.toml").write_text("[port-mismatch]\nreport_alternate = true\n", encoding="utf-8")
        await desk.press("escape", "J")
        await judged(desk)
        assert "report_alternate" in desk.said("context")


async def test_a_judging_is_stopped_by_its_key_and_changes_nothing(case: Path) -> None:
    before = titles(case)
    async with desk_of(case) as desk:
        desk.app.judging_command = (sys.executable, "-c", "import time; print('{}', flush=True); time.sleep(60)")
        await desk.press("J")
        assert desk.app.is_judging
        assert "judging again" in desk.said("context")
        await desk.press("x")
        await judged(desk)
        assert "Judging was stopped" in desk.said("context")
    assert titles(case) == before


def test_what_changed_is_counted_in_words() -> None:
    assert summary_of(Judged(3, (("a", 2),), ())) == "No finding went, 2 appeared."
    assert summary_of(Judged(3, (), (("a", 1),))) == "1 finding went, none appeared."
