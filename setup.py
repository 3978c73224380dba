"""Compile the modules of the hot path where there is a C compiler; without one the same files run as Python."""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

CORES = os.cpu_count() or 1
COMPILED = Path("oddport/engine/compiled.txt").read_text(encoding="utf-8").split()


def extensions() -> list[Extension]:
    """One optional extension a module: a failing compiler leaves a working, slower installation."""
    if os.environ.get("ODDPORT_COMPILE", "1") == "0":
        return []
    parts = [Extension(name, [name.replace(".", "/") + ".py"], extra_compile_args=["-O2", "-g0"]) for name in COMPILED]
    translated: list[Extension] = cythonize(
        parts,
        compiler_directives={
            "language_level": 3,
            "boundscheck": True,
            "wraparound": False,
            "cdivision": False,
            "initializedcheck": False,
            "binding": True,
            "annotation_typing": True,
        },
        build_dir="build/cython",
        nthreads=CORES,
    )
    for part in translated:
        part.optional = True  # here, since translating does not keep it
    return translated


if __name__ == "__main__":  # processes that translate in parallel may import this file again
    setup(ext_modules=extensions(), options={"build_ext": {"parallel": CORES}})
