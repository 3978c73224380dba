"""Capture bytes into record columns: walks pcap records and pcapng blocks of a buffer into the rows of a RecordBatch.

Compiled by Cython in pure-Python mode; the same file runs uncompiled with the same results. So that it does, products
and shifts stay below 64 bits by construction, every read is preceded by one check of the remaining length, and columns
are reached through memoryviews, whose items are plain integers in both builds.

Sources: draft-ietf-opsawg-pcap (classic pcap), draft-ietf-opsawg-pcapng (blocks and options).
"""

import cython
import numpy as np

MORE = 0
"""Walked up to a record that is not whole in the buffer; `need` bytes from `position` would hold it."""
FULL = 1
"""As many rows as asked for; there may be more."""
BLOCK = 2
"""At `position` stands a section header or an interface description, `need` bytes, whole in the buffer."""
CORRUPT = 3
"""At `position` stands something that cannot be a record; `reason` and `detail` say why."""

REASON_LENGTH = 1
"""A record claims more bytes (`detail`) than a packet can have."""
REASON_BLOCK_LENGTH = 2
"""A block is shorter than its fields or longer than MAX_RECORD (`detail` = its length)."""
REASON_TRAILER = 3
"""The length at a block's end (`detail`) is not the one at its start."""
REASON_PACKET_LENGTH = 4
"""The packet in a block claims more bytes (`detail`) than the block has."""
REASON_INTERFACE = 5
"""A packet refers to an interface (`detail`) that its section has not described."""
REASON_INTERFACES = 6
"""A section describes more than MAX_INTERFACES interfaces."""

MAX_RECORD = 256 << 20
"""Bytes; a record or block that claims more is corrupt, not memory."""
MAX_INTERFACES = 65_536
"""Interfaces in one section."""

_PCAP_HEADER = 16
"""Bytes of a classic record header: seconds, fraction, captured length, length on the wire."""
_NS = cython.declare(cython.ulonglong, 1_000_000_000)
_LOW = cython.declare(cython.ulonglong, 0xFFFFFFFF)
_BLOCK_LIMIT = cython.declare(cython.longlong, 256 << 20)
_SECTION = cython.declare(cython.uint, 0x0A0D0D0A)
_INTERFACE = cython.declare(cython.uint, 1)
_PACKET = cython.declare(cython.uint, 2)
_SIMPLE = cython.declare(cython.uint, 3)
_ENHANCED = cython.declare(cython.uint, 6)
_LATEST = cython.declare(cython.longlong, 9_223_372_036_854_775_807)
_EARLIEST = cython.declare(cython.longlong, -9_223_372_036_854_775_807 - 1)
# the last and first whole second all of whose nanoseconds fit 64 bits
_LAST_SECOND = cython.declare(cython.longlong, 9_223_372_035)
_FIRST_SECOND = cython.declare(cython.longlong, -9_223_372_036)
_HUGE_TICKS = cython.declare(cython.ulonglong, 4_611_686_018_427_387_904)
_HUGE = cython.declare(cython.longlong, 4_611_686_018_427_387_904)
"""2**62 s: the sum of two such numbers still fits 64 bits."""


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _u16(b: cython.const[cython.uchar][::1], o: cython.Py_ssize_t, big: cython.bint) -> cython.uint:
    value: cython.uint
    if big:
        value = b[o]
        return (value << 8) | b[o + 1]
    value = b[o + 1]
    return (value << 8) | b[o]


