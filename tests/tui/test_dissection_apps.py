"""Payload is read as what was recognised in the flow, whatever the port; each field with its exact place."""

import pytest
from frames import MAC, ipv4, layer, place, tcp, tree, udp

from tui.data.dissection.model import ByteClaim, Node, Request
from tui.data.dissection.reading import dissect

BASE_TCP, BASE_UDP = 54, 42
"""14 bytes of Ethernet, 20 of IPv4, then 20 of TCP or 8 of UDP."""

NAME = b"cdn.example"
SNI = b"\0\0" + (len(NAME) + 5).to_bytes(2, "big") + (len(NAME) + 3).to_bytes(2, "big") + b"\0\0\x0b" + NAME
EXTENSIONS = len(SNI).to_bytes(2, "big") + SNI
HELLO_BODY = b"\x03\x03" + bytes(range(32)) + b"\0" + b"\0\x04\x13\x01\xc0\x2f" + b"\1\0" + EXTENSIONS
HELLO = b"\x16\x03\x01" + (len(HELLO_BODY) + 4).to_bytes(2, "big") + b"\x01\0\0" + bytes([len(HELLO_BODY)]) + HELLO_BODY


def over_tcp(payload: bytes, port: int = 8088) -> bytes:
    return MAC + b"\x08\x00" + ipv4(6, tcp(payload, dport=port))


def over_udp(payload: bytes, port: int = 9999) -> bytes:
    return MAC + b"\x08\x00" + ipv4(17, udp(payload, dport=port))


def find(node: Node, name: str) -> Node:
    return next(child for child in node.walk() if child.name == name)


def test_tls_on_8088_is_read_as_tls():
    tls = layer(tree(1, over_tcp(HELLO), "tls"), "TLS")
    assert (tls.offset, tls.length, tls.value) == (BASE_TCP, len(HELLO), "handshake: ClientHello")
    assert place(tls, "type") == (BASE_TCP, 1)
    assert place(tls, "version") == (BASE_TCP + 1, 2)
    assert place(tls, "length") == (BASE_TCP + 3, 2)
    hello = find(tls, "ClientHello")
    # record header 5, handshake header 4, version 2, random 32, session id length 1, suites length 2
    assert hello.offset == BASE_TCP + 5
    suites = find(hello, "cipher suites")
    assert (suites.offset, suites.length) == (BASE_TCP + 46, 4)
    assert [(child.value, child.offset, child.length) for child in suites.children] == [
        ("0x1301 TLS_AES_128_GCM_SHA256", BASE_TCP + 46, 2),
        ("0xc02f TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", BASE_TCP + 48, 2),
    ]
    name = find(hello, "server name")
    assert name.value == "cdn.example"
    assert (name.offset, name.length) == (over_tcp(HELLO).index(NAME), 11)


def test_the_port_alone_names_nothing():
    result = tree(1, over_tcp(HELLO, port=443))
    assert layer(result, "payload").value == f"not dissected: {len(HELLO)} bytes"


def test_ssh_on_53_is_not_read_as_dns():
    banner = b"SSH-2.0-OpenSSH_9.2p1\r\n"
    result = tree(1, over_tcp(banner, port=53), "ssh")
    ssh = result.layers[-1]
    assert ssh.name.startswith("SSH")
    assert (ssh.offset, ssh.length) == (BASE_TCP, len(banner))
    assert "SSH-2.0-OpenSSH_9.2p1" in [child.value for child in ssh.children]


def test_the_middle_of_a_tls_record_is_not_made_into_a_record():
    payload = layer(tree(1, over_tcp(b"\x8a\x31" * 20), "tls"), "payload")
    assert payload.value == "not dissected: 40 bytes; no start of a message of tls"


