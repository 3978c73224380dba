"""Fields → the first bytes of binary protocols, written down from their specifications for the tests."""

import struct

from oddport.engine.columns import TCP, UDP


def ber(tag: int, *parts: bytes, wide: bool = False) -> bytes:
    """An element with the shortest length, or with a four-byte one as Windows writes it."""
    content = b"".join(parts)
    size = len(content)
    if wide:
        return bytes((tag, 0x84)) + struct.pack(">I", size) + content
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def integer(value: int, tag: int = 2) -> bytes:
    return ber(tag, value.to_bytes(max(1, value.bit_length() // 8 + 1), "big"))


def octets(text: bytes) -> bytes:
    return ber(4, text)


# LDAP ---------------------------------------------------------------------------------------------------------------


def ldap(number: int, operation: bytes, *, wide: bool = False) -> bytes:
    return ber(0x30, integer(number), operation, wide=wide)


LDAP_BIND = ldap(1, ber(0x60, integer(3), octets(b"cn=admin,dc=example"), ber(0x80, b"secret")))
LDAP_BOUND = ldap(1, ber(0x61, integer(0, 10), octets(b""), octets(b"")))
LDAP_SEARCH = ldap(
    2,
    ber(
        0x63,
        octets(b"dc=example"),
        integer(2, 10),
        integer(0, 10),
        integer(0),
        integer(0),
        ber(1, b"\x00"),
        ber(0x87, b"objectClass"),
        ber(0x30),
    ),
)
LDAP_ENTRY = ldap(
    2, ber(0x64, octets(b"dc=example"), ber(0x30, ber(0x30, octets(b"dc"), ber(0x31, octets(b"example")))))
)
LDAP_DONE = ldap(2, ber(0x65, integer(0, 10), octets(b""), octets(b"")))
LDAP_STARTTLS = ldap(1, ber(0x77, ber(0x80, b"1.3.6.1.4.1.1466.20037")))

# SNMP ---------------------------------------------------------------------------------------------------------------

OID_SYS_DESCR = bytes.fromhex("2b06010201010100")


def snmp(version: int, pdu: int, value: bytes = b"\x05\x00", community: bytes = b"public") -> bytes:
    bindings = ber(0x30, ber(0x30, ber(6, OID_SYS_DESCR), value))
    return ber(0x30, integer(version), octets(community), ber(pdu, integer(77), integer(0), integer(0), bindings))


def snmp3(flags: int, scoped: bytes) -> bytes:
    header = ber(0x30, integer(9), integer(65507), octets(bytes((flags,))), integer(3))
    return ber(
        0x30, integer(3), header, octets(ber(0x30, b"\x04\x00\x02\x01\x00\x02\x01\x00", b"\x04\x00" * 3)), scoped
    )


SNMP_GET, SNMP_RESPONSE = snmp(1, 0xA0), snmp(1, 0xA2, octets(b"a router"))
SNMP_TRAP_1 = ber(
    0x30,
    integer(0),
    octets(b"public"),
    ber(0xA4, ber(6, OID_SYS_DESCR), ber(0x40, b"\x0a\0\0\1"), integer(6), integer(1), ber(0x43, b"\x10"), ber(0x30)),
)
SCOPED = ber(0x30, octets(b""), octets(b""), ber(0xA0, integer(1), integer(0), integer(0), ber(0x30)))

# Kerberos -----------------------------------------------------------------------------------------------------------


def field(number: int, content: bytes) -> bytes:
    return ber(0xA0 + number, content)


def as_request(realm: bytes = b"EXAMPLE.ORG") -> bytes:
    name = ber(0x30, field(0, integer(1)), field(1, ber(0x30, ber(0x1B, b"alice"))))
    body = ber(0x30, field(0, ber(3, b"\0\x40\x81\0\x10")), field(1, name), field(2, ber(0x1B, realm)))
    return ber(0x6A, ber(0x30, field(1, integer(5)), field(2, integer(10)), field(4, body)))


def krb_error(realm: bytes = b"EXAMPLE.ORG", code: int = 25) -> bytes:
    return ber(
        0x7E,
        ber(
            0x30,
            field(0, integer(5)),
            field(1, integer(30)),
            field(4, ber(0x18, b"20240101000000Z")),
            field(5, integer(0)),
            field(6, integer(code)),
            field(9, ber(0x1B, realm)),
        ),
    )


AP_REQUEST = ber(0x6E, ber(0x30, field(0, integer(5)), field(1, integer(14)), field(2, ber(3, b"\0\0\0\0\0"))))
AP_REPLY = ber(0x6F, ber(0x30, field(0, integer(5)), field(1, integer(15)), field(2, ber(0x30))))


def password(version: int, inner: bytes, rest: bytes = b"private") -> bytes:
    return struct.pack(">HHH", 6 + len(inner) + len(rest), version, len(inner)) + inner + rest


def counted(data: bytes) -> bytes:
    """Behind a four-byte length."""
    return struct.pack(">I", len(data)) + data


# DNS and NetBIOS ----------------------------------------------------------------------------------------------------


def name(text: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in text.split(".") if label) + b"\0"


def dns(
    flags: int,
    questions: list[bytes],
    answers: list[bytes] | None = None,
    more: list[bytes] | None = None,
    number: int = 0x1234,
    authority: list[bytes] | None = None,
) -> bytes:
    parts = [questions, answers or [], authority or [], more or []]
    return struct.pack(">HH4H", number, flags, *map(len, parts)) + b"".join(b"".join(part) for part in parts)


def question(text: str, kind: int = 1, family: int = 1) -> bytes:
    return name(text) + struct.pack(">HH", kind, family)


def record(owner: bytes, kind: int, data: bytes, family: int = 1) -> bytes:
    return owner + struct.pack(">HHIH", kind, family, 300, len(data)) + data


DNS_QUERY = dns(0x0100, [question("www.example.org")])
DNS_ANSWER = dns(0x8180, [question("www.example.org")], [record(b"\xc0\x0c", 1, b"\xc0\0\2\1")])


def encoded(plain: bytes, suffix: int) -> bytes:
    """A NetBIOS name in 32 letters (RFC 1001, 14.1)."""
    letters = b"".join(bytes((0x41 + (c >> 4), 0x41 + (c & 15))) for c in plain.ljust(15) + bytes((suffix,)))
    return b"\x20" + letters + b"\0"


NBNS_QUERY = struct.pack(">HH4H", 7, 0x0110, 1, 0, 0, 0) + encoded(b"FILESERVER", 0x20) + b"\0\x20\0\1"
NBNS_ANSWER = (
    struct.pack(">HH4H", 7, 0x8580, 0, 1, 0, 0)
    + encoded(b"FILESERVER", 0x20)
    + b"\0\x20\0\1\0\0\0\x3c\0\6\0\0\x0a\0\0\5"
)
_NAMES = encoded(b"CLIENT", 0) + encoded(b"WORKGROUP", 0x1D)
NBDGM = b"\x11\x0a\0\1\x0a\0\0\5\0\x8a" + struct.pack(">HH", len(_NAMES) + 5, 0) + _NAMES + b"hello"
_CALL = encoded(b"FILESERVER", 0x20) + encoded(b"CLIENT", 0)
NBSS_REQUEST = b"\x81\0" + struct.pack(">H", len(_CALL)) + _CALL

# SMB ----------------------------------------------------------------------------------------------------------------


def framed(data: bytes) -> bytes:
    return b"\0" + len(data).to_bytes(3, "big") + data


def smb1(command: int, flags: int, rest: bytes = b"\0\0\0") -> bytes:
    return framed(b"\xffSMB" + bytes((command,)) + b"\0" * 4 + bytes((flags,)) + b"\x01\xc8" + b"\0" * 20 + rest)


def smb2(command: int, flags: int, body: bytes) -> bytes:
    return framed(b"\xfeSMB" + struct.pack("<HHIHHIIQ", 64, 0, 0, command, 1, flags, 0, 1) + b"\0" * 32 + body)


_DIALECTS = b"\x02NT LM 0.12\0\x02SMB 2.002\0"
SMB1_NEGOTIATE = smb1(0x72, 0x18, b"\0" + struct.pack("<H", len(_DIALECTS)) + _DIALECTS)
SMB1_ANSWER = smb1(0x72, 0x98, b"\x11" + b"\0" * 40)
SMB2_NEGOTIATE = smb2(
    0, 0, struct.pack("<HHHHI16sQ", 36, 2, 1, 0, 0, b"g" * 16, 0) + struct.pack("<HH", 0x0202, 0x0311)
)
SMB2_ANSWER = smb2(0, 1, struct.pack("<HHHH16s", 65, 1, 0x0311, 0, b"g" * 16) + b"\0" * 40)
SMB3_ENCRYPTED = framed(b"\xfdSMB" + b"s" * 16 + b"n" * 16 + struct.pack("<IHHQ", 80, 0, 1, 9) + b"e" * 80)

# TLS and HTTP/2 -----------------------------------------------------------------------------------------------------


def extension(number: int, data: bytes) -> bytes:
    return struct.pack(">HH", number, len(data)) + data


def sni(host: bytes) -> bytes:
    return extension(0, struct.pack(">HBH", len(host) + 3, 0, len(host)) + host)


def alpn(*names: bytes) -> bytes:
    body = b"".join(bytes((len(one),)) + one for one in names)
    return extension(16, struct.pack(">H", len(body)) + body)


TLS13 = extension(43, b"\x04\x03\x04\x03\x03")


def client_hello(
    *extensions: bytes, version: int = 0x0303, ciphers: bytes = b"\x13\x01\xc0\x2f", session: int = 32
) -> bytes:
    body = struct.pack(">H", version) + b"R" * 32 + bytes((session,)) + b"S" * session
    body += struct.pack(">H", len(ciphers)) + ciphers + b"\1\0"
    if extensions:
        joined = b"".join(extensions)
        body += struct.pack(">H", len(joined)) + joined
    return b"\1" + len(body).to_bytes(3, "big") + body


def server_hello(*extensions: bytes, version: int = 0x0303, cipher: int = 0x1301) -> bytes:
    body = struct.pack(">H", version) + b"r" * 32 + b"\x20" + b"S" * 32 + struct.pack(">HB", cipher, 0)
    if extensions:
        joined = b"".join(extensions)
        body += struct.pack(">H", len(joined)) + joined
    return b"\2" + len(body).to_bytes(3, "big") + body


def tls_record(data: bytes, kind: int = 0x16, version: int = 0x0303) -> bytes:
    return struct.pack(">BHH", kind, version, len(data)) + data


CLIENT_HELLO = tls_record(client_hello(sni(b"www.example.org"), alpn(b"h2", b"http/1.1"), TLS13), version=0x0301)
SERVER_HELLO = tls_record(server_hello(extension(43, b"\x03\x04")))
SSL2_HELLO = struct.pack(">HBHHHH", 0x8000 | 9 + 6 + 16, 1, 0x0301, 6, 0, 16) + b"\0\0\x2f\0\0\x35" + b"c" * 16
SSL2_ANSWER = (
    struct.pack(">HBBBHHHH", 0x8000 | 11 + 4 + 3 + 16, 4, 0, 1, 2, 4, 3, 16) + b"cert" + b"\1\0\x80" + b"i" * 16
)
HTTP2_CLIENT = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000006040000000000000300000064")
HTTP2_SERVER = bytes.fromhex("000006040000000000000400010000000000040100000000")

# QUIC ---------------------------------------------------------------------------------------------------------------


def quic_initial(
    version: int, target: bytes, source: bytes, size: int, *, first: int = 0xC3, token: bytes = b""
) -> bytes:
    """A long-header packet with a token, whose length closes on `size` bytes."""
    head = (
        bytes((first,)) + struct.pack(">I", version) + bytes((len(target),)) + target + bytes((len(source),)) + source
    )
    head += bytes((len(token),)) + token
    return head + struct.pack(">H", 0x4000 | size - len(head) - 2) + b"q" * (size - len(head) - 2)


QUIC_CLIENT = quic_initial(1, b"12345678", b"abcde", 1200)
QUIC_SERVER = quic_initial(1, b"abcde", b"87654321", 1200)
GQUIC_CLIENT = (b"\x0d" + b"12345678" + b"Q043" + b"\1" + b"h" * 12 + b"\xa0\1\0\4CHLO").ljust(1350, b"\0")

# RDP, databases, MQTT -----------------------------------------------------------------------------------------------


def tpkt(code: int, rest: bytes, source: int = 0) -> bytes:
    size = 11 + len(rest)
    return struct.pack(">BBHBBHHB", 3, 0, size, size - 5, code, 0, source, 0) + rest


RDP_CLIENT = tpkt(0xE0, b"Cookie: mstshash=alice\r\n" + bytes.fromhex("0100080003000000"))
RDP_SERVER = tpkt(0xD0, bytes.fromhex("0200080002000000"), 0x1234)


def rdp_syn(flags: int, acknowledged: int) -> bytes:
    return struct.pack(">IHHIHH", acknowledged, 64, flags, 0x11223344, 1232, 1200).ljust(1232, b"\0")


def mysql_packet(number: int, body: bytes) -> bytes:
    return len(body).to_bytes(3, "little") + bytes((number,)) + body


MYSQL_GREETING = mysql_packet(
    0,
    b"\x0a8.0.36\0" + struct.pack("<I", 9) + b"saltsalt\0" + b"\xff\xff\xff\2\0\xff\xdf\x15" + b"\0" * 10
    + b"moresaltmore\0" + b"caching_sha2_password\0",
)  # fmt: skip
MYSQL_LOGIN = mysql_packet(
    1, struct.pack("<IIB", 0x00A2AA85, 1 << 24, 255) + b"\0" * 23 + b"root\0" + b"\x14" + b"h" * 20
)
MYSQL_TLS = mysql_packet(1, struct.pack("<IIB", 0x00A2AE85, 1 << 24, 255) + b"\0" * 23)
PG_TLS = bytes.fromhex("0000000804d2162f")


def pg_startup(**parameters: bytes) -> bytes:
    body = b"\0\3\0\0" + b"".join(k.encode() + b"\0" + v + b"\0" for k, v in parameters.items()) + b"\0"
    return struct.pack(">I", len(body) + 4) + body


def pg_message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack(">I", len(body) + 4) + body


PG_STARTUP = pg_startup(user=b"alice", database=b"shop")
PG_READY = (
    pg_message(b"R", b"\0\0\0\0") + pg_message(b"S", b"server_version\x0015.3\0") + pg_message(b"K", b"\0" * 8)
    + pg_message(b"Z", b"I")
)  # fmt: skip


def mqtt_connect(protocol: bytes, level: int, flags: int, payload: bytes) -> bytes:
    body = struct.pack(">H", len(protocol)) + protocol + bytes((level, flags, 0, 60)) + payload
    return bytes((0x10, len(body))) + body


MQTT_CONNECT = mqtt_connect(b"MQTT", 4, 0x02, b"\0\6sensor")
MQTT_CONNACK = bytes.fromhex("20020000")

# NTP and DHCP -------------------------------------------------------------------------------------------------------


def ntp(
    mode: int,
    *,
    version: int = 4,
    stratum: int = 2,
    delay: int = 0x0500,
    dispersion: int = 0x0800,
    now: int = 0xE9000000,
) -> bytes:
    times = struct.pack(">8I", now, 1, now, 2, now, 3, now, 4)
    return struct.pack(">BBBbIII", version << 3 | mode, stratum, 6, -20, delay, dispersion, 0x0A000001) + times


NTP_CLIENT, NTP_SERVER = ntp(3, stratum=0), ntp(4)


def dhcp(op: int, kind: int, *options: bytes) -> bytes:
    head = struct.pack(">BBBBI", op, 1, 6, 0, 0x11223344).ljust(236, b"\0")
    return (head + b"\x63\x82\x53\x63" + bytes((53, 1, kind)) + b"".join(options) + b"\xff").ljust(300, b"\0")


DHCP_DISCOVER = dhcp(1, 1, b"\x0c\x06laptop")
DHCP_OFFER = dhcp(2, 2)

SAMPLES: tuple[tuple[str, int, bytes, bytes], ...] = (
    ("ldap", TCP, LDAP_BIND, LDAP_BOUND),
    ("ldap", TCP, LDAP_SEARCH, LDAP_ENTRY + LDAP_DONE),
    ("cldap", UDP, LDAP_SEARCH, LDAP_ENTRY + LDAP_DONE),
    ("snmp", UDP, SNMP_GET, SNMP_RESPONSE),
    ("kerberos", TCP, counted(as_request()), counted(krb_error())),
    ("kerberos", UDP, as_request(), krb_error()),
    ("kerberos", UDP, password(0xFF80, AP_REQUEST), password(1, AP_REPLY)),
    ("dns", UDP, DNS_QUERY, DNS_ANSWER),
    ("dns", TCP, struct.pack(">H", len(DNS_QUERY)) + DNS_QUERY, struct.pack(">H", len(DNS_ANSWER)) + DNS_ANSWER),
    ("netbios", UDP, NBNS_QUERY, NBNS_ANSWER),
    ("smb", TCP, SMB1_NEGOTIATE, SMB1_ANSWER),
    ("smb", TCP, SMB2_NEGOTIATE, SMB2_ANSWER),
    ("smb", TCP, NBSS_REQUEST + SMB1_NEGOTIATE, b"\x82\0\0\0" + SMB1_ANSWER),
    ("smb", TCP, SMB3_ENCRYPTED, SMB3_ENCRYPTED),
    ("tls", TCP, CLIENT_HELLO, SERVER_HELLO),
    ("tls", TCP, SSL2_HELLO, SSL2_ANSWER),
    ("http2", TCP, HTTP2_CLIENT, HTTP2_SERVER),
    ("quic", UDP, QUIC_CLIENT, QUIC_SERVER),
    ("rdp", TCP, RDP_CLIENT, RDP_SERVER),
    ("rdp", UDP, rdp_syn(1, 0xFFFFFFFF), rdp_syn(5, 0x11223344)),
    ("mysql", TCP, MYSQL_LOGIN, MYSQL_GREETING),
    ("mysql", TCP, MYSQL_TLS + CLIENT_HELLO, MYSQL_GREETING),
    ("postgresql", TCP, PG_STARTUP, PG_READY),
    ("postgresql", TCP, PG_TLS + CLIENT_HELLO, b"S" + SERVER_HELLO),
    ("postgresql", TCP, PG_TLS + PG_STARTUP, b"N" + PG_READY),
    ("mqtt", TCP, MQTT_CONNECT, MQTT_CONNACK),
    ("ntp", UDP, NTP_CLIENT, NTP_SERVER),
    ("dhcp", UDP, DHCP_DISCOVER, DHCP_OFFER),
)
"""(name, transport, the client's first bytes, the server's)"""
