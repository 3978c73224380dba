"""The table of names that meaningless bytes get: what it counts, and where it is put."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import noise  # noqa: E402 - the script, as a module

from tools.sections import section  # noqa: E402

TRIALS = 20_000


@pytest.mark.parametrize("kind", noise.KINDS)
def test_bytes_that_mean_nothing_get_a_name_less_than_once_in_ten_thousand(kind: str) -> None:
    names = noise.measure(noise.KINDS[kind], TRIALS)
    assert names.total() * noise.BOUND < TRIALS, names


def test_the_table_takes_the_place_of_the_one_before_and_of_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Accuracy\n\n| a |\n\n{noise.HEADING}\n\nold\n")
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "noise.py"), "--trials", "100", "--page", str(page)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert page.read_text() == f"# Accuracy\n\n| a |\n\n{done.stdout}"
    assert done.stdout.startswith(f"{noise.HEADING}\n")
    assert done.stdout.count("| 0 | – |  |") == len(noise.KINDS)
    assert section(page.read_text(), noise.HEADING) == done.stdout


def test_a_name_of_tier_a_is_counted() -> None:
    ssh = b"SSH-2.0-OpenSSH_9.6\r\n"
    assert noise.measure(lambda source, transport: ssh, 4) == {"ssh": 2}