def test_dns_names_that_are_pointers_have_the_length_of_the_pointer():
    question = b"\7example\3org\0" + b"\0\1\0\1"
    answer = b"\xc0\x0c" + b"\0\1\0\1" + b"\0\0\0\x3c" + b"\0\4" + b"\1\2\3\4"
    mail = b"\xc0\x0c" + b"\0\x0f\0\1" + b"\0\0\0\x3c" + b"\0\4" + b"\0\5" + b"\xc0\x0c"
    message = b"\x12\x34\x81\x80\0\1\0\2\0\0\0\0" + question + answer + mail
    dns = layer(tree(1, over_udp(message), "dns"), "DNS")
    assert dns.value == "response A example.org  2 answers"
    assert (dns.offset, dns.length) == (BASE_UDP, len(message))
    assert place(dns, "id") == (BASE_UDP, 2)
    assert place(dns, "response") == (BASE_UDP + 2, 1)
    assert place(dns, "reply code") == (BASE_UDP + 3, 1)
    assert place(dns, "question section", "question", "name") == (BASE_UDP + 12, 13)
    assert place(dns, "question section", "question", "type") == (BASE_UDP + 25, 2)
    first, second = find(dns, "answer section").children
    assert (first.offset, first.length) == (BASE_UDP + 29, 16)
    assert place(first, "name") == (BASE_UDP + 29, 2)
    assert place(first, "time to live") == (BASE_UDP + 35, 4)
    assert place(first, "data") == (BASE_UDP + 41, 4)
    assert (second.offset, second.length) == (BASE_UDP + 45, 16)
    assert place(second, "exchange") == (BASE_UDP + 59, 2)


def test_two_equal_dns_answers_have_two_places():
    answer = b"\xc0\x0c" + b"\0\1\0\1" + b"\0\0\0\x3c" + b"\0\4" + b"\1\2\3\4"
    message = b"\x12\x34\x81\x80\0\1\0\2\0\0\0\0" + b"\1a\0" + b"\0\1\0\1" + answer + answer
    dns = layer(tree(1, over_udp(message), "dns"), "DNS")
    assert [node.offset for node in find(dns, "answer section").children] == [BASE_UDP + 19, BASE_UDP + 35]


def test_dns_over_tcp_has_its_length_in_front():
    message = b"\x12\x34\x01\0\0\1\0\0\0\0\0\0" + b"\1a\0" + b"\0\1\0\1"
    dns = layer(tree(1, over_tcp(len(message).to_bytes(2, "big") + message), "dns"), "DNS")
    assert place(dns, "length") == (BASE_TCP, 2)
    assert place(dns, "id") == (BASE_TCP + 2, 2)


def test_dns_over_tcp_that_goes_on_says_so():
    payload = layer(tree(1, over_tcp(b"\x01\x00" + bytes(20)), "dns"), "payload")
    assert payload.value == "not dissected: 22 bytes; a message of dns that goes on in a later packet"


def test_http_lines_are_nodes_with_places():
    request = b"GET /x HTTP/1.1\r\nHost: a.example\r\n\r\nbody"
    http = layer(tree(1, over_tcp(request), "http"), "HTTP")
    assert http.value == "GET /x HTTP/1.1"
    assert [(child.name, child.value, child.offset, child.length) for child in http.children] == [
        ("start line", "GET /x HTTP/1.1", BASE_TCP, 17),
        ("Host", "a.example", BASE_TCP + 17, 17),
        ("empty line", "", BASE_TCP + 34, 2),
        ("body", "body", BASE_TCP + 36, 4),
    ]
    assert place(http, "start line", "target") == (BASE_TCP + 4, 2)
    assert place(http, "start line", "version") == (BASE_TCP + 7, 8)


def test_http_status_line_has_version_status_and_reason():
    http = layer(tree(1, over_tcp(b"HTTP/1.1 404 Not Found\r\n\r\n"), "http"), "HTTP")
    assert [child.name for child in http.children[0].children] == ["version", "status", "reason"]
    assert http.children[0].children[2].value == "Not Found"


def test_a_piece_of_an_http_body_is_not_a_message():
    assert layer(tree(1, over_tcp(b"\x89PNG\r\n\x1a\n" + bytes(40)), "http"), "payload").kind == "unread"
    assert layer(tree(1, over_tcp(b"just some words of a page\r\n"), "http"), "payload").kind == "unread"


