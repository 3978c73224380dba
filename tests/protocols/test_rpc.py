"""ONC RPC, NFS and DCE/RPC: fixed words, lengths that close, the interfaces bound, and NTLM's names inside."""

import struct

import pytest

from oddport.engine.columns import TCP, UDP
from oddport.engine.heads import Head
from oddport.protocols import dcerpc, ntlm, smb, sunrpc
from oddport.protocols.identify import explain_not, identify
from oddport.protocols.model import Facts, Tier
from oddport.protocols.registry import CLIENT, SERVER

from .build import smb2

NULL = bytes(8)
"""AUTH_NONE, no bytes (RFC 5531, 8.2)."""


def call(program: int, credentials: bytes = NULL, *, number: int = 7, body: bytes = b"") -> bytes:
    return struct.pack(">6I", number, 0, 2, program, 3, 1) + credentials + NULL + body


def reply(*, number: int = 7, state: int = 0, body: bytes = b"") -> bytes:
    return struct.pack(">3I", number, 1, 0) + NULL + struct.pack(">I", state) + body


def record(message: bytes) -> bytes:
    return struct.pack(">I", 0x80000000 | len(message)) + message


def auth_sys(machine: bytes) -> bytes:
    padded = machine.ljust(len(machine) + 3 & ~3, b"\0")
    body = struct.pack(">2I", 99, len(machine)) + padded + struct.pack(">3I", 0, 0, 0)
    return struct.pack(">2I", 1, len(body)) + body


def datagrams(one: bytes, other: bytes = b"") -> Head:
    return Head(UDP, one, other, (one,) if one else (), (other,) if other else ())


def test_a_call_and_its_reply_are_named_by_program() -> None:
    for program, app, text in ((100003, "nfs", "nfs"), (100000, "sunrpc", "portmap"), (99, "sunrpc", "99")):
        for head in (datagrams(call(program), reply()), Head(TCP, record(call(program)), record(reply()))):
            found = identify(head)
            assert (found.app, found.tier, found.server) == (app, Tier.A, 1)
            assert found.facts["program"] == text


def test_the_machine_of_a_unix_credential_is_a_fact() -> None:
    found = identify(datagrams(call(100003, auth_sys(b"build7"))))
    assert (found.app, found.tier, found.facts["machine"]) == ("nfs", Tier.B, "build7")


def test_a_reply_alone_is_rpc_of_some_program() -> None:
    assert identify(datagrams(b"", reply())).app == "sunrpc"


def test_a_reply_to_another_call_makes_no_pair() -> None:
    assert identify(datagrams(call(100000), reply(number=8))).tier == Tier.B


def test_a_denied_call_needs_the_call_beside_it() -> None:
    denied = struct.pack(">5I", 7, 1, 1, 1, 5)
    assert identify(datagrams(call(100000), denied)).tier is Tier.A
    assert identify(datagrams(b"", denied)).tier < Tier.B


@pytest.mark.parametrize(
    "message",
    [
        call(100000)[:-4],
        call(100000) + b"\0",
        call(0),
        call(0x60000000),
        struct.pack(">6I", 7, 0, 3, 100000, 2, 0) + NULL + NULL,
        call(100000, struct.pack(">2I", 0, 404)),
        call(100000, struct.pack(">2I", 77, 0)),
    ],
)
def test_a_call_with_a_wrong_word_is_none(message: bytes) -> None:
    assert identify(datagrams(message)).app is None


def test_a_record_mark_closes_on_the_next_one() -> None:
    two = record(call(100003)) + record(call(100003, number=8))
    assert identify(Head(TCP, two)).app == "nfs"
    assert identify(Head(TCP, record(call(100003)) + b"x")).app is None
    assert identify(Head(TCP, b"\x81" + record(call(100003))[1:])).app is None


def test_rpc_is_told_from_other_things_by_the_byte() -> None:
    assert sunrpc.datagram_reject(call(100000)[:8] + b"\0\0\0\3", CLIENT) == "byte 11 is 0x03, the RPC version is 2"
    assert sunrpc.datagram_reject(b"abc", CLIENT) == "3 bytes, a message is a whole number of 4-byte words"
    assert sunrpc.reject(b"GET ", CLIENT) == "byte 0 is 0x47, the first fragment is shorter than 16 MB"
    assert sunrpc.datagram_reject(call(100000), SERVER) == "byte 7 is 0x00, a message of this side has type 1"


