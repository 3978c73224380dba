"""A fresh checkout → a virtual environment with oddport in it, compiled where there is a compiler.

usage: setup_env.py VENV [--with-tests]

A second run finds a stamp with the hash of everything that the installation depends on, and does nothing. Uses only the
standard library, so that any Python from 3.11 on can start it.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)


def stop(sentence: str) -> "None":
    """End with a sentence for the person."""
    sys.exit(f"oddport: {sentence}")


def fingerprint(with_tests: bool) -> str:
    """Hash of the interpreter and of what is compiled or declared."""
    parts = hashlib.sha256(f"{sys.version}{sys.prefix}{ROOT}{with_tests}".encode())
    listed = (ROOT / "oddport/engine/compiled.txt").read_text(encoding="utf-8").split()
    names = ["pyproject.toml", "setup.py", "oddport/__init__.py", "oddport/engine/compiled.txt"]
    names += [name.replace(".", "/") + ".py" for name in listed]
    names += [str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("oddport/**/*.pxd"))]
    for name in names:
        path = ROOT / name
        parts.update(path.read_bytes() if path.exists() else b"missing")
    return parts.hexdigest()


def run(command: list[str], what: str, hint: str) -> None:
    """Run quietly; where it fails, show what it printed last, and say what to do."""
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    if done.returncode:
        last = "\n".join("    " + line for line in done.stdout.strip().splitlines()[-12:])
        stop(f"{what} failed:\n{last}\n  {hint}")


def is_compiled(python: Path) -> bool:
    """Whether the installed engine is machine code."""
    code = "from oddport.engine import is_compiled; raise SystemExit(not is_compiled())"
    return subprocess.run([str(python), "-c", code], cwd=ROOT, check=False).returncode == 0


def main() -> None:
    """Set up, or find that it is."""
    venv, with_tests = ROOT / sys.argv[1], "--with-tests" in sys.argv
    if sys.version_info < OLDEST:
        stop(
            f"This is Python {sys.version.split()[0]}; oddport needs 3.11 or newer. "
            "Name one: make PYTHON=python3.12 demo"
        )
    python = venv / "bin/python"
    stamp, wanted = venv / "ready", fingerprint(with_tests)
    ready = stamp.read_text(encoding="utf-8").split() if stamp.exists() else []
    if python.exists() and (wanted in ready or (not with_tests and fingerprint(True) in ready)):
        return
    if not python.exists():
        print(f"oddport: making a virtual environment in {venv.name} …", flush=True)
        run(
            [sys.executable, "-m", "venv", str(venv)],
            "making a virtual environment",
            "Python's venv module has to be installed: on Debian and Ubuntu, apt install python3-venv.",
        )
    print("oddport: installing what it needs, and compiling the engine (about a minute) …", flush=True)
    package = ".[test]" if with_tests else "."
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(
        [*pip, "--editable", package],
        "installing",
        "The package index has to be reachable once; behind a proxy set HTTPS_PROXY, or PIP_INDEX_URL for a mirror.",
    )
    if not is_compiled(python):
        print(
            "oddport: no C compiler was found, so the engine runs as plain Python: everything works, but a large "
            "capture takes about 50 times as long. Install a compiler (on Debian: apt install gcc python3-dev), "
            "then make clean and run this again."
        )
    stamp.write_text("\n".join([wanted, *[line for line in ready if line != wanted][:1]]), encoding="utf-8")
    print("oddport: ready.", flush=True)


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
