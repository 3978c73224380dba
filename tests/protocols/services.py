"""Fields → the first bytes of services, written down from their specifications for the tests."""

import struct

from oddport.engine.columns import TCP, UDP

# STUN (RFC 8489) ------------------------------------------------------------------------------------------------------

COOKIE = b"\x21\x12\xa4\x42"


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack(">HH", kind, len(value)) + value + b"\0" * (-len(value) % 4)


def stun(kind: int, *attributes: bytes, cookie: bytes = COOKIE, transaction: bytes = b"transactions") -> bytes:
    body = b"".join(attributes)
    return struct.pack(">HH", kind, len(body)) + cookie + transaction + body


STUN_REQUEST = stun(0x0001, attribute(0x8022, b"agent 1"), attribute(0x0006, b"alice:bob"))
STUN_ANSWER = stun(0x0101, attribute(0x0020, b"\0\1" + b"\xa1\x47" + b"\xe1\x12\xa6\x43"))
OLD_REQUEST = stun(0x0001, attribute(0x0003, b"\0\0\0\6"), cookie=b"old!")
OLD_ANSWER = stun(0x0101, attribute(0x0001, b"\0\1\x80\1\xc0\0\2\1"), cookie=b"old!")

# RADIUS (RFC 2865) ----------------------------------------------------------------------------------------------------


def tlv(kind: int, value: bytes) -> bytes:
    return bytes((kind, len(value) + 2)) + value


def radius(code: int, *attributes: bytes, number: int = 7) -> bytes:
    body = b"".join(attributes)
    return struct.pack(">BBH", code, number, 20 + len(body)) + b"authenticator 16" + body


RADIUS_REQUEST = radius(1, tlv(1, b"alice"), tlv(2, b"p" * 16), tlv(4, b"\xc0\0\2\1"), tlv(5, b"\0\0\0\3"))
RADIUS_ACCEPT = radius(2, tlv(6, b"\0\0\0\1"), tlv(8, b"\xff\xff\xff\xfe"))

# BitTorrent (BEP 3, 5, 15, 29) ----------------------------------------------------------------------------------------

HANDSHAKE = b"\x13BitTorrent protocol" + bytes(8) + b"\xab" * 20 + b"-TR2940-k8hj0wgej6ch"
DHT_QUERY = b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"
DHT_ANSWER = b"d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re"


def utp(kind: int, connection: int, number: int, acknowledged: int, data: bytes = b"") -> bytes:
    return struct.pack(">BBHIIIHH", kind << 4 | 1, 0, connection, 77_000, 0, 65_536, number, acknowledged) + data


TRACKER_ASKED = struct.pack(">QII", 0x41727101980, 0, 0x1234ABCD)
TRACKER_TOLD = struct.pack(">IIQ", 0, 0x1234ABCD, 0x1122334455667788)

# SOCKS (RFC 1928, 1929) -----------------------------------------------------------------------------------------------

SOCKS5 = b"\5\2\0\2" + b"\1\5alice\6secret" + b"\5\1\0\3\x0bexample.org\0\x50"
SOCKS5_TOLD = b"\5\2" + b"\1\0" + b"\5\0\0\1\x0a\0\0\5\xc0\1"
SOCKS4A = b"\4\1\0\x50\0\0\0\1alice\0www.example.org\0"
SOCKS4_TOLD = b"\0\x5a\0\x50\x0a\0\0\5"

# TDS (MS-TDS) ---------------------------------------------------------------------------------------------------------


def tds(kind: int, body: bytes, status: int = 1) -> bytes:
    return struct.pack(">BBHHBB", kind, status, len(body) + 8, 0, 1, 0) + body


OPTIONS = struct.pack(">BHHBHHB", 0, 11, 6, 1, 17, 1, 0xFF) + b"\x10\0\0\0\0\0" + b"\2"
LOGIN = (
    struct.pack("<II", 0, 0x74000004) + struct.pack("<IIII", 4096, 7, 99, 0) + bytes(12)
    + struct.pack("<HHHH", 94, 2, 98, 2)
).ljust(94, b"\0") + "PC".encode("utf-16-le") + "sa".encode("utf-16-le")  # fmt: skip