@cython.cfunc
@cython.inline
@cython.nogil
@cython.exceptval(check=False)
def _u32(b: cython.const[cython.uchar][::1], o: cython.Py_ssize_t, big: cython.bint) -> cython.uint:
    # a declared variable instead of casts: uncompiled, a cast is a slow call
    value: cython.uint
    if big:
        value = b[o]
        value = (value << 8) | b[o + 1]
        value = (value << 8) | b[o + 2]
        return (value << 8) | b[o + 3]
    value = b[o + 3]
    value = (value << 8) | b[o + 2]
    value = (value << 8) | b[o + 1]
    return (value << 8) | b[o]


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _power_of_ten(exponent: cython.uint) -> cython.ulonglong:
    """Of an exponent up to 19, the largest whose power fits 64 bits."""
    power: cython.ulonglong = 1
    i: cython.uint
    for i in range(exponent):  # noqa: B007 - Cython needs the declared name
        power = power * 10
    return power


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _to_ns(ticks: cython.ulonglong, resolution: cython.uint, offset: cython.longlong) -> cython.longlong:
    """Exact nanoseconds (rounded down) of a pcapng timestamp; _LATEST or _EARLIEST where they do not fit."""
    exponent: cython.uint = resolution & 0x7F
    seconds: cython.ulonglong = 0
    fraction: cython.ulonglong = 0
    high: cython.ulonglong
    low: cython.ulonglong
    power: cython.ulonglong
    total: cython.longlong
    rest: cython.longlong
    if resolution == 6:  # constants let the compiler multiply instead of divide
        seconds = ticks // 1_000_000
        fraction = (ticks - seconds * 1_000_000) * 1_000
    elif resolution == 9:
        seconds = ticks // 1_000_000_000
        fraction = ticks - seconds * 1_000_000_000
    elif resolution & 0x80:
        if exponent < 64:
            seconds = ticks >> exponent
            fraction = ticks - (seconds << exponent)
        else:
            fraction = ticks
        if exponent < 32:
            fraction = (fraction * _NS) >> exponent
        else:
            # fraction * 10**9 has up to 94 bits: its part above bit 31, put together from both halves, has 62
            high = (fraction >> 32) * _NS
            low = (fraction & _LOW) * _NS
            fraction = high + (low >> 32)
            fraction = fraction >> (exponent - 32) if exponent < 96 else 0
    elif exponent <= 19:
        power = _power_of_ten(exponent)
        seconds = ticks // power
        fraction = ticks - seconds * power
        fraction = fraction * _power_of_ten(9 - exponent) if exponent <= 9 else fraction // _power_of_ten(exponent - 9)
    elif exponent <= 28:
        fraction = ticks // _power_of_ten(exponent - 9)
    if seconds >= _HUGE_TICKS or offset > _HUGE:
        return _LATEST
    total = seconds
    total = total + offset
    if total > _LAST_SECOND:
        return _LATEST
    if total < _FIRST_SECOND:
        return _EARLIEST
    rest = fraction
    return total * 1_000_000_000 + rest


def nanoseconds(ticks: cython.ulonglong, resolution: cython.uint, offset: cython.longlong) -> int:
    """Time in ns since 1970 of `ticks` (u64) of an interface with if_tsresol `resolution` (one byte: the exponent of
    ten, or of two where bit 7 is set) and if_tsoffset `offset` (seconds, i64). Rounded down; a time that int64
    nanoseconds cannot hold becomes the nearest end of int64."""
    return _to_ns(ticks, resolution, offset)


