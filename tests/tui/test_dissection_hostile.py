"""Whatever the bytes are: no error, no place outside of the frame, no endless work."""

import itertools
import random
import sys
import time

import pytest
from frames import MAC, ipv4, tcp, udp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tui.data.dissection.ber import BER_PROTOCOLS
from tui.data.dissection.layers import _APPS, _LINKS, app_class, link_class
from tui.data.dissection.lines import LINE_PROTOCOLS
from tui.data.dissection.model import FRAME_LIMIT, Dissection, Node, Request, path_to
from tui.data.dissection.reading import dissect

BOUNDED = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def check(result: Dissection, length: int) -> None:
    assert result.length == length
    assert result.layers or not length
    for node in result.walk():
        assert 0 <= node.offset <= node.end <= length, node
        assert isinstance(node.name, str)
        assert len(node.value) < 400
    for offset in (0, length // 2, length - 1):
        path = path_to(result.layers, offset) if length else ()
        assert all(isinstance(node, Node) for node in path)


@pytest.mark.parametrize("link", [*sorted(_LINKS), 147])
@BOUNDED
@given(frame=st.binary(max_size=200))
def test_random_bytes_of_every_link_type_give_a_tree(link: int, frame: bytes) -> None:
    check(dissect(Request(link, frame)), len(frame))


@pytest.mark.parametrize("app", [*sorted(_APPS), *sorted(LINE_PROTOCOLS), *sorted(BER_PROTOCOLS), "unheard-of"])
@BOUNDED
@given(payload=st.binary(max_size=200), over_udp=st.booleans())
def test_random_payload_of_every_protocol_gives_a_tree(app: str, payload: bytes, over_udp: bool) -> None:
    packet = ipv4(17, udp(payload)) if over_udp else ipv4(6, tcp(payload))
    check(dissect(Request(1, MAC + b"\x08\x00" + packet, app)), len(packet) + 14)


TLS_START = b"\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03"


@settings(max_examples=150, deadline=None)
@given(rest=st.binary(max_size=300), kind=st.sampled_from([1, 2, 4, 8, 11, 12, 13, 14, 15, 16, 20, 22]))
def test_random_handshakes_give_a_tree(rest: bytes, kind: int) -> None:
    message = bytes([kind, 0]) + len(rest).to_bytes(2, "big") + rest
    payload = b"\x16\x03\x03" + len(message).to_bytes(2, "big") + message
    packet = ipv4(6, tcp(payload))
    check(dissect(Request(1, MAC + b"\x08\x00" + packet, "tls")), len(packet) + 14)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_broken_headers_of_known_packets_give_a_tree(data: st.DataObject) -> None:
    frame = bytearray(MAC + b"\x08\x00" + ipv4(6, tcp(TLS_START + bytes(40), bytes.fromhex("020405b401010402"))))
    for _ in range(data.draw(st.integers(1, 6))):
        frame[data.draw(st.integers(12, len(frame) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(frame)))
    check(dissect(Request(1, bytes(frame[:cut]), "tls")), cut)


def test_fields_of_one_packet_do_not_overlap_except_within_a_byte() -> None:
    rng = random.Random(7)
    for _ in range(50):
        frame = MAC + b"\x08\x00" + ipv4(6, tcp(rng.randbytes(30)))
        for layer in dissect(Request(1, frame)).layers:
            fields = [child for child in layer.children if child.length]
            for before, after in itertools.pairwise(fields):
                assert after.offset >= before.end - 1


def test_bytes_over_the_limit_are_said_to_be_unread() -> None:
    frame = MAC + b"\x08\x00" + ipv4(17, udp(b"")) + bytes(FRAME_LIMIT)
    result = dissect(Request(1, frame))
    check(result, len(frame))
    last = result.layers[-1]
    assert (last.kind, last.offset, last.end) == ("unread", FRAME_LIMIT, len(frame))
    assert "only the first 65,536" in last.value


@pytest.mark.parametrize(
    ("app", "payload"),
    [
        ("dns", b"\0\1\x81\x80\xff\xff\xff\xff\0\0\0\0" + b"\xc0\x0c" * 30_000),  # pointers to themselves
        ("dns", b"\0\1\x81\x80\0\1\xff\xff\0\0\0\0" + b"\0\0\1\0\1" + b"\0\0\x10\0\1\0\0\0\0\0\0" * 5_000),
        ("snmp", b"\x30\x80" * 30_000),
        ("snmp", b"\x30\x82\xff\x00" * 15_000),
        ("ldap", b"\x02\x00" * 30_000),
        ("dhcp", bytes(236) + b"\x63\x82\x53\x63" + b"\x0c\x00" * 30_000),
        ("tls", b"\x14\x03\x03\x00\x01\x01" * 10_000),  # ten thousand records in one segment
        ("tls", b"\x16\x03\x03\x40\x00" + b"\x0d\x00\x00\x00" * 4_000),
        ("http", b"GET / HTTP/1.1\r\n" + b"a:b\r\n" * 12_000),
        ("quic", b"\xc0\0\0\0\1" + b"\xff" * 1_000),
    ],
)
def test_payload_made_to_be_slow_is_read_or_given_up_in_seconds(app: str, payload: bytes) -> None:
    payload = payload[: 65_000 - 62]
    packet = ipv4(17, udp(payload)) if app not in ("tls", "http") else ipv4(6, tcp(payload))
    started = time.perf_counter()
    result = dissect(Request(1, MAC + b"\x08\x00" + packet, app))
    assert time.perf_counter() - started < 20
    check(result, len(packet) + 14)
    assert sum(1 for _ in result.walk()) < 30_000


def test_tags_within_tags_do_not_exhaust_the_stack() -> None:
    frame = MAC + b"\x81\x00" + b"\x00\x01\x81\x00" * 15_000
    result = dissect(Request(1, frame))
    check(result, len(frame))
    assert sys.getrecursionlimit() >= 1_000


@pytest.mark.parametrize("app", sorted(_APPS))
def test_every_protocol_in_the_table_has_its_class_in_this_scapy(app: str) -> None:
    layer = _APPS[app]
    assert [app_class(layer, index).__name__ for index in range(len(layer.names))] == list(layer.names)


@pytest.mark.parametrize("link", sorted(_LINKS))
def test_every_link_type_in_the_table_has_its_class_in_this_scapy(link: int) -> None:
    found = link_class(link, b"\x45")
    assert found is not None
    assert found.__name__ == _LINKS[link][1]


def test_an_empty_frame_has_no_layers() -> None:
    assert dissect(Request(1, b"")) == Dissection((), 0, "")


def test_scapy_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    dissect(Request(1, MAC + b"\x08\x00" + ipv4(6, tcp(b"", bytes.fromhex("08010101")))[:37]))
    dissect(Request(1, MAC + b"\x08\x00" + ipv4(17, udp(b"\0\1")), "dns"))
    assert capfd.readouterr() == ("", "")