# stores ---------------------------------------------------------------------------------------------------------------


def mongo(operation: int, body: bytes, number: int = 9, answers: int = 0) -> bytes:
    return struct.pack("<IIII", 16 + len(body), number, answers, operation) + body


DOCUMENT = b"\x2a\0\0\0\x10isMaster\0\1\0\0\0\2$db\0\6\0\0\0admin\0\0"
MONGO_HELLO = mongo(2013, b"\0\0\0\0\0" + DOCUMENT)
MONGO_TOLD = mongo(2013, b"\0\0\0\0\0" + b"\x11\0\0\0\1ok\0" + bytes(9), 10, 9)
MONGO_QUERY = mongo(2004, b"\0\0\0\0admin.$cmd\0\0\0\0\0\xff\xff\xff\xff" + DOCUMENT)
MONGO_REPLY = mongo(1, struct.pack("<IQII", 8, 0, 0, 1) + b"\x11\0\0\0\1ok\0" + bytes(9), 10, 9)


def cql(version: int, stream: int, operation: int, body: bytes) -> bytes:
    return struct.pack(">BBHBI", version, 0, stream, operation, len(body)) + body


CQL_STARTUP = cql(4, 1, 1, b"\0\1\0\x0bCQL_VERSION\0\x053.0.0")
CQL_READY = cql(0x84, 1, 2, b"")


def elastic(status: int, body: bytes) -> bytes:
    return b"ES" + struct.pack(">IQBI", 13 + len(body), 5, status, 6_080_099) + body


ZK_ASKED = struct.pack(">IIQIQI", 44, 0, 0, 30_000, 0, 16) + bytes(16)
ZK_TOLD = struct.pack(">IIIQI", 36, 0, 30_000, 0x1000001, 16) + b"p" * 16
CONNECT_DATA = b"(DESCRIPTION=(CONNECT_DATA=(SERVICE_NAME=ORCL)(CID=(PROGRAM=sqlplus)(HOST=pc)(USER=scott))))"
TNS_CONNECT = struct.pack(">HHBBH", 58 + len(CONNECT_DATA), 0, 1, 0, 0) + bytes(16)
TNS_CONNECT += struct.pack(">HH", len(CONNECT_DATA), 58) + bytes(30) + CONNECT_DATA
TNS_ACCEPT = struct.pack(">HHBBH", 32, 0, 2, 0, 0) + bytes(24)


def ddm(point: int, body: bytes) -> bytes:
    return struct.pack(">HBBHHH", len(body) + 10, 0xD0, 1, 1, len(body) + 4, point) + body


CEPH = b"ceph v027" + bytes(60)


def memcached(magic: int, operation: int, key: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">BBHBBHIIQ", magic, operation, len(key), 0, 0, 0, len(key + body), 3, 0) + key + body


# TFTP (RFC 1350) ------------------------------------------------------------------------------------------------------

TFTP_READ = b"\0\1boot/menu.cfg\0octet\0blksize\x001408\0"
TFTP_BLOCK = b"\0\3\0\1" + b"x" * 512

