"""What is handed on: packets as they were, rows that no spreadsheet runs, a report that no name can break."""

import csv
import io
import json
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from oddport.case.reader import CaseReader
from oddport.exports.pcapng import write_pcapng
from oddport.exports.report import Html, Markdown, write_report
from oddport.exports.rows import time_text, write_log, write_rows
from tests.case.build import START
from tests.tui.cases import Flow, Found, make_case
from tui.app import start_load

DEMO = Path(__file__).parents[2] / "demo_pcaps" / "branch-office.pcapng"
HOSTILE = "<script>|*x*`"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo capture of a branch office, loaded."""
    case = tmp_path_factory.mktemp("exports") / "case.oddport"
    load = start_load(case, [str(DEMO)])
    assert load is not None
    while load.progress.running:
        pass
    load.end()
    return case


@pytest.fixture
def reader(office: Path) -> Iterator[CaseReader]:
    with CaseReader.open(office) as opened:
        yield opened


def blocks(data: bytes) -> list[tuple[int, bytes]]:
    """(type, body) of the blocks of a little-endian pcapng file (draft-ietf-opsawg-pcapng, 3.1)."""
    found, at = [], 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        assert length % 4 == 0
        assert struct.unpack_from("<I", data, at + length - 4) == (length,)
        found.append((kind, data[at + 8 : at + length - 4]))
        at += length
    return found


def test_packets_of_flows_are_written_as_they_were_in_the_order_of_the_capture(reader: CaseReader) -> None:
    flows = [3, 71, 1]
    out = io.BytesIO()
    expected = sorted(
        (packet for flow in flows for packet in reader.packets_of_flow(flow, 0, 1000)), key=lambda each: each.packet
    )
    assert write_pcapng(reader, flows, out, lambda: True) == len(expected) > 40
    found = blocks(out.getvalue())
    assert found[0][0] == 0x0A0D0D0A
    assert [kind for kind, _ in found[1:]] == [1, *[6] * len(expected)]
    for (_, body), packet in zip(found[2:], expected, strict=True):
        interface, high, low, captured, wire = struct.unpack_from("<IIIII", body)
        assert (interface, high << 32 | low) == (0, packet.ts)
        assert (captured, wire) == (packet.caplen, packet.wirelen)
        assert body[20 : 20 + captured] == reader.packet_bytes(packet)


def test_flows_that_are_not_there_give_an_empty_file(reader: CaseReader) -> None:
    out = io.BytesIO()
    assert write_pcapng(reader, [10**9], out, lambda: True) == 0
    assert len(blocks(out.getvalue())) == 1


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
def test_tshark_reads_the_packets(reader: CaseReader, tmp_path: Path) -> None:
    with (tmp_path / "out.pcapng").open("wb") as out:
        written = write_pcapng(reader, list(range(1, 60)), out, lambda: True)
    said = subprocess.run(
        ["tshark", "-r", str(tmp_path / "out.pcapng"), "-T", "fields", "-e", "frame.number"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert len(said.stdout.split()) == written


def test_rows_come_in_the_order_of_the_list_as_csv_and_json(reader: CaseReader) -> None:
    out = io.StringIO()
    assert write_rows(reader, "flows", [5, 2], "csv", out, lambda: True) == 2
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert [row["id"] for row in rows] == ["5", "2"]
    flow = reader.flow(5)
    assert flow is not None
    assert (rows[0]["src"], rows[0]["dport"], rows[0]["app"]) == (flow.src, str(flow.dport), flow.app)
    out = io.StringIO()
    assert write_rows(reader, "findings", [2, 1], "json", out, lambda: True) == 2
    assert [row["id"] for row in json.loads(out.getvalue())] == [2, 1]
    out = io.StringIO()
    write_rows(reader, "findings", [], "json", out, lambda: True)
    assert json.loads(out.getvalue()) == []


def test_times_are_written_to_the_nanosecond() -> None:
    assert time_text(START + 5) == "2024-05-06T12:53:20.000000005Z"


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[CaseReader]:
    """A case whose names would like to be formulas and scripts."""
    flows = [Flow(app="tls"), Flow(app="http", dport=443)]
    found = [Found(HOSTILE, 4, 90, says=HOSTILE), Found("=cmd|' /C calc'!A0", 1, 20, 2, expected="-2+3")]
    case = make_case(tmp_path / "hostile.oddport", flows, found)
    with CaseReader.open(case) as opened:
        opened.set_verdicts(["uid-0000", "uid-0001"], "confirmed", f"@SUM {HOSTILE}", "ana")
        yield opened


def test_no_cell_of_csv_is_a_formula(hostile: CaseReader) -> None:
    out, log = io.StringIO(), io.StringIO()
    write_rows(hostile, "findings", [1, 2], "csv", out, lambda: True)
    assert write_log(hostile, "csv", log) == 2
    for text in (out.getvalue(), log.getvalue()):
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert "'=cmd|' /C calc'!A0" in out.getvalue()


def test_the_log_says_who_said_what_and_forgets_what_was_taken_back(hostile: CaseReader) -> None:
    hostile.set_verdict("uid-0000", "benign", "known", "bob")
    rows = hostile.review_log()
    assert [(row.user, row.uid, row.verdict) for row in rows] == [
        ("ana", "uid-0000", "confirmed"), ("ana", "uid-0001", "confirmed"), ("bob", "uid-0000", "benign"),
    ]  # fmt: skip
    assert rows[0].title == HOSTILE
    hostile.undo_verdict("uid-0000")
    assert [(row.user, row.verdict) for row in hostile.review_log()] == [("ana", "confirmed"), ("ana", "confirmed")]


def test_the_log_has_marks_too_with_who_and_when(hostile: CaseReader) -> None:
    hostile.set_marks("flow", [1], True, "bob")
    hostile.set_marks("finding", [2], True, "bob")
    out, table = io.StringIO(), io.StringIO()
    assert write_log(hostile, "json", out) == write_log(hostile, "csv", table) == 4
    rows = json.loads(out.getvalue())
    assert [(row["what"], row["user"], row["verdict"]) for row in rows] == [
        ("verdict", "ana", "confirmed"), ("verdict", "ana", "confirmed"), ("mark", "bob", ""), ("mark", "bob", ""),
    ]  # fmt: skip
    assert [(row["finding"], row["flow"]) for row in rows[2:]] == [("", 1), ("uid-0001", "")]
    assert rows[2]["title"].startswith("10.20.3.14 51544 > 203.0.113.80 8088 tcp")
    assert all(row["at"].endswith("Z") for row in rows)
    assert [row[5].lstrip("'") for row in csv.reader(io.StringIO(table.getvalue()))][1:] == [
        row["title"] for row in rows
    ]


def test_a_report_tells_of_findings_bytes_attack_and_verdicts_and_runs_nothing(hostile: CaseReader) -> None:
    out = io.StringIO()
    assert write_report(hostile, "Review", "html", out) == 2
    page = out.getvalue()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in [word for word in page.split('"') if word.startswith(("src=", "href="))]
    for wanted in ("<code>16 03 01", "T1571", "Non-Standard Port", "confirmed", "<svg", "reviewed"):
        assert wanted in page, wanted


def test_a_report_in_markdown_keeps_its_tables(hostile: CaseReader) -> None:
    out = io.StringIO()
    write_report(hostile, "Review", "md", out, [1])
    text = out.getvalue()
    assert text.startswith("# Review\n")
    assert r"\<script\>\|\*x\*\`" in text
    assert "<script>" not in text
    tables = [row for row in text.splitlines() if row.startswith("|")]
    assert tables
    assert "calc" not in text  # of the other finding


@pytest.mark.parametrize("value", ["a|b", "[x](http://e)", "<b>", "\x1b[31m", "# x"])
def test_what_is_of_the_wire_means_nothing_in_either_form(value: str) -> None:
    assert "<b>" not in Html().text(value)
    escaped = Markdown().text(value)
    assert "\x1b" not in escaped
    assert not [sign for n, sign in enumerate(escaped) if sign in "|[]<>#" and escaped[n - 1] != "\\"]