@cython.final
@cython.cclass
class PcapWalker:
    """Walks classic pcap records into the columns `start`, `caplen`, `wirelen`, `ts` and `offset`."""

    start: cython.longlong[::1]
    caplen: cython.uint[::1]
    wirelen: cython.uint[::1]
    ts: cython.longlong[::1]
    offset: cython.longlong[::1]
    big: cython.bint
    header: cython.longlong
    multiplier: cython.ulonglong
    swapped: cython.bint
    longest: cython.longlong
    position = cython.declare(cython.Py_ssize_t, visibility="readonly")
    status = cython.declare(cython.int, visibility="readonly")
    need = cython.declare(cython.longlong, visibility="readonly")
    reason = cython.declare(cython.int, visibility="readonly")
    detail = cython.declare(cython.longlong, visibility="readonly")

    def __init__(
        self,
        batch: object,
        big: cython.bint,
        multiplier: cython.ulonglong,
        header: cython.longlong,
        swapped: cython.bint,
        longest: cython.longlong,
    ) -> None:
        """`batch`: the RecordBatch whose columns are filled. `big`: big-endian headers. `multiplier`: ns a unit of the
        fraction field (1 or 1000). `header`: bytes of a record header, at least 16. `swapped`: files older than
        version 2.4, in which the two lengths may stand the other way round. `longest`: captured bytes a record may
        claim, at most MAX_RECORD."""
        if header < _PCAP_HEADER:
            raise ValueError("a record header has at least 16 bytes")
        self.start = memoryview(batch.start)
        self.caplen = memoryview(batch.caplen)
        self.wirelen = memoryview(batch.wirelen)
        self.ts = memoryview(batch.ts)
        self.offset = memoryview(batch.offset)
        self.big = big
        self.header = header
        self.multiplier = multiplier
        self.swapped = swapped
        self.longest = min(longest, MAX_RECORD)
        self.position = 0
        self.status = MORE
        self.need = 0
        self.reason = 0
        self.detail = 0

    def walk(
        self,
        data: cython.const[cython.uchar][::1],
        begin: cython.Py_ssize_t,
        end: cython.Py_ssize_t,
        base: cython.longlong,
        row: cython.Py_ssize_t,
        limit: cython.Py_ssize_t,
    ) -> int:
        """Fill rows from `row` up to `limit` with the records of `data[begin:end]`; gives the row after the last.

        `base` is the offset of `data[0]` in the file (bytes). Afterwards `status`, `position` (index in `data` of the
        first byte not walked), `need`, `reason` and `detail` say why it stopped."""
        o: cython.Py_ssize_t = begin
        n: cython.Py_ssize_t = row
        header: cython.Py_ssize_t = self.header
        big: cython.bint = self.big
        captured: cython.uint
        wire: cython.uint
        time: cython.ulonglong
        status: cython.int = 0
        if begin < 0 or end > data.shape[0] or row < 0 or limit > self.start.shape[0]:
            raise ValueError("a range lies outside of its buffer")
        with cython.nogil:
            while True:
                if n >= limit:
                    status = 1
                    break
                if o + header > end:
                    self.need = header
                    break
                captured = _u32(data, o + 8, big)
                wire = _u32(data, o + 12, big)
                if self.swapped and captured > wire:
                    captured, wire = wire, captured
                if captured > self.longest:
                    status = 3
                    self.reason = 1
                    self.detail = captured
                    break
                if captured > end - o - header:
                    self.need = header + captured
                    break
                time = _u32(data, o, big) * _NS  # at most 2**32 s, and as many units of the fraction: below 2**63
                time = time + _u32(data, o + 4, big) * self.multiplier
                self.ts[n] = time
                o += header
                self.start[n] = o
                self.offset[n] = base + o
                self.caplen[n] = captured
                self.wirelen[n] = wire
                o += captured
                n += 1
        self.position = o
        self.status = status
        return n


