"""Modbus by lengths that fit functions, DNP3 and C37.118 by checksums, IEC 104 by objects as long as their type."""

import pytest

from oddport.engine.columns import TCP, UDP
from oddport.engine.heads import Head
from oddport.protocols import scada
from oddport.protocols.identify import explain_not, identify
from oddport.protocols.model import Tier
from oddport.protocols.registry import CLIENT, SERVER

from .plant import (
    DNP3_READ,
    DNP3_RESPONSE,
    FLOAT,
    ILLEGAL,
    INTERROGATION,
    INTERROGATION_CON,
    PHASORS,
    READ_REGISTERS,
    REGISTERS,
    STARTDT,
    STARTDT_CON,
    TURN_ON,
    WRITE_REGISTERS,
    WRITTEN,
    asdu,
    dnp3,
    frame,
    modbus,
    phasor,
)


def test_modbus_says_unit_functions_and_the_exception() -> None:
    found = identify(Head(TCP, READ_REGISTERS + WRITE_REGISTERS, ILLEGAL + WRITTEN))
    assert found.facts == {
        "unit": 1,
        "functions": ["Read Holding Registers", "Write Multiple Registers"],
        "exception": 2,
    }


def test_one_modbus_direction_is_proof_where_its_length_fits_the_function() -> None:
    assert identify(Head(TCP, READ_REGISTERS)).tier is Tier.B
    assert identify(Head(TCP, b"", REGISTERS)).server == 1


@pytest.mark.parametrize(
    ("client", "why"),
    [
        (b"\0\1\0\1" + READ_REGISTERS[4:], "byte 3 is 0x01, the protocol identifier of Modbus is 0"),
        (b"\0\1\0\0\1\x40" + READ_REGISTERS[6:], "length at byte 4 says 320, expected 2 to 260"),
        (modbus(1, b"\x03\0\0\0\1\0"), "length at byte 4 says 7, not that of a request 3"),
        (modbus(1, b"\x3f\0\0\0\1"), "byte 7 is 0x3f, no function code"),
        (modbus(1, b"\x83\x02"), "length at byte 4 says 3, not that of a request 131"),
    ],
)
def test_what_is_no_modbus_request_is_told(client: bytes, why: str) -> None:
    assert scada.modbus_client(client) is None
    assert scada.modbus_reject(client, CLIENT) == why


def test_an_exception_without_its_meaning_is_not_refused_and_one_without_any_is() -> None:
    assert scada.modbus_server(ILLEGAL[:8]) is not None
    assert scada.modbus_server(modbus(1, b"\x83\x0c")) is None


def test_a_makers_own_function_counts_only_beside_others() -> None:
    own = modbus(2, b"\x5a\0\x02")
    alone = scada.modbus_client(own)
    assert alone is not None
    assert alone.facts["functions"] == ["Unity (UMAS)"]
    unknown = modbus(3, b"\x64\1\2\3")
    assert scada.modbus_client(unknown) is None
    assert scada.modbus_client(READ_REGISTERS + unknown) is not None


def test_sixteen_modbus_messages_are_walked_and_eight_names_kept() -> None:
    requests = b"".join(modbus(code, bytes((code,)) + bytes(4)) for code in (1, 2, 3, 4, 5, 6))
    requests += modbus(7, b"\x07") + modbus(11, b"\x0b") + modbus(12, b"\x0c")
    found = scada.modbus_client(requests * 3)
    assert found is not None
    assert len(found.facts["functions"]) == 8  # type: ignore[arg-type]


def test_dnp3_says_both_addresses_and_the_functions_of_both_sides() -> None:
    found = identify(Head(TCP, DNP3_READ, DNP3_RESPONSE))
    assert found.facts == {"source": 4, "destination": 3, "functions": ["Response"]}
    assert identify(Head(UDP, DNP3_READ)).facts == {"source": 3, "destination": 4, "functions": ["Read"]}


def test_a_dnp3_frame_whose_checksum_is_wrong_is_none_unless_a_right_one_follows() -> None:
    broken = DNP3_READ[:8] + b"\0\0" + DNP3_READ[10:]
    assert scada.dnp3_client(broken) is None
    assert scada.dnp3_reject(broken, CLIENT) == "checksum at byte 8 is wrong"
    found = scada.dnp3_client(broken + DNP3_READ)
    assert found is not None
    assert found.spans[0][0] == len(broken)


