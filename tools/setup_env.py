"""A fresh checkout → a virtual environment with oddport in it, compiled where there is a compiler.

usage: setup_env.py VENV [--with-tests]

A second run finds a stamp with the hash of everything that the installation depends on, and does nothing. Uses only the
standard library, in words that old Pythons understand, so that one that is too old can say so or hand over to a newer.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
NEWER = ["python3." + str(minor) for minor in range(14, 10, -1)]
"""Names under which a newer Python may lie beside one that is too old."""
LINES_SHOWN = 12
"""Of what a failing command printed."""


def stop(sentence: str) -> None:
    """End with a sentence for the person."""
    sys.exit(f"oddport: {sentence}")


def hand_over() -> None:
    """Go on under a newer Python where this one is too old."""
    if sys.version_info >= OLDEST:
        return
    for name in NEWER:
        found = shutil.which(name)
        if found and subprocess.run([found, "-c", ""], stderr=subprocess.DEVNULL).returncode == 0:
            os.execv(found, [found, *sys.argv])
    stop(
        f"{sys.executable} is Python {sys.version.split()[0]}; oddport needs 3.11 or newer, and none was found. "
        "Install one, or name it: make PYTHON=/path/to/python3.12 demo"
    )


def compiled_modules() -> "list[str]":
    """Dotted names of the modules that a compiler makes fast."""
    return (ROOT / "oddport/engine/compiled.txt").read_text(encoding="utf-8").split()


def fingerprint(with_tests: bool) -> str:
    """Hash of the interpreter and of what is compiled or declared."""
    parts = hashlib.sha256(f"{sys.version}{sys.prefix}{ROOT}{with_tests}".encode())
    names = ["pyproject.toml", "setup.py", "oddport/__init__.py", "oddport/engine/compiled.txt"]
    names += [name.replace(".", "/") + ".py" for name in compiled_modules()]
    names += [str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("oddport/**/*.pxd"))]
    for name in names:
        path = ROOT / name
        parts.update(path.read_bytes() if path.exists() else b"missing")
    return parts.hexdigest()


def attempt(command: "list[str]") -> str:
    """Run quietly; "" where it went well, else the last lines it printed."""
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    if not done.returncode:
        return ""
    said = done.stdout.strip() or f"it ended with status {done.returncode} and said nothing"
    return "\n".join("    " + line for line in said.splitlines()[-LINES_SHOWN:])


def make_environment(venv: Path, made: Path) -> None:
    """A virtual environment with pip; what an earlier attempt left half done is made anew."""
    print(f"oddport: making a virtual environment in {venv.name} …", flush=True)
    said = attempt([sys.executable, "-m", "venv", "--clear", str(venv)])
    if said:
        shutil.rmtree(venv, ignore_errors=True)
        stop(
            f"a virtual environment could not be made with {sys.executable}:\n{said}\n"
            "  Python's venv module has to be installed with pip in it: on Debian and Ubuntu, apt install python3-venv."
        )
    made.touch()


def install(python: Path, with_tests: bool) -> None:
    """oddport and what it needs, from the package index."""
    print("oddport: installing what it needs, and compiling the engine (a minute or two) …", flush=True)
    package = ".[test]" if with_tests else "."
    said = attempt([str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--editable", package])
    if said:
        stop(
            f"what oddport needs could not be installed:\n{said}\n"
            "  The package index has to be reachable the first time. Behind a proxy set HTTPS_PROXY; for a mirror set "
            "PIP_INDEX_URL; then run this again."
        )


def store_bytecode(python: Path) -> None:
    """Of oddport's own packages, so that already the first start is a quick one; the installer does it for others."""
    said = attempt([str(python), "-m", "compileall", "-q", "oddport", "detectors", "tui"])
    if said:
        print(f"oddport: its bytecode could not be stored, so that it starts slower:\n{said}", flush=True)


def uncompiled(python: Path) -> "list[str]":
    """Modules that run as plain Python in this environment though a compiler could make them fast."""
    code = (
        "import sys\nfrom importlib import import_module\n"
        "print(*(name for name in sys.argv[1:] if str(import_module(name).__file__).endswith('.py')))"
    )
    command = [str(python), "-c", code, *compiled_modules()]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        last = "\n".join("    " + line for line in done.stdout.strip().splitlines()[-LINES_SHOWN:])
        stop(f"oddport was installed, but does not start:\n{last}\n  Try `make clean`, then this again.")
    return done.stdout.split()


def main() -> None:
    """Set up, or find that it is."""
    hand_over()
    venv, with_tests = ROOT / sys.argv[1], "--with-tests" in sys.argv
    python, made, stamp = venv / "bin/python", venv / "made", venv / "ready"
    wanted = fingerprint(with_tests)
    ready = stamp.read_text(encoding="utf-8").split() if stamp.exists() else []
    if python.exists() and (wanted in ready or (not with_tests and fingerprint(True) in ready)):
        return
    stamp.unlink(missing_ok=True)
    if not (python.exists() and made.exists()):
        make_environment(venv, made)
    install(python, with_tests)
    store_bytecode(python)
    slow = uncompiled(python)
    if slow:
        print(
            f"oddport: {len(slow)} of {len(compiled_modules())} modules of the engine could not be compiled, because "
            "there is no C compiler or no Python headers. They run as plain Python: everything works, but a large "
            "capture takes five to ten times as long. For speed install both (Debian, Ubuntu: apt install gcc "
            "python3-dev), then `make clean` and this again.",
            flush=True,
        )
    stamp.write_text(wanted, encoding="utf-8")
    print("oddport: ready.", flush=True)


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
