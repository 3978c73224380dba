"""Any other tool sees addresses, times and words in the views, without functions of ours."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, ip_address
from pathlib import Path

import pytest

from oddport.case.writer import CaseWriter
from tests.case.build import START, flows, put_flows


@pytest.fixture
def database(small_case: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"file:{small_case}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    yield connection
    connection.close()


def test_flows_read_as_words(database: sqlite3.Connection) -> None:
    row = dict(database.execute("SELECT * FROM flows WHERE id = 1").fetchone())
    assert (row["src"], row["sport"], row["dst"], row["dport"], row["proto"]) == (
        "10.20.3.14", 51_544, "203.0.113.80", 8_088, "tcp",
    )  # fmt: skip
    assert (row["app"], row["tier"], row["port_verdict"], row["severity"], row["state"]) == (
        "tls",
        "A",
        "mismatch",
        "high",
        "SF",
    )
    assert (row["first"], row["seconds"]) == ("2024-05-06T12:53:20.000000000Z", 3.0)
    assert (row["packets"], row["bytes"], row["server_known_by"]) == (11, 10_000, "responder by SYN")
    third = dict(database.execute("SELECT * FROM flows WHERE id = 3").fetchone())
    assert (third["src"], third["app"]) == ("2001:0db8:0000:0000:0000:0000:0000:0001", None)
    assert (third["fragmented"], third["one_sided"], third["midstream"], third["context"]) == (1, 1, 0, 10)
    assert database.execute("SELECT server_port FROM flows WHERE id = 4").fetchone()[0] is None


def test_findings_read_with_evidence_techniques_and_capture(database: sqlite3.Connection) -> None:
    row = dict(database.execute("SELECT * FROM findings WHERE uid = 'f1'").fetchone())
    assert (row["severity"], row["src"], row["dst"], row["verdict"]) == ("high", "10.20.3.14", "203.0.113.80", None)
    assert set(row["techniques"].split()) == {"T1571", "T1071.001"}
    evidence = [dict(each) for each in database.execute("SELECT * FROM evidence_bytes ORDER BY id")]
    assert [(each["bytes"], each["sent_by"], each["capture"]) for each in evidence] == [
        ("160301", "originator", "/captures/branch.pcap"), ("160303", "responder", "/captures/branch.pcap"),
    ]  # fmt: skip
    technique = dict(database.execute("SELECT * FROM techniques WHERE technique = 'T1571'").fetchone())
    assert (technique["relation"], technique["severity"], technique["title"]) == ("direct", "high", "TLS on 8088/tcp")


def test_trains_captures_blocks_and_loads_read_too(database: sqlite3.Connection) -> None:
    train = dict(database.execute("SELECT * FROM trains").fetchone())
    assert (train["src"], train["dst"], train["proto"], train["state"], train["fragments"]) == (
        "10.0.0.1", "10.0.0.2", "udp", "complete", 3,
    )  # fmt: skip
    assert train["anomalies"] == "conflicting_overlap ttl_mixed"
    capture = dict(database.execute("SELECT * FROM captures").fetchone())
    assert (capture["first"], capture["last"]) == ("2024-05-06T12:53:20.000000000Z", "2024-05-06T12:53:24.000000000Z")
    assert database.execute("SELECT packets, bytes FROM packet_blocks").fetchone()["packets"] == 8
    assert database.execute("SELECT state FROM loads").fetchone()[0] == "done"


@pytest.mark.parametrize("ns", [0, 1, -1, -(10**9), -1_500_000_000, START + 123_456_789, 2**63 - 1, -(2**63) + 10**9])
def test_times_are_iso_8601_to_the_nanosecond_also_before_1970(tmp_path: Path, ns: int) -> None:
    path = tmp_path / "a.oddport"
    with CaseWriter.create(path) as writer:
        writer.begin_load(1)
        put_flows(writer, flows({"src": "10.0.0.1", "first_ns": ns}), [None], [0], [0], [0])
        said = writer._db.one("SELECT first FROM flows").fetchone()[0]
    whole = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=ns // 10**9)
    assert said == f"{whole:%Y-%m-%dT%H:%M:%S}.{ns % 10**9:09d}Z"


@pytest.mark.parametrize("address", ["0.0.0.0", "255.254.1.2", "::", "::1", "2001:db8:ffff::a:b", "::10.1.2.3"])
def test_addresses_are_text(tmp_path: Path, address: str) -> None:
    path = tmp_path / "a.oddport"
    with CaseWriter.create(path) as writer:
        writer.begin_load(1)
        put_flows(writer, flows({"src": address, "dst": address}), [None], [0], [0], [0])
        src, dst = writer._db.one("SELECT src, dst FROM flows").fetchone()
    parsed = ip_address(address)
    assert src == dst == (parsed.exploded if isinstance(parsed, IPv6Address) else address)
