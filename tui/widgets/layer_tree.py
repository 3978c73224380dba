"""Layers and fields of a frame → a tree with a cursor: name, value, place in the bytes, painted row by row.

`NodeMoved` is posted when the person moves the cursor, never when the program does (see `tui.widgets.hex_view`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.data.dissection.model import Node, path_to
from tui.theme import look
from tui.widgets.line import Span, segments, width_of
from tui.widgets.moving import row_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events

VALUE_AT, VALUE_AT_NARROW = 30, 24
"""Where values start; in a tree under NARROW cells the second."""
NARROW = 72
Path = tuple[int, ...]
"""Places among siblings, from the outermost layer on: what a row is known by."""


@dataclass(frozen=True, slots=True)
class Row:
    """A node that is not folded away."""

    node: Node
    path: Path

    @property
    def depth(self) -> int:
        """0 for a layer."""
        return len(self.path) - 1


class LayerTree(Widget, can_focus=True):
    """The tree."""

    DEFAULT_CSS = "LayerTree { height: 1fr; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "open", "open, close", id="move.unfold", tooltip="open, close", key_display="→"),
        Binding("left,h", "close", "open, close", id="move.fold", tooltip="open, close", key_display="←"),
        Binding("enter,space", "turn", show=False, id="move.toggle", tooltip="open or close"),
        *row_keys(),
    ]

    class NodeMoved(Message):
        """The person has put the cursor on another node."""

        def __init__(self, tree: LayerTree, node: Node) -> None:
            self.tree, self.node = tree, node
            super().__init__()

    def __init__(self, *, ground: str = "page", id: str | None = None) -> None:
        super().__init__(id=id)
        self.ground = ground
        self.nodes: tuple[Node, ...] = ()
        self.rows: list[Row] = []
        """Nodes that are not folded away, in order."""
        self.cursor = 0
        """Place of the row under the cursor."""
        self.top = 0
        self._open: set[Path] = set()
        self._is_fact: Callable[[Node], bool] = _never
        self._is_evidence: Callable[[Node], bool] = _never

    # what is shown --------------------------------------------------------------------------------------------------

    def show(
        self,
        layers: Sequence[Node],
        is_fact: Callable[[Node], bool] | None = None,
        is_evidence: Callable[[Node], bool] | None = None,
    ) -> None:
        """Show another tree, all layers folded."""
        self.nodes = tuple(layers)
        self._is_fact, self._is_evidence = is_fact or _never, is_evidence or _never
        self._open.clear()
        self.cursor = self.top = 0
        self._rebuild()

    @property
    def node(self) -> Node | None:
        """The node under the cursor."""
        return self.rows[self.cursor].node if self.cursor < len(self.rows) else None

    def reveal(self, offset: int, skip: int = 0) -> Node | None:
        """Open the narrowest field that holds the byte, and put the cursor on it, without telling anyone.

        The first `skip` layers (those that hold no bytes of their own) are passed over. None if no field holds it.
        """
        found = path_to(self.nodes[skip:], offset)
        if not found:
            return None
        path: list[int] = []
        level: Sequence[Node] = self.nodes
        for node in found:
            path.append(next(at for at, sibling in enumerate(level) if sibling is node))
            level = node.children
        self._open.update(tuple(path[:end]) for end in range(1, len(path)))
        self._rebuild()
        target = tuple(path)
        self._put(next(at for at, row in enumerate(self.rows) if row.path == target))
        return found[-1]

    def unfold(self, node: Node) -> None:
        """Open a layer."""
        for at, layer in enumerate(self.nodes):
            if layer is node:
                self._open.add((at,))
        self._rebuild()

    def _rebuild(self) -> None:
        here = self.rows[self.cursor].path if self.cursor < len(self.rows) else None
        rows: list[Row] = []

        def add(nodes: Sequence[Node], above: Path) -> None:
            for at, node in enumerate(nodes):
                path = (*above, at)
                rows.append(Row(node, path))
                if node.children and path in self._open:
                    add(node.children, path)

        add(self.nodes, ())
        self.rows = rows
        while here:
            found = next((at for at, row in enumerate(rows) if row.path == here), None)
            if found is not None:
                self.cursor = found
                break
            here = here[:-1]
        self.cursor = max(0, min(self.cursor, len(rows) - 1))
        self.top = self._bounded(self.top)
        self.refresh()

    # moving ---------------------------------------------------------------------------------------------------------

    def _bounded(self, top: int) -> int:
        height = max(self.size.height, 1)
        top = min(max(top, self.cursor - height + 1), self.cursor)
        return max(0, min(top, len(self.rows) - height))

    def _put(self, index: int) -> bool:
        old, old_top = self.cursor, self.top
        self.cursor = max(0, min(index, len(self.rows) - 1))
        self.top = self._bounded(self.top)
        if (self.cursor, self.top) == (old, old_top):
            return False
        if self.top != old_top:
            self.refresh()
        else:
            width = self.size.width
            self.refresh(*(Region(0, at - self.top, width, 1) for at in {old, self.cursor} if at >= self.top))
        return self.cursor != old

    def _moved(self, index: int) -> None:
        if self.rows and self._put(index):
            self.post_message(self.NodeMoved(self, self.rows[self.cursor].node))

    def action_move(self, by: int) -> None:
        self._moved(self.cursor + by)

    def action_page(self, pages: float) -> None:
        step = max(1, int(self.size.height * abs(pages)))
        self._moved(self.cursor + (step if pages > 0 else -step))

    def action_jump(self, index: int) -> None:
        self._moved(index if index >= 0 else len(self.rows) - 1)

    def action_open(self) -> None:
        """Open the node; in an open one go to its first child."""
        if not self.rows:
            return
        row = self.rows[self.cursor]
        if not row.node.children:
            return
        if row.path in self._open:
            self._moved(self.cursor + 1)
        else:
            self._open.add(row.path)
            self._rebuild()

    def action_close(self) -> None:
        """Fold the node; from a folded one go to the node it is in."""
        if not self.rows:
            return
        row = self.rows[self.cursor]
        if row.path in self._open and row.node.children:
            self._open.discard(row.path)
            self._rebuild()
        elif row.depth:
            above = row.path[:-1]
            self._moved(next(at for at, other in enumerate(self.rows) if other.path == above))

    def action_turn(self) -> None:
        if self.rows and self.rows[self.cursor].node.children:
            self._open ^= {self.rows[self.cursor].path}
            self._rebuild()

    def on_click(self, event: events.Click) -> None:
        index = self.top + event.y
        if index < len(self.rows):
            if index == self.cursor:
                self.action_turn()
            self._moved(index)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.action_move(3)
        event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.action_move(-3)
        event.stop()

    def on_resize(self) -> None:
        self.top = self._bounded(self.top)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    # painting -------------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        """One node."""
        shown = look(self)
        width, palette, glyphs = self.size.width, shown.palette, shown.glyphs
        index = self.top + y
        if index >= len(self.rows) or width <= 0:
            return Strip([Segment(" " * width, palette.style("text", self.ground))], width)
        row = self.rows[index]
        under = index == self.cursor
        ground = "cursor" if under else self.ground
        if under and self.has_focus:
            gutter = Segment(glyphs.cursor, palette.style("accent", ground))
        elif self._is_evidence(row.node):
            gutter = Segment(glyphs.evidence, palette.style("evidence-bar", ground))
        else:
            gutter = Segment(" ", palette.style("text", ground))
        fold = (glyphs.unfolded if row.path in self._open else glyphs.folded) if row.node.children else " "
        fact = self._is_fact(row.node)
        layer = row.node.kind == "layer" and not row.depth
        name = f"{'  ' * row.depth}{fold} {row.node.name}"
        name_ink = "strong" if layer else "muted" if row.node.kind == "unread" else "text"
        value_ink = "accent bold" if fact else "muted" if layer or row.node.kind == "unread" else "text"
        place = Span(f"{row.node.offset:04x} +{row.node.length}" if row.node.length else "", "muted")
        return self._row(gutter, (Span(name, name_ink), Span(row.node.value, value_ink), place), width, ground)

    def _row(self, gutter: Segment, texts: tuple[Span, Span, Span], width: int, ground: str) -> Strip:
        shown = look(self)
        name, value, place = texts
        right = width_of((place,))
        room = width - 2 - (right + 2 if right else 0)  # gutter at the left, an empty cell at the right
        value_at = (VALUE_AT_NARROW if width < NARROW else VALUE_AT) - 1
        first = max(0, min(room, value_at - 1 if value.text else room))
        out = [gutter, *segments((name,), first, shown, ground)]
        out += segments((Span(" "), value), max(0, room - first), shown, ground)
        if right and room >= 0:
            out += segments((Span("  "), place), right + 2, shown, ground)
        strip = Strip(out)
        return strip.adjust_cell_length(width, shown.palette.style("text", ground))


def _never(_: Node) -> bool:
    return False
