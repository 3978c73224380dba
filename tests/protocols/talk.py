"""Fields → the first bytes of messengers, calls, media, peers and routers, written down from their specifications."""

import json
import struct
from hashlib import sha256

from oddport.engine.columns import TCP, UDP

# lines (the RFCs of each) -------------------------------------------------------------------------------------------

WHOIS_TOLD = b"% IANA WHOIS server\n% for more information on IANA, visit http://www.iana.org\n\ndomain: EXAMPLE.COM\n"
DOMAIN_TOLD = b"   Domain Name: EXAMPLE.COM\r\n   Registry Domain ID: 2336799_DOMAIN_COM-VRSN\r\n"
FINGER_TOLD = b"Login: root           \t\t\tName: root\r\nDirectory: /root\r\n"
IDENT_TOLD = b"6193, 23 : USERID : UNIX : stjohns\r\n"
RLOGIN_ASKED = b"\0bostic\0kbostic\0vt100/9600\0"
RSH_ASKED = b"1022\0lns\0root\0mkdir testdir\0"
LPD_ASKED = b"\2lp\n\x02120 cfA001host\nHhost\nPuser\n"
RSYNC = b"@RSYNCD: 31.0 sha512 sha256 md5\n"
GIT_ASKED = b"0030git-upload-pack /tools.git\0host=git.example\0"
SVN_TOLD = b"( success ( 2 2 ( ) ( edit-pipeline svndiff1 accepts-svndiff2 ) ) ) "
SVN_ASKED = b"( 2 ( edit-pipeline svndiff1 ) 23:svn://svn.example/trunk 15:SVN/1.14 client ( ) ) "
CVS_ASKED = b"BEGIN AUTH REQUEST\n/cvsroot\nanonymous\nA\nEND AUTH REQUEST\n"
NNTP_ASKED = b"MODE READER\r\nGROUP misc.test\r\nARTICLE 3000234\r\n"
NNTP_TOLD = (
    b"200 news.example InterNetNews NNRP server ready\r\n200 Posting allowed\r\n211 1234 3000234 3002322 misc.test\r\n"
)

# X (X Window System Protocol, section 8; XDMCP 1.1) -----------------------------------------------------------------

COOKIE = b"MIT-MAGIC-COOKIE-1"


def x11(order: str) -> bytes:
    sign = b"l" if order == "<" else b"B"
    return sign + b"\0" + struct.pack(order + "HHHHH", 11, 0, 18, 16, 0) + COOKIE + b"\0\0" + bytes(range(16))


def x11_told(order: str) -> bytes:
    return b"\1\0" + struct.pack(order + "HHH", 11, 0, 60) + bytes(240)


def xdmcp(code: int, body: bytes) -> bytes:
    return struct.pack(">HHH", 1, code, len(body)) + body


# queues -------------------------------------------------------------------------------------------------------------

XMPP_ASKED = (
    b"<?xml version='1.0'?><stream:stream to='im.example' version='1.0' xmlns='jabber:client' "
    b"xmlns:stream='http://etherx.jabber.org/streams'>"
)
XMPP_TOLD = (
    b"<?xml version='1.0'?><stream:stream from='im.example' id='t7AMCin9zjMNwQKDnplntZPIDEI=' version='1.0' "
    b"xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'><stream:features/>"
)
STOMP_ASKED = b"CONNECT\naccept-version:1.2\nhost:stomp.example\n\n\0"
STOMP_TOLD = b"CONNECTED\nversion:1.2\n\n\0"
NATS_TOLD = b'INFO {"server_id":"NDHB","version":"2.9.0","max_payload":1048576}\r\n'
NATS_ASKED = b'CONNECT {"verbose":false,"pedantic":false,"lang":"go"}\r\nPING\r\n'


def amqp(class_id: int, method: int, body: bytes, channel: int = 0) -> bytes:
    payload = struct.pack(">HH", class_id, method) + body
    return struct.pack(">BHI", 1, channel, len(payload)) + payload + b"\xce"


AMQP_START = amqp(10, 10, b"\0\x09\0\0\0\0\0\0\0\x05PLAIN\0\0\0\x05en_US")
AMQP_PUBLISH = amqp(60, 40, b"\0\0\7default\4jobs\0", 1)
AMQP_ACK = amqp(60, 80, struct.pack(">QB", 7, 0), 1)


def kafka(key: int, version: int, correlation: int, client: bytes, body: bytes = b"") -> bytes:
    rest = struct.pack(">HHIH", key, version, correlation, len(client)) + client + body
    return struct.pack(">I", len(rest)) + rest


