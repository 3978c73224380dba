"""Where each field of hand-counted frames lies."""

from frames import MAC, ipv4, layer, place, tcp, tree, udp

from tui.data.dissection.model import Request, path_to
from tui.data.dissection.reading import dissect


def test_ethernet_and_vlan_fields_lie_where_the_standard_puts_them():
    frame = MAC + bytes.fromhex("8100 e007 0800".replace(" ", "")) + ipv4(17, udp(b""))
    result = tree(1, frame)
    ethernet, vlan = layer(result, "Ethernet"), layer(result, "802.1Q")
    assert (ethernet.offset, ethernet.length) == (0, 14)
    assert place(ethernet, "destination") == (0, 6)
    assert place(ethernet, "source") == (6, 6)
    assert place(ethernet, "type") == (12, 2)
    # three bits of priority, one of DEI, twelve of the VLAN: all in bytes 14 and 15
    assert place(vlan, "priority") == (14, 1)
    assert place(vlan, "VLAN") == (14, 2)
    assert place(vlan, "type") == (16, 2)
    assert next(child.value for child in vlan.children if child.name == "VLAN") == "7"


def test_ipv4_options_move_everything_behind_them():
    # record route with room for one address: kind 7, length 7, pointer 4, four bytes; then end of options
    frame = MAC + b"\x08\x00" + ipv4(6, tcp(b"abc"), bytes.fromhex("0707040000000000"))
    result = tree(1, frame)
    ip = layer(result, "IPv4")
    assert (ip.offset, ip.length) == (14, 28)
    assert place(ip, "version") == (14, 1)
    assert place(ip, "header length, words") == (14, 1)
    assert place(ip, "total length") == (16, 2)
    assert place(ip, "flags") == (20, 1)
    assert place(ip, "fragment offset") == (20, 2)
    assert place(ip, "time to live") == (22, 1)
    assert place(ip, "source") == (26, 4)
    assert place(ip, "destination") == (30, 4)
    assert place(ip, "options") == (34, 8)
    options = next(child for child in ip.children if child.name == "options")
    assert [(child.offset, child.length) for child in options.children] == [(34, 7), (41, 1)]
    assert (layer(result, "TCP").offset, layer(result, "TCP").length) == (42, 20)
    payload = layer(result, "payload")
    assert (payload.offset, payload.length, payload.value) == (62, 3, "not dissected: 3 bytes")


def test_tcp_options_have_a_place_each():
    # MSS 1460 at 0, NOP at 4, timestamps at 5, SACK permitted at 15, window scale at 17: twenty bytes
    options = bytes.fromhex("020405b4 01 080a00000001000000ff 0402 030307".replace(" ", ""))
    frame = MAC + b"\x08\x00" + ipv4(6, tcp(b"", options))
    field = next(child for child in layer(tree(1, frame), "TCP").children if child.name == "options")
    assert (field.offset, field.length) == (54, 20)
    assert [(child.name, child.value, child.offset, child.length) for child in field.children] == [
        ("maximum segment size", "1460", 54, 4),
        ("no operation", "", 58, 1),
        ("timestamps", "1, echo 255", 59, 10),
        ("SACK permitted", "", 69, 2),
        ("window scale", "7, times 128", 71, 3),
    ]


def test_a_tcp_option_that_announces_too_much_is_one_unread_node():
    frame = MAC + b"\x08\x00" + ipv4(6, tcp(b"", bytes.fromhex("0101 08ff".replace(" ", ""))))
    field = next(child for child in layer(tree(1, frame), "TCP").children if child.name == "options")
    last = field.children[-1]
    assert (last.kind, last.offset, last.length) == ("unread", 56, 2)
    assert "announces 255 bytes" in last.value


def test_flags_of_tcp_are_words():
    flags = next(child for child in layer(tree(1, MAC + b"\x08\x00" + ipv4(6, tcp(b""))), "TCP").children
                 if child.name == "flags")  # fmt: skip
    assert (flags.value, flags.offset, flags.length) == ("PSH ACK", 46, 2)


