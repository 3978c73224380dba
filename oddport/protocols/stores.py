"""Data stores with a binary protocol → a match: MongoDB, Cassandra, Elasticsearch, ZooKeeper, Oracle, Db2, Ceph."""

from oddport.engine.columns import TCP
from oddport.protocols.binary import u16, u32_le
from oddport.protocols.model import Facts
from oddport.protocols.phrases import phrase
from oddport.protocols.registry import Protocol
from oddport.protocols.shapes import Rules, fixed, grammar, masked, message, one_of, records, same, side
from oddport.protocols.text import clean

# MongoDB: length, request id, the id it answers, operation (MongoDB Wire Protocol) --------------------------------

MONGO_HEADER = 16
MONGO_LIMIT = 48_000_000
"""maxMessageSizeBytes."""
OP_REPLY, OP_QUERY, OP_COMPRESSED, OP_MSG = 1, 2004, 2012, 2013


def _operation(code: int) -> tuple[Rules, ...]:
    """A message of this operation, and of any of this century behind it."""
    each = (fixed(14, b"\0\0"),)
    return (
        fixed(12, code.to_bytes(4, "little")),
        records(0, 4, little=True, limit=MONGO_LIMIT, each=each),
    )


def _query(data: bytes) -> int:
    """The collection of a query, "admin.$cmd"."""
    end = data.find(b"\0", MONGO_HEADER + 4, MONGO_HEADER + 128)
    return 16 if end > 0 and b"." in data[MONGO_HEADER + 4 : end] else -1


def _sections(data: bytes) -> int:
    """Flags of which 13 low bits are given (OP_MSG), and a first section that is a document or a sequence."""
    flags = u32_le(data, MONGO_HEADER)
    return 16 if not flags & 0xFFFC and data[MONGO_HEADER + 4] <= 1 else -1


def _collection(data: bytes) -> Facts:
    return {"collection": clean(data[MONGO_HEADER + 4 : data.find(b"\0", MONGO_HEADER + 4)])}


def _database(data: bytes) -> Facts:
    """The database that a command names in its last field (MongoDB, OP_MSG)."""
    at = data.find(b"\x02$db\0")
    return {"database": clean(data[at + 9 : at + 8 + u32_le(data, at + 5)])} if 0 <= at < len(data) - 9 else {}


ASKING = fixed(8, b"\0\0\0\0")
OLD_ASKING = fixed(8, b"\xff\xff\xff\xff")
"""What drivers before 2012 said to answer: nothing."""
MONGO_CLIENT = side(
    message("query of MongoDB", ASKING, *_operation(OP_QUERY), least=40, check=_query, facts=_collection),
    message("query of MongoDB", OLD_ASKING, *_operation(OP_QUERY), least=40, check=_query, facts=_collection),
    message("message of MongoDB", ASKING, *_operation(OP_MSG), least=26, check=_sections, facts=_database),
    message("packed message of MongoDB", ASKING, *_operation(OP_COMPRESSED), least=25),
)
MONGO_SERVER = side(
    message("reply of MongoDB", *_operation(OP_REPLY), least=36, alone=False),
    message("answer of MongoDB", *_operation(OP_MSG), least=26, check=_sections),
    message("packed answer of MongoDB", *_operation(OP_COMPRESSED), least=25, alone=False),
)

# Cassandra: version, flags, stream, operation, length (CQL binary protocol 3 to 5, section 2) ---------------------

CQL_LIMIT = 256 << 20
FLAGS = bytes(range(32))
"""Compressed, traced, custom payload, warning, beta (2.2)."""


def _frame(version: int, operations: bytes) -> tuple[Rules, ...]:
    each = (masked(0, 0xF8, version), one_of(1, FLAGS))
    return (
        one_of(0, bytes(version | number for number in (3, 4, 5))), one_of(1, FLAGS),
        one_of(4, operations), records(5, 4, 9, limit=CQL_LIMIT, each=each),
    )  # fmt: skip


