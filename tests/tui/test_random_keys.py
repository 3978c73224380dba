"""Any keys in any order, on real captures, in a terminal that changes its size: no crash, and always a way back."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.tui.random_keys import CORPORA, DEMOS, load, press_any, real_captures

if TYPE_CHECKING:
    from pathlib import Path


async def walk(capture: Path, seed: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ODDPORT_DATA", str(folder / "data"))
    case = folder / "case.oddport"
    load(capture, case)
    await press_any(case, seed)


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_keys_break_the_dashboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    await walk(DEMOS / "branch-office.pcapng", seed, tmp_path, monkeypatch)


@pytest.mark.corpus
@pytest.mark.skipif(not (CORPORA / "captures").is_dir(), reason=f"no captures in {CORPORA}")
@pytest.mark.parametrize("seed", [11, 12, 13, 14])
async def test_no_keys_break_the_dashboard_on_a_real_capture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    await walk(random.Random(seed).choice(real_captures(CORPORA)), seed, tmp_path, monkeypatch)