# DCE/RPC ------------------------------------------------------------------------------------------------------------

SVCCTL = bytes.fromhex("81bb7a364498f135ad3298f038001003") + b"\2\0\0\0"
"""367abb81-9844-35f1-ad32-98f038001003 version 2, little-endian (MS-SCMR 1.9)."""
NDR = bytes.fromhex("045d888aeb1cc9119fe808002b104860") + b"\2\0\0\0"
"""C706, appendix I."""


def pdu(kind: int, body: bytes, *, security: bytes = b"", order: bytes = b"\x10\0\0\0") -> bytes:
    layout = "<HHI" if order[0] else ">HHI"
    length = 16 + len(body) + len(security)
    return (
        b"\5\0" + bytes((kind, 3)) + order + struct.pack(layout, length, max(0, len(security) - 8), 1) + body + security
    )


def bind(*interfaces: bytes, security: bytes = b"") -> bytes:
    contexts = b"".join(struct.pack("<HBB", number, 1, 0) + one + NDR for number, one in enumerate(interfaces))
    return pdu(11, struct.pack("<HHI", 5840, 5840, 0) + bytes((len(interfaces), 0, 0, 0)) + contexts, security=security)


BIND_ACK = pdu(12, struct.pack("<HHIH", 5840, 5840, 77, 4) + b"135\0" + b"\0\0" + b"\1\0\0\0" + b"\0\0\0\0" + NDR)
REQUEST = pdu(0, struct.pack("<IHH", 8, 0, 15) + bytes(8))


def test_a_bind_and_its_acknowledgement_are_dcerpc_with_the_interface() -> None:
    found = identify(Head(TCP, bind(SVCCTL) + REQUEST, BIND_ACK))
    assert (found.app, found.tier, found.server) == ("dcerpc", Tier.A, 1)
    assert found.facts["interface"] == ["svcctl"]


def test_an_interface_without_a_name_is_shown_as_identifier_once() -> None:
    unknown = bytes(range(16)) + b"\1\0\0\0"
    found = identify(Head(TCP, bind(unknown, unknown, SVCCTL)))
    assert found.facts["interface"] == ["03020100-0504-0706-0809-0a0b0c0d0e0f", "svcctl"]


def test_big_endian_packets_are_read_in_their_order() -> None:
    body = struct.pack(">IHH", 8, 0, 15) + bytes(8)
    assert identify(Head(TCP, pdu(0, body, order=bytes(4)))).app == "dcerpc"


def test_a_length_that_does_not_lead_to_the_next_packet_is_none() -> None:
    assert identify(Head(TCP, bind(SVCCTL) + b"x" * 20)).app is None
    assert identify(Head(TCP, bind(SVCCTL) + REQUEST[:7])).app == "dcerpc"


@pytest.mark.parametrize(("at", "value"), [(0, 4), (1, 2), (2, 7), (4, 0x20), (5, 4), (6, 1), (7, 1), (8, 27), (24, 0)])
def test_one_wrong_byte_of_a_bind_refuses_it(at: int, value: int) -> None:
    data = bytearray(bind(SVCCTL))
    data[at] = value
    if at == 8:
        data[9] = 0
    assert dcerpc.client(bytes(data)) is None


def test_the_banner_of_rpc_over_http_stands_before_the_packets() -> None:
    assert identify(Head(TCP, bind(SVCCTL), b"ncacn_http/1.0" + BIND_ACK)).tier is Tier.A
    assert identify(Head(TCP, b"", b"ncacn_http/1.0")).app == "dcerpc"
    assert dcerpc.reject(b"ncacn", SERVER) == ""
    assert dcerpc.reject(b"nginx", SERVER) == "byte 0 is 0x6e, the RPC version is 5"


def connectionless(kind: int, activity: bytes, body: bytes = b"", *, order: int = 0x10, auth: int = 0) -> bytes:
    interface = bytes.fromhex("0100a0de976cd11182710 0a02442df7d".replace(" ", ""))
    layout = "<" if order else ">"
    numbers = struct.pack(layout + "IIIHHHHH", 0, 1, 0, 5, 0xFFFF, 0xFFFF, len(body), 0)
    return (
        bytes((4, kind, 0x20, 0, order, 0, 0, 0)) + bytes(16) + interface + activity + numbers + bytes((auth, 0)) + body
    )