def test_the_direction_bit_tells_master_from_outstation() -> None:
    assert scada.dnp3_server(DNP3_READ) is None
    assert scada.dnp3_reject(DNP3_READ, SERVER) == "byte 3 is 0xc4, the direction bit is that of the other side"
    assert identify(Head(TCP, DNP3_RESPONSE)).server == 0
    assert scada.dnp3_reject(b"\x05\x64\x04" + DNP3_READ[3:], CLIENT) == "byte 2 is 0x04, a length is 5 or more"


def test_user_data_of_several_blocks_are_walked_over_with_their_checksums() -> None:
    long = dnp3(0xC4, 4, 3, bytes.fromhex("c0 c1 02") + bytes(40))
    found = scada.dnp3_client(long + DNP3_READ)
    assert found is not None
    assert found.facts["functions"] == ["Write", "Read"]


def test_iec_104_says_the_commands_and_the_common_address() -> None:
    found = identify(Head(TCP, STARTDT + INTERROGATION, STARTDT_CON + INTERROGATION_CON + FLOAT))
    assert (found.tier, found.server) == (Tier.A, 1)
    assert found.facts == {"common_address": 1, "commands": ["interrogation"]}


def test_iec_104_starts_by_whose_frame_it_is() -> None:
    assert scada.iec104_client(STARTDT_CON) is None
    assert scada.iec104_server(STARTDT) is None
    assert scada.iec104_client(INTERROGATION_CON) is None
    assert scada.iec104_server(INTERROGATION) is None
    test = frame(0x43, 0, 0, 0)
    assert scada.iec104_client(test) is not None
    assert scada.iec104_server(test) is not None


def test_a_supervisory_frame_alone_names_nothing() -> None:
    assert identify(Head(TCP, frame(1, 0, 0x28, 0))).app is None
    assert identify(Head(TCP, frame(1, 0, 0x28, 0) + FLOAT)).app == "iec104"


def test_objects_that_are_longer_than_their_type_are_none() -> None:
    assert scada.iec104_server(FLOAT) is not None
    longer = frame(2, 0, 2, 0, asdu=asdu(13, 20, bytes(6)))
    assert scada.iec104_server(longer) is None
    assert "byte 6 is 0x0d" in scada.iec104_reject(longer, SERVER)
    in_a_row = frame(2, 0, 2, 0, asdu=bytes((13, 0x82, 20, 0, 1, 0)) + b"\x0a\0\0" + bytes(10))
    assert scada.iec104_server(in_a_row) is not None
    assert scada.iec104_server(frame(2, 0, 2, 0, asdu=asdu(13, 0, bytes(5)))) is None


def test_files_are_as_long_as_they_like() -> None:
    assert scada.iec104_server(FLOAT + frame(4, 0, 2, 0, asdu=asdu(125, 13, bytes(90)))) is not None


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x68\x03" + bytes(10), "byte 1 is 0x03, a length is 4 to 253"),
        (STARTDT_CON + FLOAT, "byte 2 is 0x0b, the frames from there on are none of that side's"),
        (b"\x16\x03" + bytes(10), "byte 0 is 0x16, a frame starts with 0x68"),
    ],
)
def test_what_is_no_iec_104_is_told(data: bytes, why: str) -> None:
    assert scada.iec104_client(data) is None
    assert scada.iec104_reject(data, CLIENT) == why


def test_c37_118_says_the_device_and_what_it_sends() -> None:
    assert identify(Head(TCP, TURN_ON)).facts == {"frame": "command", "device": 60}
    assert identify(Head(TCP, b"", PHASORS)).facts == {"frame": "data", "device": 60}


def test_c37_118_frames_with_a_wrong_checksum_or_of_the_other_side_are_none() -> None:
    wrong = TURN_ON[:-1] + b"\xff"
    assert scada.synphasor_client(wrong) is None
    assert scada.synphasor_reject(wrong, CLIENT) == "checksum at byte 16 is wrong"
    assert scada.synphasor_reject(PHASORS, CLIENT) == "byte 1 is 0x01, a frame of the other side"
    assert "no frame of version 1 or 2" in scada.synphasor_reject(phasor(9, bytes(4)), SERVER)


def test_a_cut_configuration_counts_only_with_the_command() -> None:
    configuration = phasor(3, bytes(400))[:200]
    assert identify(Head(TCP, b"", configuration)).app is None
    assert identify(Head(TCP, TURN_ON, configuration)).tier is Tier.A


def test_text_is_none_of_them() -> None:
    head = Head(TCP, b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n")
    for name in ("modbus", "dnp3", "iec104", "synphasor"):
        assert "byte" in (explain_not(name, head) or "")
