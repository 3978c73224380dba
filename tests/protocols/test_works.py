"""Controllers, buildings and meters: what their messages say, what closes, and what does not."""

import pytest

from oddport.engine.columns import TCP, UDP
from oddport.engine.heads import Head
from oddport.protocols.identify import explain_not, identify
from oddport.protocols.model import Facts, Tier

from . import works
from .works import bacnet, enip, fins, fins_tcp, hart, opc, packet, with_parity


def name(transport: int, client: bytes, server: bytes = b"") -> tuple[str | None, Tier]:
    found = identify(Head(transport, client, server))
    return found.app, found.tier


@pytest.mark.parametrize(
    ("transport", "data", "facts"),
    [
        (TCP, works.ENIP_REGISTER, {"command": "RegisterSession"}),
        (TCP, works.ENIP_ASK, {"command": "SendRRData", "service": "Get_Attribute_Single"}),
        (TCP, works.ENIP_READ, {"command": "SendUnitData", "service": "Read_Tag"}),
        (TCP, works.OPC_HELLO, {"endpoint": "opc.tcp://plant.example:4840"}),
        (TCP, works.OPC_OPEN, {"policy": "None"}),
        (
            TCP,
            works.ADS_READ,
            {"command": "Read", "target": "5.13.117.96.1.1:851", "source": "192.168.1.199.1.1:32771"},
        ),
        (UDP, works.HART_OPEN, {"version": 1, "message": "session initiate"}),
        (UDP, works.HART_ASK, {"version": 1, "message": "HART PDU", "command": 0}),
        (TCP, works.FINS_TCP_READ, {"command": "Memory Area Read", "node": 3}),
        (UDP, works.FINS_READ, {"command": "Memory Area Read", "node": 3}),
        (TCP, works.HISLIP_OPEN, {"sub_address": "hislip0"}),
        (UDP, works.READ_PROPERTY, {"service": "ReadProperty"}),
        (UDP, works.WHO_IS, {"service": "Who-Is"}),
        (UDP, works.KNX_CONNECT, {"family": "core"}),
    ],
)
def test_what_an_analyst_asks_is_a_fact(transport: int, data: bytes, facts: Facts) -> None:
    assert identify(Head(transport, data)).facts == facts


@pytest.mark.parametrize(
    ("app", "data"), [("egd", works.EGD), ("caneth", works.CAN), ("cnip", works.CNIP), ("enip", works.ENIP_IO)]
)
def test_what_only_sends_is_named_by_one_direction(app: str, data: bytes) -> None:
    assert name(UDP, data) == (app, Tier.B)
    for length in range(1, len(data)):
        assert identify(Head(UDP, data[:length])).app in (None, app if app in ("egd", "caneth") else None)


def test_egd_has_nanoseconds_and_reserved_bytes() -> None:
    late = works.EGD[:16] + (1_000_000_000).to_bytes(4, "little") + works.EGD[20:]
    assert name(UDP, late) == (None, Tier.NONE)
    assert name(UDP, works.EGD[:28] + b"\1" + works.EGD[29:]) == (None, Tier.NONE)


def test_an_enip_request_has_no_status_and_its_service_no_reply_bit() -> None:
    assert name(TCP, enip(0x65, 0, b"\1\0\0\0", status=1))[0] is None
    assert identify(Head(TCP, works.ENIP_REPLY)).server == 0
    assert identify(Head(TCP, works.ENIP_ASK)).server == 1


def test_enip_items_close_in_the_message() -> None:
    longer = packet((0, b""), (0xB2, b"\x0e\3abcdef"))
    assert name(TCP, enip(0x6F, 9, longer))[0] == "enip"
    assert name(TCP, enip(0x6F, 9, longer + b"\0"))[0] is None
    assert name(TCP, enip(0x6F, 9, longer[:-1]))[0] is None
    assert name(TCP, enip(0x6F, 9, packet((0, b""), interface=7)))[0] is None
    assert name(TCP, enip(0x6F, 9, b"\0\0"))[0] is None
    without = identify(Head(TCP, enip(0x6F, 9, packet((0, b"")))))
    assert (without.app, without.facts) == ("enip", {"command": "SendRRData"})


def test_enip_lists_and_sessions_are_told_by_their_sizes() -> None:
    assert identify(Head(UDP, works.ENIP_IDENTITY)).server == 0
    assert name(TCP, enip(0x66, 9))[0] == "enip"
    assert name(TCP, enip(0x66, 9, b"\0"))[0] is None
    assert name(TCP, enip(0x65, 9, b"\1\0"))[0] is None
    assert name(TCP, bytes(24))[0] is None


def test_an_opc_ua_hello_ends_with_its_endpoint() -> None:
    body = works.OPC_HELLO[8:]
    assert name(TCP, opc(b"HELF", body + b"\0"))[0] is None
    assert name(TCP, opc(b"HELF", b"\1" + body[1:]))[0] is None
    assert name(TCP, b"", works.OPC_ERROR) == ("opcua", Tier.B)
    assert name(TCP, b"", opc(b"ACKF", bytes(24)))[0] is None


def test_opc_ua_messages_without_a_beginning_need_a_length_that_leads_on() -> None:
    assert name(TCP, works.OPC_MESSAGE * 2) == ("opcua", Tier.B)
    assert name(TCP, works.OPC_MESSAGE[:40])[1] < Tier.B
    assert name(TCP, works.OPC_MESSAGE + b"GET / HTTP/1.1\r\n")[0] is None


