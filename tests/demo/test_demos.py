"""Each demo capture holds what its entry in the list says, and oddport says of it exactly what the entry demands."""

from collections import Counter
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from oddport.attack import technique
from oddport.capture import open_capture
from oddport.demos import Demo, list_demos
from oddport.detection.model import Severity
from tests.demo.scanning import Flows, Records, Trains, flows_of, scan, trains_of
from tools.demo.readme import HERE, render

DEMOS = list_demos()
MOST = 2_000_000
"""Bytes that all captures may have together."""
NOBODYS = tuple(
    ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "10.0.0.0/8", "fc00::/7")
)
"""RFC 5737, RFC 3849, RFC 1918, RFC 4193."""
LOCAL = 0x02
"""The bit of a MAC's first byte that says that no maker gave it (IEEE 802)."""

every = pytest.mark.parametrize("demo", DEMOS, ids=[demo.name for demo in DEMOS])


@pytest.fixture(scope="module")
def said() -> dict[Path, Records]:
    """What one process says of all of them."""
    return scan([demo.path for demo in DEMOS])


def expected_flows(demo: Demo) -> Flows:
    return Counter({(each.on, each.app, each.tier, each.verdict): each.count for each in demo.flows})


def expected_trains(demo: Demo) -> Trains:
    return Counter(
        {
            (each.proto, each.version, each.state, tuple(sorted(each.anomalies))): each.count for each in demo.trains
        }
    )  # fmt: skip


@every
def test_flows_are_named_and_judged_as_listed(demo: Demo, said: dict[Path, Records]) -> None:
    assert flows_of(said[demo.path]) == expected_flows(demo)


@every
def test_fragment_trains_are_as_listed(demo: Demo, said: dict[Path, Records]) -> None:
    assert trains_of(said[demo.path]) == expected_trains(demo)


@every
def test_findings_are_the_listed_ones_and_no_other(demo: Demo, said: dict[Path, Records]) -> None:
    found = Counter((each["rule"], each["title"], each["count"]) for each in said[demo.path].get("finding", ()))
    assert found == Counter((each.rule, each.title, each.count) for each in demo.findings)


@every
def test_findings_have_the_listed_severity_and_techniques(demo: Demo, said: dict[Path, Records]) -> None:
    by_title = {(each.rule, each.title): each for each in demo.findings}
    for finding in said[demo.path].get("finding", ()):
        wanted = by_title[finding["rule"], finding["title"]]
        severity = Severity[finding["severity"].upper()]
        assert Severity[wanted.at_least.upper()] <= severity <= Severity[wanted.at_most.upper()], finding["title"]
        assert tuple(each["id"] for each in finding["techniques"]) == wanted.techniques, finding["title"]


@every
def test_each_finding_shows_bytes_that_lie_where_it_says(demo: Demo, said: dict[Path, Records], tmp_path: Path) -> None:
    frames = frames_of(demo.path, tmp_path)
    for finding in said[demo.path].get("finding", ()):
        assert finding["evidence"], finding["title"]
        for row in finding["evidence"]:
            shown = bytes.fromhex(row["hex"])
            frame = frames[row["packet"] - 1]
            assert shown, row
            assert frame[row["offset"] : row["offset"] + len(shown)] == shown, row


@every
def test_capture_is_read_to_its_end_without_a_warning(demo: Demo, said: dict[Path, Records]) -> None:
    (capture,) = said[demo.path]["capture"]
    assert (capture["packets"], capture["warnings"], capture["truncated"]) == (demo.packets, [], False)


@every
def test_no_address_belongs_to_anybody(demo: Demo, said: dict[Path, Records]) -> None:
    for record in (*said[demo.path].get("flow", ()), *said[demo.path].get("fragment_train", ())):
        for end in ("src", "dst"):
            assert any(ip_address(record[end]) in network for network in NOBODYS), record[end]


@every
def test_no_card_of_any_maker_is_seen(demo: Demo, tmp_path: Path) -> None:
    for frame in frames_of(demo.path, tmp_path):
        assert frame[0] & LOCAL, frame[:6].hex()
        assert frame[6] & LOCAL, frame[6:12].hex()


def test_first_demo_shows_every_kind_of_severity(said: dict[Path, Records]) -> None:
    seen = {finding["severity"] for finding in said[DEMOS[0].path]["finding"]}
    assert seen == {severity.name.lower() for severity in Severity}


def test_first_demo_holds_the_findings_of_all_others() -> None:
    def told(demo: Demo) -> set[tuple[str, str]]:
        # FRG-25 weighs all that went between two hosts, so that its title follows what came first
        return {(each.rule, "" if each.rule == "FRG-25" else each.title) for each in demo.findings}

    assert set().union(*map(told, DEMOS[1:])) <= told(DEMOS[0])


def test_captures_are_small_enough_to_come_along() -> None:
    assert sum(demo.path.stat().st_size for demo in DEMOS) <= MOST


def test_no_capture_lies_there_unlisted() -> None:
    there = {path.name for path in HERE.iterdir() if path.suffix in (".pcap", ".pcapng")}
    assert there == {demo.file for demo in DEMOS}


def test_listed_techniques_are_in_attack() -> None:
    for demo in DEMOS:
        for finding in demo.findings:
            for each in finding.techniques:
                assert technique(each).id == each


def test_readme_is_what_the_list_makes_of_it() -> None:
    assert (HERE / "README.md").read_text(encoding="utf-8") == render(DEMOS), (
        "demos.toml has changed: python -m tools.demo.readme writes the README anew"
    )


def test_readme_names_each_demo() -> None:
    text = (HERE / "README.md").read_text(encoding="utf-8")
    for demo in DEMOS:
        assert f"## {demo.name}\n" in text
        assert f"`{demo.file}`" in text
        assert demo.story in text


def frames_of(path: Path, folder: Path) -> list[bytes]:
    """The frames of a capture, by oddport's own reader."""
    with open_capture([str(path)], workdir=folder) as reader:
        return [
            batch.data[at : at + size].tobytes()
            for batch in reader.batches()
            for at, size in zip(batch.start[: batch.count].tolist(), batch.caplen[: batch.count].tolist(), strict=True)
        ]
