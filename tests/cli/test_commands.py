"""The command line: what it prints, how it ends, and its sentences for wrong calls."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.captures import HTTP_TURNS, SSH_TURNS, conversation, dns_over, pcap, write_pcap

FLOW_KEYS = {
    "type", "capture", "id", "parent", "tunnel", "proto", "src", "sport", "dst", "dport", "server_port", "packets",
    "bytes",
    "payload_bytes", "first_ts", "last_ts", "first_ns", "last_ns", "app", "inner", "tier", "port_verdict", "app_facts",
}  # fmt: skip
FINDING_KEYS = {
    "type", "capture", "id", "detector", "title", "severity", "score", "techniques", "flow", "src", "dst", "dport",
    "first_ts",
    "summary", "evidence",
}  # fmt: skip
EVIDENCE_KEYS = {"capture", "packet", "offset", "length", "hex", "says", "expected"}
CAPTURE_KEYS = {
    "type",
    "capture",
    "format",
    "packets",
    "bytes",
    "first_ts",
    "last_ts",
    "linktypes",
    "truncated",
    "warnings",
}


def oddport(
    *words: Any, data: bytes = b"", folder: Path | None = None, **environ: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the command as a process of its own."""
    env = {**os.environ, "COLUMNS": "120", **environ}
    if folder is not None:
        env["ODDPORT_DATA"] = str(folder)
    command = [sys.executable, "-m", "oddport", *map(str, words)]
    return subprocess.run(command, input=data, capture_output=True, env=env, check=False, timeout=120)


