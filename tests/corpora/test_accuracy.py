"""The accuracy page: two of three tools make a flow's name, and each tool is held to it."""

import csv
import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tools.sections import onto, section

ROOT = Path(__file__).parents[2]
FLOW = {"proto": "tcp", "src": "10.0.0.1", "sport": "50000", "dst": "10.0.0.2", "tunnel": "0"}
FLOWS = [
    # capture, server's port, nDPI, tshark, ours
    ("a.pcap", "80", "http", "http", "http"),
    ("a.pcap", "81", "http", "", "http2"),
    ("a.pcap", "82", "tls", "http", "tls"),
    ("b.pcap", "83", "ssh", "ssh", None),
    ("b.pcap", "84", "ssh", "dns", None),
    ("b.pcap", "85", "smtp", "smtp", "ftp"),
]
ALARM = {
    "type": "finding", "capture": "x/a.pcap", "proto": "tcp", "src": "10.0.0.1", "dst": "10.0.0.2", "server_port": 80,
    "detector": "port-mismatch", "severity": "medium",
}  # fmt: skip

BEACONS, NOISE = "## Beacons\n\n| one |\n", "## Bytes that mean nothing\n\n| two |\n"


@pytest.fixture
def page(tmp_path: Path) -> str:
    """The page of six flows, of which one has no name that two tools give."""
    collection = tmp_path / "captures"
    collection.mkdir()
    (tmp_path / "vocabulary.json").write_text(json.dumps({"equivalent": [["http", "http2"]]}))
    flows = [
        {**FLOW, "capture": capture, "dport": port, "ndpi_label": ndpi, "tshark_label": tshark}
        for capture, port, ndpi, tshark, _ in FLOWS
    ]
    with gzip.open(collection / "truth_flows.csv.gz", "wt", newline="") as lines:
        writer = csv.DictWriter(lines, list(flows[0]))
        writer.writeheader()
        writer.writerows(flows)
    cases = [
        {**flow, "case_id": flow["dport"], "label": flow["ndpi_label"], "ndpi_nonstd_risk": "1", "verdict": verdict}
        for flow, verdict in zip(flows[:2], ("negative_gold", "positive_gold"), strict=True)
    ]
    with (collection / "truth_t1571.csv").open("w", newline="") as lines:
        writer = csv.DictWriter(lines, list(cases[0]))
        writer.writeheader()
        writer.writerows(cases)
    records = [
        {
            "type": "flow", "capture": f"x/{capture}", "proto": "tcp", "src": "10.0.0.2", "sport": int(port),
            "dst": "10.0.0.1", "dport": 50000, "app": app, "payload_bytes": 9,
            "port_verdict": "mismatch" if port == "81" else "standard",
        }
        for capture, port, _, _, app in FLOWS
    ]  # fmt: skip
    results = tmp_path / "scan.ndjson"
    results.write_text("".join(json.dumps(record) + "\n" for record in [{"type": "capture"}, *records, ALARM]))
    output = tmp_path / "accuracy.md"
    output.write_text(f"# Old\n\nold\n\n{BEACONS}\n{NOISE}", encoding="utf-8")
    command = [sys.executable, "tools/accuracy.py", str(collection), "--results", str(results), "--output", str(output)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return output.read_text(encoding="utf-8")


def test_sections_that_other_commands_write_stay_and_nothing_else_does(page: str) -> None:
    assert page.endswith(f"\n\n{NOISE}\n{BEACONS}")
    assert "old" not in page


def test_section_takes_the_place_of_the_one_with_its_heading() -> None:
    page = f"# Page\n\n{BEACONS}\n{NOISE}"
    assert onto(page, "## Beacons\n\nnew\n") == f"# Page\n\n## Beacons\n\nnew\n\n{NOISE}"
    assert (section(page, "## Beacon"), onto(page, "")) == ("", page)


def test_each_tool_is_held_to_what_two_of_three_say(page: str) -> None:
    # five flows: ours is right on three, silent on one, wrong on one
    assert "| oddport | 60.0 | 20.0 | 20.0 | 0.0 |" in page
    assert "| nDPI | 100.0 | 0.0 | 0.0 | 0.0 |" in page
    assert "| tshark | 60.0 | 20.0 | 20.0 | 0.0 |" in page
    assert "5 flows" in page


def test_each_protocol_has_a_row_and_names_that_mean_the_same_are_one(page: str) -> None:
    assert "| http | 2 | 100.0 | 100.0 | 50.0 |" in page
    assert "| smtp | 1 | 0.0 (100.0) | 100.0 | 100.0 |" in page
    assert "| tls | 1 | 100.0 | 100.0 | 0.0 (100.0) |" in page


def test_ports_that_are_reported_are_counted_by_case(page: str) -> None:
    assert "| not its port: should be reported | 1 | 100.0 | 100.0 |" in page
    assert "| its port: should not | 1 | 0.0 | 100.0 |" in page


def test_findings_about_flows_that_are_in_order_are_false_alarms(page: str) -> None:
    assert "| 1 flows on a port that is theirs | info | low | medium | high | critical | medium or worse |" in page
    assert "| port-mismatch |  |  | 1000.00 |  |  | 1000.00 |" in page
    # the other judged flow of that capture is not in order, so that no capture is benign
    assert "| 0 flows of captures without any other |" in page