@cython.final
@cython.cclass
class PcapngWalker:
    """Walks pcapng blocks into all columns but `number` and `file`; stops at blocks that change what follows means."""

    start: cython.longlong[::1]
    caplen: cython.uint[::1]
    wirelen: cython.uint[::1]
    ts: cython.longlong[::1]
    offset: cython.longlong[::1]
    interface: cython.ushort[::1]
    link: cython.ushort[::1]
    big: cython.bint
    known: cython.longlong
    indices: cython.ushort[::1]
    links: cython.ushort[::1]
    snaplens: cython.uint[::1]
    resolutions: cython.uchar[::1]
    offsets: cython.longlong[::1]
    last: cython.longlong
    clamped = cython.declare(cython.longlong, visibility="readonly")
    clamped_at = cython.declare(cython.longlong, visibility="readonly")
    position = cython.declare(cython.Py_ssize_t, visibility="readonly")
    status = cython.declare(cython.int, visibility="readonly")
    need = cython.declare(cython.longlong, visibility="readonly")
    reason = cython.declare(cython.int, visibility="readonly")
    detail = cython.declare(cython.longlong, visibility="readonly")

    def __init__(self, batch: object) -> None:
        """`batch`: the RecordBatch whose columns are filled."""
        self.start = memoryview(batch.start)
        self.caplen = memoryview(batch.caplen)
        self.wirelen = memoryview(batch.wirelen)
        self.ts = memoryview(batch.ts)
        self.offset = memoryview(batch.offset)
        self.interface = memoryview(batch.interface)
        self.link = memoryview(batch.link)
        self.big = False
        self.last = 0
        self.clamped = 0
        self.clamped_at = 0
        self.position = 0
        self.status = MORE
        self.need = 0
        self.reason = 0
        self.detail = 0
        self.known = 0
        self._make_room(4)

    def _make_room(self, count: int) -> None:
        old = self.known
        parts = (np.zeros(count, np.uint16), np.zeros(count, np.uint16), np.zeros(count, np.uint32),
                 np.zeros(count, np.uint8), np.zeros(count, np.int64))  # fmt: skip
        if old:
            parts[0][:old] = np.asarray(self.indices)[:old]
            parts[1][:old] = np.asarray(self.links)[:old]
            parts[2][:old] = np.asarray(self.snaplens)[:old]
            parts[3][:old] = np.asarray(self.resolutions)[:old]
            parts[4][:old] = np.asarray(self.offsets)[:old]
        self.indices = memoryview(parts[0])
        self.links = memoryview(parts[1])
        self.snaplens = memoryview(parts[2])
        self.resolutions = memoryview(parts[3])
        self.offsets = memoryview(parts[4])

    def start_section(self, big: cython.bint) -> None:
        """A new section: its byte order, and no interfaces yet."""
        self.big = big
        self.known = 0

    def add_interface(self, index: int, link: int, snaplen: int, resolution: int, offset: int) -> bool:
        """The section's next interface: its capture-wide index, LINKTYPE_ number, snap length (bytes, 0 = none),
        if_tsresol and if_tsoffset (s). False where the section has MAX_INTERFACES already."""
        if self.known >= MAX_INTERFACES:
            return False
        if self.known >= len(self.indices):
            self._make_room(2 * self.known)
        self.indices[self.known] = index
        self.links[self.known] = link
        self.snaplens[self.known] = snaplen
        self.resolutions[self.known] = resolution
        self.offsets[self.known] = offset
        self.known += 1
        return True

    def walk(
        self,
        data: cython.const[cython.uchar][::1],
        begin: cython.Py_ssize_t,
        end: cython.Py_ssize_t,
        base: cython.longlong,
        row: cython.Py_ssize_t,
        limit: cython.Py_ssize_t,
    ) -> int:
        """As PcapWalker.walk. Blocks of other types are skipped; after status BLOCK the caller reads the block and goes
        on at `position + need`. `clamped` counts times that int64 ns cannot hold, `clamped_at` is the file offset of
        the first such block."""
        o: cython.Py_ssize_t = begin
        n: cython.Py_ssize_t = row
        big: cython.bint = self.big
        kind: cython.uint
        length: cython.longlong
        padded: cython.longlong
        fixed: cython.longlong
        captured: cython.uint
        wire: cython.uint
        number: cython.uint
        ticks: cython.ulonglong
        time: cython.longlong
        status: cython.int = 0
        if begin < 0 or end > data.shape[0] or row < 0 or limit > self.start.shape[0]:
            raise ValueError("a range lies outside of its buffer")
        with cython.nogil:
            while True:
                if n >= limit:
                    status = 1
                    break
                if o + 12 > end:
                    self.need = 12
                    break
                kind = _u32(data, o, big)
                if kind == _SECTION:  # reads the same in both orders; its own body says which one its length is in
                    big = data[o + 8] == 0x1A
                length = _u32(data, o + 4, big)
                # some writers leave the padding of the packet out of the length
                padded = ((length + 3) >> 2) << 2
                fixed = 12
                if kind in (_ENHANCED, _PACKET):
                    fixed = 32
                elif kind == _SECTION:
                    fixed = 28
                elif kind == _INTERFACE:
                    fixed = 20
                elif kind == _SIMPLE:
                    fixed = 16
                if length < fixed or padded > _BLOCK_LIMIT:
                    status = 3
                    self.reason = 2
                    self.detail = length
                    break
                if padded > end - o:
                    self.need = padded
                    break
                if _u32(data, o + padded - 4, big) != length:
                    status = 3
                    self.reason = 3
                    self.detail = _u32(data, o + padded - 4, big)
                    break
                if kind in (_ENHANCED, _PACKET):
                    number = _u32(data, o + 8, big) if kind == _ENHANCED else _u16(data, o + 8, big)
                    if number >= self.known:
                        status = 3
                        self.reason = 5
                        self.detail = number
                        break
                    captured = _u32(data, o + 20, big)
                    wire = _u32(data, o + 24, big)
                    if captured > length - fixed:
                        status = 3
                        self.reason = 4
                        self.detail = captured
                        break
                    ticks = _u32(data, o + 12, big)
                    ticks = (ticks << 32) | _u32(data, o + 16, big)
                    time = _to_ns(ticks, self.resolutions[number], self.offsets[number])
                    if time in (_LATEST, _EARLIEST):
                        if self.clamped == 0:
                            self.clamped_at = base + o
                        self.clamped += 1
                    self.last = time
                    self.start[n] = o + 28
                elif kind == _SIMPLE:
                    if self.known == 0:
                        status = 3
                        self.reason = 5
                        self.detail = 0
                        break
                    number = 0
                    wire = _u32(data, o + 8, big)
                    captured = wire
                    if self.snaplens[0] != 0 and captured > self.snaplens[0]:
                        captured = self.snaplens[0]
                    if captured > length - fixed:
                        status = 3
                        self.reason = 4
                        self.detail = captured
                        break
                    time = self.last
                    self.start[n] = o + 12
                elif kind in (_SECTION, _INTERFACE):
                    status = 2
                    self.need = padded
                    break
                else:
                    o += padded
                    continue
                self.ts[n] = time
                self.offset[n] = base + self.start[n]
                self.caplen[n] = captured
                self.wirelen[n] = wire
                self.interface[n] = self.indices[number]
                self.link[n] = self.links[number]
                o += padded
                n += 1
        self.position = o
        self.status = status
        return n


