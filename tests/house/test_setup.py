"""A fresh machine: what is missing there is said in a sentence, and costs only what it has to."""

import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETUP = ROOT / "tools/setup_env.py"
BUILDS = find_spec("setuptools") is not None and int(version("setuptools").split(".")[0]) >= 77
needs_setuptools = pytest.mark.skipif(not BUILDS, reason="setuptools 77 or newer is not installed beside this Python")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a fresh clone holds of files that setting up looks at, with nothing built."""
    ignored = shutil.ignore_patterns("__pycache__", "*.so", "*.egg-info", "build", ".*")
    for name in ("oddport", "detectors", "tui", "demo_pcaps", "tools"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "Makefile"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def run(words: list[str], folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_", "COVERAGE"))}
    return subprocess.run(
        words, cwd=folder, env={**kept, **environ}, capture_output=True, text=True, check=False, timeout=300
    )


def set_up(checkout: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run tools/setup_env.py as make does."""
    return run([sys.executable, str(checkout / "tools/setup_env.py"), ".venv"], checkout, **environ)


def test_without_the_venv_module_it_says_what_to_install_and_leaves_nothing_behind(
    checkout: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    fake = tmp_path_factory.mktemp("fake") / "venv"
    fake.mkdir()
    (fake / "__init__.py").write_text("", encoding="utf-8")
    (fake / "__main__.py").write_text("raise SystemExit('ensurepip is not available')", encoding="utf-8")
    done = set_up(checkout, PYTHONPATH=str(fake.parent))
    assert done.returncode == 1
    assert "ensurepip is not available" in done.stderr
    assert "apt install python3-venv" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (checkout / ".venv").exists()


def test_without_a_network_it_says_that_the_package_index_is_needed_and_asks_again_next_time(checkout: Path) -> None:
    offline = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://127.0.0.1:9", "PIP_RETRIES": "0"}
    for _ in range(2):  # what the first attempt left does not make the second one say something else
        done = set_up(checkout, PIP_FIND_LINKS="", PIP_NO_CACHE_DIR="1", **offline)
        assert done.returncode == 1
        assert "The package index has to be reachable the first time." in done.stderr
        assert not done.stderr.startswith("Traceback")


def as_old_python(checkout: Path, path: str) -> subprocess.CompletedProcess[str]:
    """Run tools/setup_env.py in a Python that takes itself for 3.9, with other Pythons looked for in `path`."""
    code = (
        "import runpy, sys; sys.version_info = (3, 9, 2, 'final', 0); runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    words = f"import sys; sys.argv = ['tools/setup_env.py', '.venv']; {code}"
    return run([sys.executable, "-c", words], checkout, PATH=path)


def test_a_python_that_is_too_old_is_named_with_what_to_do(checkout: Path) -> None:
    done = as_old_python(checkout, "/nowhere")
    assert done.returncode == 1
    assert "oddport needs 3.11 or newer" in done.stderr
    assert "make PYTHON=" in done.stderr


def test_an_old_python_hands_over_to_a_newer_one(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    newer = tmp_path_factory.mktemp("path") / "python3.12"
    newer.write_text('#!/bin/sh\n[ "$1" = -c ] && exit 0\necho "newer: $*"\n', encoding="utf-8")
    newer.chmod(0o755)
    assert as_old_python(checkout, str(newer.parent)).stdout == "newer: tools/setup_env.py .venv\n"


def test_a_second_run_finds_that_all_is_ready_and_does_nothing(checkout: Path) -> None:
    # an environment that is ready, as the first run leaves it: the stamp is what the second one looks at
    code = "import sys; sys.path.insert(0, 'tools'); import setup_env; print(setup_env.fingerprint(False))"
    stamp = run([sys.executable, "-c", code], checkout).stdout.strip()
    (checkout / ".venv/bin").mkdir(parents=True)
    (checkout / ".venv/bin/python").touch()
    (checkout / ".venv/ready").write_text(stamp, encoding="utf-8")
    done = set_up(checkout)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    # a change to a compiled module is noticed: the environment is not taken for ready any more
    module = checkout / "oddport/engine/decode.py"
    module.write_text(module.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    assert run([sys.executable, "-c", code], checkout).stdout.strip() != stamp


def test_the_first_start_finds_its_bytecode_ready(checkout: Path) -> None:
    code = "import sys; sys.path.insert(0, 'tools'); import setup_env; setup_env.store_bytecode(sys.executable)"
    done = run([sys.executable, "-c", code], checkout)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    for name in ("oddport/cli", "oddport/loading", "detectors/udp_fragments", "tui/screens"):
        sources = {path.stem for path in (checkout / name).glob("*.py")}
        assert {path.name.partition(".")[0] for path in (checkout / name / "__pycache__").glob("*.pyc")} == sources


@needs_setuptools
@pytest.mark.parametrize("compiler", ["false", "/no/such/compiler"])
def test_a_compiler_that_fails_or_is_missing_leaves_an_installation_that_works(checkout: Path, compiler: str) -> None:
    (checkout / "oddport/engine/compiled.txt").write_text("oddport.engine.links\n", encoding="utf-8")  # one will do
    done = run([sys.executable, "setup.py", "build_ext", "--inplace"], checkout, CC=compiler)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "building extension" in done.stdout + done.stderr
    assert list(checkout.rglob("*.so")) == []


@needs_setuptools
def test_the_wheel_holds_the_code_its_data_and_the_demo_captures(checkout: Path) -> None:
    code = "from setuptools.build_meta import build_wheel; print(build_wheel('dist'))"
    (checkout / "dist").mkdir()
    done = run([sys.executable, "-c", code], checkout, ODDPORT_COMPILE="0")
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (checkout / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    for package in ("oddport", "detectors", "tui", "demo_pcaps"):
        files = [path for path in (checkout / package).rglob("*") if path.is_file() and path.suffix != ".pyc"]
        assert {str(path.relative_to(checkout)) for path in files} - packed == set()
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in packed)
    assert not [name for name in packed if name.startswith(("tests", "tools", "benchmarks"))]
