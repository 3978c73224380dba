"""MQTT of three versions and HTTP/2 without TLS."""

import pytest

from oddport.engine.columns import TCP
from oddport.engine.heads import Head
from oddport.protocols import http2, mqtt
from oddport.protocols.identify import identify
from oddport.protocols.model import Tier
from oddport.protocols.registry import CLIENT, SERVER

from .build import HTTP2_CLIENT, HTTP2_SERVER, MQTT_CONNACK, MQTT_CONNECT, mqtt_connect


@pytest.mark.parametrize(
    ("packet", "version"),
    [
        (mqtt_connect(b"MQIsdp", 3, 2, b"\0\6sensor"), "3.1"),
        (mqtt_connect(b"MQTT", 4, 2, b"\0\6sensor"), "3.1.1"),
        (mqtt_connect(b"MQTT", 0x84, 2, b"\0\6sensor"), "3.1.1"),
        (mqtt_connect(b"MQTT", 5, 2, b"\5\x11\0\0\0\x0a\0\6sensor"), "5.0"),
    ],
)
def test_versions_and_the_client_id(packet: bytes, version: str) -> None:
    found = mqtt.client(packet)
    assert found is not None
    assert found.facts == {"version": version, "client_id": "sensor"}


def test_will_user_and_password_close_and_the_password_is_no_fact() -> None:
    fields = b"\0\6sensor" + b"\0\4will" + b"\0\3off" + b"\0\5alice" + b"\0\6secret"
    found = mqtt.client(mqtt_connect(b"MQTT", 4, 0xC6, fields))
    assert found is not None
    assert found.facts == {"version": "3.1.1", "client_id": "sensor", "user": "alice"}
    assert "secret" not in repr(found)
    assert mqtt.client(mqtt_connect(b"MQTT", 4, 0xC6, fields + b"x")) is None
    assert mqtt.client(mqtt_connect(b"MQTT", 4, 0xC6, fields[:-1])) is None
    assert mqtt.client(mqtt_connect(b"MQTT", 4, 0xC6, fields[:10])) is None
    five = b"\0" + b"\0\6sensor" + b"\0" + fields[8:]
    assert mqtt.client(mqtt_connect(b"MQTT", 5, 0xC6, five)) is not None
    assert mqtt.client(mqtt_connect(b"MQTT", 5, 0x02, b"\xff\xff\xff\xff\xff")) is None


@pytest.mark.parametrize(("level", "flags"), [(3, 2), (6, 2), (4, 3), (4, 0x1E), (4, 0x20)])
def test_levels_and_flags_that_cannot_be_are_none(level: int, flags: int) -> None:
    assert mqtt.client(mqtt_connect(b"MQTT", level, flags, b"\0\6sensor")) is None


def test_a_name_of_another_protocol_or_a_short_packet_is_none() -> None:
    assert mqtt.client(mqtt_connect(b"MQTX", 4, 2, b"\0\6sensor")) is None
    assert mqtt.client(b"\x10\x05\0\4MQT") is None
    assert mqtt.client(MQTT_CONNECT[:9]) is None
    assert mqtt.client(MQTT_CONNECT[:16]) is not None


def test_an_answer_alone_is_four_bytes_of_anyone_but_with_the_client_tier_a() -> None:
    assert identify(Head(TCP, b"", MQTT_CONNACK)).app is None
    found = identify(Head(TCP, MQTT_CONNECT, MQTT_CONNACK))
    assert (found.app, found.tier, found.facts["code"]) == ("mqtt", Tier.A, 0)


def test_packets_that_follow_an_answer_prove_it() -> None:
    chain = MQTT_CONNACK + bytes.fromhex("900300010140020002b0020003d000")
    found = mqtt.server(chain)
    assert found is not None
    assert found.strong
    assert mqtt.server(MQTT_CONNACK + b"\x15\x03") is None
    assert mqtt.server(MQTT_CONNACK + b"\x40\x01\x00") is None
    assert mqtt.server(MQTT_CONNACK + b"\xd0\x01\x00") is None
    assert mqtt.server(MQTT_CONNACK + b"\x30\xff\xff\xff\xff") is None
    assert mqtt.server(MQTT_CONNACK + b"\x30\xff") is not None
    assert mqtt.server(MQTT_CONNACK + b"\xd0\0" * 20) is not None


