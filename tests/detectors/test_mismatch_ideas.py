"""Ideas about bytes that stand beside the port's verdict: directions, fake TLS, broken upgrades, shells, programs …"""

import random
import struct
from typing import Any

import pytest

from detectors.credentials import Credentials
from detectors.directions import Directions
from detectors.encrypted import Encrypted, random_looking
from detectors.executable import Executables, program
from detectors.fake_tls import FakeTls
from detectors.miner import Miners
from detectors.port_zero import PortZero
from detectors.shared_port import SharedPorts
from detectors.shell import Shells
from detectors.transport import Transport
from detectors.upgrade import Upgrades
from oddport.attack import technique
from oddport.detection.model import Detector, Finding, Severity
from oddport.detection.testing import MadeFlow, flow, flows, run
from oddport.engine.columns import NOTE_CUT, NOTE_GAP_O, NOTE_MIDSTREAM, NOTE_ONE_SIDED

INSIDE, OUTSIDE = "10.0.0.5", "203.0.113.7"
ALL = [
    Credentials, Directions, Encrypted, Executables, FakeTls, Miners, PortZero, SharedPorts, Shells, Transport,
    Upgrades,
]  # fmt: skip
# RFC 8446, 5.1: application data, version 3.3, 32 bytes
RECORD = b"\x17\x03\x03\x00\x20" + bytes(range(32))
# RFC 8446, 4.1.2: ClientHello with suites 1301 and 1302; 4.1.3: ServerHello with suite 1301
HELLO = (
    b"\x16\x03\x01\x00\x31\x01\x00\x00\x2d\x03\x03" + bytes(range(32)) + b"\x00\x00\x04\x13\x01\x13\x02\x01\x00\x00\x00"
)
SERVER_HELLO = b"\x16\x03\x03\x00\x2c\x02\x00\x00\x28\x03\x03" + bytes(range(32, 64)) + b"\x00\x13\x01\x00\x00\x00"
GET = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
SSH = b"SSH-2.0-OpenSSH_9.6\r\n"
WHOLE = [NOTE_ONE_SIDED, NOTE_CUT, NOTE_GAP_O, NOTE_MIDSTREAM]


