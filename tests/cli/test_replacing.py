"""A file that is replaced: whole, with its mode, through a link, and left as it was where that fails."""

import os
from pathlib import Path

import pytest

from oddport.replacing import replace_file


def test_the_mode_and_a_link_stay(tmp_path: Path) -> None:
    file, link = tmp_path / "own.toml", tmp_path / "link.toml"
    file.write_text("old", encoding="utf-8")
    file.chmod(0o640)
    link.symlink_to(file)
    replace_file(link, "néw")
    assert link.is_symlink()
    assert file.read_text(encoding="utf-8") == "néw"
    assert file.stat().st_mode & 0o777 == 0o640


def test_folders_are_made_and_nothing_is_left_beside(tmp_path: Path) -> None:
    replace_file(tmp_path / "a" / "b" / "c.json", "{}")
    assert os.listdir(tmp_path / "a" / "b") == ["c.json"]


def test_what_cannot_be_replaced_stays(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text", encoding="utf-8")
    with pytest.raises(OSError, match="file"):
        replace_file(tmp_path / "file" / "c.json", "{}")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "text"
