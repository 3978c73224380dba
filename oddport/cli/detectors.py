"""Registered detectors → a list, or the document of one."""

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from oddport.cli.paths import fail
from oddport.detection.registry import describe, entries, folder_entries
from oddport.detection.settings import SettingsError


def show(name: str | None, folders: Iterable[Path] = ()) -> int:
    """Print the list, or one detector's document; gives the exit status."""
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, emoji=False)
    try:
        listed = describe([*entries(), *(entry for folder in folders for entry in folder_entries(folder))])
    except SettingsError as error:
        fail(str(error))
        return 2
    if name is None:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for head in ("Name", "What it looks for", "Rules", "ATT&CK", "From"):
            table.add_column(head, no_wrap=head == "Name")
        for one in listed:
            table.add_row(
                Text(one.name, style="bold"),
                Text(one.error or one.title, style="red" if one.error else ""),
                Text(" ".join(rule.id for rule in one.rules)),
                Text(" ".join(one.techniques)),
                Text(f"{one.distribution} {one.version}"),
            )
        console.print(table)
        return 0
    for one in listed:
        if one.name == name:
            if one.error:
                fail(one.error)
                return 2
            console.print(Markdown(one.document))
            if one.settings:
                console.print(Text("Settings", style="bold"))
                for key, default in one.settings:
                    console.print(Text(f"  {key} = {default!r}"))
            return 0
    near = get_close_matches(name, [one.name for one in listed], 1)
    hint = f" Did you mean {near[0]}?" if near else " `oddport detectors` lists them."
    fail(f"There is no detector called {name}.{hint}")
    return 2