def test_smtp_is_one_node_a_line():
    smtp = layer(tree(1, over_tcp(b"250-mx.example\r\n250 STARTTLS\r\n"), "smtp"), "SMTP")
    assert [(child.value, child.offset, child.length) for child in smtp.children] == [
        ("250-mx.example", BASE_TCP, 16), ("250 STARTTLS", BASE_TCP + 16, 14),
    ]  # fmt: skip


def test_lines_over_the_limit_are_counted():
    smtp = layer(tree(1, over_tcp(b"x\n" * 600), "smtp"), "SMTP")
    assert len(smtp.children) == 501
    assert (smtp.children[-1].value, smtp.children[-1].length) == ("200 more bytes", 200)


def test_snmp_is_read_as_nested_values_with_places():
    # sequence(version 1, "public", get [0] (id 7, 0, 0, ()))
    message = bytes.fromhex("3018 020101 0406 7075626c6963 a00b 020107 020100 020100 3000".replace(" ", ""))
    snmp = layer(tree(1, over_udp(message), "snmp"), "SNMP")
    sequence = snmp.children[0]
    assert (sequence.name, sequence.offset, sequence.length) == ("sequence", BASE_UDP, 26)
    assert [(child.name, child.value, child.offset, child.length) for child in sequence.children] == [
        ("integer", "1", BASE_UDP + 2, 3),
        ("octet string", "public", BASE_UDP + 5, 8),
        ("[0]", "4 values", BASE_UDP + 13, 13),
    ]  # fmt: skip


def test_object_identifiers_are_dotted_numbers():
    # 1.3.6.1.4.1.2636: 2b is 1.3, 2636 is 94 4c
    snmp = layer(tree(1, over_udp(bytes.fromhex("3009 0607 2b06010401944c".replace(" ", ""))), "snmp"), "SNMP")
    assert find(snmp, "object identifier").value == "1.3.6.1.4.1.2636"


def test_kerberos_over_tcp_has_its_length_in_front():
    message = bytes.fromhex("6a03 020105".replace(" ", ""))
    kerberos = layer(tree(1, over_tcp(b"\0\0\0\5" + message), "kerberos"), "Kerberos")
    assert place(kerberos, "length") == (BASE_TCP, 4)
    assert place(kerberos, "[application 10]", "integer") == (BASE_TCP + 6, 3)


def test_bytes_that_are_no_asn1_are_not_forced_into_it():
    assert layer(tree(1, over_udp(b"\x30\x85\1\2\3\4\5"), "snmp"), "payload").kind == "unread"


def test_dhcp_options_have_a_place_each():
    fixed = bytes([1, 1, 6, 0]) + bytes(232)
    message = fixed + bytes.fromhex("63825363 350101 0c026162 ff".replace(" ", ""))
    result = tree(1, over_udp(message), "dhcp")
    options = find(layer(result, "DHCP options"), "options")
    start = BASE_UDP + 240
    assert [(child.name, child.value, child.offset, child.length) for child in options.children] == [
        ("message type", "1 discover", start, 3),
        ("host name", "ab", start + 3, 4),
        ("end of options", "", start + 7, 1),
    ]  # fmt: skip


def test_a_protocol_without_a_reader_keeps_what_the_recogniser_says():
    payload = b"RFB 003.008\n"
    claims = (ByteClaim(BASE_TCP, 12, "RFB version 3.8"), ByteClaim(0, 6, "elsewhere"))
    result = dissect(Request(1, over_tcp(payload), "vnc", claims))
    node = layer(result, "payload")
    assert node.value == "not dissected: 12 bytes; vnc, for which there is no reader"
    assert [(child.name, child.offset, child.length) for child in node.children] == [("RFB version 3.8", BASE_TCP, 12)]