@pytest.mark.parametrize(
    "packet", ["20020200", "20020006", "20020105", "2002", "20010000", "20050000030000", "20ffffffff00"]
)
def test_answers_that_cannot_be_are_none(packet: str) -> None:
    assert mqtt.server(bytes.fromhex(packet)) is None


def test_answers_of_version_5_have_properties_that_close() -> None:
    assert mqtt.server(bytes.fromhex("2006000003220005")) is not None
    assert mqtt.server(bytes.fromhex("2003008700")) is not None
    assert mqtt.server(bytes.fromhex("20020087")) is not None
    assert mqtt.server(bytes.fromhex("2006000004220005")) is None
    assert mqtt.server(bytes.fromhex("2003000500")) is None


def test_mqtt_rejections_name_the_byte() -> None:
    assert mqtt.reject(b"GET /", CLIENT) == "byte 0 is 0x47, this side begins with CONNECT (0x10)"
    assert mqtt.reject(MQTT_CONNECT, SERVER) == "byte 0 is 0x10, this side begins with CONNACK (0x20)"
    assert mqtt.reject(b"\x10\x20\0\4XQTT\4\2", CLIENT).startswith("byte 2 does not begin the name 'MQTT'")
    assert mqtt.reject(b"\x10\x20", CLIENT) == ""


def test_http_2_needs_the_whole_preface() -> None:
    found = identify(Head(TCP, HTTP2_CLIENT, HTTP2_SERVER))
    assert (found.app, found.tier) == ("http2", Tier.A)
    assert http2.client(HTTP2_CLIENT[:23]) is None
    assert http2.client(HTTP2_CLIENT[:24]) is not None
    assert http2.client(HTTP2_CLIENT[:24] + b"\0\0\0\x04\x01\0\0\0\0") is not None


def test_settings_of_a_server_have_a_length_flags_stream_and_ids_in_order() -> None:
    assert http2.server(HTTP2_SERVER) is not None
    for at, value in ((2, 7), (1, 0xFF), (3, 5), (4, 1), (8, 1), (10, 0), (18, 0x20), (20, 0xFF)):
        changed = bytearray(HTTP2_SERVER)
        changed[at] = value
        assert http2.server(bytes(changed)) is None, at
    assert http2.server(HTTP2_SERVER[:8]) is None


def test_an_empty_settings_frame_does_not_stand_alone() -> None:
    empty = http2.server(bytes(3) + b"\x04" + bytes(5))
    assert empty is not None
    assert not empty.strong
    assert http2.server(bytes(3) + b"\x04" + bytes(5) + b"xx") is None


def test_http2_rejections_name_the_byte() -> None:
    assert http2.reject(b"POST", CLIENT) == "byte 1 is 0x4f, the connection preface has another byte there"
    assert http2.reject(b"\x16", SERVER).startswith("byte 0 is 0x16")
    assert http2.reject(b"\0\0\6\x05", SERVER) == "byte 3 is 0x05, the first frame is SETTINGS (type 4)"
    assert http2.reject(b"\0\0\6\x04\1", SERVER) == "byte 4 is 0x01, SETTINGS have no flags and stream 0"


def packet_of(kind: int, body: bytes) -> bytes:
    return bytes((kind, len(body))) + body


PUBLISHED = packet_of(0x32, b"\0\x0bhome/oven/tm\0\x07"[:13] + b"\0\x0721.5")
CONFIRMED = packet_of(0x40, b"\0\7")


def test_a_session_whose_begin_was_not_seen_is_mqtt_by_packets_that_lead_on() -> None:
    found = identify(Head(TCP, PUBLISHED + PUBLISHED + CONFIRMED))
    assert (found.app, found.tier, found.server) == ("mqtt", Tier.B, None)
    assert found.facts == {"topic": "home/oven/t"}
    assert identify(Head(TCP, PUBLISHED * 2, CONFIRMED * 2)).tier is Tier.A


@pytest.mark.parametrize(
    "data",
    [
        PUBLISHED + b"\x10\0",
        packet_of(0x32, b"\0\x0bhome/+/temp\0\7"),
        packet_of(0x32, b"\0\x0bhome\0oven/t\0\7"),
        packet_of(0x32, b"\0\x1fhome/oven/t\0\7"),
        PUBLISHED + packet_of(0x40, b"\0\7\0"),
        CONFIRMED,
        b"0 220 ready\r\n",
    ],
)
def test_packets_that_do_not_lead_on_prove_no_session(data: bytes) -> None:
    assert identify(Head(TCP, data)).app is None