KAFKA_ASKED = kafka(18, 0, 7, b"rdkafka") + kafka(3, 2, 8, b"rdkafka", b"\0\0\0\0")
KAFKA_TOLD = struct.pack(">IIHI", 10, 7, 0, 0)
OPENWIRE_BODY = b"\x01ActiveMQ" + struct.pack(">I", 10) + b"\1" + bytes(20)
OPENWIRE = struct.pack(">I", len(OPENWIRE_BODY)) + OPENWIRE_BODY


def gearman(word: bytes, kind: int, body: bytes = b"") -> bytes:
    return b"\0" + word + struct.pack(">II", kind, len(body)) + body


def smpp(command: int, body: bytes = b"", sequence: int = 1, status: int = 0) -> bytes:
    return struct.pack(">IIII", 16 + len(body), command, status, sequence) + body


SMPP_BIND = smpp(9, b"SMPP3TEST\0secret08\0SUBMIT1\0\x34\1\1\0")
SMPP_BOUND = smpp(0x80000009, b"SMPP3TEST\0")
MSRP_ASKED = b"MSRP a786hjs2 SEND\r\nTo-Path: msrp://biloxi.example.com:12763/kjhd37s2s20w2a;tcp\r\n"
MSRP_TOLD = b"MSRP a786hjs2 200 OK\r\nTo-Path: msrp://atlanta.example.com:7654/jshA7weztas;tcp\r\n"


def fix(kind: bytes, sender: bytes) -> bytes:
    body = b"35=" + kind + b"\x0149=" + sender + b"\x0156=X\x0134=1\x0152=20130701-06:29:11\x01"
    return b"8=FIX.4.2\x019=%d\x01" % len(body) + body + b"10=151\x01"


def hl7(sender: bytes) -> bytes:
    return b"\x0bMSH|^~\\&|" + sender + b"|WARD|LAB|EAST|20110613083617||ADT^A01|9|P|2.3\r\x1c\r"


# calls --------------------------------------------------------------------------------------------------------------

RMI_ASKED = b"JRMI\0\2K"
RMI_TOLD = b"N\0\x0910.0.0.77" + struct.pack(">I", 40_000)


def thrift(kind: int, name: bytes, body: bytes = b"\0") -> bytes:
    return struct.pack(">HBBI", 0x8001, 0, kind, len(name)) + name + struct.pack(">I", 1) + body


