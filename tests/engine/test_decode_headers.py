"""IPv4, IPv6 and transport headers: lengths, extension headers, what is cut off and what does not hold together."""

import struct

import pytest

from oddport.engine.batch import FRAGMENT_ATOMIC, KIND_FRAGMENT, KIND_IP, KIND_UNREAD, Decoded
from oddport.engine.decode import decode
from tests.engine.wire import batch_of, decoded, ethernet, ip4, ip6, payload, piece4, piece6, tcp, udp

HOP, ROUTING, FRAGMENT, AH, DESTINATION, MOBILITY, HIP, SHIM6 = 0, 43, 44, 51, 60, 135, 139, 140


def extension(following: int, words: int = 0, fill: int = 0) -> bytes:
    return bytes((following, words)) + bytes((fill,)) * (6 + 8 * words)


def test_tcp_fields() -> None:
    batch, out = decoded(ip4(tcp(b"GET /", options=bytes(12)), 6, ttl=63))
    assert (out.kind[0], out.version[0], out.proto[0], out.ttl[0]) == (KIND_IP, 4, 6, 63)
    assert (out.seq[0], out.ack[0], out.flags[0]) == (0x01020304, 0xF0E0D0C0, 0x18)
    assert (out.payload[0], out.payload_captured[0], out.payload_wire[0]) == (20 + 32, 5, 5)
    assert payload(batch, out) == b"GET /"


def test_ip_header_is_where_it_lies_in_the_frame() -> None:
    _, out = decoded(ethernet(ip4(udp())), link=1)
    assert out.ip_header[0] == 14


def test_ipv4_options_are_no_payload() -> None:
    batch, out = decoded(ip4(udp(b"hello"), options=b"\x01" * 40))
    assert out.sport[0] == 1111
    assert payload(batch, out) == b"hello"


def test_padding_of_a_short_frame_is_no_payload() -> None:
    batch, out = decoded(ethernet(ip4(udp(b"x"))) + bytes(17), link=1)
    assert payload(batch, out) == b"x"
    _, out = decoded(ethernet(ip4(tcp(), 6)) + bytes(6), link=1)
    assert (out.payload_captured[0], out.payload_wire[0]) == (0, 0)


def test_udp_length_ends_the_payload_before_the_ip_length_does() -> None:
    batch, out = decoded(ip4(udp(b"helloTAIL", length=13)))
    assert payload(batch, out) == b"hello"
    assert out.payload_wire[0] == 5


def test_udp_length_beyond_the_ip_length_does_not_count() -> None:
    batch, out = decoded(ip4(udp(b"hello", length=99)))
    assert payload(batch, out) == b"hello"
    assert out.payload_wire[0] == 5


def test_total_length_zero_means_up_to_the_end_of_the_frame() -> None:
    _, out = decoded(ip4(tcp(b"a" * 100), 6, total=0), wire=[3000])
    assert (out.payload_captured[0], out.payload_wire[0]) == (100, 3000 - 40)


def test_a_snap_length_leaves_less_captured_than_on_the_wire() -> None:
    packet = ip4(udp(b"a" * 100))
    _, out = decoded(packet[:38], wire=[128])
    assert (out.payload_captured[0], out.payload_wire[0]) == (10, 100)


@pytest.mark.parametrize(
    ("kept", "ports", "seq", "flags"), [(3, 0, 0, 0), (4, 1, 0, 0), (11, 1, 0, 0), (12, 1, 1, 0), (14, 1, 1, 1)]
)
def test_a_tcp_header_cut_by_the_snap_length_gives_what_is_there(kept: int, ports: int, seq: int, flags: int) -> None:
    packet = ip4(tcp(b"x" * 7), 6)
    _, out = decoded(packet[: 20 + kept], wire=[len(packet)])
    assert out.kind[0] == KIND_IP
    assert (out.sport[0] == 1111, out.dport[0] == 2222) == (bool(ports), bool(ports))
    assert (out.seq[0] == 0x01020304, out.ack[0] == 0xF0E0D0C0) == (bool(seq), bool(seq))
    assert (out.flags[0] == 0x18) == bool(flags)
    assert (out.payload_captured[0], out.payload_wire[0]) == (0, 7)


UNREAD = {
    "IPv4 cut": ip4(udp())[:19],
    "IPv4 header length 4": b"\x44" + ip4(udp())[1:],
    "IPv4 total length below its header": ip4(udp(), total=19),
    "IPv4 total length 0 and header beyond the frame": b"\x4f" + ip4(b"", total=0)[1:],
    "IPv6 cut": ip6(udp())[:39],
    "TCP offset 4": ip4(tcp()[:12] + b"\x40" + tcp()[13:], 6),
    "TCP offset beyond the packet": ip4(tcp()[:12] + b"\x60" + tcp()[13:], 6),
    "TCP of 19 bytes": ip4(tcp()[:19], 6),
    "UDP of 7 bytes": ip4(udp()[:7]),
    "UDP length 7": ip4(udp(length=7)),
    "UDP-Lite of 7 bytes": ip4(udp()[:7], 136),
    "SCTP of 11 bytes": ip4(bytes(11), 132),
    "extension header beyond the packet": ip6(extension(17, 1)[:8], HOP),
    "extension header of 7 bytes": ip6(extension(17)[:7], DESTINATION),
    "authentication header beyond the packet": ip4(bytes((17, 9)) + bytes(10), AH),
}