def noise(count: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(count)


def said(port: int, orig: bytes | list[bytes], resp: bytes | list[bytes], **given: Any) -> MadeFlow:
    """A flow that is named by its bytes, as a load does it."""
    transport = given.pop("transport", "tcp")
    return flow(f"{INSIDE}:51000 > {OUTSIDE}:{port}/{transport}", orig=orig, resp=resp, read=True, **given)


def only(detector: type[Detector], *made: MadeFlow, **settings: object) -> Finding:
    (found,) = run(detector, flows(*made), settings=settings)
    return found


def none(detector: type[Detector], *made: MadeFlow) -> bool:
    return run(detector, flows(*made)) == []


@pytest.mark.parametrize("detector", ALL)
def test_every_rule_names_techniques_that_there_are_and_every_setting_stands_in_the_document(detector: Any) -> None:
    assert all(technique(each).name for rule in detector.rules for each in rule.techniques)
    assert all(rule.id in detector.document for rule in detector.rules)


# PPM-04, 05


def test_client_of_one_protocol_and_server_of_another_disagree() -> None:
    found = only(Directions, said(22, GET, SSH, lasts=30))
    assert (found.rule, found.title, found.expected) == ("PPM-04", "HTTP to SSH on 22/tcp", "ssh")
    assert (found.score, found.severity) == (70, Severity.HIGH)
    assert {row.side for row in found.evidence} == {0, 1}
    assert found.evidence[0].expected == "SSH, as the other side speaks"


def test_question_to_the_wrong_service_is_a_probe() -> None:
    found = only(Directions, said(22, GET, SSH, lasts=0.5))
    assert (found.severity, found.lowered) == (Severity.INFO, ("a probe: nothing went on",))
    assert [each.relation for each in found.mappings] == ["context", "context"]


def test_greeting_of_a_service_that_does_not_belong_on_the_port_is_no_probe() -> None:
    """What the client speaks names the flow and fits the port; the server behind it does not."""
    found = only(Directions, said(80, GET, SSH, lasts=0.5))
    assert (found.title, found.lowered, found.severity) == ("HTTP to SSH on 80/tcp", (), Severity.HIGH)


def test_server_that_opens_the_connection_is_turned_round() -> None:
    made = said(443, b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 0\r\n\r\n", GET)
    found = only(Directions, made)
    assert (found.rule, found.title) == ("PPM-05", "HTTP server connects out to 443/tcp")
    assert ("T1571", "direct") in [(each.technique, each.relation) for each in found.mappings]


def test_server_that_speaks_first_where_clients_do_is_reported_and_a_client_that_does_is_not() -> None:
    late = flow(f"{INSIDE}:51000 > {OUTSIDE}:443", orig=[b"", noise(40)], resp=[noise(40, 2)])
    late.head.orig_pieces[0].number = 9
    found = only(Directions, late)
    assert (found.rule, found.evidence[0].side, found.evidence[0].data) == ("PPM-05", 1, noise(40, 2)[:16])
    assert none(Directions, flow(f"{INSIDE}:51000 > {OUTSIDE}:443", orig=[noise(40)], resp=[noise(40, 2)]))


@pytest.mark.parametrize("note", WHOLE)
def test_directions_of_which_something_is_missing_are_not_judged(note: int) -> None:
    assert none(Directions, said(22, GET, SSH, lasts=30, notes=note))


# PPM-06


def test_application_data_without_a_handshake_is_fake_tls() -> None:
    found = only(FakeTls, said(443, RECORD, RECORD))
    assert (found.rule, found.title) == ("PPM-06", "TLS without a handshake on 443/tcp")
    assert (found.severity, found.mappings[0].technique) == (Severity.CRITICAL, "T1001.003")
    assert [(row.side, row.data) for row in found.evidence] == [(0, RECORD[:5]), (1, RECORD[:5])]
    assert found.evidence[0].expected == "a handshake record, 16 03 0x"


def test_application_data_that_answers_a_hello_is_fake_tls() -> None:
    assert only(FakeTls, said(443, HELLO, RECORD)).title == "TLS without a handshake on 443/tcp"


def test_hello_of_random_bytes_is_malformed() -> None:
    fake = b"\x16\x03\x01\x00\x60" + noise(96)
    found = only(FakeTls, said(41414, fake, fake))
    assert found.title == "Malformed TLS on 41414/tcp"
    assert "the first handshake message is a ClientHello" in found.rejected[0]
    assert ("T1571", "related") in [(each.technique, each.relation) for each in found.mappings]


def test_suite_that_was_not_offered_is_fake_and_one_that_was_is_not() -> None:
    other = SERVER_HELLO.replace(b"\x13\x01", b"\xc0\x2f")
    assert only(FakeTls, said(443, HELLO, other)).title == "TLS with an unoffered cipher on 443/tcp"
    assert none(FakeTls, said(443, HELLO, SERVER_HELLO))


def test_data_that_is_not_random_is_not_encrypted() -> None:
    plain = b"\x17\x03\x03\x02\x58" + b"heartbeat " * 60
    parts = only(FakeTls, said(443, plain, RECORD)).parts
    assert any("bits a byte" in part.reason for part in parts)


@pytest.mark.parametrize("note", WHOLE)
def test_tls_of_which_something_is_missing_is_not_called_fake(note: int) -> None:
    assert none(FakeTls, said(443, RECORD, RECORD, notes=note))


# PPM-08, 13

SMTP_SERVER = b"220 mx ESMTP\r\n250-mx\r\n250 STARTTLS\r\n220 go\r\n"


def test_starttls_that_is_agreed_on_and_not_kept_is_reported_at_the_byte() -> None:
    asked = b"EHLO a\r\nSTARTTLS\r\n"
    found = only(Upgrades, said(587, asked + b"MAIL FROM:<a@b.test>\r\n", SMTP_SERVER))
    assert found.rule == "PPM-08"
    (row,) = found.evidence
    assert (row.data[:4], row.offset) == (b"MAIL", 54 + len(asked))
    assert row.expected == "byte 0 is 0x4d, a handshake record begins with 0x16"
    assert none(Upgrades, said(587, asked + HELLO, SMTP_SERVER + SERVER_HELLO))


def test_starttls_that_the_server_refuses_is_no_promise() -> None:
    refused = SMTP_SERVER.replace(b"220 go", b"454 no")
    assert none(Upgrades, said(587, b"EHLO a\r\nSTARTTLS\r\nMAIL FROM:<a@b.test>\r\n", refused))


def test_websocket_without_masked_frames_is_none() -> None:
    upgrade = b"GET /c HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    granted = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
    # RFC 6455, 5.7: a masked text message "Hello"
    hello = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
    assert none(Upgrades, said(80, upgrade + hello, granted))
    assert only(Upgrades, said(80, upgrade + b"\x00\x00raw bytes", granted)).rule == "PPM-08"


def test_connect_to_an_odd_port_is_a_proxied_connection() -> None:
    granted = b"HTTP/1.1 200 OK\r\n\r\n"
    found = only(Upgrades, said(3128, b"CONNECT a.test:22 HTTP/1.1\r\nHost: a.test\r\n\r\n" + SSH, granted + SSH))
    assert (found.rule, found.title, found.score) == ("PPM-13", "SSH through CONNECT on 3128/tcp", 85)
    assert none(Upgrades, said(3128, b"CONNECT a.test:443 HTTP/1.1\r\n\r\n" + HELLO, granted + SERVER_HELLO))


# PPM-09

WINDOWS = b"Microsoft Windows [Version 10.0.19045.3930]\r\n(c) Microsoft Corporation. All rights reserved.\r\n\r\nC:\\>"


def test_random_bytes_in_both_directions_are_low_alone() -> None:
    found = only(Encrypted, said(41414, noise(400), noise(400, 2)))
    assert (found.rule, found.score, found.severity) == ("PPM-09", 30, Severity.LOW)
    assert found.lowered == ("nothing corroborates it: much harmless traffic looks so",)


def test_random_bytes_at_regular_times_are_more() -> None:
    made = [
        flow(f"{INSIDE}:{51000 + n} > {OUTSIDE}:41414", orig=noise(300, n), resp=noise(300, 99 + n), at=60.0 * n)
        for n in range(30)
    ]
    found = only(Encrypted, *made)
    assert (found.count, found.score) == (30, 65)


@pytest.mark.parametrize(
    "data",
    [b"\x00" * 80, b"text " * 20, b"GET /a" + noise(90), b"abcdef" + noise(90), noise(30) + b"x" * 25 + noise(60)],
)
def test_what_is_not_even_is_not_random(data: bytes) -> None:
    assert not random_looking(data)


def test_nearly_every_random_sample_looks_random() -> None:
    assert sum(random_looking(noise(size, seed)) for seed in range(200) for size in (128, 1024)) >= 390


# PPM-10


@pytest.mark.parametrize("port", [443, 41414, 23])
@pytest.mark.parametrize(
    ("orig", "resp", "technique_id"),
    [
        (b"whoami\r\n", WINDOWS, "T1059.003"),
        (b"dir\r\n", b"PS C:\\Users\\a> ", "T1059.003"),
        (b"id\n", b"uid=0(root) gid=0(root) groups=0(root)\n# ", "T1059.004"),
        (b"id\n", b"/bin/sh: 0: can't access tty; job control turned off\n$ ", "T1059.004"),
    ],
)
def test_shell_is_a_shell_on_any_port(port: int, orig: bytes, resp: bytes, technique_id: str) -> None:
    found = only(Shells, said(port, orig, resp))
    assert (found.rule, found.severity >= Severity.HIGH) == ("PPM-10", True)
    assert technique_id in [each.technique for each in found.mappings]
    assert found.evidence[0].expected


# PPM-12


def test_two_protocols_on_one_odd_port_are_one_finding_and_a_family_is_none() -> None:
    found = only(SharedPorts, said(41414, GET, OK), said(41414, SSH, SSH, at=60))
    assert (found.rule, found.title) == ("PPM-12", "HTTP and SSH on one port, 41414/tcp")
    assert none(SharedPorts, said(41414, GET, OK), said(41414, HELLO, SERVER_HELLO, at=60))
    assert none(SharedPorts, said(41414, GET, OK), said(41414, SSH, SSH, at=90_000))


# PPM-15


def test_unknown_bytes_on_a_port_of_the_other_transport() -> None:
    found = only(Transport, said(5900, noise(40), noise(40), transport="udp"))
    assert (found.rule, found.expected, found.score) == ("PPM-15", "vnc", 30)
    assert "never on 5900/udp" in found.evidence[0].expected
    assert none(Transport, said(41414, noise(40), noise(40), transport="udp"))


# PPM-16


def test_stratum_is_a_miner_on_any_port_and_another_json_rpc_is_none() -> None:
    subscribe = b'{"id":1,"method":"mining.subscribe","params":["m/1.0"]}\n'
    for port in (3333, 41414):
        found = only(Miners, said(port, subscribe, b'{"id":1,"result":[[],"08000002",4],"error":null}\n'))
        assert (found.rule, found.title, found.score) == ("PPM-16", f"Miner on {port}/tcp", 75)
    assert none(Miners, said(3333, b'{"id":1,"method":"login","params":{}}\n', b"{}\n"))
    ours = said(41414, b'{"id":1,"method":"getblocktemplate"}\n', b'{"result":{}}\n')
    assert only(Miners, ours).rule == "PPM-16", "also where the protocol has no name"


# PPM-18


def zeros(count: int, every: float) -> list[MadeFlow]:
    return [flow(f"{INSIDE}:{n + 1} > {OUTSIDE}:0", at=n * every) for n in range(count)]


def test_port_0_again_and_again_in_a_short_time_is_reported() -> None:
    assert only(PortZero, *zeros(11, 10)).rule == "PPM-18"
    assert none(PortZero, *zeros(10, 10))
    assert none(PortZero, *zeros(11, 60))


def test_ports_that_are_not_known_are_no_port_0() -> None:
    assert none(PortZero, *[flow(f"{INSIDE} > {OUTSIDE}", at=n) for n in range(20)])


# PPM-19

# PE format, 3.1 and 3.3: e_lfanew at 0x3c leads to the signature
PE = b"MZ" + bytes(58) + struct.pack("<I", 0x80) + bytes(64) + b"PE\x00\x00" + bytes(20)
ELF = b"\x7fELF\x02\x01\x01" + bytes(57)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (PE, ("Windows program", 0)),
        (struct.pack("<I", len(PE)) + PE, ("Windows program", 4)),
        (ELF, ("Linux program", 0)),
        (b"\xcf\xfa\xed\xfe" + bytes(28), ("macOS program", 0)),
        (b"#!/bin/sh\nid\n", ("script", 0)),
        (b"MZ" + bytes(100), ("", 0)),
        (b"\x7fELF\x07\x01\x01", ("", 0)),
        (b"#!shebang\n", ("", 0)),
        (b"", ("", 0)),
    ],
)
def test_program_is_told_by_its_header(data: bytes, what: tuple[str, int]) -> None:
    assert program(data) == what


