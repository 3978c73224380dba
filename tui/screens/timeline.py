"""Traffic and findings of a case over time → bars and lanes; a range of them is a filter."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from tui.data.axis import iso
from tui.data.background import Background
from tui.data.findings import LISTING, SPEC
from tui.data.rows import IdRows, Where
from tui.format import clock, count, date, duration, plural, size
from tui.screens.case_frame import LEAVE_KEYS, STOP_KEY, THEME_KEY, CaseFrame
from tui.widgets.line import EMPTY, Line, Piece, line
from tui.widgets.lines import Lines
from tui.widgets.table import FixedRows, VirtualTable
from tui.widgets.time_chart import KINDS, TimeChart

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from textual.widget import Widget

    from oddport.case.timeline import OverTime, Span
    from tui.data.case import Store, Summary
    from tui.data.findings import FindingLine
    from tui.data.load import Progress

LOOK_AGAIN_SECONDS = 3.0
"""Between two counts while a load runs."""
ZOOM = 2
LEAST_NS = 1_000
"""The shortest span that is shown."""


class TimelineScreen(CaseFrame):
    """Tab 6."""

    MODE = "timeline"
    TITLE_TEXT = "Timeline"
    GUIDE = "Traffic and findings over time. [ and ] choose a range; = makes it a filter of the flows."
    STRIP = 1
    AUTO_FOCUS = "#chart"
    DEFAULT_CSS = """
    TimelineScreen > #chart { height: 12; }
    TimelineScreen.-panes > #chart { height: 22; }
    TimelineScreen > #found { height: 1fr; }
    TimelineScreen > #nothing { display: none; height: 1fr; }
    TimelineScreen.-empty > #nothing { display: block; }
    TimelineScreen.-empty > #chart { display: none; }
    TimelineScreen.-empty > #found { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left_square_bracket", "edge(0)", "range", id="here.begin", tooltip="begin, end the range here"),
        Binding("right_square_bracket", "edge(1)", "range", id="here.end", tooltip="begin, end the range here"),
        Binding("plus", "zoom(1)", "zoom", id="here.zoom_in", tooltip="zoom in, out", key_display="+"),
        Binding("minus", "zoom(-1)", "zoom", id="here.zoom_out", tooltip="zoom in, out", key_display="-"),
        Binding("0", "whole", show=False, id="here.whole", tooltip="the whole capture"),
        Binding("enter", "flows", show=False, id="move.open", tooltip="flows of the range"),
        Binding("equals_sign", "flows", "filter to range", id="narrow.range", tooltip="flows of the range"),
        Binding("tab", "side", "findings", id="move.side", tooltip="chart, findings"),
        Binding("n", "next(1)", show=False, id="judge.next", tooltip="next, previous part with findings"),
        Binding("N", "next(-1)", show=False, id="judge.previous", tooltip="next, previous part with findings"),
        Binding("o", "kind", show=False, id="here.kind", tooltip="packets, bytes, flows"),
        STOP_KEY,
        THEME_KEY,
        Binding("escape", "no_range", "whole range", id="move.back", tooltip="no range"),
        *LEAVE_KEYS,
    ]

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.summary: Summary | None = None
        self.rows: IdRows | None = None
        self.span: Span | None = None
        """What is shown; None = the whole capture."""
        self._counter: Background | None = None
        self._asked = 0.0
        self._asked_for: tuple[Span | None, int] | None = None
        self._keep: tuple[int | None, tuple[int, int] | None] = (None, None)
        """Times of cursor and range, which zooming leaves where they are."""
        self._listed: tuple[int, int] = (0, -1)

    def compose_body(self) -> Iterable[Widget]:
        """The chart over the findings of its range."""
        yield Lines([EMPTY], id="kind")
        yield TimeChart(id="chart")
        yield VirtualTable(SPEC, FixedRows(), id="found")
        yield Lines(id="nothing")

    @property
    def chart(self) -> TimeChart:
        """The chart."""
        return self.query_one("#chart", TimeChart)

    @property
    def table(self) -> VirtualTable:
        """The findings of the range."""
        return self.query_one("#found", VirtualTable)

    # counting -------------------------------------------------------------------------------------------------------

    def on_unmount(self) -> None:
        if self._counter is not None:
            self._counter.close()
        if self.rows is not None:
            self.rows.close()

    def take(self, summary: Summary | None, progress: Progress | None, changed: bool, last: bool) -> None:
        """What the app has seen at its last look at the case."""
        grown = summary is not None and (self.summary is None or summary.flows != self.summary.flows)
        self.summary = summary
        waited = time.monotonic() - self._asked > LOOK_AGAIN_SECONDS
        if last or self.chart.found is None or (grown and waited):
            self._ask(again=True)

    def on_resize(self, event: Any) -> None:
        self.call_after_refresh(self._ask)

    def _ask(self, again: bool = False) -> None:
        if not self.store.exists() or not self.is_mounted:
            return
        span, parts = self.span, self.chart.parts
        if not again and self._asked_for == (span, parts):
            return
        self._asked, self._asked_for = time.monotonic(), (span, parts)
        if self._counter is None:
            self._counter = Background(self.store.connect, self.soon, "timeline")

        def job(db: sqlite3.Connection) -> OverTime | None:
            from oddport.case.timeline import over_time, whole_span

            wanted = span or whole_span(db)
            return over_time(db, wanted, parts) if wanted is not None else None

        self._counter.submit(job, self._counted, self.say_unreadable)

    def _counted(self, found: OverTime | None) -> None:
        self.set_class(found is None, "-empty")
        if found is None:
            self.query_one("#nothing", Lines).show([EMPTY, EMPTY, line(("No packets yet.", "strong"))])
            return
        cursor, chosen = self._keep
        self._keep = (None, None)
        chart, old = self.chart, self.chart.found
        if old is not None and cursor is None:
            cursor, chosen = self._time(chart.cursor), self._chosen_times()
        place = self._part(found, cursor) if cursor is not None else _first_worst(found)
        parts = None if chosen is None else (self._part(found, chosen[0]), self._part(found, chosen[1] - 1))
        chart.show(found, place, parts)

    def _part(self, found: OverTime, ns: int) -> int:
        return max(0, min((ns - found.span.first_ns) // found.step_ns, len(found.flows) - 1))

    def _time(self, part: int) -> int:
        found = self.chart.found
        assert found is not None
        return found.span.first_ns + part * found.step_ns

    def _chosen_times(self) -> tuple[int, int] | None:
        chosen = self.chart.range
        return None if chosen is None else (self._time(chosen[0]), self._time(chosen[1] + 1))

    def times(self) -> tuple[int, int] | None:
        """From the first ns of the range to past its last; of the part under the cursor where none is chosen."""
        if self.chart.found is None:
            return None
        return self._chosen_times() or (self._time(self.chart.cursor), self._time(self.chart.cursor + 1))

    # what is said ---------------------------------------------------------------------------------------------------

    def on_time_chart_moved(self, event: TimeChart.Moved) -> None:
        self._list()
        self.refresh_frame()

    def _list(self) -> None:
        """The findings of the range, in a thread."""
        times = self.times()
        if times is None or times == self._listed:
            return
        self._listed = times
        if self.rows is None:
            self.rows = IdRows(
                LISTING, self.store.connect, self.soon, self._rows_changed, lambda: None, self.say_unreadable
            )
            self.table.rows = self.rows
        self.rows.requery(where=Where("first_ns >= ? AND first_ns < ?", times))

    def _rows_changed(self, place: int | None) -> None:
        self.table.rows_changed(place)
        self.refresh_frame()

    def refresh_frame(self) -> None:
        super().refresh_frame()
        if self.is_mounted and self.chart.found is not None:
            kind = self.chart.kind
            step = duration(self.chart.found.step_ns)
            self.query_one("#kind", Lines).show([line((f"{kind.capitalize()} in {step}", "muted"))])

    def context(self) -> Line:
        found = self.chart.found
        if found is None:
            return line(("Counting packets, flows and findings", "muted"))
        first, last = found.span.first_ns, found.span.last_ns
        pieces: list[Piece] = [(date(first), "text"), (f"  {clock(first)} to {clock(last)} UTC", "muted")]
        if date(last) != date(first):
            pieces[1] = (f"  {clock(first)} to {date(last)} {clock(last)} UTC", "muted")
        return line(*pieces, right=self._range_said())

    def _range_said(self) -> list[Piece]:
        found, chart, times = self.chart.found, self.chart, self.times()
        if found is None or times is None:
            return []
        digits = 0 if found.step_ns >= 10**9 else 3 if found.step_ns >= 10**6 else 6
        ink = "accent bold" if chart.range is not None else "text"
        return [(f"{clock(times[0], digits)} to {clock(times[1], digits)}", ink)]

    def strip(self) -> Sequence[Line]:
        found, chart = self.chart.found, self.chart
        if found is None:
            return []
        first, last = chart.range or (chart.cursor, chart.cursor)
        part = slice(first, last + 1)
        flows, odd = sum(found.flows[part]), sum(found.odd[part])
        findings = sum(sum(lane[part]) for lane in found.findings)
        pieces: list[Piece] = [
            (plural(findings, "finding"), "strong" if findings else "text"), (f"   {plural(flows, 'flow')}", "text"),
            (f"   {count(odd)} odd", "high" if odd else "muted"),
            (f"   {plural(sum(found.packets[part]), 'packet')}   {size(sum(found.bytes[part]))}", "muted"),
        ]  # fmt: skip
        return [line(*pieces, right=[("in the range" if chart.range is not None else "under the cursor", "muted")])]

    # keys -----------------------------------------------------------------------------------------------------------

    def on_virtual_table_moved(self, event: VirtualTable.Moved) -> None:
        event.stop()

    def on_virtual_table_opened(self, event: VirtualTable.Opened) -> None:
        finding: FindingLine = event.row
        if finding.flow:
            trail = ("Timeline", finding.title, f"Flow {count(finding.flow)}")
            self.open_flow(finding.flow, trail, finding.id)
        else:
            self.host.open_finding(finding.id)

    def on_descendant_focus(self, event: Any) -> None:
        self.chart.refresh()

    def action_side(self) -> None:
        """The chart, or the findings of its range."""
        (self.chart if self.focused is self.table else self.table).focus()

    def action_edge(self, end: int) -> None:
        """The range begins, or ends, under the cursor."""
        chart = self.chart
        here, old = chart.cursor, chart.range
        if old is None:
            chart.choose((here, here))
        elif end:
            chart.choose((min(old[0], here), here))
        else:
            chart.choose((here, max(old[1], here)))

    def action_no_range(self) -> None:
        """Nothing is chosen."""
        self.chart.choose(None)

    def action_zoom(self, by: int) -> None:
        """Half as long a span around the cursor, or twice as long; in to the range where one is chosen."""
        found = self.chart.found
        if found is None:
            return
        from oddport.case.timeline import Span

        first, last = found.span.first_ns, found.span.last_ns
        cursor, chosen = self._time(self.chart.cursor), self._chosen_times()
        if by > 0 and chosen is not None and (chosen[0] > first or chosen[1] <= last):
            first, last = chosen[0], max(chosen[1] - 1, chosen[0] + LEAST_NS)
        else:
            length = max(last - first, LEAST_NS)
            length = max(length // ZOOM, LEAST_NS) if by > 0 else length * ZOOM
            first = cursor - length // 2
            last = first + length
        self._keep = (cursor, chosen)
        self.span = Span(first, last)
        self._bound()
        self._ask()

    def _bound(self) -> None:
        """No wider than the captures."""
        from oddport.case.timeline import Span, whole_span

        whole = whole_span(self.store.connection)
        if whole is None or self.span is None:
            return
        first, last = max(self.span.first_ns, whole.first_ns), min(self.span.last_ns, whole.last_ns)
        self.span = None if (first, last) == (whole.first_ns, whole.last_ns) or first >= last else Span(first, last)

    def action_whole(self) -> None:
        """All of it."""
        if self.chart.found is not None:
            self._keep = (self._time(self.chart.cursor), self._chosen_times())
        self.span = None
        self._ask()

    def action_kind(self) -> None:
        """Bars of packets, bytes, or flows."""
        chart = self.chart
        chart.kind = KINDS[(KINDS.index(chart.kind) + 1) % len(KINDS)]
        chart.refresh()
        self.refresh_frame()

    def action_next(self, step: int) -> None:
        """To the next part with findings."""
        found, chart = self.chart.found, self.chart
        if found is None:
            return
        parts = [part for part in range(len(found.flows)) if any(lane[part] for lane in found.findings)]
        behind = [part for part in parts if (part > chart.cursor if step > 0 else part < chart.cursor)]
        if behind:
            chart.go(behind[0] if step > 0 else behind[-1])
        else:
            self.say("No findings further on." if step > 0 else "No findings before.", "muted")

    def action_flows(self) -> None:
        """The flows that begin in the range."""
        times = self.times()
        if times is not None:
            self.app.call_later(self.host.list_flows, f'time >= "{iso(times[0])}" and time < "{iso(times[1])}"')

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that mean something now."""
        if action == "no_range":
            return self.is_mounted and self.chart.range is not None
        return action != "back"


def _first_worst(found: OverTime) -> int:
    """The first part with the worst finding."""
    for lane in reversed(found.findings):
        for part, number in enumerate(lane):
            if number:
                return part
    return 0