def test_packets_without_connection_close_on_the_datagram() -> None:
    found = identify(datagrams(connectionless(0, b"a" * 16, b"args"), connectionless(2, b"a" * 16)))
    assert (found.app, found.tier, found.facts["interface"]) == ("dcerpc", Tier.A, ["PROFINET device"])
    assert identify(datagrams(connectionless(0, b"a" * 16, b"args") + b"x")).app is None
    assert identify(datagrams(connectionless(0, b"a" * 16, b"args", auth=10) + b"verifier")).app == "dcerpc"
    assert identify(datagrams(connectionless(0, b"a" * 16), connectionless(2, b"b" * 16))).tier is Tier.B


def test_what_is_no_datagram_of_it_is_said() -> None:
    why = explain_not("dcerpc", datagrams(b"\x04\x02" + bytes(90), b"\x05\x02" + bytes(90))) or ""
    assert "byte 1 is 0x02" in why
    assert "byte 0 is 0x05" in why
    assert dcerpc.datagram_reject(b"\4", CLIENT) == "1 bytes, a packet has a header of 80"


# NTLM ---------------------------------------------------------------------------------------------------------------


def authenticate(domain: str, user: str, workstation: str, *, unicode: bool = True) -> bytes:
    code = "utf-16-le" if unicode else "ascii"
    fixed, at, tail = b"", 64, b""
    for text in ("", "", domain, user, workstation, ""):
        value = text.encode(code)
        fixed += struct.pack("<HHI", len(value), len(value), at + len(tail))
        tail += value
    return b"NTLMSSP\0\3\0\0\0" + fixed + struct.pack("<I", int(unicode)) + tail


def challenge(*pairs: tuple[int, str]) -> bytes:
    info = b"".join(struct.pack("<HH", kind, 2 * len(text)) + text.encode("utf-16-le") for kind, text in pairs)
    return (
        b"NTLMSSP\0\2\0\0\0" + struct.pack("<HHI", 0, 0, 48) + b"\1\0\0\0" + b"challeng" + bytes(8)
        + struct.pack("<HHI", len(info), len(info), 48) + info
    )  # fmt: skip


def test_who_logs_in_and_where_are_facts_of_the_flow() -> None:
    found = identify(Head(TCP, bind(SVCCTL, security=bytes(8) + authenticate("CORP", "alice", "LAPTOP7")), BIND_ACK))
    assert {"user": "alice", "domain": "CORP", "workstation": "LAPTOP7"}.items() <= found.facts.items()
    facts: Facts = {}
    assert ntlm.add_facts(authenticate("CORP", "bob", "OLD", unicode=False), facts)
    assert facts["user"] == "bob"


def test_a_challenge_says_what_the_server_is_called() -> None:
    facts: Facts = {}
    assert not ntlm.add_facts(b"spnego" + challenge((2, "CORP"), (1, "DC1"), (3, "dc1.corp.example"), (0, "")), facts)
    assert facts == {"domain": "CORP", "computer": "DC1", "dns_computer": "dc1.corp.example"}


def test_a_login_inside_smb_is_a_fact_and_is_waited_for() -> None:
    negotiate = smb2(0, 0, struct.pack("<HH", 36, 1) + bytes(32) + b"\2\2")
    setup = smb2(1, 0, struct.pack("<H", 25) + bytes(22) + authenticate("CORP", "alice", "LAPTOP7"))
    found = smb.client(negotiate + setup)
    assert found is not None
    assert {"user": "alice", "workstation": "LAPTOP7", "offered": ["2.0.2"]}.items() <= found.facts.items()
    assert not found.more
    alone = smb.client(negotiate)
    assert alone is not None
    assert alone.more


@pytest.mark.parametrize("whole", [authenticate("CORP", "alice", "LAPTOP7"), challenge((2, "CORP"), (1, "DC1"))])
def test_cut_anywhere_ntlm_gives_whole_names_or_none(whole: bytes) -> None:
    for length in range(len(whole)):
        facts: Facts = {}
        ntlm.add_facts(whole[:length], facts)
        assert set(facts.values()) <= {"CORP", "alice", "LAPTOP7", "DC1"}
    lying = whole[:28] + b"\xff" * 16 + whole[44:]
    ntlm.add_facts(lying, {})
