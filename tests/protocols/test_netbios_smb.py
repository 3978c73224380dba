"""NetBIOS names, datagrams and sessions; SMB of three generations in both framings."""

import struct

import pytest

from oddport.engine.columns import TCP, UDP
from oddport.engine.heads import Head
from oddport.protocols import netbios, smb
from oddport.protocols.identify import identify
from oddport.protocols.model import Tier
from oddport.protocols.registry import CLIENT, SERVER

from .build import (
    NBDGM,
    NBNS_ANSWER,
    NBNS_QUERY,
    NBSS_REQUEST,
    SMB1_ANSWER,
    SMB1_NEGOTIATE,
    SMB2_ANSWER,
    SMB2_NEGOTIATE,
    SMB3_ENCRYPTED,
    encoded,
    framed,
    smb1,
    smb2,
)


def test_a_name_query_tells_the_name_and_its_suffix() -> None:
    found = netbios.names_client(NBNS_QUERY)
    assert found is not None
    assert found.facts == {"name": "FILESERVER<20>"}
    assert netbios.names_server(NBNS_ANSWER) is not None


def test_a_registration_carries_a_record_behind_its_question() -> None:
    head = struct.pack(">HH4H", 7, 0x2910, 1, 0, 0, 1)
    body = encoded(b"CLIENT", 0) + b"\0\x20\0\1" + b"\xc0\x0c\0\x20\0\1" + b"\0\0\0\0\0\6\0\0\x0a\0\0\5"
    assert netbios.names_client(head + body) is not None
    assert netbios.names_client(head + body[:-1]) is None
    assert netbios.names_client(head + body + b"\0") is None
    assert netbios.names_client(head + body[:42]) is None


@pytest.mark.parametrize(("at", "value"), [(2, 0x19), (4, 1), (5, 2), (5, 0), (13, 0x51), (47, 0x41), (49, 2)])
def test_a_name_query_with_one_field_changed_is_none(at: int, value: int) -> None:
    changed = bytearray(NBNS_QUERY)
    changed[at] = value
    assert netbios.names_client(bytes(changed)) is None


def test_a_datagram_closes_on_its_length_and_names_both_ends() -> None:
    found = identify(Head(UDP, NBDGM))
    assert (found.app, found.tier) == ("netbios", Tier.B)
    assert found.facts == {"source": "CLIENT<00>", "name": "WORKGROUP<1d>"}
    assert netbios.datagram(NBDGM + b"x") is None
    assert netbios.datagram(NBDGM[:14] + b"\x20" + b"Z" * (len(NBDGM) - 15)) is None
    one_name = NBDGM[:48] + b"\x10" + NBDGM[49:]
    assert netbios.datagram(one_name) is None
    assert netbios.datagram(b"\x13\0\0\1\x0a\0\0\5\0\x8a\x82" + b"\0" * 40) is None


def test_a_datagram_query_is_a_header_and_a_name() -> None:
    query = b"\x14\0\0\1\x0a\0\0\5\0\x8a" + encoded(b"FILESERVER", 0x20)
    assert netbios.datagram(query) is not None
    assert netbios.datagram(b"\x15" + query[1:]) is not None
    assert netbios.datagram(query + b"x") is None


def test_a_session_request_alone_is_netbios_and_with_smb_behind_it_smb() -> None:
    assert identify(Head(TCP, NBSS_REQUEST, b"\x83\0\0\1\x82")).app == "netbios"
    assert identify(Head(TCP, NBSS_REQUEST, b"\x82\0\0\0")).app == "netbios"
    found = identify(Head(TCP, NBSS_REQUEST + SMB1_NEGOTIATE, b"\x82\0\0\0" + SMB1_ANSWER))
    assert (found.app, found.tier, found.facts["name"]) == ("smb", Tier.A, "FILESERVER<20>")


def test_session_packets_that_do_not_close_are_none() -> None:
    assert netbios.client(NBSS_REQUEST[:3] + b"\x45" + NBSS_REQUEST[4:]) is None
    assert netbios.client(b"\x81\x02" + NBSS_REQUEST[2:]) is None
    assert netbios.client(NBSS_REQUEST[:4] + b"\x1f" + NBSS_REQUEST[5:]) is None
    assert netbios.client(NBSS_REQUEST[:38] + b"\x1f" + NBSS_REQUEST[39:]) is None
    assert netbios.server(b"\x83\0\0\1\x90") is None
    assert netbios.server(b"\x82\0\0\1") is None
    assert netbios.reject(b"SSH", CLIENT) == "byte 0 is 0x53, no NetBIOS session packet has that type"


