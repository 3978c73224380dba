"""A STIX 2.1 bundle of Enterprise ATT&CK, as MITRE publishes it → the index that is used in place of the packaged one.

What is read: techniques, tactics in the order of the matrix, mitigations, data components, and what replaced what was
revoked. Summaries and the facts about T1571 stay those of the package: they are in our own words, and of its version.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oddport.attack.index import PACKAGED_VERSION, own_index, version_in_use
from oddport.replacing import replace_file

BUNDLE_MOST = 256 << 20
"""Bytes of a bundle; that of version 18.1 has 50 MB."""
SOURCES = frozenset({"mitre-attack"})
"""`source_name` of the reference that holds an object's ATT&CK id."""


class UpdateError(ValueError):
    """A bundle that cannot be used; its text is a sentence for the person who named it."""


@dataclass(frozen=True, slots=True)
class Updated:
    """What a bundle brought."""

    version: str
    before: str
    """The version that was in use."""
    techniques: int
    revoked: int
    path: Path


def update(bundle: Path) -> Updated:
    """Read the bundle and use it from the next start on. Raises UpdateError, also for a version that is older than the
    packaged one."""
    before, index = version_in_use(), read_bundle(bundle)
    version: str = index["attack_version"]
    if _order(version) < _order(PACKAGED_VERSION):
        raise UpdateError(f"{bundle} holds ATT&CK {version}, which is older than the packaged {PACKAGED_VERSION}.")
    place = own_index()
    replace_file(place, json.dumps(index, ensure_ascii=False, indent=0))
    return Updated(version, before, len(index["techniques"]), len(index["replaced"]), place)


def read_bundle(bundle: Path) -> dict[str, Any]:
    """The index of a bundle, in the form of the packaged one, with `replaced`: revoked id → its successor."""
    try:
        if bundle.stat().st_size > BUNDLE_MOST:
            raise UpdateError(f"{bundle} is larger than {BUNDLE_MOST >> 20} MB, which no bundle of ATT&CK is.")
        document = json.loads(bundle.read_text(encoding="utf-8"))
    except OSError as error:
        raise UpdateError(f"The bundle {bundle} could not be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, UpdateError):
            raise
        raise UpdateError(f"The bundle {bundle} is no JSON: {error}.") from error
    listed = document.get("objects") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise UpdateError(f"{bundle} is no STIX bundle: it has no list of objects.")
    objects = [each for each in listed if isinstance(each, dict)]
    version = next((_text(each, "x_mitre_version") for each in _of(objects, "x-mitre-collection")), "")
    tactics = _tactics(objects)
    techniques = [each for each in _of(objects, "attack-pattern") if _active(each) and _id(each)[:1] == "T"]
    if not version or not tactics or not techniques:
        raise UpdateError(f"{bundle} is not Enterprise ATT&CK: it has no version, tactics and techniques in it.")
    platforms = sorted({word for each in techniques for word in _texts(each, "x_mitre_platforms")})
    number = {word: at for at, word in enumerate(platforms)}
    return {
        "attack_version": version,
        "domain": "enterprise-attack",
        "tactics": tactics,
        "platforms": platforms,
        "techniques": {
            _id(each): [
                _text(each, "name"),
                [slug for slug in _phases(each) if slug in tactics],
                [number[word] for word in sorted(_texts(each, "x_mitre_platforms"))],
            ]
            for each in sorted(techniques, key=_id)
        },
        "mitigations": _names(_of(objects, "course-of-action")),
        "data_components": _names(_of(objects, "x-mitre-data-component")),
        "replaced": _replaced(objects),
    }


def _of(objects: Iterable[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [each for each in objects if each.get("type") == kind]


def _active(one: dict[str, Any]) -> bool:
    return not one.get("revoked") and not one.get("x_mitre_deprecated")


def _text(one: dict[str, Any], key: str) -> str:
    value = one.get(key)
    return value if isinstance(value, str) else ""


def _texts(one: dict[str, Any], key: str) -> list[str]:
    value = one.get(key)
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _id(one: dict[str, Any]) -> str:
    """T1571, TA0011, M1030, DC0078; empty where it has none."""
    references = one.get("external_references")
    for each in references if isinstance(references, list) else ():
        if isinstance(each, dict) and each.get("source_name") in SOURCES:
            return _text(each, "external_id")
    return ""


def _phases(one: dict[str, Any]) -> list[str]:
    phases = one.get("kill_chain_phases")
    return [_text(each, "phase_name") for each in phases if isinstance(each, dict)] if isinstance(phases, list) else []


def _names(objects: Iterable[dict[str, Any]]) -> dict[str, str]:
    return {_id(each): _text(each, "name") for each in sorted(objects, key=_id) if _active(each) and _id(each)}


def _tactics(objects: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Short name → id and name, in the order of the matrix."""
    by_reference = {_text(each, "id"): each for each in _of(objects, "x-mitre-tactic") if _active(each)}
    order = [word for matrix in _of(objects, "x-mitre-matrix") for word in _texts(matrix, "tactic_refs")]
    listed = [by_reference[word] for word in dict.fromkeys(order) if word in by_reference] or [*by_reference.values()]
    return {_text(each, "x_mitre_shortname"): [_id(each), _text(each, "name")] for each in listed}


def _replaced(objects: list[dict[str, Any]]) -> dict[str, str]:
    ids = {_text(each, "id"): _id(each) for each in _of(objects, "attack-pattern")}
    found = {}
    for each in _of(objects, "relationship"):
        old, new = (ids.get(_text(each, key), "") for key in ("source_ref", "target_ref"))
        if each.get("relationship_type") == "revoked-by" and old and new:
            found[old] = new
    return dict(sorted(found.items()))


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdecimal() else 0 for part in version.split("."))
