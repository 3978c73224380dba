"""The keys that move a cursor through rows, the same in every widget that has one."""

from textual.binding import Binding, BindingType


def row_keys(step: str = "move") -> list[BindingType]:
    """Rows, both ends, pages: actions `step`, `jump` and `page` of the widget."""
    return [
        Binding("j,down", f"{step}(1)", show=False, id="move.down", tooltip="row"),
        Binding("k,up", f"{step}(-1)", show=False, id="move.up", tooltip="row"),
        Binding("g,home", "jump(0)", show=False, id="move.top", tooltip="first, last"),
        Binding("G,end", "jump(-1)", show=False, id="move.end", tooltip="first, last"),
        Binding("ctrl+d", "page(0.5)", show=False, id="move.half_down", tooltip="half a page"),
        Binding("ctrl+u", "page(-0.5)", show=False, id="move.half_up", tooltip="half a page"),
        Binding("pagedown", "page(1)", show=False, id="move.page_down", tooltip="page"),
        Binding("pageup", "page(-1)", show=False, id="move.page_up", tooltip="page"),
    ]
