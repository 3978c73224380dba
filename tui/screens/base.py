"""The frame every screen stands in: row 0 tabs or trail, row 1 context, body, strip, keys.

How to use it:

- subclass `Frame`; set `MODE` for a top-level screen (its tab), or return a `trail()` for a deeper one;
- yield the body in `compose_body()`; name the widget that gets the keys in `AUTO_FOCUS`;
- return row 1 from `context()`, the raised lines over the keys from `strip()` (`STRIP` of them), what stands at the
  right of row 0 from `top_right()`; call `refresh_frame()` when they would say something else. Only rows that changed
  are painted;
- describe keys in `BINDINGS`: `description` is the word in the last row (`show=True`), `tooltip` the one in the help,
  the part of `id` before the dot the group of the help (see tui.widgets.keys). `?` and the way out are here;
- `say("copied")` puts a sentence in row 1 for three seconds;
- everything that is painted is a `Line` (tui.widgets.line), never markup.

A deeper screen is `push_screen`ed with the trail of where it came from; Esc and `q` go back to the same row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen, Screen

from tui.theme import look
from tui.widgets.keys import hint_line, hints
from tui.widgets.line import EMPTY, Line, Span, cut, line, width_of
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from textual import events
    from textual.app import ComposeResult
    from textual.timer import Timer

LEAST_WIDTH, LEAST_HEIGHT = 60, 20
PANES_WIDTH, PANES_HEIGHT = 120, 30
"""From this size on a screen has panes."""
SAY_SECONDS = 3.0

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Tab:
    """A top-level screen."""

    key: str
    mode: str
    word: str


TABS = (
    Tab("1", "findings", "Findings"),
    Tab("2", "flows", "Flows"),
    Tab("3", "packets", "Packets"),
    Tab("4", "ports", "Ports"),
    Tab("5", "attack", "ATT&CK"),
    Tab("6", "timeline", "Timeline"),
    Tab("7", "trains", "Trains"),
    Tab("8", "live", "Live"),
)


def tabs_line(mode: str, width: int, right: Sequence[Span] = ()) -> Line:
    """Row 0 of a top-level screen; under 80 cells only the current tab has its name."""
    pieces: list[Span] = []
    for tab in TABS:
        here = tab.mode == mode
        named = here or width >= 80
        ground = "/page" if here else "/band"
        pieces.append(Span(f" {tab.key}{' ' if named else ''}", f"key{ground}" if here else f"accent{ground}"))
        pieces.append(Span(f"{tab.word if named else ''} ", f"key{ground}" if here else f"muted{ground}"))
    if width_of(pieces) > width:  # all of them fit into 80 cells but for the one behind the last
        pieces[-1] = Span(pieces[-1].text.rstrip(), pieces[-1].ink)
    room = width - width_of(pieces) - 4
    return Line(tuple(pieces), (*right, Span(" ")) if right and width_of(right) <= room else (), indent=0)


def trail_line(
    trail: Sequence[str], width: int, glyphs_home: str, glyphs_trail: str, right: Sequence[Span] = ()
) -> Line:
    """Row 0 of a deeper screen: `‹ Findings › TLS on 8088/tcp › Flow 4,211`; steps in the middle are cut first."""
    room = width - 4 - (width_of(right) + 2 if right else 0)
    steps = list(trail)
    between = 3 * (len(steps) - 1) + 2
    while steps and sum(len(step) for step in steps) + between > room and len(steps) > 1:
        longest = max(range(len(steps) - 1), key=lambda n: len(steps[n]))
        over = sum(len(step) for step in steps) + between - room
        least = max(6, len(steps[longest]) - over)
        if len(steps[longest]) <= 6:
            break
        steps[longest] = cut(steps[longest], least)
    pieces = [Span(f"{glyphs_home} ", "key")]
    for place, step in enumerate(steps):
        last = place == len(steps) - 1
        pieces.append(Span(step, "strong" if last else "muted"))
        if not last:
            pieces.append(Span(f" {glyphs_trail} ", "muted"))
    return Line(tuple(pieces), tuple(right))


class Small(Lines):
    """Covers a screen that is too small."""

    DEFAULT_CSS = "Small { layer: over; dock: top; width: 100%; height: 100%; display: none; }"

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """All of it."""
        return self.screen.size.height


class Framed(Screen[Result], Generic[Result]):
    """What full screens and dialogs share: the last row of keys, kept up to date.

    Textual calls a handler (`on_mount`, `on_resize` …) of each class, the most special first: none calls its base's.
    """

    def _keys(self) -> Lines | None:
        found = self.query("#keys")
        return found.first(Lines) if found else None

    def refresh_keys(self) -> None:
        """Show the hints of the bindings that are active now."""
        if self.is_current and (row := self._keys()) is not None:
            row.show([hint_line(hints(self), self.size.width)])

    def soon(self, call: Callable[..., None], *arguments: object) -> None:
        """From any thread: call in that of the screen, soon; for nothing if the screen has gone by then."""
        if self.is_running:
            self.app.call_later(self._if_there, call, *arguments)

    def _if_there(self, call: Callable[..., None], *arguments: object) -> None:
        if self.is_attached and self.display:  # not displayed: it is being taken down
            call(*arguments)

    def on_mount(self) -> None:
        self.bindings_updated_signal.subscribe(self, lambda _: self.refresh_keys())
        self.call_after_refresh(self.refresh_keys)


class Frame(Framed[None]):
    """A full screen."""

    DEFAULT_CSS = """
    Frame { layers: base over; background: $background; layout: vertical; overflow: hidden; }
    Frame > #body { height: 1fr; width: 1fr; layout: vertical; overflow: hidden; }
    Frame.-small > Small { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("colon,ctrl+p", "palette", show=False, id="here.palette", tooltip="all actions"),
        Binding("question_mark", "help", "help", id="here.help", tooltip="keys of this screen"),
        Binding("escape", "back", "back", id="move.back", tooltip="back"),
        Binding("q", "back", "back", show=False, id="move.back_q", tooltip="back"),
    ]
    MODE: ClassVar[str] = ""
    """Mode of a top-level screen."""
    TITLE_TEXT: ClassVar[str] = ""
    """Name in the help."""
    GUIDE: ClassVar[str] = ""
    """One sentence on what the screen is for, in the help."""
    STRIP: ClassVar[int] = 2
    """Raised lines over the keys."""

    def __init__(self) -> None:
        super().__init__()
        self._saying: Line | None = None
        self._saying_timer: Timer | None = None

    # what a screen says ---------------------------------------------------------------------------------------------

    def trail(self) -> Sequence[str]:
        """The way to this screen, its own name last; empty for a top-level screen."""
        return ()

    def top_right(self) -> Sequence[Span]:
        """At the right of row 0."""
        return ()

    def context(self) -> Line:
        """Row 1."""
        return EMPTY

    def strip(self) -> Sequence[Line]:
        """The lines over the keys."""
        return ()

    def compose_body(self) -> Iterable[object]:
        """The widgets between row 1 and the strip."""
        return ()

    # machinery ------------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield Lines([EMPTY], ground="band", id="top")
        yield Lines([EMPTY], id="context")
        yield from self.compose_body()  # type: ignore[misc]
        if self.STRIP:
            yield Lines([EMPTY] * self.STRIP, ground="raised", id="strip")
        yield Lines([EMPTY], ground="band", id="keys")
        yield Small()

    @property
    def has_panes(self) -> bool:
        """There is room for panes under the list."""
        return self.size.width >= PANES_WIDTH and self.size.height >= PANES_HEIGHT

    def refresh_frame(self) -> None:
        """Take in what the screen says now."""
        if not self.is_mounted:
            return
        width, glyphs = self.size.width, look(self).glyphs
        trail = self.trail()
        top = (
            trail_line(trail, width, glyphs.home, glyphs.trail, self.top_right())
            if trail
            else tabs_line(self.MODE, width, self.top_right())
        )
        self.query_one("#top", Lines).show([top])
        self.query_one("#context", Lines).show([self._saying or self.context()])
        if self.STRIP:
            lines = list(self.strip())[: self.STRIP]
            self.query_one("#strip", Lines).show(lines + [EMPTY] * (self.STRIP - len(lines)))

    def say(self, text: str, ink: str = "strong") -> None:
        """Show a sentence in row 1 for three seconds."""
        self._saying = line((text, ink))
        if self._saying_timer is not None:
            self._saying_timer.stop()
        self._saying_timer = self.set_timer(SAY_SECONDS, self._said)
        self.refresh_frame()

    def _said(self) -> None:
        self._saying = None
        self.refresh_frame()

    def on_resize(self, event: events.Resize) -> None:
        width, height = event.size
        self.set_class(width < LEAST_WIDTH or height < LEAST_HEIGHT, "-small")
        self.set_class(width >= PANES_WIDTH and height >= PANES_HEIGHT, "-panes")
        small = self.query("Small")
        if small:
            text = f"oddport needs {LEAST_WIDTH} columns and {LEAST_HEIGHT} rows; here are {width} and {height}."
            rows = _wrapped(text, width)
            small.first(Small).show([*rows, *[EMPTY] * max(0, height - len(rows))])
        self.refresh_frame()
        self.refresh_keys()

    def on_screen_resume(self) -> None:
        self.refresh_frame()
        self.refresh_keys()

    def on_mount(self) -> None:
        self.call_after_refresh(self.refresh_frame)

    def action_help(self) -> None:
        """All keys of this screen."""
        from tui.screens.help import Help

        self.app.push_screen(Help(self))

    def action_palette(self) -> None:
        """All actions by name."""
        from tui.dialogs.palette import Entry, Palette, entries_of

        async def chosen(entry: Entry | None) -> None:
            if entry is not None:
                await self.app.run_action(entry.action, default_namespace=entry.node)

        self.app.push_screen(Palette(entries_of(self)), chosen)

    def action_back(self) -> None:
        """To where this screen was opened from."""
        self.dismiss()


class Dialog(Framed[Result], ModalScreen[Result]):
    """A raised area over a screen that is stepped back."""

    DEFAULT_CSS = """
    Dialog { layers: base; background: $background 66%; align: center middle; layout: vertical; }
    Dialog:ansi { background: $background; }
    Dialog > #area { width: 72; max-width: 100%; height: auto; max-height: 100%; background: $panel; padding: 1 3; }
    Dialog.-wide > #area { width: 84; }
    Dialog > #keys { dock: bottom; }
    Dialog Input, Dialog Input:focus {
        width: 1fr; height: 1; border: none; padding: 0 1; background: $background; background-tint: $background 0%;
        color: $foreground;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "close", id="move.close", tooltip="close")]

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= 160, "-wide")
        self.refresh_keys()

    def action_close(self) -> None:
        """Change nothing."""
        self.dismiss(None)


def _wrapped(text: str, width: int) -> list[Line]:
    from tui.widgets.line import wrap

    return [line((row, "text"), indent=1 if width > 10 else 0) for row in wrap(text, max(width - 2, 1))]