@pytest.mark.parametrize(
    ("app", "payload", "name", "field", "offset", "length"),
    [
        # RFC 5905: leap, version and mode share byte 0; the root delay is bytes 4 to 7; sent is the last of 48
        ("ntp", b"\x23\2\6\xec" + bytes(44), "NTP", "delay", 4, 4),
        ("ntp", b"\x23\2\6\xec" + bytes(44), "NTP", "sent", 40, 8),
        # RFC 1350: opcode, file name, zero, mode, zero
        ("tftp", b"\0\1boot\0octet\0", "TFTP opcode", "op", 0, 2),
        # RFC 3550: sequence number behind two bytes of bits
        ("rtp", b"\x80\x00\x00\x07" + bytes(8) + b"xx", "RTP", "sequence", 2, 2),
        # RFC 2865: code, identifier, length
        ("radius", b"\1\5\0\x14" + bytes(16), "RADIUS", "authenticator", 4, 16),
    ],
)
def test_protocols_over_udp_have_their_fields_in_place(app, payload, name, field, offset, length):
    node = layer(tree(1, over_udp(payload), app), name)
    assert place(node, field) == (BASE_UDP + offset, length)


def options_of(message: bytes) -> list[tuple[str, str, str]]:
    fixed = bytes([1, 1, 6, 0]) + bytes(232) + bytes.fromhex("63825363")
    field = find(layer(tree(1, over_udp(fixed + message), "dhcp"), "DHCP options"), "options")
    return [(child.name, child.value, child.kind) for child in field.children]


def test_dhcp_options_are_read_by_their_kind():
    # subnet mask, lease time of an hour, acknowledgement, an unknown option, padding, one that is cut
    message = bytes.fromhex("0104ffffff00 330400000e10 350105 c8020001 0000 0c40 6162".replace(" ", ""))
    assert options_of(message) == [
        ("subnet mask", "255.255.255.0", "field"), ("lease time", "3600 s", "field"),
        ("message type", "5 ack", "field"), ("option 200", "00 01", "field"), ("padding", "2 bytes", "field"),
        ("malformed", "host name announces 64 bytes, 2 are left", "unread"),
    ]  # fmt: skip


def test_a_thousand_dhcp_options_are_shown_and_the_rest_is_counted():
    found = options_of(b"\x0c\x00" * 1_200)
    assert len(found) == 1_001
    assert found[-1] == ("…", "400 more bytes", "field")


def test_tcp_options_are_read_by_their_kind():
    # SACK of one block, an unknown kind, end of options with three bytes behind
    options = bytes.fromhex("050a0000000100000002 fd04aabb 00 000000".replace(" ", "")) + b"\0\0"
    frame = MAC + b"\x08\x00" + ipv4(6, tcp(b"", options))
    field = next(child for child in layer(tree(1, frame), "TCP").children if child.name == "options")
    assert [(child.name, child.value, child.length) for child in field.children] == [
        ("SACK", "1 to 2", 10), ("experiment 1", "aa bb", 4), ("end of options", "", 1), ("padding", "5 bytes", 5),
    ]  # fmt: skip


def test_values_of_asn1_are_read_by_their_tag():
    # boolean, null, enumerated, a string in a context tag, a tag number of two bytes, a value that is cut
    message = bytes.fromhex("3018 0101ff 0500 0a0102 8003616263 9f8101017a 040961".replace(" ", ""))
    ldap = layer(tree(1, over_tcp(message), "ldap"), "LDAP")
    assert [(child.name, child.value) for child in ldap.children[0].children] == [
        ("boolean", "true"), ("null", ""), ("enumerated", "2"), ("[0]", "abc"), ("[129]", "z"),
        ("octet string", "a; 8 more bytes are in later packets"),
    ]  # fmt: skip


def test_what_is_no_asn1_inside_a_message_is_one_unread_node():
    message = bytes.fromhex("3005 020101 3084".replace(" ", ""))
    ldap = layer(tree(1, over_tcp(message), "ldap"), "LDAP")
    last = ldap.children[0].children[-1]
    assert (last.kind, last.offset, last.length) == ("unread", BASE_TCP + 5, 2)


def test_an_alert_says_which():
    result = tree(1, over_tcp(b"\x15\x03\x03\0\2\1\0"), "tls")
    assert layer(result, "TLS").value == "Alert close_notify"
