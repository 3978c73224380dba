"""What exporters say of flows, NetFlow, IPFIX and sFlow → a match: counts and lengths that close on the datagram.

NetFlow 5 (Cisco, NetFlow Export Datagram Formats), 9 (RFC 3954), IPFIX (RFC 7011), sFlow 5 (sflow.org, version 5).
"""

from oddport.engine.columns import SCTP, TCP, UDP
from oddport.protocols.binary import u16, u32
from oddport.protocols.registry import Protocol
from oddport.protocols.shapes import fixed, grammar, message, number, one_of, records, side, whole

SINCE, UNTIL = 0x30000000, 0x80000000
"""1995 to 2038 in seconds since 1970."""
CLOSING_BITS = 16
"""Of the length of the last set, which ends where the datagram ends."""
TEMPLATE_BITS = 14
"""A set that is no data has one of four ids (RFC 7011, 3.3.2; RFC 3954, 5)."""
SETS = 32
TEMPLATES = frozenset((0, 1, 2, 3))
FIRST_DATA_SET = 256
V5_HEADER, V5_RECORD, V5_MOST = 24, 48, 30
V9_HEADER, IPFIX_HEADER = 20, 16
SFLOW_SAMPLES, SFLOW_V4, SFLOW_V6 = 1, 28, 40
SFLOW_FORMATS = frozenset((1, 2, 3, 4, 5))
"""Flow and counter samples, both expanded, and discarded packets."""


def _sets(data: bytes, at: int, first_template: int) -> int:
    """What sets from `at` on that end where the datagram ends confirm; -1 where they do not."""
    size, count, bits = len(data), 0, CLOSING_BITS
    while at < size and count < SETS:
        if at + 4 > size:
            # padding of less than a set's header
            return -1 if any(data[at:]) else bits
        kind, length = u16(data, at), u16(data, at + 2)
        if length < 4 or at + length > size:
            return -1
        if kind < FIRST_DATA_SET:
            if kind not in TEMPLATES or kind < first_template:
                return -1
            bits += TEMPLATE_BITS
        count += 1
        at += length
    return bits if count else -1


def _sets_of_9(data: bytes) -> int:
    return _sets(data, V9_HEADER, 0)


def _sets_of_ipfix(data: bytes) -> int:
    # over a stream, only the first message is looked at
    return _sets(data[: u16(data, 2)], IPFIX_HEADER, 2) if u16(data, 2) <= len(data) else 0


def samples(data: bytes) -> int:
    """The samples that the header counts, each with its length, end where the datagram ends."""
    at = SFLOW_V4 if data[7] == SFLOW_SAMPLES else SFLOW_V6
    size = len(data)
    if at > size:
        return -1
    count = u32(data, at - 4)
    if not 0 < count <= SETS:
        return -1
    for _ in range(count):
        if at + 8 > size or u32(data, at) not in SFLOW_FORMATS:
            return -1
        at += 8 + u32(data, at + 4)
    return 24 + 8 * count if at == size else -1


IPFIX = (fixed(0, b"\x00\x0a"), number(4, 4, SINCE, UNTIL))

PROTOCOLS = (
    Protocol(
        name="netflow",
        title="NetFlow and IPFIX",
        spec="RFC 7011",
        aliases=("ipfix", "cflow"),
        grammars=(
            grammar(
                (UDP,),
                side(
                    message(
                        "export of NetFlow 5",
                        fixed(0, b"\x00\x05"), number(8, 4, SINCE, UNTIL), whole(2, 2, V5_HEADER, unit=V5_RECORD),
                        least=V5_HEADER + V5_RECORD, most=V5_HEADER + V5_RECORD * V5_MOST,
                    ),
                    message(
                        "export of NetFlow 9",
                        fixed(0, b"\x00\x09"), number(2, 2, 1, 512), number(8, 4, SINCE, UNTIL), least=V9_HEADER + 4,
                        check=_sets_of_9,
                    ),
                    message("message of IPFIX", *IPFIX, whole(2, 2), least=IPFIX_HEADER + 4, check=_sets_of_ipfix),
                ),
                None,
            ),
            grammar(
                (TCP, SCTP),
                side(
                    message(
                        "message of IPFIX",
                        *IPFIX, records(2, 2, each=(fixed(0, b"\x00\x0a"),)), least=IPFIX_HEADER + 4,
                        check=_sets_of_ipfix,
                    )
                ),
                None,
            ),
        ),
    ),
    Protocol(
        name="sflow",
        title="sFlow",
        spec="sFlow version 5",
        grammars=(
            grammar(
                (UDP,),
                side(
                    message(
                        "samples of sFlow",
                        fixed(0, b"\0\0\0\x05\0\0\0"), one_of(7, b"\x01\x02"), least=SFLOW_V4, check=samples,
                    )
                ),
                None,
            ),
        ),
    ),
)  # fmt: skip