def _startup(data: bytes) -> int:
    """A map of strings, of which CQL_VERSION must be one (4.1.1)."""
    return 88 if b"\0\x0bCQL_VERSION\0" in data else -1


CQL_CLIENT = side(
    message("STARTUP of CQL", *_frame(0x00, b"\x01"), least=31, check=_startup),
    message("request of CQL", *_frame(0x00, b"\x05\x07\x09\x0a\x0b\x0d\x0f"), alone=False),
)
CQL_SERVER = side(message("answer of CQL", *_frame(0x80, b"\x00\x02\x03\x06\x08\x0c\x0e\x10"), alone=False))

# Elasticsearch between nodes: "ES", length, request id, status, version (transport protocol) ----------------------

ES_HEADER = 19
ES_ANSWERS = bytes(range(1, 16, 2))
"""Status bytes with the lowest bit, which says that this is a response."""
ES_REQUESTS = bytes(range(0, 16, 2))


def _transport(status: bytes) -> tuple[Rules, ...]:
    each = (fixed(0, b"ES"),)
    return (*each, fixed(6, b"\0\0"), one_of(14, status), records(2, 4, 6, limit=1 << 31, each=each))


# ZooKeeper: a session is asked for and granted (ConnectRequest, ConnectResponse in zookeeper.jute), or a word of four

ZK_SESSION = b"\0\0\0\x10"
"""Length of the session's password."""
ZK_WORDS = (b"conf", b"cons", b"crst", b"dump", b"envi", b"ruok", b"srst", b"srvr", b"stat", b"wchs", b"wchc", b"mntr")

# Oracle Net: length, a checksum that is 0, packet type (as everybody who reads it has found) ----------------------

TNS_LIMIT = 65_535
CONNECT_AT = 26
"""Offset of the offset of the connect data in a CONNECT packet; its length stands in front."""


def _descriptor(data: bytes) -> int:
    """A CONNECT packet's data, where it says they are: (DESCRIPTION=…, or in a packet of their own."""
    size, at = u16(data, CONNECT_AT - 2), u16(data, CONNECT_AT)
    begin = data[at : at + 2]
    if at < CONNECT_AT or at + size > TNS_LIMIT:
        return -1
    return 24 if begin == b"(D" else 0 if not begin or at + size > u16(data, 0) else -1


def _connect(data: bytes) -> Facts:
    """Service and program that the connect data name."""
    found: Facts = {}
    for key, fact in (
        (b"(SERVICE_NAME=", "service"),
        (b"(SID=", "service"),
        (b"(PROGRAM=", "program"),
        (b"(USER=", "user"),
    ):
        at = data.find(key)
        end = data.find(b")", at)
        if 0 <= at < end:
            found[fact] = clean(data[at + len(key) : end])
    return found


def _tns(kinds: bytes) -> tuple[Rules, ...]:
    each = (fixed(2, b"\0\0"), one_of(4, bytes(range(1, 16))), fixed(6, b"\0\0"))
    return (fixed(2, b"\0\0"), one_of(4, kinds), fixed(6, b"\0\0"), records(0, 2, each=each))


# Db2: length, 0xD0, kind, correlator, and the length and code point of what is in it (DRDA volume 3, DDM) ---------

DDM_HEADER = 10


def _object(data: bytes) -> int:
    """The object fills the segment that it comes in."""
    return 16 if u16(data, 6) + 6 == u16(data, 0) else -1


def _ddm(point: bytes) -> tuple[Rules, ...]:
    """A segment whose object has this code point; the next one begins alike."""
    each = (fixed(2, b"\xd0"), masked(3, 0x08, 0x00))
    return (*each, fixed(8, point), records(0, 2, each=each))


EXCSAT, EXCSATRD, ACCRDB, ACCRDBRM = b"\x10\x41", b"\x14\x43", b"\x20\x01", b"\x22\x01"

