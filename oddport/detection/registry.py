"""Installed packages → the detectors they register under the entry-point group `oddport.detectors`."""

import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from oddport.detection.model import Detector, DetectorError, Rule

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
    point: EntryPoint


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


def describe() -> list[Description]:
    """A description of every registered detector, also of one that cannot be loaded."""
    listed: list[Description] = []
    for entry in entries():
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