def test_program_over_a_bare_connection_is_shown_at_its_first_byte() -> None:
    found = only(Executables, flow(f"{INSIDE}:51000 > {OUTSIDE}:4444", orig=b"", resp=struct.pack("<I", len(PE)) + PE))
    assert (found.rule, found.severity) == ("PPM-19", Severity.CRITICAL)
    assert (found.evidence[0].offset, found.evidence[0].data[:2]) == (58, b"MZ")


# PPM-20


def test_secret_is_neither_shown_nor_stored() -> None:
    made = said(41414, b"USER alice\r\nPASS hunter2\r\n", b"220 FTP ready\r\n331 Password\r\n230 ok\r\n")
    found = only(Credentials, made)
    assert (found.rule, found.evidence[0].data) == ("PPM-20", b"USER alice")
    assert "hunter2" not in repr(found)
    basic = b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YTpi\r\n\r\n"
    assert only(Credentials, said(41414, basic, OK)).evidence[0].data == b"Authorization: Basic "


def test_login_where_everybody_expects_it_is_no_find() -> None:
    assert none(Credentials, said(21, b"USER a\r\nPASS b\r\n", b"220 FTP ready\r\n331 Password\r\n230 ok\r\n"))


# no verdict from another flow


def test_findings_of_a_flow_do_not_depend_on_other_flows() -> None:
    made = [said(22, GET, SSH, lasts=30), said(443, RECORD, RECORD), said(41414, b"id\n", WINDOWS)]
    for detector in (Directions, FakeTls, Shells):
        alone = {each.title for one in made for each in run(detector, flows(one))}
        assert {each.title for each in run(detector, flows(*made))} == alone
