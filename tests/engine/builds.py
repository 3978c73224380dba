"""The engine's modules a second time, from their source, beside the compiled ones."""

import importlib.util
import sys
from types import ModuleType, SimpleNamespace

import oddport.engine.decode as installed_decode
import oddport.engine.fragments as installed_fragments

NAMES = ("links", "decode", "carriers", "reassembly", "train_slots", "fragments")


def is_compiled() -> bool:
    """Whether decode and fragments are machine code here."""
    return not any(str(module.__file__).endswith(".py") for module in (installed_decode, installed_fragments))


def installed() -> SimpleNamespace:
    """The modules that the program uses."""
    return SimpleNamespace(decode=installed_decode, fragments=installed_fragments)


def from_source() -> SimpleNamespace:
    """The same modules uncompiled; `sys.modules` is left as it was."""
    before = {name: sys.modules.get(f"oddport.engine.{name}") for name in NAMES}
    made: dict[str, ModuleType] = {}
    try:
        for name in NAMES:
            full = f"oddport.engine.{name}"
            folder = installed_decode.__file__.rsplit("/", 1)[0]
            spec = importlib.util.spec_from_file_location(full, f"{folder}/{name}.py")
            assert spec is not None
            assert spec.loader is not None
            made[name] = sys.modules[full] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(made[name])
    finally:
        for name, module in before.items():
            if module is None:
                sys.modules.pop(f"oddport.engine.{name}", None)
            else:
                sys.modules[f"oddport.engine.{name}"] = module
    return SimpleNamespace(**made)
