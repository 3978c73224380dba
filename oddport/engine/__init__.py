"""The hot path: capture records in, packet columns, datagrams, flows and first bytes out.

The modules named in `compiled.txt` are Python files that Cython compiles where there is a compiler. Set
`ODDPORT_ENGINE=python` to run the same files uncompiled beside a compiled installation.
"""

import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path

_HERE = Path(__file__).parent
COMPILED_MODULES: frozenset[str] = frozenset((_HERE / "compiled.txt").read_text(encoding="utf-8").split())


class _SourceOnly(MetaPathFinder):
    """Finds the compiled modules by their source, as if no extension lay beside it."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if fullname not in COMPILED_MODULES:
            return None
        return spec_from_file_location(fullname, _HERE.parent.parent / (fullname.replace(".", "/") + ".py"))


if os.environ.get("ODDPORT_ENGINE") == "python":
    sys.meta_path.insert(0, _SourceOnly())


def is_compiled() -> bool:
    """Whether the flow table runs as machine code here."""
    from oddport.engine import flows

    return not str(flows.__file__).endswith(".py")
