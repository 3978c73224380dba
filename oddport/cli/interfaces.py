"""The network interfaces of this machine → a list: state, addresses, and which program may capture there."""

from oddport.capture.live.interfaces import HostInterface, host_interfaces
from oddport.capture.live.ways import Refusal, Way, local_ways
from oddport.cli.paths import fail
from oddport.wording import safe


def show() -> int:
    """Print the list; exit status 0, or 2 where the system does not tell."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    try:
        interfaces = host_interfaces()
    except OSError as error:
        fail(f"The interfaces of this machine could not be listed: {error.strerror}.")
        return 2
    table = Table(box=None, pad_edge=False, header_style="bold")
    for word in ("Interface", "State", "Addresses", "Capture"):
        table.add_column(word, overflow="fold")
    ways = [local_ways(each.name) for each in interfaces]
    for each, (way, _) in zip(interfaces, ways, strict=True):
        table.add_row(*(Text(safe(cell)) for cell in (each.name, _state(each), _addresses(each), _by(way))))
    console = Console()
    console.print(table)
    if not any(way for way, _ in ways):
        for line in _advice(ways[0][1] if ways else []):
            console.print(Text(safe(line)), soft_wrap=True)
    return 0


def _state(interface: HostInterface) -> str:
    return "up" if interface.up else "down"


def _addresses(interface: HostInterface) -> str:
    return ", ".join(interface.addresses) or "none"


def _by(way: Way | None) -> str:
    return "no" if way is None else f"{way.tool}, {way.account}"


def _advice(refusals: list[Refusal]) -> list[str]:
    """Why not, program by program, and the commands that would allow it."""
    lines = ["", "Nothing here may capture:"]
    for refusal in refusals:
        lines.append(f"  {refusal.tool}: {refusal.reason}")
        if refusal.fix:
            lines.append(f"    {refusal.fix}")
    lines.append("One of them is enough. Everything else works without it.")
    return lines