@pytest.mark.parametrize("name", UNREAD)
def test_a_header_that_does_not_hold_together_is_unread(name: str) -> None:
    _, out = decoded(UNREAD[name])
    assert out.kind[0] == KIND_UNREAD
    assert all(getattr(out, column)[0] == 0 for column in Decoded.__slots__)


def test_udp_length_zero_is_a_jumbogram_or_left_to_the_card() -> None:
    batch, out = decoded(ip6(udp(b"hello", length=0)))
    assert payload(batch, out) == b"hello"


@pytest.mark.parametrize("proto", [HOP, ROUTING, DESTINATION, MOBILITY, HIP, SHIM6])
def test_ipv6_extension_headers_are_walked(proto: int) -> None:
    batch, out = decoded(ip6(extension(DESTINATION, 2) + extension(17) + udp(b"deep"), proto))
    assert (out.kind[0], out.proto[0], out.sport[0]) == (KIND_IP, 17, 1111)
    assert payload(batch, out) == b"deep"


@pytest.mark.parametrize("wrap", [lambda body: ip4(body, AH), lambda body: ip6(body, AH)])
def test_an_authentication_header_is_walked_in_both_versions(wrap) -> None:  # type: ignore[no-untyped-def]
    batch, out = decoded(wrap(bytes((6, 4)) + bytes(22) + tcp(b"signed")))
    assert (out.proto[0], out.dport[0]) == (6, 2222)
    assert payload(batch, out) == b"signed"


def test_extension_header_numbers_mean_nothing_in_ipv4() -> None:
    batch, out = decoded(ip4(extension(17) + udp(), DESTINATION))
    assert (out.kind[0], out.proto[0], out.sport[0]) == (KIND_IP, DESTINATION, 0)
    assert payload(batch, out) == extension(17) + udp()


def test_a_chain_of_extension_headers_has_an_end() -> None:
    _, out = decoded(ip6(extension(DESTINATION) * 63 + extension(17) + udp(), DESTINATION))
    assert (out.proto[0], out.sport[0]) == (17, 1111)
    _, out = decoded(ip6(extension(DESTINATION) * 64 + extension(17) + udp(), DESTINATION))
    assert (out.kind[0], out.proto[0], out.sport[0]) == (KIND_IP, DESTINATION, 0)


def test_an_extension_header_cut_by_the_snap_length_leaves_its_number() -> None:
    packet = ip6(extension(17) + udp(), ROUTING)
    _, out = decoded(packet[:44], wire=[len(packet)])
    assert (out.kind[0], out.proto[0], out.sport[0]) == (KIND_IP, ROUTING, 0)


def test_no_next_header_is_a_protocol_without_ports() -> None:
    _, out = decoded(ip6(b"", 59))
    assert (out.kind[0], out.proto[0], out.payload_wire[0]) == (KIND_IP, 59, 0)


def test_a_jumbogram_has_the_length_of_its_option() -> None:
    body = udp(b"j" * 30, length=0)
    jumbo = bytes((17, 0, 0xC2, 4)) + struct.pack(">I", 8 + len(body))
    batch, out = decoded(ip6(jumbo + body + b"padding", HOP, length=0))
    assert payload(batch, out) == b"j" * 30


@pytest.mark.parametrize("options", [b"\0" * 6, b"\x01\x04\0\0\0\0", b"\x01\xff\0\0\0\0"])
def test_payload_length_zero_without_a_jumbo_option_goes_to_the_end_of_the_frame(options: bytes) -> None:
    batch, out = decoded(ip6(bytes((17, 0)) + options + udp(b"rest", length=0), HOP, length=0))
    assert payload(batch, out) == b"rest"


def test_a_jumbo_option_that_the_snap_length_cut_is_not_read() -> None:
    packet = ip6(bytes((17, 0, 0xC2, 4)), 0, length=0)
    _, out = decoded(packet, wire=[500])
    assert (out.kind[0], out.proto[0]) == (KIND_IP, 0)


def test_a_jumbo_option_behind_padding_is_found() -> None:
    body = udp(b"j" * 9, length=0)
    header = bytes((17, 1, 0, 0x01, 1, 0, 0, 0, 0xC2, 4)) + struct.pack(">I", 16 + len(body)) + b"\0\0"
    batch, out = decoded(ip6(header + body + b"padding", HOP, length=0))
    assert payload(batch, out) == b"j" * 9


