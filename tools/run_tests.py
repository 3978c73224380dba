"""Static checks and tests, in an order in which the cheap ones fail first.

usage: run_tests.py [--static]

Every part runs even if one before it failed; the exit status is that of the worst. Skipped tests are listed with their
reasons by pytest.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
STATIC = (
    ("style", [str(BIN / "ruff"), "check", "."]),
    ("types", [str(BIN / "mypy")]),
    ("import contracts", [str(BIN / "lint-imports")]),
)
PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
UNCOMPILED = ["tests/engine/test_flows.py", "tests/engine/test_columns.py", "tests/loading"]
"""Tests that are run a second time with the engine as plain Python."""


def run(name: str, command: list[str], **environ: str) -> int:
    """Run one part; gives its exit status."""
    print(f"== {name}", flush=True)
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **environ}, check=False).returncode


def main() -> int:
    """Run all parts; gives the worst exit status."""
    worst = 0
    for name, command in STATIC:
        worst = max(worst, run(name, command))
    if "--static" in sys.argv:
        return worst
    uncompiled = [*PYTEST, "-n", "2", "-m", "not corpus and not e2e and not netns", *UNCOMPILED]
    worst = max(worst, run("tests, engine uncompiled", uncompiled, ODDPORT_ENGINE="python"))
    return max(worst, run("tests", [*PYTEST, "-n", "2", "tests"]))


if __name__ == "__main__":
    sys.exit(main())
