"""Registered protocols → a list, or what the recogniser of one checks, and where the protocol belongs."""

from difflib import get_close_matches
from inspect import cleandoc

from oddport.cli.paths import fail
from oddport.engine.columns import proto_text
from oddport.protocols.ports import AppPorts, port_table
from oddport.protocols.registry import ANY, CLIENT, SERVER, Grammar, Protocol, byte_set_text, registry, runs
from oddport.protocols.shapes import Side

ROLES = ((CLIENT, "client"), (SERVER, "server"))
FIRST = {"client": "The client speaks first.", "server": "The server speaks first.", "either": "Either side may begin."}
TIERS = {
    "A": "both directions parse as the protocol",
    "B": "one direction proves it, by a length or checksum that closes or by fixed bytes",
    "C": "a control connection announced the channel",
}


def best_tier(protocol: Protocol) -> str:
    """The surest tier that a flow can get: A where both directions can be told, else B; C without any grammar."""
    if not protocol.grammars:
        return "C"
    both = any((one.client and one.server) or one.symmetric or one.series for one in protocol.grammars)
    return "A" if both else "B"


def checked(grammar: Grammar, role: int) -> list[str]:
    """What the role's matcher looks for, a sentence or the names of its messages; empty where it has no matcher."""
    matcher = grammar.client if role == CLIENT else grammar.server
    if matcher is None:
        return []
    table = getattr(matcher, "__self__", None)
    if isinstance(table, Side):
        return list(dict.fromkeys(one.says for one in table.parts))
    return [" ".join(cleandoc(matcher.__doc__ or "its first bytes").split())]


def ports_text(ports: dict[int, str]) -> str:
    """Ports as runs: "502, 5900-5999"."""
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs(ports))


def _sourced(ports: dict[int, str]) -> list[str]:
    """One line for each source: "5900-5999 (IANA: rfb)"."""
    by_source: dict[str, dict[int, str]] = {}
    for port, source in ports.items():
        by_source.setdefault(source, {})[port] = source
    return [f"{ports_text(some)} ({source})" for source, some in by_source.items()]


def _about_ports(entry: AppPorts | None) -> list[tuple[str, list[str]]]:
    if entry is None:
        return []
    told = [("Belongs on", _sourced(entry.standard)), ("In wide use on", _sourced(entry.alternate))]
    if entry.dynamic:
        told.append(("Other ports", ["any that is not well known for another service"]))
    return [(head, lines) for head, lines in told if lines]


def _about_grammar(grammar: Grammar) -> list[tuple[str, list[str]]]:
    over = ", ".join(proto_text(transport) for transport in grammar.transports)
    told = [("Over", [over])]
    for role, word in ROLES:
        first = grammar.client_first if role == CLIENT else grammar.server_first
        lines = checked(grammar, role)
        if lines:
            begins = "begins with any byte" if first == ANY else f"begins with {byte_set_text(first)}"
            told.append((f"The {word}", [begins, *lines]))
    if grammar.series is not None:
        told.append(("A direction", [" ".join(cleandoc(grammar.series.__doc__ or "").split())]))
    if grammar.symmetric:
        told.append(("Roles", ["either end may take either"]))
    return told


def _list() -> int:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for head in ("Name", "Protocol", "Also called", "Ports", "Tier", "Specification"):
        table.add_column(head, no_wrap=head in ("Name", "Tier"))
    known = port_table().apps
    for name, protocol in sorted(registry().protocols.items()):
        ports = ports_text(known[name].standard) or "any"
        words = (protocol.title, ", ".join(protocol.aliases), ports, best_tier(protocol), protocol.spec)
        table.add_row(Text(name, style="bold"), *map(Text, words))
    Console(highlight=False, emoji=False).print(table)
    return 0


def show(name: str | None) -> int:
    """Print the list, or one protocol's recogniser; gives the exit status."""
    if name is None:
        return _list()
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    tables = registry()
    word = name.lower()
    protocol = tables.protocols.get(tables.aliases.get(word, word))
    if protocol is None:
        near = get_close_matches(word, [*tables.protocols, *tables.aliases], 1)
        hint = f" Did you mean {near[0]}?" if near else " `oddport protocols` lists them."
        fail(f"No protocol called {name} is recognised.{hint}")
        return 2
    console = Console(highlight=False, emoji=False)
    console.print(Text(protocol.title, style="bold"), Text(protocol.name, style="dim"))
    told = [("Also called", [", ".join(protocol.aliases)])] if protocol.aliases else []
    told += [("Specification", [protocol.spec]), ("Order", [FIRST[protocol.first]])]
    told += [("Best tier", [f"{best_tier(protocol)}: " + TIERS[best_tier(protocol)]])]
    if protocol.announced_by:
        told.append(("Announced by", [", ".join(protocol.announced_by)]))
    told += _about_ports(port_table().apps.get(protocol.name))
    for grammar in protocol.grammars:
        told += _about_grammar(grammar)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column()
    for head, lines in told:
        table.add_row(Text(head), Text("\n".join(lines)))
    console.print(table)
    return 0