CEPH = side(phrase("banner of Ceph", rb"ceph v(?P<version>0[0-9]{2}|2\n)", 64, begins=(b"ceph v0", b"ceph v2\n")))

PROTOCOLS = (
    Protocol(
        name="mongodb",
        title="MongoDB",
        spec="MongoDB Wire Protocol",
        aliases=("mongo",),
        grammars=(grammar((TCP,), MONGO_CLIENT, MONGO_SERVER, pair=same(4, 4, 8)),),
    ),
    Protocol(
        name="cassandra",
        title="Cassandra (CQL)",
        spec="CQL binary protocol 4",
        aliases=("cql",),
        grammars=(grammar((TCP,), CQL_CLIENT, CQL_SERVER, pair=same(2, 2)),),
    ),
    Protocol(
        name="elasticsearch",
        title="Elasticsearch transport",
        spec="Elasticsearch source, TcpHeader",
        grammars=(
            grammar(
                (TCP,),
                side(message("request between nodes", *_transport(ES_REQUESTS), least=ES_HEADER)),
                side(message("answer between nodes", *_transport(ES_ANSWERS), least=ES_HEADER)),
            ),
        ),
    ),
    Protocol(
        name="zookeeper",
        title="ZooKeeper",
        spec="Apache ZooKeeper, zookeeper.jute",
        grammars=(
            grammar(
                (TCP,),
                side(
                    message(
                        "request for a session", fixed(0, b"\0\0\0"), one_of(3, b"\x2c\x2d"), fixed(4, b"\0\0\0\0"),
                        fixed(28, ZK_SESSION), least=48,
                    ),
                    phrase("word of four letters", rb"[a-z]{4}(?:\r?\n)?\Z", 20, begins=ZK_WORDS, strong=False),
                ),
                side(
                    message(
                        "session", fixed(0, b"\0\0\0"), one_of(3, b"\x24\x25"), fixed(4, b"\0\0\0\0"),
                        fixed(20, ZK_SESSION), least=40, alone=False,
                    ),
                    phrase(
                        "answer to a word", rb"(?:imok\Z|Zookeeper version: (?P<version>[^\s,]{1,60})|zk_version\t)",
                        32, begins=(b"imok", b"Zookeeper version: ", b"zk_version\t"), strong=False,
                    ),
                ),
            ),
        ),
    ),
    Protocol(
        name="oracle-tns",
        title="Oracle Net (TNS)",
        spec="Oracle Net, as observed",
        aliases=("tns", "oracle"),
        grammars=(
            grammar(
                (TCP,),
                side(message("CONNECT of Oracle Net", *_tns(b"\x01"), least=34, check=_descriptor, facts=_connect)),
                side(message("answer of Oracle Net", *_tns(b"\x02\x04\x05\x0b"), alone=False)),
            ),
        ),
    ),
    Protocol(
        name="drda",
        title="Db2 (DRDA)",
        spec="The Open Group, DRDA volume 3",
        aliases=("db2",),
        grammars=(
            grammar(
                (TCP,),
                side(
                    message("EXCSAT of DRDA", *_ddm(EXCSAT), least=DDM_HEADER, check=_object),
                    message("ACCRDB of DRDA", *_ddm(ACCRDB), least=DDM_HEADER, check=_object),
                ),
                side(
                    message("EXCSATRD of DRDA", *_ddm(EXCSATRD), least=DDM_HEADER, check=_object),
                    message("ACCRDBRM of DRDA", *_ddm(ACCRDBRM), least=DDM_HEADER, check=_object),
                ),
            ),
        ),
    ),
    Protocol(
        name="ceph",
        title="Ceph messenger",
        spec="Ceph documentation, messenger protocols",
        grammars=(
            grammar((TCP,), CEPH, CEPH, symmetric=True),
        ),
    ),
)  # fmt: skip