@pytest.mark.parametrize(("proto", "header"), [(132, 12), (136, 8)])
def test_sctp_and_udp_lite_have_ports(proto: int, header: int) -> None:
    batch, out = decoded(ip4(struct.pack(">HH", 5, 6) + bytes(header - 4) + b"chunk", proto))
    assert (out.sport[0], out.dport[0]) == (5, 6)
    assert payload(batch, out) == b"chunk"


@pytest.mark.parametrize("proto", [1, 47, 50, 89, 58])
def test_other_protocols_have_no_ports_and_their_payload_follows_the_ip_header(proto: int) -> None:
    batch, out = decoded(ip4(b"\x08\0\x12\x34rest", proto))
    assert (out.kind[0], out.proto[0], out.sport[0], out.dport[0]) == (KIND_IP, proto, 0, 0)
    assert payload(batch, out) == b"\x08\0\x12\x34rest"


def test_a_first_ipv4_fragment_has_its_ports_and_its_data() -> None:
    data = udp(b"a" * 24)
    _, out = decoded(piece4(data, 0, True, ident=0xBEEF))
    assert (out.kind[0], out.sport[0], out.dport[0], out.proto[0]) == (KIND_FRAGMENT, 1111, 2222, 17)
    assert (out.fragment_id[0], out.fragment_offset[0], out.fragment_more[0]) == (0xBEEF, 0, 1)
    assert (out.fragment_start[0], out.fragment_captured[0], out.fragment_wire[0]) == (20, 32, 32)
    assert (out.payload_captured[0], out.payload_wire[0]) == (0, 0)


def test_a_later_fragment_has_no_ports_whatever_its_bytes_are() -> None:
    _, out = decoded(piece4(udp(b"a" * 24), 1480, False), piece6(udp(), 1232, True))
    assert out.kind[:2].tolist() == [KIND_FRAGMENT, KIND_FRAGMENT]
    assert (out.sport[:2].tolist(), out.dport[:2].tolist()) == ([0, 0], [0, 0])
    assert out.fragment_offset[:2].tolist() == [1480, 1232]
    assert out.fragment_more[:2].tolist() == [0, 1]


def test_a_first_ipv6_fragment_has_its_ports_behind_extension_headers() -> None:
    _, out = decoded(piece6(extension(17) + udp(b"a" * 8), 0, True, ident=0xDEADBEEF, proto=DESTINATION))
    assert (out.kind[0], out.proto[0], out.sport[0]) == (KIND_FRAGMENT, 17, 1111)
    assert (out.fragment_id[0], out.fragment_start[0], out.fragment_wire[0]) == (0xDEADBEEF, 48, 24)


@pytest.mark.parametrize("data", [b"", b"\x04\x57\x08", extension(17)[:7], extension(17, 3)])
def test_a_first_fragment_that_ends_before_the_ports_is_still_a_fragment(data: bytes) -> None:
    proto = DESTINATION if len(data) > 4 else 17
    _, out = decoded(piece6(data, 0, True, proto=proto))
    assert (out.kind[0], out.sport[0]) == (KIND_FRAGMENT, 0)


def test_an_atomic_fragment_is_a_whole_packet_and_reported() -> None:
    batch = batch_of([piece6(udp(b"whole"), 0, False, ident=9)])
    out = Decoded()
    assert decode(batch, out) == 1
    assert (out.kind[0], out.sport[0], out.fragment_more[0], out.fragment_id[0]) == (KIND_IP, 1111, FRAGMENT_ATOMIC, 9)
    assert payload(batch, out) == b"whole"


def test_a_fragment_of_a_fragment_keeps_the_outer_ones_place() -> None:
    inner = struct.pack(">BBHI", 17, 0, 1, 2)
    _, out = decoded(piece6(inner + udp(), 0, True, ident=1, proto=FRAGMENT))
    assert (out.kind[0], out.proto[0], out.fragment_id[0], out.sport[0]) == (KIND_FRAGMENT, FRAGMENT, 1, 0)


def test_decode_counts_the_rows_that_a_fragment_table_has_to_see() -> None:
    frames = [ip4(udp()), piece4(bytes(16), 0, True), piece4(bytes(16), 16, False), piece6(udp(), 0, False), b"\x40"]
    assert decode(batch_of(frames), Decoded()) == 3


def test_rows_behind_the_count_are_left_alone() -> None:
    batch, out = decoded(ip4(udp()), ip6(udp()))
    assert batch.count == 2
    assert out.sport[:4].tolist() == [1111, 1111, 7, 7]


def test_an_empty_batch_has_no_rows() -> None:
    assert decode(batch_of([]), Decoded()) == 0