def test_ipv6_extension_headers_are_layers_of_their_own():
    body = udp(b"xyz")
    hop = bytes([44, 0, 1, 4, 0, 0, 0, 0])  # next: fragment; PadN of four
    fragment = bytes([17, 0, 0, 0, 0, 0, 0, 9])
    ends = bytes(15) + b"\1" + bytes(15) + b"\2"
    frame = bytes.fromhex("60000000") + (len(body) + 16).to_bytes(2, "big") + b"\0\x40" + ends
    result = tree(229, frame + hop + fragment + body)
    ip = layer(result, "IPv6")
    assert place(ip, "traffic class") == (0, 2)
    assert place(ip, "flow label") == (1, 3)
    assert place(ip, "next header") == (6, 1)
    assert place(ip, "destination") == (24, 16)
    assert (layer(result, "hop-by-hop options").offset, layer(result, "hop-by-hop options").length) == (40, 8)
    header = layer(result, "fragment header")
    assert (header.offset, header.length) == (48, 8)
    assert (layer(result, "UDP").offset, layer(result, "UDP").length) == (56, 8)
    assert layer(result, "payload").offset == 64


def test_frame_padding_is_named_and_lies_behind_the_packet():
    frame = MAC + b"\x08\x00" + ipv4(17, udp(b"hi")) + bytes(16)
    result = tree(1, frame)
    assert [(node.name, node.offset, node.length) for node in result.layers[-2:]] == [
        ("payload", 42, 2), ("padding", 44, 16),
    ]  # fmt: skip


def test_icmp_error_holds_the_header_of_the_packet_it_is_about():
    inner = ipv4(17, udp(b""))
    frame = MAC + b"\x08\x00" + ipv4(1, bytes([3, 3, 0, 0, 0, 0, 0, 0]) + inner)
    result = tree(1, frame)
    assert (layer(result, "ICMP").offset, layer(result, "ICMP").length) == (34, 8)
    assert (layer(result, "IPv4 in error").offset, layer(result, "UDP in error").offset) == (42, 62)


def test_sctp_chunks_follow_the_common_header():
    chunk = bytes([0, 3]) + (16 + 5).to_bytes(2, "big") + bytes(12) + b"hello" + bytes(3)
    frame = MAC + b"\x08\x00" + ipv4(132, b"\x9c\x40\x0b\x59" + bytes(8) + chunk)
    result = tree(1, frame)
    assert (layer(result, "SCTP").offset, layer(result, "SCTP").length) == (34, 12)
    data = layer(result, "data chunk")
    assert data.offset == 46
    assert place(data, "length") == (48, 2)
    assert place(data, "data")[0] == 62


def test_linux_cooked_header_is_sixteen_bytes():
    frame = bytes.fromhex("0000 0001 0006 020000000001 0000 0800".replace(" ", "")) + ipv4(17, udp(b""))
    result = tree(113, frame)
    sll = layer(result, "Linux SLL")
    assert (sll.offset, sll.length) == (0, 16)
    assert place(sll, "protocol") == (14, 2)
    assert layer(result, "IPv4").offset == 16


def test_null_loopback_header_is_four_bytes():
    result = tree(0, b"\x02\0\0\0" + ipv4(17, udp(b"")))
    assert [(node.name, node.offset, node.length) for node in result.layers] == [
        ("Null/Loopback", 0, 4), ("IPv4", 4, 20), ("UDP", 24, 8),
    ]  # fmt: skip


def test_raw_ip_is_known_by_its_first_nibble():
    six = bytes.fromhex("60000000 0008 11 40".replace(" ", "")) + bytes(32) + udp(b"")
    assert [node.name for node in tree(101, six).layers] == ["IPv6", "UDP"]
    assert [node.name for node in tree(101, ipv4(17, udp(b""))).layers] == ["IPv4", "UDP"]