def test_smb_1_tells_its_dialects_and_who_speaks() -> None:
    found = smb.client(SMB1_NEGOTIATE)
    assert found is not None
    assert found.facts == {"dialect": "1", "offered": ["NT LM 0.12", "SMB 2.002"]}
    assert smb.server(SMB1_NEGOTIATE) is None
    assert smb.client(SMB1_ANSWER) is None


def test_smb_2_tells_the_offered_dialects_and_the_chosen_one() -> None:
    found = identify(Head(TCP, SMB2_NEGOTIATE, SMB2_ANSWER))
    assert found.facts == {"offered": ["2.0.2", "3.1.1"], "dialect": "3.1.1"}


def test_a_client_that_begins_with_smb_1_may_be_answered_in_smb_2() -> None:
    found = identify(Head(TCP, SMB1_NEGOTIATE, SMB2_ANSWER))
    assert (found.app, found.tier, found.facts["dialect"]) == ("smb", Tier.A, "3.1.1")


def test_an_error_answers_any_smb_2_command_in_nine_bytes() -> None:
    assert smb.server(smb2(1, 1, struct.pack("<H", 9) + b"\0" * 7)) is not None
    assert smb.server(smb2(1, 1, struct.pack("<H", 11) + b"\0" * 7)) is None
    assert smb.client(smb2(1, 0, struct.pack("<H", 9) + b"\0" * 7)) is None
    assert smb.client(smb2(40, 0, b"\0" * 9)) is None


def test_encrypted_and_compressed_messages_are_smb_3() -> None:
    found = smb.client(SMB3_ENCRYPTED)
    assert found is not None
    assert found.facts == {"encrypted": True}
    lies = bytearray(SMB3_ENCRYPTED)
    lies[4 + 36] += 1
    assert smb.client(bytes(lies)) is None
    assert smb.client(framed(b"\xfcSMB" + struct.pack("<IHHI", 200, 1, 0, 0) + b"c" * 40)) is not None
    assert smb.client(framed(b"\xfcSMB" + struct.pack("<IHHI", 200, 9, 0, 0) + b"c" * 40)) is None


def test_the_length_closes_on_the_next_message_or_it_is_a_lie() -> None:
    assert smb.client(SMB2_NEGOTIATE + SMB2_NEGOTIATE) is not None
    assert smb.client(SMB2_NEGOTIATE + b"\x85\0\0\0" + SMB2_NEGOTIATE) is not None
    assert smb.client(SMB2_NEGOTIATE + b"GET / HTTP/1.1") is None
    assert smb.client(SMB2_NEGOTIATE + b"\0\0\0\0XXXX") is None


def test_messages_shorter_than_their_header_are_none() -> None:
    assert smb.client(framed(b"\xfeSMB" + b"\0" * 20)) is None
    assert smb.client(framed(b"\xfeSMB" + b"\0" * 70)) is None
    assert smb.client(framed(b"\xffSMB" + b"\0" * 20)) is None
    assert smb.client(framed(b"\xffXMB" + b"\0" * 70)) is None
    assert smb.client(SMB1_NEGOTIATE[:24]) is None
    assert smb.client(SMB2_NEGOTIATE[:40]) is None
    assert smb.client(b"\0\0\0") is None
    assert smb.client(NBSS_REQUEST) is None
    assert smb.server(b"\x82\0\0\1" + SMB1_ANSWER) is None
    assert smb.server(b"\x82\0\0\0") is None
    assert smb.client(smb1(0x2B, 0x18)) is not None


def test_rejections_name_the_byte() -> None:
    assert smb.reject(b"\x16", CLIENT).startswith("byte 0 is 0x16")
    assert smb.reject(b"\0\0\0\x10ABCD", CLIENT) == "byte 4 is 0x41, a message begins with 0xFC to 0xFF and 'SMB'"
    assert smb.reject(b"\0\0\0\x10\xfeSMX", SERVER) == "byte 7 is 0x58, the letters 'SMB' stand there"
    assert smb.reject(NBSS_REQUEST, CLIENT) == ""
