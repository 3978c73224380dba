"""A capture of an interface → one page of how it goes: who captures and why, rates, drops, the ring, what is open."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from oddport.case.captures import LIVE, is_live
from tui.data.background import Background
from tui.data.live import OpenCounts, Ring, Wanted, newest_ring, open_counts, wanted
from tui.format import bit_rate, count, plural, running, size
from tui.screens.case_frame import LEAVE_KEYS, STOP_KEY, THEME_KEY, CaseFrame
from tui.theme import look
from tui.widgets.line import EMPTY, Line, Piece, line, wrap
from tui.widgets.lines import Lines
from tui.widgets.load_line import load_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from textual import events
    from textual.widget import Widget

    from tui.data.case import Store, Summary
    from tui.data.load import Live, Progress

LABEL = 12
"""Cells of a label."""
LOOK_SECONDS = 1.0
"""Between two looks at the ring and at what is open."""


class LiveScreen(CaseFrame):
    """Tab 8."""

    MODE = "live"
    TITLE_TEXT = "Live"
    GUIDE = "How the capture of an interface goes: who captures, how much comes, what is lost, and what is kept."
    STRIP = 2
    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    LiveScreen > #facts { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        STOP_KEY,
        Binding("l", "live", "live", id="here.live", tooltip="watch live traffic"),
        THEME_KEY,
        *LEAVE_KEYS,
    ]

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.summary: Summary | None = None
        self.progress: Progress | None = None
        self._ring: Ring | None = None
        self._open = OpenCounts()
        self._counter: Background | None = None
        self._looked = 0.0

    def compose_body(self) -> Iterable[Widget]:
        """One page."""
        yield Lines(id="facts")

    def on_unmount(self) -> None:
        if self._counter is not None:
            self._counter.close()

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._show)

    # the capture ----------------------------------------------------------------------------------------------------

    def take(self, summary: Summary | None, progress: Progress | None, changed: bool, last: bool) -> None:
        """What the app has seen at its last look at the case."""
        self.summary = summary
        if progress is not None and progress.live is not None:
            self.progress = progress
        now = time.monotonic()
        if last or now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self._ring = newest_ring(self.store.path)
            self._count()
        self._show()

    def _count(self) -> None:
        if self._counter is None and self.store.exists():
            self._counter = Background(self.store.connect, self.soon, "live")
        if self._counter is not None and not self._counter.busy:
            self._counter.submit(open_counts, self._counted, self.say_unreadable)

    def _counted(self, found: OpenCounts) -> None:
        self._open = found
        self._show()

    @property
    def wanted(self) -> Wanted | None:
        """What is, or was, captured."""
        load = self.host.load
        found = wanted(load.options) if load is not None else None
        if found is None and self.summary is not None:
            names = [file.path.removeprefix(LIVE) for file in self.summary.files if is_live(file.path)]
            found = Wanted(names[-1]) if names else None
        return found

    @property
    def runs(self) -> bool:
        """It goes on."""
        return self.progress is not None and self.progress.running

    # the page -------------------------------------------------------------------------------------------------------

    def _show(self) -> None:
        if not self.is_mounted:
            return
        area = self.query_one("#facts", Lines)
        rows = self._facts() if self.wanted is not None else self._nothing()
        if len(rows) > area.size.height:
            rows = [row for row in rows if row is not EMPTY]
        area.show(rows)
        self.refresh_frame()
        self.refresh_keys()

    def _nothing(self) -> list[Line]:
        return [
            EMPTY, EMPTY, line(("No interface is captured in this case.", "strong")), EMPTY,
            line(("l", "key"), " chooses one; its traffic becomes a case of its own."),
        ]  # fmt: skip

    def _facts(self) -> list[Line]:
        asked, progress = self.wanted, self.progress
        assert asked is not None
        rows = [EMPTY, _fact("Interface", (asked.interface, "strong"))]
        live = progress.live if progress is not None else None
        if progress is None or live is None:
            rows.append(_fact("Captured", ("before; nothing is captured now", "muted")))
            return [*rows, EMPTY, *self._kept(), EMPTY, *self._files(len(rows) + 5)]
        said = asked.capture_filter or "none: everything is captured"
        rows.append(_fact("Filter", (said, "text" if asked.capture_filter else "muted")))
        rows += self._source(live)
        rows += [EMPTY, *self._rates(progress, live), *self._drops(live), EMPTY, *self._kept()]
        return [*rows, *self._files(len(rows))]

    def _source(self, live: Live) -> list[Line]:
        if not live.how:
            return [_fact("Source", ("not known yet", "muted"))]
        rows = [_fact("Source", (live.how, "text"))]
        if not live.refused:
            rows.append(_fact("", ("asked first, and it may capture", "muted")))
        for told in live.refused:
            rows += [_fact("", (each, "muted")) for each in wrap(f"not {told}", self.size.width - LABEL - 2)]
        return rows

    def _starts(self, live: Live) -> list[Piece]:
        again = max(live.starts - 1, 0)
        return [("   started again ", "muted"), (plural(again, "time"), "medium" if again else "text")]

    def _rates(self, progress: Progress, live: Live) -> list[Line]:
        now = self.runs
        packets: list[Piece] = [(f"{count(round(live.packet_rate))}/s   ", "strong")] if now else []
        data: list[Piece] = [(f"{bit_rate(live.byte_rate)}   ", "strong")] if now else []
        rows = [
            _fact("For", (running(progress.seconds), "text"), *self._starts(live)),
            _fact(
                "Packets", *packets, (f"{count(progress.packets)} so far" if now else count(progress.packets), "text")
            ),
            _fact("Bytes", *data, (f"{size(progress.bytes)} so far" if now else size(progress.bytes), "text")),
        ]
        bars = live.history[-(self.size.width - LABEL - 22) :]
        if now and bars and max(bars):
            top, levels = max(bars), look(self).glyphs.levels
            drawn = "".join(levels[-(-each * (len(levels) - 1) // top)] if each else " " for each in bars)
            rows.append(_fact("", (drawn, "heat-5"), (f"  at most {count(top)}/s", "muted")))
        return rows

    def _drops(self, live: Live) -> list[Line]:
        unknown = "not known yet" if live.tells_drops else "told at the end"
        pieces: list[Piece] = []
        for number, where in ((live.kernel_drops, "kernel"), (live.interface_drops, "interface")):
            text, ink = (unknown, "muted") if number is None else (count(number), "high" if number else "text")
            pieces += [(text, ink), (f" {where}   ", "muted")]
        return [
            _fact("Drops", *pieces),
            _fact("", ("oddport drops none; what it is late for waits in the kernel", "muted")),
        ]

    def _kept(self) -> list[Line]:
        summary, going = self.summary, self._open
        if summary is None:
            return []
        flows: list[Piece] = [(count(summary.flows), "text")]
        findings: list[Piece] = [(count(summary.findings), "text")]
        if self.runs:
            flows.append((f"   {count(going.flows)} go on", "muted"))
            findings.append((f"   {count(going.provisional)} provisional, as long as their flows go on", "muted"))
        return [_fact("Flows", *flows), _fact("Findings", *findings)]

    def _files(self, above: int) -> list[Line]:
        ring, asked = self._ring, self.wanted
        if ring is None or asked is None:
            return [_fact("Ring", ("no packets are kept", "muted"))]
        most = f" of {count(asked.ring_files)}" if asked.ring_files else ""
        room = f" of at most {size(asked.ring_bytes * asked.ring_files)}" if most else ""
        rows = [_fact("Ring", (f"{plural(len(ring.files), 'file')}{most}, {size(ring.bytes)}{room}", "text"))]
        room_below = max(self.query_one("#facts").size.height - above - 1, 0)
        shown = ring.files if len(ring.files) <= room_below else ring.files[: max(room_below - 1, 0)]
        rows += [_fact("", (name, "text"), (f"   {size(held)}", "muted")) for name, held in shown]
        if len(shown) < len(ring.files) and room_below:
            rows.append(_fact("", (f"and {count(len(ring.files) - len(shown))} older", "muted")))
        return rows

    # what stands around it ------------------------------------------------------------------------------------------

    def context(self) -> Line:
        if self.runs and self.progress is not None:
            return load_line(self.progress, self.size.width)
        if self.wanted is None:
            return line((self.host.case_title or self.store.path.stem, "text"))
        return line(("The capture is over. The case stays open.", "text"))

    def strip(self) -> Sequence[Line]:
        live = self.progress.live if self.progress is not None else None
        if live is not None and live.problem and self.runs:
            return [line((each, "high")) for each in wrap(live.problem, self.size.width - 2)]
        if self._ring is None:
            return []
        return [line(("Packets are kept in ", "muted"), (str(self._ring.folder), "text"))]

    def action_live(self) -> None:
        """Choose among interfaces."""
        from tui.screens.interfaces import InterfacesScreen

        self.app.push_screen(InterfacesScreen(("Live", "Interfaces")))

    def check_action(self, action: str, parameters: tuple[Any, ...]) -> bool | None:
        """Keys that mean something now."""
        return action != "back"


def _fact(name: str, *pieces: Piece) -> Line:
    return line((name.ljust(LABEL), "muted"), *pieces)