def test_ams_lengths_agree() -> None:
    wrong = works.ADS_READ[:26] + b"\x0d" + works.ADS_READ[27:]
    assert name(TCP, wrong)[0] is None
    assert identify(Head(TCP, works.ADS_VALUE)).server == 0
    notification = works.ads(works.PANEL, works.PLC, 8, 4, bytes(20))
    assert name(TCP, works.ADS_READ, works.ADS_VALUE + notification) == ("ads", Tier.A)


def test_hart_parity_decides() -> None:
    wrong = works.HART_ASK[:-1] + bytes((works.HART_ASK[-1] ^ 1,))
    assert name(UDP, wrong)[0] is None
    short = hart(0, 3, with_parity(bytes.fromhex("02 80 00 00")))
    assert identify(Head(UDP, short)).facts["command"] == 0
    assert name(UDP, hart(0, 2, b"")) == ("hart-ip", Tier.B)
    assert name(UDP, hart(0, 2, b"x"))[0] is None
    assert name(UDP, hart(0, 0, b"\2\0\0\x75\x30"))[0] is None


def test_hart_messages_that_no_rule_closes_ride_on_the_others() -> None:
    audit = hart(0, 5, b"\0\0")
    assert name(TCP, works.HART_OPEN + audit, works.HART_OPENED) == ("hart-ip", Tier.A)


def test_fins_over_udp_belongs_to_the_answer_with_its_identifier() -> None:
    assert name(UDP, works.FINS_READ, works.FINS_VALUE) == ("omron", Tier.A)
    other = fins(0xC0, 0x0101, bytes(4), identifier=9)
    assert name(UDP, works.FINS_READ, other)[1] < Tier.A
    assert name(UDP, fins(0x80, 0x0177, bytes(6)))[0] is None


def test_fins_over_tcp_has_known_commands() -> None:
    assert name(TCP, fins_tcp(7, bytes(4)))[0] is None
    assert name(TCP, fins_tcp(2, works.FINS_READ)) == ("omron", Tier.B)
    assert name(TCP, fins_tcp(2, b"\x11" + works.FINS_READ[1:]))[0] is None


def test_a_bacnet_message_closes_and_its_service_is_known() -> None:
    assert name(UDP, works.WHO_IS, works.I_AM) == ("bacnet", Tier.A)
    assert name(UDP, works.READ_PROPERTY + b"\0")[0] is None
    unknown = bacnet(10, bytes.fromhex("0104 0005 01 7f"))
    assert name(UDP, unknown)[0] is None
    assert name(UDP, bacnet(10, bytes.fromhex("0204 0005 01 0c")))[0] is None
    assert name(UDP, bacnet(10, bytes.fromhex("0144 0005 01 0c")))[0] is None
    assert name(UDP, bacnet(10, bytes.fromhex("0124 ff")))[0] is None
    assert name(UDP, bacnet(10, bytes.fromhex("0104")))[0] is None
    assert name(UDP, bacnet(10, bytes.fromhex("0100 90 00")))[0] is None


@pytest.mark.parametrize(
    "body",
    ["0100 20 01 0c", "0100 50 01 0c 91 02 91 1f", "0100 60 01 09", "0180 00", "0100 3c 01 00 04 0e", "0100 71 01 00"],
)
def test_bacnet_acknowledgements_errors_and_network_messages(body: str) -> None:
    assert name(UDP, bacnet(10, bytes.fromhex(body)))[0] == "bacnet"


def test_the_virtual_link_has_messages_of_its_own() -> None:
    assert name(UDP, bacnet(5, b"\0\x3c"), bacnet(0, b"\0\0")) == ("bacnet", Tier.A)
    assert name(UDP, bacnet(5, b"\0\x3c\0"))[0] is None
    forwarded = bacnet(4, bytes((10, 0, 0, 1, 0xBA, 0xC0)) + works.WHO_IS[4:])
    assert identify(Head(UDP, forwarded)).facts == {"service": "Who-Is"}


def test_an_s_bus_checksum_decides() -> None:
    assert name(UDP, works.SBUS_ASK[:-1] + b"\0")[0] is None


def test_c12_22_elements_keep_their_order_and_end_in_the_data() -> None:
    swapped = works.ber(0x60, works.ber(0xA6, works.TITLE), works.ber(0xA2, works.TITLE), works.DATA)
    assert name(UDP, swapped)[0] is None
    assert name(UDP, works.ber(0x60, works.ber(0xA2, works.TITLE)))[0] is None
    plain = works.ber(0x60, works.ber(0xBE, works.ber(0x04, b"\x81\0")))
    assert name(UDP, plain)[0] is None
    assert name(UDP, works.ber(0x60, works.ber(0xBE, works.ber(0x28, b"\x83\0"))))[0] is None
    assert name(UDP, works.C1222_ASK + b"\0")[0] is None


def test_text_is_none_of_them_and_the_byte_says_why() -> None:
    tcp = Head(TCP, b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", b"HTTP/1.1 200 OK\r\nServer: b\r\n\r\n")
    for app in ("ads", "enip", "hart-ip", "hislip", "omron", "opcua", "c1222"):
        assert "byte 0 is 0x47" in (explain_not(app, tcp) or "")
    assert "no element of a message" in (
        explain_not("c1222", Head(TCP, b"\x60\x04\x30\0\0\0", b"\x60\x04\x30\0\0\0")) or ""
    )
