"""What each part loads when it runs: the rooms as Python sees them, beside the contracts that read the source."""

import json
import os
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest

from tests.captures import HTTP_TURNS, SSH_TURNS, conversation, write_pcap

ROOT = Path(__file__).parents[2]
LOADED = "import json, sys; before = set(sys.modules); import {}; print(json.dumps(sorted(set(sys.modules) - before)))"
BLOCK = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ImportError(f"{{name}} is blocked in this test")

sys.meta_path.insert(0, Blocked())
sys.argv = ["oddport", *{words!r}]
from oddport.cli import main
main()
"""


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def loaded(module: str) -> set[str]:
    """Names of all modules that importing one brings in."""
    done = python(LOADED.format(module))
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def within(names: set[str], *packages: str) -> set[str]:
    """Those of the names that lie in the packages."""
    return {name for name in names if any(name == package or name.startswith(f"{package}.") for package in packages)}


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """SSH on 41414 and HTTP on 443: two findings."""
    return write_pcap(
        tmp_path / "odd.pcap", [*conversation(SSH_TURNS), *conversation(HTTP_TURNS, sport=40001, port=443)]
    )


@pytest.mark.parametrize(
    "module", ["tui.app", "oddport.cli.dashboard, oddport.case.cases, oddport.capture.fingerprint"]
)
def test_the_loader_is_started_before_textual_and_numpy_are_imported(module: str) -> None:
    names = loaded(f"{module}, tui.data.load")
    assert within(names, "tui.data.load")
    assert not within(names, "textual", "numpy", "oddport.engine")


def test_the_first_paint_waits_for_textual_only() -> None:
    names = loaded("tui.dashboard")
    assert within(names, "textual.app")
    assert not within(
        names,
        "scapy",
        "sqlite_utils",
        "lark",
        "numpy",
        "cryptography",
        "oddport.protocols",
        "oddport.engine",
        "detectors",
    )


def test_a_load_needs_neither_dashboard_nor_scapy() -> None:
    names = loaded("oddport.loading.pipeline")
    assert within(names, "oddport.engine.flows")
    assert not within(names, "scapy", "textual", "rich", "sqlite_utils", "lark", "tui", "detectors")


def test_the_loading_process_needs_neither_dashboard_nor_scapy() -> None:
    names = loaded("oddport.loading.__main__")
    assert within(names, "oddport.case.writer")
    assert not within(names, "scapy", "textual", "rich", "sqlite_utils", "lark", "tui", "detectors")


def test_the_command_loads_what_a_subcommand_needs_only_when_it_is_called() -> None:
    assert not within(loaded("oddport.cli.main"), "textual", "numpy", "scapy", "sqlite_utils", "tui", "oddport.engine")


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("oddport.engine.flows", {"oddport.engine"}),
        ("oddport.capture.reader, oddport.capture.folder", {"oddport.engine", "oddport.capture"}),
        ("oddport.protocols.identify", {"oddport.engine", "oddport.protocols"}),
        ("oddport.attack", {"oddport.engine", "oddport.attack"}),
        ("oddport.detection.runner", {"oddport.engine", "oddport.protocols", "oddport.attack", "oddport.detection"}),
    ],
)
def test_a_room_brings_in_only_the_rooms_below_it(module: str, allowed: set[str]) -> None:
    ours = within(loaded(module), "oddport", "detectors", "tui")
    assert ours - {"oddport"} == within(ours, *allowed)


def test_listing_detectors_imports_none_of_them() -> None:
    code = (
        "import sys; from oddport.detection.registry import entries; "
        "print(len(entries()) > 1, sorted(n for n in sys.modules if n.startswith('detectors')))"
    )
    done = python(code)
    assert done.stdout.strip() == "True []", done.stderr


def test_built_in_detectors_are_registered_like_anyone_elses() -> None:
    found = {point.name: point.value for point in entry_points(group="oddport.detectors")}
    assert found["port-mismatch"] == "detectors.port_mismatch:PortMismatch"
    assert found["udp-fragments"] == "detectors.udp_fragments:UdpFragments"


def test_every_detector_that_is_registered_is_there_by_that_name() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    points = project["entry-points"]["oddport.detectors"]
    kinds = {name: EntryPoint(name, target, "oddport.detectors").load() for name, target in points.items()}
    assert {name: kind.name for name, kind in kinds.items()} == {name: name for name in points}
    rules = {rule.id for kind in kinds.values() for rule in kind.rules}
    assert {f"FRG-{number:02}" for number in range(1, 27)} <= rules


def test_scan_works_where_textual_scapy_and_sqlite_utils_cannot_be_imported(odd: Path) -> None:
    blocked = {"textual", "scapy", "sqlite_utils", "lark", "tui"}
    done = python(BLOCK.format(blocked=blocked, words=["scan", "--format", "ndjson", str(odd)]))
    assert done.returncode == 0, done.stderr
    kinds = [json.loads(line)["type"] for line in done.stdout.splitlines()]
    assert (kinds.count("flow"), kinds.count("finding")) == (2, 2)


def test_load_works_where_textual_scapy_and_rich_cannot_be_imported(odd: Path, tmp_path: Path) -> None:
    blocked = {"textual", "scapy", "rich", "sqlite_utils", "lark", "tui"}
    case = tmp_path / "odd.oddport"
    done = python(BLOCK.format(blocked=blocked, words=["load", str(odd), "--case", str(case)]))
    assert done.returncode == 0, done.stderr
    assert case.stat().st_size > 0
