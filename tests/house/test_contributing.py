"""CONTRIBUTING.md and README.md hold what they promise: their snippets are put in place and run."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from oddport.case.filter import compile_filter
from tests.captures import conversation, write_pcap

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROTOCOL_PART, DETECTOR_PART = re.findall(r"^## Add a (?:protocol|detector)\n(.*?)(?=^## )", GUIDE, re.M | re.S)


def snippets(part: str) -> dict[str, str]:
    """File name → text of the snippets that are marked as files."""
    return dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", part, re.S))


def run(words: Sequence[str], folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, which is also the first place that modules are looked for."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]), **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The library, and the tests that every protocol has to pass, with the guide's protocol added as it says."""
    for name in ("oddport", "tests/protocols", "tests/engine"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "tests/__init__.py", tmp_path / "tests")
    for name in ("pyproject.toml", "conftest.py"):
        shutil.copy(ROOT / name, tmp_path)
    for name, text in snippets(PROTOCOL_PART).items():
        assert not (tmp_path / name).exists(), f"{name} is there by now: show another protocol in CONTRIBUTING.md"
        (tmp_path / name).write_text(text, encoding="utf-8")
    registry = tmp_path / "oddport/protocols/registry.py"
    text = registry.read_text(encoding="utf-8")
    assert text.count('    "automation",\n') == 1
    named = text.replace('    "automation",\n', '    "automation",\n    "beanstalk",\n')
    registry.write_text(named, encoding="utf-8")
    return tmp_path


def test_the_protocol_of_the_guide_passes_its_tests_and_those_of_every_protocol(copy: Path) -> None:
    shared = [
        "tests/protocols/test_registry.py",
        "tests/protocols/test_conflicts.py",
        "tests/protocols/test_beanstalk.py",
    ]
    done = run(
        ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *shared], copy, ODDPORT_ENGINE="python"
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_the_protocol_of_the_guide_is_seen_by_scan(copy: Path) -> None:
    turns = [("c", b"put 100 0 60 5\r\nhello\r\n"), ("s", b"INSERTED 42\r\n")]
    capture = write_pcap(copy / "queue.pcap", conversation(turns, port=443))
    done = run(["-m", "oddport", "scan", "--format", "ndjson", str(capture)], copy)
    (flow,) = [each for each in map(json.loads, done.stdout.splitlines()) if each["type"] == "flow"]
    assert (flow["app"], flow["tier"], flow["port_verdict"]) == ("beanstalk", "A", "mismatch")


def test_the_ports_of_the_guide_are_those_of_the_table() -> None:
    (text,) = re.findall(r"<!-- ports -->\n```toml\n(.*?)```", PROTOCOL_PART, re.S)
    table = tomllib.loads((ROOT / "oddport/protocols/data/ports.toml").read_text(encoding="utf-8"))
    ((name, entry),) = tomllib.loads(text).items()
    assert table[name] == entry


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The guide's detector, with the metadata that installing it writes."""
    files = snippets(DETECTOR_PART)
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    project = tomllib.loads(files["pyproject.toml"])["project"]
    info = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    header = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (info / "METADATA").write_text(header, encoding="utf-8")
    points = project["entry-points"]["oddport.detectors"]
    lines = [f"{name} = {target}\n" for name, target in points.items()]
    (info / "entry_points.txt").write_text("[oddport.detectors]\n" + "".join(lines), encoding="utf-8")
    return tmp_path


def test_the_detector_of_the_guide_passes_its_tests(package: Path) -> None:
    done = run(["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "test_clear_login.py"], package)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "2 passed" in done.stdout


def test_the_detector_of_the_guide_is_listed_and_takes_part_in_a_scan(package: Path) -> None:
    listed = run(["-m", "oddport", "detectors"], package, COLUMNS="160")
    assert "clear-login" in listed.stdout
    assert "oddport-clear-login 1.0" in listed.stdout
    turns = [("s", b"\xff\xfd\x18\xff\xfd\x20"), ("c", b"\xff\xfb\x18\xff\xfb\x20"), ("s", b"login: ")]
    capture = write_pcap(package / "telnet.pcap", conversation(turns, port=4444))
    done = run(["-m", "oddport", "scan", "--format", "ndjson", str(capture)], package)
    findings = [each for each in map(json.loads, done.stdout.splitlines()) if each["type"] == "finding"]
    assert sorted(each["detector"] for each in findings) == ["clear-login", "port-mismatch"]
    (found,) = [each for each in findings if each["detector"] == "clear-login"]
    assert found["title"] == "Telnet login in clear on 4444/tcp"
    assert [each["id"] for each in found["techniques"]] == ["T1040"]
    assert [each["hex"] for each in found["evidence"]] == ["fffb18fffb20", "fffd18fffd20"]


def test_the_snippets_are_typed_and_in_style(tmp_path: Path) -> None:
    for name, text in {**snippets(PROTOCOL_PART), **snippets(DETECTOR_PART)}.items():
        if name.endswith(".py"):
            (tmp_path / Path(name).name).write_text(text, encoding="utf-8")
    ruff = Path(sys.executable).with_name("ruff")
    if not ruff.exists():
        pytest.skip("ruff is not installed beside this Python")
    done = subprocess.run(
        [str(ruff), "check", "--no-cache", "--config", str(ROOT / "pyproject.toml"), "."],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_the_filters_of_the_readme_are_filters() -> None:
    (row,) = [line for line in README.splitlines() if line.startswith("| `/` |")]
    filters = row.split("`")[3::2]
    assert len(filters) == 2
    for text in filters:
        compile_filter(text, "flows")


def test_the_commands_of_the_readme_are_commands() -> None:
    words = set(re.findall(r"^    (?:.*\| )?oddport (?!demo`)([a-z]+)\b(?!\.|\d)", README, re.M))
    assert {"demo", "scan", "load", "cases", "detectors"} <= words
    for word in words - {"capture", "part"}:
        done = run(["-m", "oddport", word, "--help"], ROOT)
        assert done.returncode == 0, f"README.md names `oddport {word}`, which is no command"


@pytest.mark.skipif(not (ROOT / "demo_pcaps/ssh-on-53.pcap").exists(), reason="demo_pcaps/ssh-on-53.pcap is missing")
def test_the_scan_that_the_readme_shows_finds_what_it_shows() -> None:
    shown = [line.split() for line in README.splitlines() if line.startswith("C  ")]
    done = run(["-m", "oddport", "scan", "demo_pcaps/ssh-on-53.pcap"], ROOT, COLUMNS="100")
    assert shown == [line.split() for line in done.stdout.splitlines() if line.startswith("C  ")]
