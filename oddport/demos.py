"""`demo_pcaps/demos.toml` → the demo captures: where each lies, its story, and what has to be found in it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

FOLDER, LIST = "demo_pcaps", "demos.toml"


class DemosError(Exception):
    """Why the demo captures cannot be had, as a sentence for a person."""


@dataclass(frozen=True, slots=True)
class ExpectedFlows:
    """Flows of a capture that are alike."""

    on: str
    """Server port and transport: `8088/tcp`."""
    count: int
    app: str | None
    tier: str | None
    """A, B, C; None without a name."""
    verdict: str | None
    """As in the records of a scan: `mismatch`, `standard` …; None where there is nothing to judge."""


@dataclass(frozen=True, slots=True)
class ExpectedTrains:
    """Fragment trains of a capture that are alike."""

    proto: str
    version: int
    """Of IP: 4 or 6."""
    count: int
    state: str
    """`complete` or `incomplete`."""
    anomalies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExpectedFinding:
    """A finding that must be there."""

    rule: str
    title: str
    at_least: str
    """Severity, by its word."""
    at_most: str
    count: int
    """Occurrences that are folded into it."""
    techniques: tuple[str, ...]
    """ATT&CK ids, the first one first."""


@dataclass(frozen=True, slots=True)
class Demo:
    """A capture to learn on, and all that must be said of it: nothing else may be found in it."""

    name: str
    file: str
    title: str
    story: str
    packets: int
    path: Path
    flows: tuple[ExpectedFlows, ...]
    trains: tuple[ExpectedTrains, ...]
    findings: tuple[ExpectedFinding, ...]


def list_demos() -> list[Demo]:
    """All demo captures, the one that shows most first. Raises DemosError where they did not come along."""
    return list(_demos())


def demo_path(name: str) -> Path:
    """Where the demo lies. Raises KeyError where there is none of that name, DemosError where there are none at all."""
    return {demo.name: demo.path for demo in _demos()}[name]


@cache
def _demos() -> tuple[Demo, ...]:
    place = _list()
    listed = tomllib.loads(place.read_text(encoding="utf-8"))["demo"]
    return tuple(_demo(entry, place.parent) for entry in listed)


def _list() -> Path:
    """The list, which lies beside the captures.

    They are looked for beside the package `oddport`, where a checkout and a wheel both have them: a search by import
    would also find a folder of that name wherever one stands.
    """
    package = files("oddport")
    if not isinstance(package, Path):
        raise DemosError(f"oddport runs from an archive ({package}), out of which captures cannot be opened. {_CURE}")
    place = package.parent / FOLDER / LIST
    if not place.is_file():
        raise DemosError(f"The demo captures were not installed: {place} is missing. {_CURE}")
    return place


_CURE = "Install oddport anew, or open a capture of your own: oddport CAPTURE."


def _demo(entry: Mapping[str, Any], folder: Path) -> Demo:
    return Demo(
        name=entry["name"],
        file=entry["file"],
        title=entry["title"],
        story=" ".join(entry["story"].split()),
        packets=entry["packets"],
        path=folder / entry["file"],
        flows=tuple(
            ExpectedFlows(each["on"], each.get("count", 1), each.get("app"), each.get("tier"), each.get("verdict"))
            for each in entry.get("flows", ())
        ),
        trains=tuple(
            ExpectedTrains(
                each["proto"], each["version"], each.get("count", 1), each["state"], tuple(each.get("anomalies", ()))
            )
            for each in entry.get("trains", ())
        ),
        findings=tuple(
            ExpectedFinding(
                each["rule"],
                each["title"],
                each["at_least"],
                each["at_most"],
                each.get("count", 1),
                tuple(each["techniques"]),
            )
            for each in entry.get("findings", ())
        ),
    )
