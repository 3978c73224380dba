"""A bundle as MITRE publishes it takes the place of the packaged index; anything else is refused with a sentence."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from oddport.attack.update import UpdateError, read_bundle


def stix(kind: str, number: int, name: str, id: str = "", **more: Any) -> dict[str, Any]:
    """An object of STIX 2.1 with ATT&CK's reference."""
    references = [{"source_name": "mitre-attack", "external_id": id}] if id else []
    return {
        "type": kind, "id": f"{kind}--00000000-0000-4000-8000-{number:012}", "name": name,
        "external_references": references, **more,
    }  # fmt: skip


def bundle(version: str = "19.0", **more: Any) -> dict[str, Any]:
    """Two tactics, a technique with a part, and one that was revoked by the part."""
    phase = [{"kill_chain_name": "mitre-attack", "phase_name": "command-and-control"}]
    tactics = [
        stix("x-mitre-tactic", 1, "Impact", "TA0040", x_mitre_shortname="impact"),
        stix("x-mitre-tactic", 2, "Command and Control", "TA0011", x_mitre_shortname="command-and-control"),
    ]
    techniques = [
        stix("attack-pattern", 3, "Non-Standard Port", "T1571", kill_chain_phases=phase, x_mitre_platforms=["Linux"]),
        stix(
            "attack-pattern", 4, "A Part", "T1571.001", kill_chain_phases=phase, x_mitre_platforms=["Windows", "Linux"]
        ),
        stix("attack-pattern", 5, "Uncommonly Used Port", "T1065", revoked=True),
    ]
    objects = [
        stix("x-mitre-collection", 6, "Enterprise ATT&CK", x_mitre_version=version), *tactics, *techniques,
        stix("x-mitre-matrix", 7, "Enterprise", tactic_refs=[tactics[1]["id"], tactics[0]["id"]]),
        stix("course-of-action", 8, "Network Segmentation", "M1030"),
        stix("x-mitre-data-component", 9, "Network Traffic Flow", "DC0078"),
        stix("relationship", 10, "", relationship_type="revoked-by", source_ref=techniques[2]["id"],
             target_ref=techniques[1]["id"]),
    ]  # fmt: skip
    return {"type": "bundle", "objects": objects, **more}


def written(folder: Path, document: object) -> Path:
    path = folder / "bundle.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_techniques_tactics_and_what_was_revoked_are_read(tmp_path: Path) -> None:
    index = read_bundle(written(tmp_path, bundle()))
    assert index["attack_version"] == "19.0"
    assert list(index["tactics"]) == ["command-and-control", "impact"]
    assert index["techniques"]["T1571.001"] == ["A Part", ["command-and-control"], [0, 1]]
    assert "T1065" not in index["techniques"]
    assert index["replaced"] == {"T1065": "T1571.001"}
    assert (index["mitigations"], index["data_components"]) == (
        {"M1030": "Network Segmentation"}, {"DC0078": "Network Traffic Flow"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ([], "no STIX bundle"),
        ({"objects": []}, "not Enterprise ATT&CK"),
        ({"objects": [7, {"type": "attack-pattern", "external_references": 3}]}, "not Enterprise ATT&CK"),
    ],
)
def test_other_documents_are_refused(tmp_path: Path, document: object, sentence: str) -> None:
    with pytest.raises(UpdateError, match=sentence):
        read_bundle(written(tmp_path, document))


def test_what_is_no_json_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{", encoding="utf-8")
    with pytest.raises(UpdateError, match="no JSON"):
        read_bundle(tmp_path / "x.json")
    with pytest.raises(UpdateError, match="could not be read"):
        read_bundle(tmp_path / "none.json")


def run(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "ODDPORT_ATTACK": str(tmp_path / "own" / "index.json")}
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, env=env, check=False)


def test_bundle_is_in_use_from_the_next_start_on(tmp_path: Path) -> None:
    path = written(tmp_path, bundle())
    done = run(tmp_path, "-m", "oddport", "attack", "update", str(path))
    assert (done.returncode, done.stdout) == (0, "ATT&CK 19.0 in place of 18.1: 2 techniques, 1 revoked.\n")
    code = (
        "from oddport import attack; print(attack.ATTACK_VERSION, attack.technique('T1571.001').name,"
        " attack.technique('T1571.001').attack_version, attack.in_version_19('T1065'))"
    )
    assert run(tmp_path, "-c", code).stdout == "19.0 A Part 19.0 T1571.001\n"


def test_older_bundle_and_a_damaged_index_leave_the_packaged_one(tmp_path: Path) -> None:
    older = run(tmp_path, "-m", "oddport", "attack", "update", str(written(tmp_path, bundle("15.1"))))
    assert older.returncode == 2
    assert "older than the packaged 18.1" in older.stderr
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "index.json").write_text("{", encoding="utf-8")
    assert run(tmp_path, "-c", "from oddport import attack; print(attack.ATTACK_VERSION)").stdout == "18.1\n"


def test_listing_names_what_is_looked_for_and_the_attribution(tmp_path: Path) -> None:
    said = run(tmp_path, "-m", "oddport", "attack").stdout
    for word in ("DS0029", "DC0078", "DC0085", "DC0082", "DET0227", "AN0633", "T1571", "The MITRE Corporation"):
        assert word in said


def test_every_mapped_technique_has_a_summary_of_its_own_or_its_parents() -> None:
    from oddport.attack import summary
    from oddport.detection.registry import describe

    mapped = {technique for detector in describe() for technique in detector.techniques}
    assert [technique for technique in sorted(mapped) if not summary(technique)] == []
