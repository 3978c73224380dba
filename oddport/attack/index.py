"""The data files of ATT&CK → techniques, tactics and data components by id."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ATTACK_VERSION = "18.1"
"""Of the data; stored with every finding."""
ATTRIBUTION = (
    "© 2025 The MITRE Corporation. "
    "This work is reproduced and distributed with the permission of The MITRE Corporation."
)
"""The line that MITRE's terms of use ask for, with the year of this release."""
_DATA = Path(__file__).parent / "data"
LICENSE_FILE = _DATA / "LICENSE-ATTACK.txt"


class UnknownTechnique(LookupError):
    """No technique has this id in this version of ATT&CK; its text is a sentence for a person."""


@dataclass(frozen=True, slots=True)
class Tactic:
    """A column of the matrix."""

    id: str
    name: str
    slug: str


@dataclass(frozen=True, slots=True)
class Technique:
    """A technique or sub-technique."""

    id: str
    name: str
    tactics: tuple[Tactic, ...]
    platforms: tuple[str, ...]
    url: str
    attack_version: str
    parent: str = ""
    """Id of the technique that it is a part of, or empty."""
    version: str = ""
    """Of this object, where it is known."""
    modified: str = ""
    """Day of its last change, ISO 8601, where it is known."""


@dataclass(frozen=True, slots=True)
class Component:
    """Kind of data that a technique shows in."""

    id: str
    name: str


@cache
def _read(name: str) -> Any:
    return json.loads((_DATA / name).read_text(encoding="utf-8"))


@cache
def _texts() -> dict[str, dict[str, str]]:
    import tomllib

    return tomllib.loads((_DATA / "texts.toml").read_text(encoding="utf-8"))


def data_file(name: str) -> Any:
    """The parsed JSON data file of that name, read once."""
    return _read(name)


@cache
def tactic(slug: str) -> Tactic:
    """The tactic with this short name, such as `command-and-control`. Raises KeyError where there is none."""
    number, name = _read("index.json")["tactics"][slug]
    return Tactic(number, name, slug)


@cache
def technique(id: str) -> Technique:
    """The technique with this id, such as T1571 or T1071.001. Raises UnknownTechnique."""
    index = _read("index.json")
    row = index["techniques"].get(id)
    if row is None:
        changed = {new: old for old, new in _read("changes.json")["techniques"].items()}
        hint = f" It is {changed[id]} there." if id in changed else " Ids look like T1571 or T1071.001."
        raise UnknownTechnique(f"ATT&CK {ATTACK_VERSION} has no technique {id!r}.{hint}")
    name, tactics, platforms = row
    about = _read("t1571.json")["technique"] if id == "T1571" else {}
    return Technique(
        id,
        name,
        tuple(tactic(slug) for slug in tactics),
        tuple(index["platforms"][number] for number in platforms),
        f"https://attack.mitre.org/techniques/{id.replace('.', '/')}",
        index["attack_version"],
        id.partition(".")[0] if "." in id else "",
        about.get("version", ""),
        about.get("modified", "")[:10],
    )


def techniques() -> Iterator[Technique]:
    """All techniques, by id."""
    return (technique(id) for id in _read("index.json")["techniques"])


def tactics() -> tuple[Tactic, ...]:
    """All tactics, in the order of the matrix."""
    return tuple(tactic(slug) for slug in _read("index.json")["tactics"])


def summary(id: str) -> str:
    """What the technique is, in our own words; of its parent where it has none itself; empty where neither has."""
    texts = _texts()
    about = texts.get(id) or texts.get(id.partition(".")[0]) or {}
    return about.get("text", "")


def component(id: str) -> Component:
    """The data component with this id, such as DC0078. Raises KeyError where there is none."""
    return Component(id, _read("index.json")["data_components"][id])


def mitigation(id: str) -> str:
    """The name of a mitigation, such as M1030. Raises KeyError where there is none."""
    name: str = _read("index.json")["mitigations"][id]
    return name


def in_version_19(id: str) -> str:
    """The id that ATT&CK 19 uses for a technique of this version; empty where it was withdrawn without a successor."""
    changes = _read("changes.json")
    if id in changes["revoked"]:
        return ""
    new: str = changes["techniques"].get(id, id)
    return new
