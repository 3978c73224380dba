"""Installed packages → the detectors they register under the entry-point group `oddport.detectors`."""

import pkgutil
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from oddport.detection.model import Detector, DetectorError, Rule
from oddport.detection.settings import SettingsError

GROUP = "oddport.detectors"
OWN = "oddport"
"""The distribution whose detectors come first and win where two have one name."""
NOT_INSTALLED = (
    "No detector is registered, because oddport runs from a folder and is not installed. "
    "`make` or `pip install --editable .` in that folder registers them."
)
_KINDS = frozenset({"flows", "heads", "trains", "history"})
_METHODS = ("on_flows", "on_trains", "finish")


@dataclass(frozen=True, slots=True)
class Entry:
    """A detector that is registered; nothing of it is imported yet."""

    name: str
    target: str
    """module:class"""
    distribution: str
    version: str
    point: "EntryPoint | _Imported"


@dataclass(frozen=True, slots=True)
class Description:
    """What a listing shows of a detector."""

    name: str
    title: str
    target: str
    distribution: str
    version: str
    needs: tuple[str, ...] = ()
    settings: tuple[tuple[str, object], ...] = ()
    """(key, default)"""
    rules: tuple[Rule, ...] = ()
    techniques: tuple[str, ...] = ()
    document: str = ""
    """Markdown"""
    error: str = ""
    """Why it cannot be used; then all but its name and origin is empty."""


def entries() -> list[Entry]:
    """Every registered detector, oddport's own first, then by package and name. Imports none of them."""
    found = [
        Entry(
            point.name,
            point.value,
            point.dist.name if point.dist else "",
            point.dist.version if point.dist else "",
            point,
        )
        for point in entry_points(group=GROUP)
    ]
    return sorted(found, key=lambda entry: (entry.distribution != OWN, entry.distribution, entry.name, entry.target))


@dataclass(frozen=True, slots=True)
class _Imported:
    """Stands for an entry point where a module of a folder was imported."""

    found: Callable[[], object]

    def load(self) -> object:
        """The class. Raises what importing its module raised."""
        return self.found()


def folder_entries(folder: Path) -> list[Entry]:
    """The detectors in a folder: every class with a `name` of its own in its modules and packages, by module and name.

    Unlike packages that are installed, these are imported to be found; a module that cannot be is an entry that fails
    to load, with the reason. Raises SettingsError where there is no such folder.
    """
    if not folder.is_dir():
        raise SettingsError(f"There is no folder {folder} to take detectors from.")
    place = str(folder.resolve())
    if place not in sys.path:
        sys.path.append(place)
    found: list[Entry] = []
    for module in sorted(info.name for info in pkgutil.iter_modules([place]) if not info.name.startswith("test")):
        try:
            kinds = _detectors_in(import_module(module), place)
        except Exception as error:
            found.append(Entry(module, module, place, "", _Imported(partial(_raise, error))))
            continue
        for kind in kinds:
            found.append(Entry(kind.name, f"{module}:{kind.__name__}", place, "", _Imported(partial(_same, kind))))
    return found


def _raise(error: Exception) -> object:
    raise error


def _same(kind: type[Detector]) -> object:
    return kind


def _detectors_in(module: ModuleType, place: str) -> list[type[Detector]]:
    """The classes of a module (and of what it brings along from its own folder) that call themselves something."""
    root = module.__name__
    if not str(getattr(module, "__file__", "")).startswith(place):
        raise ImportError(f"another module is called {root}, {module.__file__}; rename the one in the folder")
    kinds: list[Any] = [
        each for each in vars(module).values() if isinstance(each, type) and isinstance(getattr(each, "name", 0), str)
    ]
    own: list[type[Detector]] = [each for each in kinds if each.name and each.__module__.partition(".")[0] == root]
    return sorted(own, key=lambda kind: kind.__name__)


def load(chosen: Iterable[Entry] | None = None) -> tuple[list[type[Detector]], list[DetectorError]]:
    """The detector classes of `chosen` (all registered ones), and an error row for each that cannot be used."""
    detectors: list[type[Detector]] = []
    errors: list[DetectorError] = []
    owner: dict[str, Entry] = {}
    listed = entries() if chosen is None else list(chosen)
    if not listed:
        errors.append(DetectorError("", "load", NOT_INSTALLED, ""))
    for entry in listed:
        if entry.name in owner:
            first = owner[entry.name]
            errors.append(
                DetectorError(
                    entry.name,
                    "load",
                    f"Two packages register a detector “{entry.name}”: {_origin(first)} and {_origin(entry)}. "
                    "The first is used; uninstall one of them, or rename it.",
                    "",
                )
            )
            continue
        owner[entry.name] = entry
        try:
            detectors.append(_class_of(entry))
        except Exception as error:
            errors.append(
                DetectorError(
                    entry.name,
                    "load",
                    f"The detector “{entry.name}” of {_origin(entry)} cannot be used: "
                    f"{type(error).__name__}: {' '.join(str(error).split())}. The others are not affected.",
                    "".join(traceback.format_exception(error)),
                )
            )
    return detectors, errors


def describe(chosen: Iterable[Entry] | None = None) -> list[Description]:
    """A description of each of `chosen` (all registered detectors), also of one that cannot be loaded."""
    listed: list[Description] = []
    for entry in entries() if chosen is None else chosen:
        detectors, errors = load([entry])
        if errors:
            listed.append(
                Description(entry.name, "", entry.target, entry.distribution, entry.version, error=errors[0].message)
            )
            continue
        kind = detectors[0]
        rules: tuple[Rule, ...] = tuple(getattr(kind, "rules", ()))
        listed.append(
            Description(
                entry.name,
                kind.title,
                entry.target,
                entry.distribution,
                entry.version,
                tuple(sorted(kind.needs)),
                tuple(kind.settings.items()),
                rules,
                tuple(sorted({technique for rule in rules for technique in rule.techniques})),
                kind.document,
            )
        )
    return listed


def _origin(entry: Entry) -> str:
    return f"{entry.distribution or 'an unknown package'} {entry.version} ({entry.target})"


def _class_of(entry: Entry) -> type[Detector]:
    """Import and check it. Raises whatever importing raises, TypeError where it is no detector."""
    kind = entry.point.load()
    if not isinstance(kind, type):
        raise TypeError(f"{entry.target} is {type(kind).__name__}, not a class")
    missing = [method for method in _METHODS if not callable(getattr(kind, method, None))]
    missing += [word for word in ("title", "document", "needs", "settings") if not hasattr(kind, word)]
    if missing:
        raise TypeError(f"{entry.target} lacks {', '.join(missing)} of a detector")
    if getattr(kind, "name", None) != entry.name:
        own = getattr(kind, "name", "")
        raise TypeError(f"{entry.target} calls itself “{own}”, but is registered as “{entry.name}”")
    needs: frozenset[str] = kind.needs  # type: ignore[attr-defined]  # looked for above
    unknown = sorted(needs - _KINDS)
    if unknown:
        raise TypeError(f"{entry.target} needs {', '.join(unknown)}, but there are only {', '.join(sorted(_KINDS))}")
    detector: type[Detector] = kind
    return detector
