"""The data folder's cases → a list, or fewer of them."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from oddport.case.cases import CaseInfo, find_case, list_cases
from oddport.case.cases import remove_case as remove_one
from oddport.case.errors import CaseError
from oddport.case.folders import data_folder
from oddport.cli.paths import fail
from oddport.wording import SEVERITY_LETTERS, safe, size


def list_all() -> int:
    """Print the cases, the one used last first; gives the exit status."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    try:
        listed = list_cases()
    except CaseError as error:
        fail(str(error))
        return 2
    console = Console(highlight=False, emoji=False, markup=False)
    if not listed:
        console.print(f"No cases yet in {data_folder()}. `oddport CAPTURE` makes one, `oddport demo` shows the way.")
        return 0
    table = Table(box=None, pad_edge=False, header_style="dim")
    for head in ("Case", "Size", "Flows", "Findings", "Reviewed", "Used last (UTC)", "State"):
        table.add_column(head, justify="right" if head in ("Size", "Flows", "Reviewed") else "left", no_wrap=True)
    for case in listed:
        used = datetime.fromtimestamp(max(case.opened_ns or 0, case.modified_ns) / 1e9, UTC)
        table.add_row(
            Text(safe(case.name)),
            size(case.size),
            f"{case.flows:,}",
            _findings(case),
            f"{case.reviewed:,} of {sum(case.findings):,}",
            f"{used:%d %b %Y %H:%M}",
            Text(safe(case.problem or case.state)),
        )
    console.print(table)
    console.print(Text(f"{size(sum(case.size for case in listed))} in {data_folder()}", style="dim"))
    return 0


def _findings(case: CaseInfo) -> str:
    counts = [(letter, count) for letter, count in zip(SEVERITY_LETTERS, case.findings, strict=True) if count]
    return "  ".join(f"{letter} {count:,}" for letter, count in reversed(counts)) or "none"


def remove(names: Sequence[str], yes: bool) -> int:
    """Remove cases after asking; gives the exit status."""
    try:
        paths = [find_case(name) for name in names]
    except CaseError as error:
        fail(str(error))
        return 2
    if not yes:
        if not sys.stdin.isatty():
            fail("Nobody can be asked here. --yes removes without asking.")
            return 2
        print("\n".join(safe(str(path)) for path in paths))
        if input("Remove, with verdicts and notes? [y/N] ").strip().lower() not in ("y", "yes"):
            print("Nothing was removed.")
            return 0
    status = 0
    for path in paths:
        try:
            print(f"{safe(path.name)} removed, {size(remove_one(path))} freed.")
        except CaseError as error:
            fail(str(error))
            status = 2
    return status
