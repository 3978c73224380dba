"""Other keys for actions, by a file: they work, are shown, and a wrong file is said and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tui.cases import branch_office
from tests.tui.test_dashboard import ENVIRON, desk_of
from tui.data.keymap import keymap
from tui.screens.help import Help

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_key_of_the_file_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    file.write_text('[keys]\n"judge.next" = "z"\n"here.help" = "ctrl+e,question_mark"\n')
    environ = {**ENVIRON, "ODDPORT_KEYS": str(file)}
    async with desk_of(branch_office(tmp_path / "c.oddport"), size=(200, 50), environ=environ) as desk:
        assert "z next" in desk.said("keys")
        await desk.press("n")
        assert desk.table.cursor == 0
        await desk.press("z")
        assert desk.table.cursor == 1
        await desk.press("question_mark")
        assert isinstance(desk.app.screen, Help)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[keys\n", "is no TOML"), ("keys = 1\n", "stand in a table"),
        ('[keys]\n"judge next" = "n"\n', "not understood"),
        ('[keys]\n"judge.next" = 3\n', "not understood"),
        ('[keys]\n"judge.next" = "ctrl+b"\n', "belongs to the terminal"),
    ],
)  # fmt: skip
async def test_a_wrong_file_is_said_and_changes_nothing(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "keys.toml"
    file.write_text(text)
    environ = {**ENVIRON, "ODDPORT_KEYS": str(file)}
    assert keymap(environ)[0] == {}
    async with desk_of(branch_office(tmp_path / "c.oddport"), environ=environ) as desk:
        assert said in " ".join(desk.said("notices").split()) or said in str(
            [each.title for each in desk.app.problems()]
        )
        await desk.press("n")
        assert desk.table.cursor == 1


def test_without_a_file_nothing_is_other(tmp_path: Path) -> None:
    assert keymap({"ODDPORT_KEYS": str(tmp_path / "none.toml")}) == ({}, "")