def find_option(
    data: cython.const[cython.uchar][::1],
    begin: cython.Py_ssize_t,
    end: cython.Py_ssize_t,
    big: cython.bint,
    code: cython.uint,
) -> tuple[int, int]:
    """(index, length) of the value of the first pcapng option `code` in the option list `data[begin:end]`;
    (-1, 0) where there is none, or where the list breaks off before it."""
    o: cython.Py_ssize_t = begin
    found: cython.Py_ssize_t = -1
    length: cython.Py_ssize_t = 0
    kind: cython.uint
    if begin < 0 or end > data.shape[0]:
        raise ValueError("a range lies outside of its buffer")
    with cython.nogil:
        while o + 4 <= end:
            kind = _u16(data, o, big)
            length = _u16(data, o + 2, big)
            o += 4
            if kind == 0 or length > end - o:
                break
            if kind == code:
                found = o
                break
            o += ((length + 3) >> 2) << 2
    if found < 0:
        return (-1, 0)
    return (found, length)


def copy_frames(
    source: cython.const[cython.uchar][::1],
    source_start: cython.const[cython.longlong][::1],
    target: cython.uchar[::1],
    target_start: cython.const[cython.longlong][::1],
    caplen: cython.const[cython.uint][::1],
) -> None:
    """Copy frame i, `caplen[i]` bytes, from `source[source_start[i]]` on to `target[target_start[i]]` on.

    All are memoryviews (u8, i64, u8, i64, u32). ValueError where a frame would lie outside of either buffer; frames
    before it are copied."""
    i: cython.Py_ssize_t
    a: cython.longlong
    b: cython.longlong
    length: cython.longlong
    count: cython.Py_ssize_t = caplen.shape[0]
    bad: cython.Py_ssize_t = -1
    if source_start.shape[0] < count or target_start.shape[0] < count:
        raise ValueError("fewer starts than frames")
    with cython.nogil:
        for i in range(count):
            a = source_start[i]
            b = target_start[i]
            length = caplen[i]
            if a < 0 or b < 0 or a > source.shape[0] - length or b > target.shape[0] - length:
                bad = i
                break
            target[b : b + length] = source[a : a + length]
    if bad >= 0:
        raise ValueError(f"frame {bad} lies outside of its buffer")
