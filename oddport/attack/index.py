"""The data files of ATT&CK → techniques, tactics and data components by id."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

PACKAGED_VERSION = "18.1"
"""Of the data that comes with the program."""
OWN_INDEX = "ODDPORT_ATTACK"
"""Names the file that `oddport attack update` writes, in place of the one in the data folder."""
ATTRIBUTION = (
    "© 2025 The MITRE Corporation. "
    "This work is reproduced and distributed with the permission of The MITRE Corporation."
)
"""The line that MITRE's terms of use ask for, with the year of this release."""
_DATA = Path(__file__).parent / "data"
LICENSE_FILE = _DATA / "LICENSE-ATTACK.txt"


def own_index() -> Path:
    """Where the index of a newer bundle lies, if there is one."""
    named = os.environ.get(OWN_INDEX)
    if named:
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_data_dir("oddport", appauthor=False)) / "attack" / "index.json"


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
def _index() -> Any:
    """The index in use: that of a newer bundle, else the packaged one, which also stands in for one that is damaged."""
    packaged = _read("index.json")
    try:
        own = json.loads(own_index().read_text(encoding="utf-8"))
        return own if own["attack_version"] and own["techniques"] and own["replaced"] is not None else packaged
    except (OSError, ValueError, KeyError, TypeError):
        return packaged


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
    number, name = _index()["tactics"][slug]
    return Tactic(number, name, slug)


@cache
def technique(id: str) -> Technique:
    """The technique with this id, such as T1571 or T1071.001. Raises UnknownTechnique."""
    index = _index()
    row = index["techniques"].get(id)
    if row is None and id in index.get("replaced", ()):
        raise UnknownTechnique(f"ATT&CK {index['attack_version']} has {index['replaced'][id]} in place of {id}.")
    if row is None:
        changed = {new: old for old, new in _read("changes.json")["techniques"].items()}
        hint = f" It is {changed[id]} there." if id in changed else " Ids look like T1571 or T1071.001."
        raise UnknownTechnique(f"ATT&CK {index['attack_version']} has no technique {id!r}.{hint}")
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
    return (technique(id) for id in _index()["techniques"])


def tactics() -> tuple[Tactic, ...]:
    """All tactics, in the order of the matrix."""
    return tuple(tactic(slug) for slug in _index()["tactics"])


def summary(id: str) -> str:
    """What the technique is, in our own words; of its parent where it has none itself; empty where neither has."""
    texts = _texts()
    about = texts.get(id) or texts.get(id.partition(".")[0]) or {}
    return about.get("text", "")


def component(id: str) -> Component:
    """The data component with this id, such as DC0078. Raises KeyError where there is none."""
    return Component(id, _index()["data_components"][id])


def mitigation(id: str) -> str:
    """The name of a mitigation, such as M1030. Raises KeyError where there is none."""
    name: str = _index()["mitigations"][id]
    return name


def in_version_19(id: str) -> str:
    """The id that ATT&CK 19 uses for a technique of this version; empty where it was withdrawn without a successor."""
    changes = _read("changes.json")
    if id in changes["revoked"]:
        return ""
    new: str = changes["techniques"].get(id, id)
    return _index().get("replaced", {}).get(id, new)  # type: ignore[no-any-return]


def version_in_use() -> str:
    """Of ATT&CK; stored with every finding."""
    found: str = _index()["attack_version"]
    return found
