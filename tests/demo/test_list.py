"""The list of demos is found where it was installed, and says in a sentence when it was not."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import Path as ZipPath
from zipfile import ZipFile

import pytest

import oddport
from oddport import demos
from oddport.cli.dashboard import open_demo
from oddport.demos import DemosError, demo_path, list_demos

ROOT = Path(oddport.__file__).parents[1]


@pytest.fixture(autouse=True)
def _read_anew() -> Iterator[None]:
    demos._demos.cache_clear()
    yield
    demos._demos.cache_clear()


def test_branch_office_comes_first() -> None:
    assert list_demos()[0].name == "branch-office"


def test_names_files_and_titles_are_told_apart() -> None:
    listed = list_demos()
    for field in ("name", "file", "title"):
        assert len({getattr(demo, field) for demo in listed}) == len(listed), field


def test_paths_are_files() -> None:
    for demo in list_demos():
        assert demo_path(demo.name) == demo.path
        assert demo.path.is_file()


def test_unknown_name_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        demo_path("no-such-demo")


def test_story_is_one_line() -> None:
    for demo in list_demos():
        assert "\n" not in demo.story
        assert demo.story.endswith((".", "?"))


def printed(code: str, folder: Path) -> str:
    """What a Python that stands in `folder` prints."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", f"from oddport.demos import demo_path; print({code})"]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=True).stdout.strip()


def test_demos_are_found_from_any_folder(tmp_path: Path) -> None:
    assert printed("demo_path('ssh-on-53')", tmp_path) == str(ROOT / "demo_pcaps" / "ssh-on-53.pcap")


def test_a_folder_of_the_same_name_where_one_stands_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "demo_pcaps").mkdir()
    (tmp_path / "demo_pcaps" / "demos.toml").write_text("demo = []")
    assert printed("demo_path('ssh-on-53').parent", tmp_path) == str(ROOT / "demo_pcaps")


def test_installation_without_demos_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demos, "FOLDER", "not-here")
    with pytest.raises(DemosError, match=r"were not installed: .*/not-here/demos\.toml is missing\. .*CAPTURE\.$"):
        list_demos()


def test_demos_inside_an_archive_cannot_be_opened_and_say_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("oddport/demos.py", "")
    monkeypatch.setattr(demos, "files", lambda package: ZipPath(tmp_path / "a.zip", "oddport/"))
    with pytest.raises(DemosError, match=r"from an archive \(.*a\.zip/oddport/\)"):
        list_demos()


def test_command_without_demos_ends_with_the_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demos, "FOLDER", "not-here")
    assert open_demo(None, False, False) == 2
    assert "The demo captures were not installed" in " ".join(capsys.readouterr().err.split())


def test_command_names_the_demos_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert open_demo("ssh-on-35", False, False) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "There is no demo called ssh-on-35." in said
    assert "ssh-on-53" in said
