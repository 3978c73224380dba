"""All packets of a case, or those that a filter leaves → rows for a VirtualTable, a page at a time.

Nothing grows with the packets: without a filter a row is a place in a block; with one, how many packets of each block
meet it is counted in a thread, block by block, and which those are is found again where a page is wanted.
"""

from __future__ import annotations

import sqlite3
import time
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from oddport.case.errors import CaseError
from oddport.case.words import address_text
from tui.data.background import Background
from tui.data.flows import WITH_PORTS, proto_word
from tui.data.newest import Newest
from tui.format import SECOND, count

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from oddport.case.model import PacketRow
    from oddport.case.packet_filter import PacketFilter, Test
    from oddport.case.reader import CaseReader
    from tui.data.packet_says import Said

PAGE, PAGES = 128, 32
"""Rows of a page, pages that are kept."""
BLOCKS = 16
"""Blocks of which the rows that meet the filter are kept: 128 kB each at most."""
SAID_KEPT = 4_096
"""Packets whose words are kept."""
TELL_SECONDS = 0.1
"""Counting pauses after so long, for the rows found so far to be shown."""
AGAIN = 10.0
"""While a load runs, counting anew may take one part in so many of the time."""
IPV4 = 15
"""Cells of the longest IPv4 address."""
BLOCK = 65_536
"""Packets of a block (oddport.engine.columns.BLOCK, whose module imports NumPy)."""


@dataclass(frozen=True, slots=True)
class PacketLine:
    """A packet as the list shows it. The fields of its flow are empty where it belongs to none."""

    packet: PacketRow
    src: str = ""
    """Where the packet comes from, not the flow."""
    dst: str = ""
    sport: int = 0
    dport: int = 0
    proto: int | None = None
    app: str | None = None
    facts: str | None = None

    @property
    def id(self) -> int:
        """1-based number in the case."""
        return self.packet.packet + 1

    @property
    def flow(self) -> int:
        """0 = none."""
        return self.packet.flow

    @property
    def has_ports(self) -> bool:
        """TCP, UDP, SCTP."""
        return self.proto in WITH_PORTS

    @property
    def app_text(self) -> str:
        """What is spoken in its flow, or the transport."""
        return self.app or ("" if self.proto is None else proto_word(self.proto))


_FLOWS = (
    "SELECT f.id, f.src, f.dst, f.version, f.proto, f.sport, f.dport, a.name, f.facts"
    " FROM flow f LEFT JOIN app a ON a.id = f.app WHERE f.id IN ({})"
)
_EVIDENCE = "SELECT DISTINCT file, packet FROM evidence WHERE finding IN (SELECT id FROM finding WHERE flow IN ({}))"


@dataclass(frozen=True, slots=True)
class _Counted:
    """All packets of the case at one moment."""

    counts: list[int]
    start_ns: int
    seconds: int
    """From the first to the last packet."""
    gone: int
    """Packets that were forgotten, all before the others."""


@dataclass(slots=True)
class _Search:
    """How far a filter has been counted."""

    filter: PacketFilter
    counts: list[int] = field(default_factory=list)
    """Of each block that was looked at."""
    test: Test | None = None
    started: float = 0.0


