"""A list and a filter that looks into payload → rows that join as they are found, until it is over or stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.data.rows import Where
from tui.format import plural

if TYPE_CHECKING:
    from pathlib import Path

    from oddport.case.filter import Where as Filter
    from tui.data.search import Search
    from tui.screens.listing import ListScreen

POLL_SECONDS = 0.1


class Searching:
    """The search of a list; used from the thread of the screen."""

    def __init__(self, screen: ListScreen) -> None:
        self._screen = screen
        self._search: Search | None = None
        self.was_asked = False
        """The filter that holds looks into payload."""
        self._shown = 0

    @property
    def running(self) -> Search | None:
        """The search, while it goes on."""
        return self._search

    def start(self, case: Path, table: str, text: str, where: Filter) -> None:
        """Search anew; what is found is listed as it comes."""
        from tui.data.search import Search

        try:
            search = Search(case, table, text, where)
        except OSError as error:
            self._screen.say(f"The search could not be started: {error.strerror}.", "high")
            return
        self._search, self._shown, self.was_asked = search, 0, True
        self._screen.list_where(_plain(search.bound()))
        self._screen.set_timer(POLL_SECONDS, lambda: self._look(search))

    def end(self) -> None:
        """Another filter holds, or none."""
        search, self._search, self.was_asked = self._search, None, False
        if search is not None:
            search.end()

    def _look(self, search: Search) -> None:
        if search is not self._search:
            return
        screen, rows = self._screen, self._screen.rows
        if rows is None:
            return
        over = not search.progress.running
        if rows.busy:
            screen.set_timer(POLL_SECONDS, lambda: self._look(search))
        elif over:
            self._over(search)
        else:
            found = search.found
            if found != self._shown:
                self._shown = found
                rows.where = _plain(search.bound())
                rows.poll(last=True)
            screen.set_timer(POLL_SECONDS, lambda: self._look(search))
        screen.refresh_frame()
        screen.refresh_keys()

    def _over(self, search: Search) -> None:
        self._search = None
        screen, rows, progress = self._screen, self._screen.rows, search.progress
        assert rows is not None
        rows.where = _plain(search.bound())
        if screen.table.touched:
            rows.poll(last=True)  # what is on the screen stays where it is
        else:
            screen.list_where(rows.where)
        if progress.state == "failed":
            screen.say(progress.message, "high")
        elif progress.state == "stopped":
            screen.say(f"The search was stopped; {plural(search.found, 'flow')} found until then.", "medium")
        elif progress.message:
            screen.say(progress.message, "medium")


def _plain(where: Filter) -> Where:
    return Where(where.sql, where.params)
