"""The example of a detector works from its folder and passes its own tests; folders count only where they are named."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from oddport.detection.registry import describe, folder_entries, load
from oddport.detection.settings import SettingsError

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "example_detector"


def run(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join((str(ROOT), str(EXAMPLE)))
    env = {**os.environ, "PYTHONPATH": path, "COLUMNS": "100"}
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=cwd, env=env, check=False)


def test_its_own_tests_pass(tmp_path: Path) -> None:
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(EXAMPLE), cwd=tmp_path)
    assert done.returncode == 0, done.stdout


def test_it_is_found_in_its_folder_and_described() -> None:
    (entry,) = folder_entries(EXAMPLE)
    assert (entry.name, entry.target) == ("night-shift", "night_shift:NightShift")
    (one,) = describe([entry])
    assert (one.error, one.techniques, [rule.id for rule in one.rules]) == ("", ("T1029",), ["NSH-01"])


def test_the_command_takes_it_where_it_is_named_and_not_from_the_working_directory() -> None:
    demo = str(ROOT / "demo_pcaps" / "branch-office.pcapng")
    named = run("-m", "oddport", "scan", "--detectors", str(EXAMPLE), "--set", "night-shift.from_hour=0",
                "--set", "night-shift.to_hour=24", demo)  # fmt: skip
    assert "Connections at night to" in named.stdout, named.stderr
    assert "Connections at night" not in run("-m", "oddport", "scan", demo, cwd=EXAMPLE).stdout
    shown = run("-m", "oddport", "detectors", "night-shift", "--detectors", str(EXAMPLE))
    assert "from_hour = 22" in shown.stdout


def test_module_that_cannot_be_imported_is_an_error_row_and_the_others_work(tmp_path: Path) -> None:
    (tmp_path / "broken_one.py").write_text("raise RuntimeError('no')\n", encoding="utf-8")
    detectors, errors = load([*folder_entries(tmp_path), *folder_entries(EXAMPLE)])
    assert [each.name for each in detectors] == ["night-shift"]
    assert "broken_one" in errors[0].message
    assert "RuntimeError: no" in errors[0].message


def test_folder_that_is_not_there_is_said() -> None:
    with pytest.raises(SettingsError, match="There is no folder"):
        folder_entries(Path("/nowhere/at/all"))