def framed(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


THRIFT_COMPACT = b"\x82\x81\xb2\x81\1\x09emitBatch" + bytes(20)


def giop(kind: int, body: bytes, order: str = ">") -> bytes:
    return b"GIOP\1\2" + (b"\0" if order == ">" else b"\1") + struct.pack(order + "BI", kind, len(body)) + body


def text16(text: bytes) -> bytes:
    return struct.pack(">H", len(text)) + text + b"\0"


def ajp(mark: bytes, body: bytes) -> bytes:
    return mark + struct.pack(">H", len(body)) + body


AJP_ASKED = ajp(
    b"\x12\x34",
    b"\2\2" + text16(b"HTTP/1.1") + text16(b"/app") + text16(b"10.0.0.9") + b"\xff\xff" + text16(b"a.example"),
)
AJP_TOLD = ajp(b"AB", b"\4\0\xc8" + text16(b"OK") + b"\0\0")
RTPS = b"RTPS\2\1\1\1" + bytes(range(12)) + b"\x09\1\x08\0" + bytes(8) + b"\x15\5\x0c\0" + bytes(12)


def adb(word: bytes, first: int, second: int, data: bytes) -> bytes:
    return word + struct.pack("<III", first, second, len(data)) + bytes(4) + bytes(b ^ 0xFF for b in word) + data


# media --------------------------------------------------------------------------------------------------------------

RTSP_ASKED = b"DESCRIBE rtsp://camera.example/live RTSP/1.0\r\nCSeq: 2\r\nUser-Agent: player 3\r\n\r\n"
RTSP_TOLD = b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nServer: cam 1\r\n\r\n"
MGCP_ASKED = b"RQNT 1201 aaln/1@rgw-2567.whatever.net MGCP 1.0\r\nX: 0123456789AB\r\n"
MGCP_TOLD = b"200 1201 OK\r\n"


def tpkt(body: bytes) -> bytes:
    return struct.pack(">BBH", 3, 0, 4 + len(body)) + body


def q931(message: int) -> bytes:
    user = b"\x05\x20\xa8\x06\0\x08\x91\x4a\0\4" + bytes(20)
    return tpkt(b"\x08\2\0\1" + bytes((message,)) + b"\4\3\x88\xc0\xa5\x7e" + struct.pack(">H", len(user)) + user)


H245_ASKED = tpkt(b"\2\x70\1\6\0\x08\x81\x75\0\7" + bytes(20))
H245_TOLD = tpkt(b"\2\x30\1\6\0\x08\x81\x75\0\5" + bytes(20))
RAS_ASKED = b"\x0e\0\xa0\6\0\x08\x91\x4a\0\4" + bytes(30)
RAS_TOLD = b"\x12\0\xa0\6\0\x08\x91\x4a\0\4" + bytes(30)


def skinny(message: int, body: bytes, version: int = 0x14) -> bytes:
    return struct.pack("<III", 4 + len(body), version, message) + body


RTMP_PARTS = bytes(i * 7 & 0xFF for i in range(1528)), bytes(i * 13 & 0xFF for i in range(1528))
RTMP_ASKED = b"\3" + struct.pack(">II", 500, 0) + RTMP_PARTS[0]
RTMP_TOLD = b"\3" + struct.pack(">II", 900, 0) + RTMP_PARTS[1] + struct.pack(">II", 500, 901) + RTMP_PARTS[0]
RTMP_CONNECT = b"\3\0\0\0\0\0\0\x50\x14\0\0\0\0\2\0\7connect\0\x3f\xf0\0\0\0\0\0\0\3\0\3app\2\0\4live\0\5tcUrl\2\0\x12rtmp://a.example/l\0\0\x09"
TRANSPORT_STREAM = (b"\x47\1\1\x17" + bytes(184)) * 7

# peers --------------------------------------------------------------------------------------------------------------


def bitcoin(command: bytes, body: bytes) -> bytes:
    check = sha256(sha256(body).digest()).digest()[:4]
    return b"\xf9\xbe\xb4\xd9" + command.ljust(12, b"\0") + struct.pack("<I", len(body)) + check + body


BITCOIN_VERSION = bitcoin(
    b"version", struct.pack("<IQQ", 70015, 1, 1_600_000_000) + bytes(60) + b"\x10/Satoshi:0.20.0/" + bytes(5)
)
STRATUM_ASKED = json.dumps({"id": 1, "method": "mining.subscribe", "params": ["cpuminer/2.5"]}).encode() + b"\n"
STRATUM_TOLD = b'{"id":1,"result":[[["mining.notify","ae68"]],"08000002",4],"error":null}\n'
MONERO_ASKED = (
    b'{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"44AFFq5k","pass":"x","agent":"XMRig/6.15"}}\n'
)
MONERO_TOLD = (
    b'{"id":1,"jsonrpc":"2.0","error":null,"result":{"id":"a","job":{"blob":"0e0e","job_id":"7"},"status":"OK"}}\n'
)
GNUTELLA_ASKED = b"GNUTELLA CONNECT/0.6\r\nUser-Agent: BearShare\r\n\r\n"
GNUTELLA_TOLD = b"GNUTELLA/0.6 200 OK\r\nUser-Agent: Lime\r\n\r\n"


def donkey(code: int, body: bytes) -> bytes:
    return b"\xe3" + struct.pack("<IB", 1 + len(body), code) + body


def oicq(command: int, sequence: int, body: bytes) -> bytes:
    return struct.pack(">BHHHI", 2, 0x3B0B, command, sequence, 1_444_875_387) + body + b"\3"


RAKNET = bytes.fromhex("00ffff00fefefefefdfdfdfd12345678")
DISCOVER = struct.pack(">HHI", 1, 70, 0xCAFE) + bytes(66)
DISCOVERED = struct.pack(">HHI", 2, 70, 0xCAFE) + b"203.0.113.7".ljust(64, b"\0") + b"\xc3\x50"

# routers and machine rooms ------------------------------------------------------------------------------------------


def bgp(kind: int, body: bytes) -> bytes:
    return b"\xff" * 16 + struct.pack(">HB", 19 + len(body), kind) + body


BGP_OPEN = bgp(1, b"\4" + struct.pack(">HH", 65_001, 180) + bytes((10, 0, 0, 1)) + b"\0")


def openflow(kind: int, body: bytes = b"") -> bytes:
    return struct.pack(">BBHI", 4, kind, 8 + len(body), 7) + body


def rip(command: int, *entries: tuple[int, int]) -> bytes:
    """Family and metric of each."""
    body = b"".join(
        struct.pack(">HH4s4s4sI", family, 0, b"\x0a\1\0\0", bytes(4), bytes(4), metric) for family, metric in entries
    )
    return struct.pack(">BBH", command, 2, 0) + body


def ripng(command: int, *prefixes: tuple[bytes, int, int]) -> bytes:
    body = b"".join(
        prefix.ljust(16, b"\0") + struct.pack(">HBB", 0, length, metric) for prefix, length, metric in prefixes
    )
    return struct.pack(">BBH", command, 1, 0) + body


def pptp(kind: int, host: bytes, vendor: bytes) -> bytes:
    body = struct.pack(">HHIIHH", 0x0100, 0, 3, 3, 0, 1) + host.ljust(64, b"\0") + vendor.ljust(64, b"\0")
    return struct.pack(">HHIHH", 12 + len(body), 1, 0x1A2B3C4D, kind, 0) + body


def tacacs(sequence: int, body: bytes) -> bytes:
    return struct.pack(">BBBBII", 0xC0, 1, sequence, 0, 0xBEEFCAFE, len(body)) + body


def iscsi(code: int, keys: bytes) -> bytes:
    return bytes((code, 0x87, 0, 0, 0)) + len(keys).to_bytes(3, "big") + bytes(40) + keys + b"\0" * (-len(keys) % 4)


ISCSI_ASKED = iscsi(0x43, b"InitiatorName=iqn.2001-04.com.example:pc\0TargetName=iqn.2001-04.com.example:disk\0")
ISCSI_TOLD = iscsi(0x23, b"TargetPortalGroupTag=1\0HeaderDigest=None\0")


def associate(kind: int) -> bytes:
    body = b"\0\1\0\0" + b"STORESCP".ljust(16) + b"ECHOSCU".ljust(16) + bytes(32) + b"\x10\0\0\4abcd"
    return struct.pack(">BBI", kind, 0, len(body)) + body


def zabbix(body: bytes) -> bytes:
    return b"ZBXD\1" + struct.pack("<II", len(body), 0) + body


def radmin(body: bytes) -> bytes:
    total = sum(int.from_bytes(body[at : at + 4], "little") for at in range(0, len(body), 4))
    return b"\1" + struct.pack(">II", len(body), total & 0xFFFFFFFF) + body


def discovery(kind: int, *items: bytes) -> bytes:
    """Hash, signature, type, and a list of strings in RLP, the last a time."""
    body = b"".join(bytes((0x80 + len(item),)) + item for item in (*items, b"\x65\x43\x21\0"))
    header = bytes((0xC0 + len(body),)) if len(body) < 56 else b"\xf8" + bytes((len(body),))
    return bytes(range(32)) + bytes(range(64)) + b"\1" + bytes((kind,)) + header + body


SAMPLES: tuple[tuple[str, int, bytes, bytes], ...] = (
    ("whois", TCP, b"example.com\r\n", WHOIS_TOLD),
    ("whois", TCP, b"example.com\r\n", DOMAIN_TOLD),
    ("finger", TCP, b"root\r\n", FINGER_TOLD),
    ("ident", TCP, b"6193, 23\r\n", IDENT_TOLD),
    ("rlogin", TCP, RLOGIN_ASKED, b"\0"),
    ("rsh", TCP, RSH_ASKED, b"\0"),
    ("lpd", TCP, LPD_ASKED, b"\0\0"),
    ("rsync", TCP, RSYNC, RSYNC),
    ("git", TCP, GIT_ASKED, b"000eversion 2\n"),
    ("svn", TCP, SVN_ASKED, SVN_TOLD),
    ("cvs", TCP, CVS_ASKED, b"I LOVE YOU\n"),
    ("nntp", TCP, NNTP_ASKED, NNTP_TOLD),
    ("x11", TCP, x11("<"), x11_told("<")),
    ("x11", TCP, x11(">"), x11_told(">")),
    ("xdmcp", UDP, xdmcp(2, b"\0"), xdmcp(5, b"\0\0\0\4host\0\x11Willing to manage")),
    ("xmpp", TCP, XMPP_ASKED, XMPP_TOLD),
    ("stomp", TCP, STOMP_ASKED, STOMP_TOLD),
    ("nats", TCP, NATS_ASKED, NATS_TOLD),
    ("amqp", TCP, b"AMQP\0\0\x09\1", AMQP_START),
    ("amqp", TCP, b"AMQP\0\1\0\0", b"AMQP\0\1\0\0"),
    ("amqp", TCP, AMQP_PUBLISH, AMQP_ACK),
    ("kafka", TCP, KAFKA_ASKED, KAFKA_TOLD),
    ("openwire", TCP, OPENWIRE, OPENWIRE),
    ("gearman", TCP, gearman(b"REQ", 1, b"reverse"), gearman(b"RES", 10)),
    ("smpp", TCP, SMPP_BIND, SMPP_BOUND),
    ("msrp", TCP, MSRP_ASKED, MSRP_TOLD),
    ("fix", TCP, fix(b"A", b"BUYER"), fix(b"A", b"SELLER")),
    ("hl7", TCP, hl7(b"ADT"), hl7(b"LAB")),
    ("rmi", TCP, RMI_ASKED, RMI_TOLD),
    ("thrift", TCP, thrift(1, b"get_anonymous"), thrift(2, b"get_anonymous")),
    ("thrift", TCP, framed(thrift(1, b"get_anonymous")), framed(thrift(2, b"get_anonymous"))),
    ("giop", TCP, giop(0, bytes(40)), giop(1, bytes(12))),
    ("giop", TCP, giop(3, bytes(40), "<"), giop(4, bytes(12), "<")),
    ("ajp", TCP, AJP_ASKED, AJP_TOLD),
    ("ajp", TCP, ajp(b"\x12\x34", b"\x0a"), ajp(b"AB", b"\x09")),
    ("rtps", UDP, RTPS, RTPS),
    ("jdwp", TCP, b"JDWP-Handshake", b"JDWP-Handshake"),
    ("adb", TCP, adb(b"CNXN", 0x01000000, 4096, b"host::\0"), adb(b"CNXN", 0x01000000, 4096, b"device::\0")),
    ("rtsp", TCP, RTSP_ASKED, RTSP_TOLD),
    ("mgcp", UDP, MGCP_ASKED, MGCP_TOLD),
    ("h323", TCP, q931(5), q931(7)),
    ("h323", TCP, H245_ASKED, H245_TOLD),
    ("h323", UDP, RAS_ASKED, RAS_TOLD),
    ("sccp", TCP, skinny(0x26, bytes(12)) + skinny(0x49, bytes(8)), skinny(0x85, bytes(16))),
    ("rtmp", TCP, RTMP_ASKED + RTMP_TOLD[1:1537] + RTMP_CONNECT, RTMP_TOLD),
    ("mp2t", UDP, TRANSPORT_STREAM, TRANSPORT_STREAM),
    ("bitcoin", TCP, BITCOIN_VERSION, bitcoin(b"verack", b"")),
    ("stratum", TCP, STRATUM_ASKED, STRATUM_TOLD),
    ("stratum", TCP, MONERO_ASKED, MONERO_TOLD),
    ("gnutella", TCP, GNUTELLA_ASKED, GNUTELLA_TOLD),
    ("edonkey", TCP, donkey(1, b"\x10" + bytes(range(22)) + bytes(4)), donkey(0x4C, bytes(range(22)) + bytes(4))),
    ("oicq", UDP, oicq(2, 7, bytes(range(24))), oicq(2, 7, bytes(range(24, 48)))),
    ("raknet", UDP, b"\5" + RAKNET + b"\x0b" + bytes(100), b"\6" + RAKNET + bytes(11)),
    ("raknet", UDP, b"\1" + bytes(8) + RAKNET, b"\x1c" + bytes(16) + RAKNET + b"\0\4abcd"),
    ("discord", UDP, DISCOVER, DISCOVERED),
    ("tailscale", UDP, b"TS\xf0\x9f\x92\xac" + bytes(range(80)), b"TS\xf0\x9f\x92\xac" + bytes(range(90))),
    ("bgp", TCP, BGP_OPEN, BGP_OPEN + bgp(4, b"")),
    ("openflow", TCP, openflow(0, b"\0\1\0\x08\0\0\0\x12"), openflow(0) + openflow(5)),
    ("rip", UDP, rip(1, (0, 16)), rip(2, (2, 1), (2, 16))),
    ("ripng", UDP, ripng(1, (b"", 0, 16)), ripng(2, (b"\x20\1\x0d\xb8", 32, 1))),
    ("pptp", TCP, pptp(1, b"local", b"cananian"), pptp(2, b"", b"Microsoft")),
    ("tacacs", TCP, tacacs(1, bytes(range(30))), tacacs(2, bytes(range(40)))),
    ("iscsi", TCP, ISCSI_ASKED, ISCSI_TOLD),
    ("dicom", TCP, associate(1), associate(2)),
    ("radmin", TCP, radmin(b"\x08"), radmin(b"\x08\2\0\0\x0a" + bytes(32))),
    ("ethereum", UDP, discovery(1, b"\4", bytes(20)), discovery(2, bytes(9), bytes(32))),
    ("zabbix", TCP, zabbix(b'{"request":"active checks","host":"web1"}'), zabbix(b'{"response":"success"}')),
)
"""(name, transport, the client's first bytes, the server's)"""
