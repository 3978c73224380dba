"""Static checks and tests, in an order in which the cheap ones fail first; then what the tests have covered.

usage: run_tests.py [--static]

Every part runs even if one before it failed; the exit status is that of the worst. pytest names each skipped test with
its reason. Branches of `oddport` and `detectors` are counted over the uncompiled run and the compiled one together,
since compiled modules are not traced.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
STATIC = (
    ("style", [str(BIN / "ruff"), "check", "."]),
    ("types", [str(BIN / "mypy")]),
    ("import contracts", [str(BIN / "lint-imports"), "--no-cache"]),
)
PYTEST = [sys.executable, "-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider"]
UNCOMPILED = [f"tests/{name}" for name in ("engine", "protocols", "loading", "detection", "detectors", "capture")]
"""Tests that are run a second time with the engine as plain Python."""
COVERED = ("oddport", "detectors")
BRANCHES = 90.0
"""Least share of branches that tests take, in per cent."""
WORKERS = str(min(8, max(2, os.cpu_count() or 1)))


def run(name: str, command: list[str], **environ: str) -> int:
    """Run one part, with how long it took; gives its exit status."""
    print(f"== {name}", flush=True)
    began = time.monotonic()
    status = subprocess.run(command, cwd=ROOT, env={**os.environ, **environ}, check=False).returncode
    print(f"-- {name}: {time.monotonic() - began:.0f} s{'' if status == 0 else ', FAILED'}", flush=True)
    return status


def covered(data: Path) -> int:
    """Print the share of branches taken, and the modules that lack most; 1 where it is less than BRANCHES."""
    report = data.with_suffix(".json")
    command = [sys.executable, "-m", "coverage", "json", "-q", f"--data-file={data}", "-o", str(report)]
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        return 1
    read = json.loads(report.read_text(encoding="utf-8"))
    share = 100 * read["totals"]["covered_branches"] / read["totals"]["num_branches"]
    lacking = sorted(
        ((file["summary"]["missing_branches"], name) for name, file in read["files"].items()), reverse=True
    )
    print(f"== branches taken in {' and '.join(COVERED)}: {share:.1f} % (at least {BRANCHES:.0f} % wanted)")
    for missing, name in lacking[:8]:
        print(f"   {name}: {missing} not taken")
    return int(share < BRANCHES)


def main() -> int:
    """Run all parts; gives the worst exit status."""
    worst = max([run(name, command) for name, command in STATIC])
    if "--static" in sys.argv:
        return worst
    with tempfile.TemporaryDirectory(prefix="oddport-coverage-") as folder:
        data = Path(folder) / "coverage"
        traced = ["--cov-branch", "--cov-report=", *(f"--cov={name}" for name in COVERED)]
        parallel = ["-n", WORKERS, "--dist", "loadgroup"]
        uncompiled = [*PYTEST, *parallel, *traced, "-m", "not corpus and not e2e and not netns", *UNCOMPILED]
        kept = {"COVERAGE_FILE": str(data)}
        worst = max(worst, run("tests with the engine uncompiled", uncompiled, ODDPORT_ENGINE="python", **kept))
        worst = max(worst, run("tests in a terminal, one by one", [*PYTEST, "-m", "e2e", "tests"]))
        compiled = [*PYTEST, *parallel, *traced, "--cov-append", "-m", "not e2e", "tests"]
        worst = max(worst, run("tests", compiled, **kept))
        return max(worst, covered(data))


if __name__ == "__main__":
    sys.exit(main())