class PacketList:
    """What the list of packets shows now. All methods but the jobs run in the thread of the screen."""

    def __init__(
        self,
        reader: CaseReader,
        connect: Callable[[], sqlite3.Connection],
        deliver: Callable[[Callable[[], None]], None],
        changed: Callable[[int | None], None],
        joined: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """As tui.data.rows.IdRows."""
        self.ready = False
        """All packets of the case were looked at."""
        self.evidence: set[int] = set()
        """Numbers of the packets seen so far that hold evidence."""
        self.tail = 0
        """Packets never stand out of their place."""
        self.start_ns = 0
        """Time of the first packet that is kept."""
        self._reader = reader
        self._changed, self._joined, self._failed = changed, joined, failed
        self._background = Background(connect, deliver, "packets")
        self._measuring = Background(connect, deliver, "widths")
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._counts: list[int] = []
        """Listed packets of each block."""
        self._ends: list[int] = []
        """Their sums."""
        self._gone = 0
        """Packets that were forgotten before the first one kept."""
        self._search: _Search | None = None
        self._shown: _Search | None = None
        """The search whose counts are shown: of a case that grows the one before, until the new one is through."""
        self._pages = Newest[int, list[PacketLine]](PAGES)
        self._rows = Newest[int, "NDArray[Any]"](BLOCKS)
        self._said = Newest[int, "Said"](SAID_KEPT)
        self._next = 0.0
        self._asking = False
        self._blocks = 0
        self._longest = IPV4
        self._times: dict[str, int] = {}

    # what VirtualTable asks -----------------------------------------------------------------------------------------

    @property
    def widths(self) -> Mapping[str, int]:
        """Longest values."""
        most = self._ends[-1] if self._ends else 0
        last = (len(self._counts) * BLOCK) if self._shown is not None else self._gone + most
        return {"packet": len(count(last)), "address": self._longest, **self._times}

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def key(self, index: int) -> int:
        """Number in the case of the packet at a place."""
        if self._shown is None:
            return self._gone + index + 1
        block, within = self._place(index)
        rows = self._rows_of(block)
        return block * BLOCK + int(rows[within]) + 1 if within < len(rows) else 0

    def find(self, key: int) -> int | None:
        """Place of a packet by its number in the case."""
        if self._shown is None:
            index = key - 1 - self._gone
            return index if 0 <= index < len(self) else None
        block, within = divmod(key - 1, BLOCK)
        if not 0 <= block < len(self._counts):
            return None
        rows = self._rows_of(block)
        at = int(rows.searchsorted(within))
        if at >= len(rows) or rows[at] != within:
            return None
        return self._before(block) + at

    def at_or_after(self, number: int) -> int | None:
        """Place of the packet with this number, or of the first one listed after it; None for an empty list."""
        if not len(self):
            return None
        if self._shown is None:
            return min(max(number - 1 - self._gone, 0), len(self) - 1)
        block, within = divmod(max(number - 1, 0), BLOCK)
        if block >= len(self._counts):
            return len(self) - 1
        return min(self._before(block) + int(self._rows_of(block).searchsorted(within)), len(self) - 1)

    def row(self, index: int) -> PacketLine | None:
        """The row at a place, from a page of rows."""
        if not 0 <= index < len(self):
            return None
        number, within = divmod(index, PAGE)
        page = self._pages.wanted(number, lambda: self._page(number))
        return page[within] if within < len(page) else None

    def packet(self, index: int) -> PacketRow | None:
        """The packet at a place."""
        row = self.row(index)
        return None if row is None else row.packet

    def said(self, number: int) -> Said | None:
        """What a packet says, as far as it was read."""
        return self._said.get(number)

    # pages ----------------------------------------------------------------------------------------------------------

    def _place(self, index: int) -> tuple[int, int]:
        """(block, place among its listed packets)."""
        block = bisect_right(self._ends, index)
        return block, index - self._before(block)

    def _before(self, block: int) -> int:
        return self._ends[block - 1] if block else 0

    def _rows_of(self, block: int) -> NDArray[Any]:
        """Rows of a block that meet the filter that is shown."""
        assert self._shown is not None
        test, listed = self._shown.test, self._counts[block]
        assert test is not None
        return self._rows.wanted(block, lambda: self._reader.packets_that_meet(block, test)[:listed])

    def _page(self, number: int) -> list[PacketLine]:
        try:
            return self._fetch(number * PAGE)
        except (CaseError, sqlite3.Error) as error:
            self._failed(error)
            return []  # until the pages are forgotten: not asked again at each line

    def _fetch(self, start: int) -> list[PacketLine]:
        packets: list[PacketRow] = []
        stop = min(start + PAGE, len(self))
        while (at := start + len(packets)) < stop:
            block, within = self._place(at)
            last = min(within + stop - at, self._counts[block])
            if self._shown is None:
                found = self._reader.packets_in_block(block, slice(within, last))
            else:
                found = self._reader.packets_in_block(block, self._rows_of(block)[within:last].astype("int64"))
            if not found:
                break
            packets += found
        return self._lines(packets)

    def _lines(self, packets: Sequence[PacketRow]) -> list[PacketLine]:
        if self._connection is None:
            self._connection = self._connect()
        ids = sorted({packet.flow for packet in packets if packet.flow})
        marks = ",".join("?" * len(ids))
        flows = {row[0]: row[1:] for row in self._connection.execute(_FLOWS.format(marks), ids)}
        proved = set(self._connection.execute(_EVIDENCE.format(marks), ids).fetchall())
        self.evidence.update(packet.packet + 1 for packet in packets if (packet.file, packet.number) in proved)
        return [_line(packet, flows.get(packet.flow)) for packet in packets]

    # what packets say -----------------------------------------------------------------------------------------------

    def unsaid(self, start: int, stop: int) -> list[PacketLine]:
        """Packets of [start, stop) that nobody has read yet."""
        rows = [self.row(index) for index in range(max(start, 0), min(stop, len(self)))]
        return [row for row in rows if row is not None and row.id not in self._said]

    def say(self, number: int, said: Said) -> None:
        """Keep what a packet says."""
        self._said[number] = said

    # asking the case ------------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Packets are being counted, or their addresses measured."""
        return self._background.busy or self._measuring.busy

    @property
    def read_of(self) -> tuple[int, int] | None:
        """(blocks looked at, blocks) of a search that runs; None if none does."""
        search = self._search
        return (len(search.counts), self._blocks) if search is not None and not self.ready else None

    def requery(self, wanted: PacketFilter | None = None, keep: int | None = None) -> None:
        """List the packets that meet a filter; all of them without one."""
        self.ready = False
        if wanted is None:
            self._search = None
            self._ask(self._count, lambda found: self._take_all(found, keep))
            return
        self._search = search = _Search(wanted, started=time.monotonic())
        self._go_on(search, keep)

    def poll(self, last: bool = False) -> None:
        """Look for packets that joined. Does nothing while a question is open."""
        if self._asking and not last:
            return
        if not self.ready:
            self.requery(None if self._search is None else self._search.filter)
        elif self._search is None:
            self._ask(self._count, lambda found: self._take_more(found, last))
        elif last or time.monotonic() >= self._next:
            self.requery(self._search.filter)

    def _ask(self, job: Callable[[sqlite3.Connection], Any], taken: Callable[[Any], None]) -> None:
        """What was asked before and is not answered is given up."""
        self._asking = True  # until the answer is taken in, which is later than when the thread has it

        def done(found: Any) -> None:
            self._asking = False
            taken(found)

        def failed(error: Exception) -> None:
            self._asking = False
            self._failed(error)

        self._background.submit(job, done, failed)

    def forget_pages(self) -> None:
        """Flows may have changed: fetch them anew when they are wanted."""
        self._pages.clear()

    def close(self) -> None:
        """Give up what is asked."""
        self._background.close()
        self._measuring.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _measure(self, db: sqlite3.Connection) -> int:
        found = db.execute(
            "SELECT max(address_width(src), address_width(dst)) FROM flow WHERE version = 6 ORDER BY 1 DESC LIMIT 1"
        ).fetchone()
        return found[0] if found else IPV4

    def _measured(self, width: int) -> None:
        if width > self._longest:
            self._longest = width
            self._joined()

    def _count(self, _: sqlite3.Connection) -> _Counted:
        counts = self._reader.packet_counts()
        gone = BLOCK * next((block for block, number in enumerate(counts) if number), 0)
        first, last = (self._reader.packet(number) if counts else None for number in (gone, gone + sum(counts) - 1))
        start, end = (packet.ts if packet is not None else 0 for packet in (first, last))
        return _Counted(counts, start, max(end - start, 0) // SECOND, gone)

    def _note(self, found: _Counted) -> None:
        self.start_ns = found.start_ns
        whole = len(str(found.seconds))
        self._times = {"seconds": whole, "milliseconds": whole + 4, "microseconds": whole + 7}

    def _take_all(self, found: _Counted, keep: int | None) -> None:
        self.ready = True
        self._shown = None
        self._note(found)
        self._use(found.counts, found.gone)
        self._changed(None if keep is None else self.find(keep))
        self._measuring.submit(self._measure, self._measured, self._failed)  # a look at all flows: after the rows

    def _take_more(self, found: _Counted, last: bool) -> None:
        self._note(found)
        if found.counts != self._counts:
            first, before, moved = not self._counts, len(self), found.gone != self._gone
            self._use(found.counts, found.gone, before)
            if first or moved:
                self._changed(None)
            else:
                self._joined()
        if last:
            self._measuring.submit(self._measure, self._measured, self._failed)

    def _use(self, counts: list[int], gone: int, kept: int = 0) -> None:
        """Other counts; `kept` rows at the beginning are as they were, unless packets were forgotten."""
        if gone != self._gone:
            self._gone, kept = gone, 0
        self._counts, self._ends = counts, list(accumulate(counts))
        for number in [number for number in self._pages if (number + 1) * PAGE > kept]:
            del self._pages[number]
        if not kept:
            self._rows.clear()

    def _go_on(self, search: _Search, keep: int | None) -> None:
        def looked(found: tuple[list[int], int, _Counted]) -> None:
            self._looked(search, *found, keep)

        self._ask(lambda db: self._look(search, db), looked)

    def _look(self, search: _Search, db: sqlite3.Connection) -> tuple[list[int], int, _Counted]:
        """Counts some blocks more."""
        known = self._count(db)
        blocks = known.counts
        if search.test is None:
            search.test = search.filter.ask(db)
        forgotten = known.gone // BLOCK
        counts, until = [0] * min(forgotten, len(blocks)) + search.counts[forgotten:], time.monotonic() + TELL_SECONDS
        while len(counts) < len(blocks) and time.monotonic() < until:
            counts.append(len(self._reader.packets_that_meet(len(counts), search.test)))
        return counts, len(blocks), known

    def _looked(self, search: _Search, counts: list[int], blocks: int, known: _Counted, keep: int | None) -> None:
        search.counts, self._blocks = counts, blocks
        self._note(known)
        through = len(counts) >= blocks
        again = self._shown is not None and self._shown.filter is search.filter and self._shown is not search
        if through or not again:
            first = self._shown is not search
            moved = known.gone != self._gone
            before = 0 if first else len(self)
            self._shown, self.ready = search, through
            self._use(counts, known.gone, before)
            if first or moved:
                self._changed(self.find(keep) if keep is not None else None)
            else:
                self._joined()
        if through:
            self._next = time.monotonic() + AGAIN * max(time.monotonic() - search.started, 0.05)
        else:
            self._go_on(search, keep)


def _line(packet: PacketRow, flow: Sequence[Any] | None) -> PacketLine:
    if flow is None:
        return PacketLine(packet)
    src, dst, version, proto, sport, dport, app, facts = flow
    ends = [(address_text(src, version), sport), (address_text(dst, version), dport)]
    if packet.back:
        ends.reverse()
    return PacketLine(packet, ends[0][0], ends[1][0], ends[0][1], ends[1][1], proto, app, facts)