def records(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """SSH on 41414 and HTTP on 443."""
    return write_pcap(
        tmp_path / "odd.pcap", [*conversation(SSH_TURNS), *conversation(HTTP_TURNS, sport=40001, port=443)]
    )


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """HTTP on 80 and DNS on 53."""
    return write_pcap(tmp_path / "plain.pcap", [*conversation(HTTP_TURNS, port=80), *dns_over(53)])


def test_ndjson_has_the_keys_that_scripts_rely_on(odd: Path) -> None:
    done = oddport("scan", "--format", "ndjson", odd)
    assert done.returncode == 0
    by_type: dict[str, list[dict[str, Any]]] = {}
    for record in records(done):
        by_type.setdefault(record["type"], []).append(record)
    assert set(by_type["flow"][0]) >= FLOW_KEYS
    assert set(by_type["finding"][0]) >= FINDING_KEYS
    assert set(by_type["finding"][0]["evidence"][0]) >= EVIDENCE_KEYS
    assert set(by_type["capture"][0]) >= CAPTURE_KEYS
    assert by_type["capture"][0]["packets"] == 16
    assert {flow["app"] for flow in by_type["flow"]} == {"ssh", "http"}


def test_evidence_hex_is_what_lies_there(odd: Path) -> None:
    found = [record for record in records(oddport("scan", "--format", "ndjson", odd)) if record["type"] == "finding"]
    raw = odd.read_bytes()
    starts, at = [], 24
    while at < len(raw):
        starts.append(at + 16)
        at += 16 + int.from_bytes(raw[at + 8 : at + 12], "little")
    for row in (row for finding in found for row in finding["evidence"]):
        place = starts[row["packet"] - 1] + row["offset"]
        assert raw[place : place + len(row["hex"]) // 2].hex() == row["hex"]


def test_the_table_names_findings_and_counts(odd: Path) -> None:
    text = oddport("scan", odd).stdout.decode()
    assert "SSH on 41414/tcp" in text
    assert "HTTP on 443/tcp in clear" in text
    assert "2 flows; 2 on a port that does not fit" in text


def test_a_clean_capture_says_so(plain: Path) -> None:
    assert "Nothing odd found." in oddport("scan", plain).stdout.decode()


@pytest.mark.parametrize(("level", "status"), [("low", 1), ("critical", 0)])
def test_fail_on_tells_by_the_exit_status(odd: Path, level: str, status: int) -> None:
    assert oddport("scan", "--fail-on", level, odd).returncode == status


def test_each_analyses_files_apart_and_a_folder_stands_for_its_captures(tmp_path: Path, odd: Path, plain: Path) -> None:
    (tmp_path / "notes.txt").write_text("no capture")
    captures = [r for r in records(oddport("scan", "--each", "--format", "ndjson", tmp_path)) if r["type"] == "capture"]
    assert [Path(record["capture"]).name for record in captures] == ["odd.pcap", "plain.pcap"]


def test_without_each_several_files_are_one_capture(odd: Path, plain: Path) -> None:
    ids = [r["id"] for r in records(oddport("scan", "--format", "ndjson", odd, plain)) if r["type"] == "flow"]
    assert sorted(ids) == [1, 2, 3, 4]


def test_a_named_file_that_cannot_be_read_gives_a_record_with_the_reason(tmp_path: Path, odd: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no capture")
    done = oddport("scan", "--each", "--format", "ndjson", text, tmp_path / "missing.pcap", odd)
    captures = [record for record in records(done) if record["type"] == "capture"]
    assert [bool(record["warnings"]) for record in captures] == [True, True, False]
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr


def test_nothing_readable_is_status_2(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no capture")
    assert oddport("scan", text).returncode == 2
    empty = tmp_path / "empty"
    empty.mkdir()
    done = oddport("scan", empty)
    assert done.returncode == 2
    assert b"is a folder without captures" in done.stderr


def test_standard_input_is_read(odd: Path) -> None:
    done = oddport("scan", "--format", "ndjson", "-", data=odd.read_bytes())
    assert {r["app"] for r in records(done) if r["type"] == "flow"} == {"ssh", "http"}


def test_whoever_reads_only_the_first_line_gets_no_traceback(odd: Path) -> None:
    command = f"{sys.executable} -m oddport scan --format ndjson {odd} {odd} {odd} | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, check=False, timeout=60)
    assert b"Traceback" not in done.stderr


def test_a_cut_off_capture_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = pcap(conversation(SSH_TURNS))
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(whole[:-10])
    (capture,) = [r for r in records(oddport("scan", "--format", "ndjson", cut)) if r["type"] == "capture"]
    assert (capture["truncated"], capture["packets"]) == (True, 7)
    assert "byte" in capture["warnings"][0]


def test_control_characters_from_the_wire_reach_neither_table_nor_json_raw(tmp_path: Path) -> None:
    turns = [("s", b"SSH-2.0-evil\x1b[2J\x07[red]x[/red]\r\n"), ("c", b"SSH-2.0-OpenSSH_9.7\r\n")]
    capture = write_pcap(tmp_path / "evil\x1b[2J.pcap", conversation(turns))
    for form in ("table", "ndjson"):
        assert b"\x1b" not in oddport("scan", "--format", form, capture).stdout


def test_scan_can_keep_a_case_that_holds_what_it_prints(tmp_path: Path, odd: Path) -> None:
    case = tmp_path / "kept.oddport"
    done = oddport("scan", "--format", "ndjson", "--case", case, odd)
    printed = records(done)
    from oddport.case.reader import CaseReader

    with CaseReader.open(case) as reader:
        counts = reader.counts()
        (doubt,) = (each for each in reader.omissions() if each.source == "port-mismatch")
    assert f"oddport: {doubt.sentence}" in done.stderr.decode().splitlines()
    assert counts.flows == sum(record["type"] == "flow" for record in printed)
    assert sum(counts.findings) == sum(record["type"] == "finding" for record in printed)


def test_one_case_cannot_hold_each_of_several(tmp_path: Path, odd: Path, plain: Path) -> None:
    done = oddport("scan", "--each", "--case", tmp_path / "x.oddport", odd, plain)
    assert done.returncode == 2
    assert b"--each" in done.stderr


def test_load_prints_no_rows_and_makes_a_private_case(tmp_path: Path, odd: Path) -> None:
    case = tmp_path / "made.oddport"
    done = oddport("load", odd, "--case", case)
    assert (done.returncode, done.stdout) == (0, b"")
    assert case.stat().st_mode & 0o777 == 0o600


def test_loading_again_needs_a_word(tmp_path: Path, odd: Path) -> None:
    case = tmp_path / "made.oddport"
    oddport("load", odd, "--case", case)
    again = oddport("load", odd, "--case", case)
    assert again.returncode == 2
    assert b"already holds a load that is done" in again.stderr
    assert oddport("load", "--replace", odd, "--case", case).returncode == 0


def test_the_loading_process_tells_its_progress_in_json(tmp_path: Path, odd: Path) -> None:
    command = [sys.executable, "-m", "oddport.loading", "--case", str(tmp_path / "c.oddport"), str(odd)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60, stdin=subprocess.DEVNULL)
    last = json.loads(done.stdout.splitlines()[-1])
    assert (last["state"], last["packets"], last["flows"]) == ("done", 16, 2)
    assert last["bytes"] == last["total"] == odd.stat().st_size


def test_the_loading_process_ends_cleanly_when_its_control_pipe_closes(tmp_path: Path) -> None:
    frames = [frame for i in range(20_000) for frame in conversation(SSH_TURNS, sport=10_000 + i)]
    capture = write_pcap(tmp_path / "big.pcap", frames, [i * 1000 for i in range(len(frames))])
    case = tmp_path / "c.oddport"
    process = subprocess.Popen(
        [sys.executable, "-m", "oddport.loading", "--case", str(case), str(capture)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    process.stdout.readline()
    process.stdin.close()
    lines = process.stdout.read().splitlines()
    assert process.wait(30) == 0
    assert json.loads(lines[-1])["state"] == "stopped"


def test_detectors_are_listed_and_explain_themselves() -> None:
    assert "port-mismatch" in oddport("detectors").stdout.decode()
    assert "PPM-02" in oddport("detectors", "port-mismatch").stdout.decode()
    wrong = oddport("detectors", "port-mismach")
    assert wrong.returncode == 2
    assert b"Did you mean port-mismatch?" in wrong.stderr


def test_protocols_are_listed_with_their_ports() -> None:
    listed = oddport("protocols").stdout.decode()
    assert "modbus" in listed
    assert "502" in listed


def test_a_protocol_says_what_is_checked_and_where_it_belongs() -> None:
    told = oddport("protocols", "Modbus").stdout.decode()
    for words in (
        "Modbus/TCP",
        "MODBUS Application Protocol",
        "502 (IANA: mbap)",
        "whose lengths are what their functions ask",
    ):
        assert words in told
    by_table = oddport("protocols", "vxlan").stdout.decode()
    assert "VXLAN with an Ethernet frame" in by_table
    assert "begins with 0x08" in by_table
    assert "either end may take either" in by_table


def test_an_alias_leads_to_the_protocol_and_a_slip_to_a_hint() -> None:
    assert "Omron FINS" in oddport("protocols", "fins").stdout.decode()
    wrong = oddport("protocols", "modbuss")
    assert wrong.returncode == 2
    assert b"Did you mean modbus?" in wrong.stderr
    assert b"lists them" in oddport("protocols", "\x01qqqq").stderr


def site_table(folder: Path, server: str) -> Path:
    """SSH on 41414 of that server is meant to be."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "site.toml"
    path.write_text(
        f'[[exception]]\nprotocol = "ssh"\nserver = "{server}"\nport = 41414\nreason = "jump host, ticket 9"\n'
    )
    return path


def ssh_flow(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    return next(each for each in records(done) if each["type"] == "flow" and each["app"] == "ssh")


def test_a_site_table_excuses_what_it_names_and_says_why(odd: Path, tmp_path: Path) -> None:
    plain = ssh_flow(oddport("scan", "--format", "ndjson", odd))
    assert plain["port_verdict"] == "mismatch"
    table = site_table(tmp_path / "ours", f"{plain['dst']}/32")
    done = oddport("scan", "--format", "ndjson", "--site", table, odd)
    assert ssh_flow(done)["port_verdict"] == "alternate"
    assert ssh_flow(done)["app_facts"]["site_exception"] == "jump host, ticket 9"
    assert not any(each["type"] == "finding" and each["dport"] == 41414 for each in records(done))
    elsewhere = site_table(tmp_path / "theirs", "192.0.2.0/24")
    assert ssh_flow(oddport("scan", "--format", "ndjson", "--site", elsewhere, odd))["port_verdict"] == "mismatch"


def test_the_table_in_the_configuration_folder_holds_by_itself(odd: Path, tmp_path: Path) -> None:
    site_table(tmp_path / "config" / "oddport", "0.0.0.0/0")
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    assert ssh_flow(oddport("scan", "--format", "ndjson", odd, **environ))["port_verdict"] == "alternate"


@pytest.mark.parametrize("command", [["scan"], ["load", "--case", "x.oddport"]])
def test_a_site_table_that_cannot_be_used_stops_the_command_with_a_sentence(
    odd: Path, tmp_path: Path, command: list[str]
) -> None:
    table = tmp_path / "site.toml"
    table.write_text("[[exception]]\nport = 1\n")
    done = oddport(*command, "--site", table, odd)
    assert done.returncode == 2
    assert b"Exception 1 has no protocol." in done.stderr


def test_cases_are_listed_and_removed(tmp_path: Path, odd: Path) -> None:
    data = tmp_path / "data"
    assert b"No cases yet" in oddport("cases", folder=data).stdout
    oddport("load", odd, "--case", data / "branch.oddport")
    assert b"branch" in oddport("cases", folder=data).stdout
    refused = oddport("cases", "remove", "branch", folder=data)
    assert refused.returncode == 2
    assert oddport("cases", "remove", "--yes", "branch", folder=data).returncode == 0
    assert b"No cases yet" in oddport("cases", folder=data).stdout
    missing = oddport("cases", "remove", "--yes", "branch", folder=data)
    assert missing.returncode == 2
    assert b"Traceback" not in missing.stderr


def test_the_dashboard_without_a_terminal_is_a_sentence(odd: Path) -> None:
    done = oddport(odd)
    assert done.returncode == 2
    assert b"needs a terminal" in done.stderr


def test_options_may_stand_before_the_capture_that_is_opened(odd: Path, tmp_path: Path) -> None:
    done = oddport("--case", tmp_path / "kept.oddport", odd)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"The dashboard needs a terminal." in done.stderr
    done = oddport("--bogus", odd)
    assert done.returncode == 2
    assert b"No such option" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["scan", "--help"],
        ["load", "--help"],
        ["cases", "--help"],
        ["export", "--help"],
        ["detectors", "--help"],
        ["protocols", "--help"],
    ],
)
def test_every_command_has_help_with_examples(words: list[str]) -> None:
    done = oddport(*words)
    assert done.returncode == 0
    assert b"Examples" in done.stdout


def test_the_version_is_told() -> None:
    from oddport import __version__

    assert __version__ in oddport("--version").stdout.decode()


def test_control_characters_in_a_name_do_not_reach_the_terminal_in_a_sentence(tmp_path: Path) -> None:
    whole = pcap(conversation(SSH_TURNS))
    cut = tmp_path / "cut\x1b[2J.pcap"
    cut.write_bytes(whole[:-10])
    done = oddport("load", cut, "--case", tmp_path / "a.oddport")
    assert b"cut\xc2\xb7[2J.pcap" in done.stderr
    assert b"\x1b" not in done.stderr


def test_a_case_that_holds_a_load_already_is_a_sentence_of_scan_too(tmp_path: Path, odd: Path) -> None:
    case = tmp_path / "kept.oddport"
    oddport("scan", "--case", case, odd)
    again = oddport("scan", "--case", case, odd)
    assert again.returncode == 2
    assert b"already holds a load that is done" in again.stderr
    assert b"Traceback" not in again.stderr


def test_a_case_kept_by_scan_still_has_the_bytes_of_a_pipe(tmp_path: Path, odd: Path) -> None:
    case = tmp_path / "kept.oddport"
    oddport("scan", "--case", case, "-", data=odd.read_bytes())
    from oddport.case.reader import CaseReader

    with CaseReader.open(case) as reader:
        (packet,) = reader.packets_of_flow(1, 0, 1)
        assert reader.packet_bytes(packet) == conversation(SSH_TURNS)[0]


@pytest.fixture
def loaded(tmp_path: Path, odd: Path) -> Path:
    """The case of `odd`."""
    oddport("load", odd, "--case", tmp_path / "odd.oddport")
    return tmp_path / "odd.oddport"


def test_findings_and_flows_of_a_case_are_written_in_every_form(loaded: Path, tmp_path: Path) -> None:
    report = oddport("export", loaded)
    assert (report.returncode, report.stderr) == (0, b"")
    assert report.stdout.startswith(b"<!doctype html>")
    rows = oddport("export", loaded, "--of", "flows", "--filter", "app == ssh", "--format", "json")
    assert [row["dport"] for row in json.loads(rows.stdout)] == [41414]
    proof = tmp_path / "proof.pcapng"
    done = oddport("export", loaded, "--filter", "server.port == 443", "-o", proof)
    assert done.stderr.decode() == f"oddport: {len(conversation(HTTP_TURNS))} packets written to {proof}\n"
    again = records(oddport("scan", "--format", "ndjson", proof))
    assert [each["dport"] for each in again if each["type"] == "flow"] == [443]
    spoken = oddport("export", loaded, "--of", "flows", "--filter", 'payload contains "SSH-"', "--format", "json")
    assert [row["dport"] for row in json.loads(spoken.stdout)] == [41414]
    log = oddport("export", loaded, "--format", "log")
    assert log.stdout == b"at,user,what,finding,flow,title,verdict,note\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--filter", "prot == 1"], "is not understood at character 1."),
        (["--of", "flows", "--format", "html"], "There is no html of flows; there are pcapng, csv, json."),
        (["-o", "."], "is there already. Give another name."),
        (["-o", "no/where.html"], "was not written whole"),
    ],
)
def test_what_cannot_be_exported_is_a_sentence(loaded: Path, words: list[str], said: str) -> None:
    done = oddport("export", loaded, *words)
    assert (done.returncode, done.stdout) == (2, b"")
    assert said in done.stderr.decode()
    assert b"Traceback" not in done.stderr


def test_an_export_of_no_case_is_a_sentence(tmp_path: Path) -> None:
    done = oddport("export", "nowhere", folder=tmp_path)
    assert done.returncode == 2
    assert b"nowhere" in done.stderr