def test_wireless_check_sequence_lies_at_the_end_of_the_frame():
    # radiotap of nine bytes: version, pad, length, present = flags (bit 1), flags = FCS at the end (0x10)
    radiotap = bytes.fromhex("0000 0900 02000000 10".replace(" ", ""))
    dot11 = bytes.fromhex("0800 0000".replace(" ", "")) + MAC + bytes(6) + bytes(2)
    llc = bytes.fromhex("aaaa03000000 0800".replace(" ", ""))
    frame = radiotap + dot11 + llc + ipv4(17, udp(b"hi")) + b"\xde\xad\xbe\xef"
    result = tree(127, frame)
    wireless = layer(result, "802.11")
    assert (wireless.offset, wireless.length) == (9, 24)
    # bits of the first byte, low to high on the air: version 0-1, type 2-3, subtype 4-7
    assert place(wireless, "subtype") == (9, 1)
    assert place(wireless, "type") == (9, 1)
    assert place(wireless, "fcs") == (len(frame) - 4, 4)
    assert [node.name for node in path_to(result.layers, len(frame) - 1)] == ["802.11", "fcs"]
    assert [node.name for node in result.layers][-1] == "payload"
    assert layer(result, "payload").length == 2


def test_mpls_is_read_although_scapy_loads_it_only_when_asked():
    frame = MAC + b"\x88\x47" + bytes.fromhex("0001f140") + ipv4(17, udp(b""))
    result = tree(1, frame)
    assert [(node.name, node.offset, node.length) for node in result.layers][:3] == [
        ("Ethernet", 0, 14), ("MPLS", 14, 4), ("IPv4", 18, 20),
    ]  # fmt: skip
    # a label is twenty bits: 0x0001f = 31
    assert layer(result, "MPLS").value == "label 31"


def test_a_cut_frame_is_read_as_far_as_it_goes():
    frame = (MAC + b"\x08\x00" + ipv4(6, tcp(b"abc")))[:40]
    result = dissect(Request(1, frame))
    assert [node.name for node in result.layers][:2] == ["Ethernet", "IPv4"]
    assert result.layers[-1].kind == "unread"
    assert result.layers[-1].end == 40


def test_the_narrowest_field_is_found_from_a_byte():
    frame = MAC + b"\x08\x00" + ipv4(6, tcp(b"abc"))
    result = tree(1, frame)
    assert [node.name for node in path_to(result.layers, 27)] == ["IPv4", "source"]
    assert [node.name for node in path_to(result.layers, 36)] == ["TCP", "destination port"]
    assert path_to(result.layers, len(frame)) == ()


def test_a_layer_without_fields_of_its_own_takes_no_bytes_from_those_behind_it():
    # LLDP: chassis id, port id, time to live, end; scapy puts a layer without fields around them
    tlvs = "0207 04 020000000001 0407 03 020000000001 0602 0078 0000"
    result = tree(1, MAC + b"\x88\xcc" + bytes.fromhex(tlvs.replace(" ", "")))
    places = [(node.offset, node.length) for node in result.layers]
    assert places == [(0, 14), (14, 0), (14, 9), (23, 9), (32, 4), (36, 2)]


def test_options_that_scapy_adds_on_its_own_are_not_shown():
    # IGMP makes scapy put a router alert into the header of IP, which has no options in the frame
    igmp = bytes.fromhex("1164ee9b00000000")
    frame = MAC + b"\x08\x00" + ipv4(2, igmp)
    ip = layer(tree(1, frame), "IPv4")
    assert "options" not in [child.name for child in ip.children]


def test_a_frame_that_is_too_short_for_its_first_header_says_so():
    result = dissect(Request(1, MAC[:5]))
    assert result.trouble == "this frame ends inside of its first header"
    assert [(node.kind, node.length) for node in result.layers] == [("unread", 5)]
