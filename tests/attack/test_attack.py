"""The offline ATT&CK data answers by id and by port, and says where it is from."""

import json
import subprocess
import sys

import pytest

from oddport import attack


def test_t1571_is_as_mitre_has_it_in_18_1() -> None:
    found = attack.technique("T1571")
    assert (found.name, found.version, found.modified) == ("Non-Standard Port", "1.3", "2025-10-24")
    assert [(tactic.id, tactic.name) for tactic in found.tactics] == [("TA0011", "Command and Control")]
    assert found.platforms == ("ESXi", "Linux", "Windows", "macOS")
    assert found.url == "https://attack.mitre.org/techniques/T1571"
    assert found.attack_version == attack.ATTACK_VERSION == "18.1"


def test_sub_technique_knows_its_parent_and_its_address() -> None:
    found = attack.technique("T1573.002")
    assert (found.name, found.parent) == ("Asymmetric Cryptography", "T1573")
    assert found.url == "https://attack.mitre.org/techniques/T1573/002"
    assert attack.technique("T1573").parent == ""


def test_all_691_active_techniques_are_there_and_in_known_tactics() -> None:
    found = list(attack.techniques())
    assert len(found) == 691
    known = {tactic.id for tactic in attack.tactics()}
    assert len(known) == 14
    assert all({tactic.id for tactic in each.tactics} <= known and each.tactics for each in found)


def test_tactics_stand_in_the_order_of_the_matrix() -> None:
    names = [tactic.name for tactic in attack.tactics()]
    assert (names[0], names[-1]) == ("Reconnaissance", "Impact")
    assert names.index("Lateral Movement") < names.index("Command and Control") < names.index("Exfiltration")


def test_unknown_technique_is_a_sentence() -> None:
    with pytest.raises(attack.UnknownTechnique, match=r"ATT&CK 18\.1 has no technique 'T9999'"):
        attack.technique("T9999")


def test_id_of_a_later_version_is_led_back() -> None:
    with pytest.raises(attack.UnknownTechnique, match=r"It is T1562\.004 there"):
        attack.technique("T1686")


def test_version_19_renamed_what_was_under_impair_defenses() -> None:
    assert attack.in_version_19("T1562.004") == "T1686"
    assert attack.in_version_19("T1562.001") == "T1685"
    assert attack.in_version_19("T1562.010") == "T1689"
    assert attack.in_version_19("T1562") == ""
    assert attack.in_version_19("T1571") == "T1571"


def test_summary_of_a_part_falls_back_to_the_whole() -> None:
    assert "port" in attack.summary("T1571")
    assert attack.summary("T1071.001") != attack.summary("T1071") != ""
    assert attack.summary("T1001.001") == attack.summary("T1001")
    assert attack.summary("T1059") == ""


def test_t1571_is_looked_for_by_one_strategy_with_four_analytics() -> None:
    facts = attack.non_standard_port()
    assert facts.strategy == "DET0227"
    assert [(each.id, each.platforms) for each in facts.analytics] == [
        ("AN0633", ("Windows",)), ("AN0634", ("Linux",)), ("AN0635", ("macOS",)), ("AN0636", ("ESXi",)),
    ]  # fmt: skip
    assert "PayloadEntropyThreshold" in facts.analytics[1].tunables
    assert facts.analytics[0].components[0].id == "DC0082"


def test_deprecated_data_source_names_what_stands_in_its_place() -> None:
    facts = attack.non_standard_port()
    assert (facts.data_source, facts.data_source_name) == ("DS0029", "Network Traffic")
    assert [(each.id, each.name) for each in facts.components] == [
        ("DC0078", "Network Traffic Flow"), ("DC0085", "Network Traffic Content"),
        ("DC0082", "Network Connection Creation"),
    ]  # fmt: skip


def test_mitigations_are_segmentation_and_intrusion_prevention() -> None:
    assert attack.non_standard_port().mitigations == (
        ("M1030", "Network Segmentation"), ("M1031", "Network Intrusion Prevention"),
    )  # fmt: skip


def test_port_leads_to_who_is_recorded_with_it() -> None:
    assert [each.name for each in attack.procedures_for(8080) if each.app == "tls"] == ["PingPull"]
    assert [each.id for each in attack.procedures_for(1224)] == ["G1052", "S1245", "S1246"]
    assert len(attack.procedures_for(443)) == 14
    assert attack.procedures_for(8088) == []


def test_transport_is_part_of_the_question() -> None:
    assert [each.name for each in attack.procedures_for(5900, "udp")] == ["Hannotog"]
    assert attack.procedures_for(5900) == []


def test_procedures_are_60_of_four_kinds_with_links() -> None:
    procedures = attack.non_standard_port().procedures
    kinds = [each.kind for each in procedures]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {"malware": 35, "tool": 2, "group": 16, "campaign": 7}
    links = {each.kind: each.url for each in procedures}
    assert links["tool"].startswith("https://attack.mitre.org/software/S")
    assert links["campaign"].startswith("https://attack.mitre.org/campaigns/C")
    assert links["group"].startswith("https://attack.mitre.org/groups/G")


def test_record_of_any_high_port_answers_for_no_single_one() -> None:
    (botnet,) = [each for each in attack.non_standard_port().procedures if each.port_min]
    assert botnet.port_min == 30_001
    assert botnet not in attack.procedures_for(30_001)


def test_licence_stands_beside_the_data() -> None:
    text = attack.LICENSE_FILE.read_text(encoding="utf-8")
    assert attack.ATTRIBUTION.removeprefix("© ") in " ".join(text.split())
    assert "reproduce MITRE's copyright designation and this license" in " ".join(text.split())


def test_version_in_code_is_the_version_of_every_data_file() -> None:
    folder = attack.LICENSE_FILE.parent
    versions = [json.loads((folder / name).read_text(encoding="utf-8")) for name in ("index.json", "t1571.json")]
    assert {each["attack_version"] for each in versions} == {attack.ATTACK_VERSION}


def test_texts_are_of_techniques_that_exist() -> None:
    import tomllib

    texts = tomllib.loads((attack.LICENSE_FILE.parent / "texts.toml").read_text(encoding="utf-8"))
    assert len(texts) > 20
    for id, about in texts.items():
        assert attack.technique(id).id == id
        assert about["text"].endswith(".")


def test_import_reads_no_data_file() -> None:
    code = "import oddport.attack.index as i, sys; print(i._read.cache_info().currsize, 'tomllib' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["0", "False"]


def test_what_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'tecnique'"):
        attack.tecnique  # noqa: B018