SAMPLES: tuple[tuple[str, int, bytes, bytes], ...] = (
    ("stun", UDP, STUN_REQUEST, STUN_ANSWER),
    ("stun", UDP, OLD_REQUEST, OLD_ANSWER),
    ("stun", TCP, STUN_REQUEST, STUN_ANSWER),
    ("stun", TCP, *(struct.pack(">H", len(data)) + data for data in (STUN_REQUEST, STUN_ANSWER))),
    ("radius", UDP, RADIUS_REQUEST, RADIUS_ACCEPT),
    ("bittorrent", TCP, HANDSHAKE, HANDSHAKE),
    ("bittorrent", UDP, DHT_QUERY, DHT_ANSWER),
    ("bittorrent", UDP, utp(4, 500, 1, 0), utp(2, 500, 900, 1)),
    ("bittorrent", UDP, TRACKER_ASKED, TRACKER_TOLD),
    ("socks", TCP, SOCKS5, SOCKS5_TOLD),
    ("socks", TCP, SOCKS4A, SOCKS4_TOLD),
    ("ms-sql", TCP, tds(0x12, OPTIONS), tds(4, OPTIONS)),
    ("ms-sql", TCP, tds(0x10, LOGIN), tds(4, b"\xad" + bytes(30))),
    ("mongodb", TCP, MONGO_HELLO, MONGO_TOLD),
    ("mongodb", TCP, MONGO_QUERY, MONGO_REPLY),
    ("cassandra", TCP, CQL_STARTUP, CQL_READY),
    ("elasticsearch", TCP, elastic(0, b"internal:tcp/handshake"), elastic(1, b"\0\0")),
    ("zookeeper", TCP, ZK_ASKED, ZK_TOLD),
    ("oracle-tns", TCP, TNS_CONNECT, TNS_ACCEPT),
    ("drda", TCP, ddm(0x1041, b"\0\x0a\x11\x5edb2bp"), ddm(0x1443, b"\0\x0a\x11\x5eserver")),
    ("ceph", TCP, CEPH, CEPH),
    ("memcached", TCP, memcached(0x80, 0, b"key"), memcached(0x81, 0, b"", b"\0\0\0\0value")),
    ("memcached", TCP, b"get session:1\r\n", b"VALUE session:1 0 5\r\nhello\r\nEND\r\n"),
    ("memcached", UDP, b"\0\7\0\0\0\1\0\0stats\r\n", b"\0\7\0\0\0\1\0\0STAT pid 42\r\n"),
    ("tftp", UDP, TFTP_READ, b"\0\6blksize\x001408\0"),
    ("tftp", UDP, TFTP_BLOCK, b"\0\4\0\1"),
)
"""(name, transport, the client's first bytes, the server's)"""


# what only one side says ---------------------------------------------------------------------------------------------

NETFLOW5 = struct.pack(">HHIIIIBBH", 5, 2, 1000, 1_700_000_000, 0, 9, 0, 0, 0) + bytes(96)
TEMPLATE = struct.pack(">HHHHHHHH", 0, 16, 256, 2, 8, 4, 12, 4)
NETFLOW9 = struct.pack(">HHIIII", 9, 1, 1000, 1_700_000_000, 9, 0) + TEMPLATE
IPFIX = struct.pack(">HHIII", 10, 16 + 16, 1_700_000_000, 9, 0) + struct.pack(">HH", 2, 16) + TEMPLATE[4:]
SFLOW = struct.pack(">II4sIIII", 5, 1, b"\x0a\0\0\1", 0, 9, 1000, 1) + struct.pack(">II", 1, 8) + bytes(8)
COLLECTD = b"\0\0\0\x09host\0" + struct.pack(">HHQ", 8, 12, 1 << 60) + b"\0\2\0\x08cpu\0"
LAN_SYNC = b'{"host_int": 9823, "version": [2, 0], "displayname": "", "port": 17500, "namespaces": [7]}'
INSTANCES = b"ServerName;DB1;InstanceName;MSSQLSERVER;IsClustered;No;Version;15.0.2000.5;tcp;1433;;"
BROWSER = b"\5" + struct.pack("<H", len(INSTANCES)) + INSTANCES

ONE_SIDED: tuple[tuple[str, int, bytes], ...] = (
    ("netflow", UDP, NETFLOW5),
    ("netflow", UDP, NETFLOW9),
    ("netflow", UDP, IPFIX),
    ("netflow", TCP, IPFIX * 3),
    ("sflow", UDP, SFLOW),
    ("collectd", UDP, COLLECTD),
    ("db-lsp", UDP, LAN_SYNC),
    ("syslog", UDP, b"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - 'su root' failed"),
    ("syslog", UDP, b"<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8"),
    ("syslog", TCP, b"47 <34>1 2003-10-11T22:14:15.003Z host su - - - no"),
    ("bittorrent", UDP, b"BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\n\r\n"),
)
"""(name, transport, all that is said): proof by itself."""
