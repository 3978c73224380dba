"""Protocol and server port → the verdict whether they fit; and what a port is well known for (data/ports.toml, IANA).

A verdict is about the server's port only: the caller decides which side that is, the client's port never excuses
anything. Ports name no protocol either: they are looked at after the name is known.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from oddport.engine.columns import SCTP, TCP, UDP, proto_text
from oddport.protocols.model import PortVerdict

TRANSPORTS = {"tcp": TCP, "udp": UDP, "sctp": SCTP}
DYNAMIC_FIRST = 49_152
"""First of the ports that IANA assigns to nobody (RFC 6335, section 6): a service there does not own its port."""
EPHEMERAL_FIRST = 32_768
"""First port that common systems give to clients (Linux ip_local_port_range; others begin higher)."""
SYSTEM_LAST = 1_023
"""Last system port (RFC 6335, section 6)."""


@dataclass(frozen=True, slots=True)
class AppPorts:
    """Ports of one protocol."""

    app: str
    over: tuple[int, ...]
    """Transports (IANA protocol numbers)."""
    standard: dict[int, str]
    """Port → source."""
    alternate: dict[int, str]
    dynamic: bool


@dataclass(frozen=True, slots=True)
class PortTable:
    """All of data/ports.toml."""

    apps: dict[str, AppPorts]
    owner: dict[tuple[int, int], str]
    """(transport, port) → the protocol that the port is well known for."""
    alternates: dict[tuple[int, int], tuple[str, ...]]
    """(transport, port) → protocols that are in wide use there, in alphabetical order."""


def _rows(app: str, kind: str, rows: object) -> dict[int, str]:
    """[[ports, source], …] → port → source. Raises ValueError with what is wrong, where."""
    found: dict[int, str] = {}
    if not isinstance(rows, list):
        raise ValueError(f"ports.toml: {app}.{kind} must be a list of [ports, source]")
    for row in rows:
        if not (isinstance(row, list) and len(row) == 2 and all(isinstance(cell, str) and cell for cell in row)):
            raise ValueError(f"ports.toml: {app}.{kind}: {row!r} is not [ports, source]")
        first, _, last = row[0].partition("-")
        for port in range(int(first), int(last or first) + 1):
            if not 0 < port < 65_536 or port in found:
                raise ValueError(f"ports.toml: {app}.{kind}: port {port} is out of range or there twice")
            found[port] = row[1]
    return found


def parse(text: str) -> PortTable:
    """The table in `text` (TOML as data/ports.toml).

    Raises ValueError where an entry is wrong or a port has no single owner.
    """
    document = tomllib.loads(text)
    chosen = document.pop("owner", {})
    apps: dict[str, AppPorts] = {}
    claims: dict[tuple[int, int], list[str]] = {}
    alternates: dict[tuple[int, int], list[str]] = {}
    for app in sorted(document):
        entry = document[app]
        unknown = set(entry) - {"over", "standard", "alternate", "dynamic", "owner"}
        if unknown:
            raise ValueError(f"ports.toml: {app} has the unknown key {sorted(unknown)[0]!r}")
        over = tuple(TRANSPORTS[word] for word in entry["over"])
        standard = _rows(app, "standard", entry.get("standard", []))
        alternate = _rows(app, "alternate", entry.get("alternate", []))
        apps[app] = AppPorts(app, over, standard, alternate, bool(entry.get("dynamic", False)))
        for transport in over:
            for port in alternate:
                alternates.setdefault((transport, port), []).append(app)
            if entry.get("owner", True):
                for port in standard:
                    claims.setdefault((transport, port), []).append(app)
    owner: dict[tuple[int, int], str] = {}
    for key, claimants in claims.items():
        name = chosen.get(f"{key[1]}/{proto_text(key[0])}", claimants[0] if len(claimants) == 1 else None)
        if name not in claimants:
            place = f"{key[1]}/{proto_text(key[0])}"
            raise ValueError(f"ports.toml: {place} is standard for {claimants}: say in [owner] whose it is")
        owner[key] = name
    return PortTable(apps, owner, {key: tuple(names) for key, names in alternates.items()})


@cache
def port_table() -> PortTable:
    """The table that comes with the program, read at the first call."""
    return parse((files("oddport.protocols") / "data" / "ports.toml").read_text(encoding="utf-8"))


@cache
def _iana() -> dict[int, tuple[str, ...]]:
    """Port → names for tcp, udp, sctp ("-" = none) by the IANA registry, read at the first call (a few ms)."""
    found: dict[int, tuple[str, ...]] = {}
    for line in (files("oddport.protocols") / "data" / "iana_services.txt").read_text(encoding="ascii").splitlines():
        if line and line[0] != "#":
            port, *names = line.split()
            found[int(port)] = tuple(names)
    return found


def iana_name(proto: int, port: int) -> str | None:
    """The service name that IANA registered for the port over this transport."""
    if proto not in (TCP, UDP, SCTP):
        return None
    names = _iana().get(port, ())
    index = (TCP, UDP, SCTP).index(proto)
    return names[index] if index < len(names) and names[index] != "-" else None


def owner(proto: int, port: int) -> str | None:
    """The protocol that the port is well known for over this transport."""
    return port_table().owner.get((proto, port))


def expected(proto: int, port: int) -> tuple[str | None, str]:
    """(protocol the port is well known for, a sentence with the source).

    ("tls", "443/tcp is the port of tls (IANA: https)"), (None, "41414/tcp is registered for nothing"),
    (None, "8088/tcp is registered as radan-http (IANA), in wide use for http").
    """
    table = port_table()
    place = f"{port}/{proto_text(proto)}"
    app = table.owner.get((proto, port))
    if app is not None:
        return app, f"{place} is the port of {app} ({table.apps[app].standard[port]})"
    name = iana_name(proto, port)
    used = table.alternates.get((proto, port), ())
    says = f"{place} is registered as {name} (IANA)" if name else f"{place} is registered for nothing"
    return None, says + (f", in wide use for {' and '.join(used)}" if used else "")


def source_of(app: str, port: int) -> str:
    """Why the port is standard or alternate for the protocol; "" if it is neither."""
    entry = port_table().apps.get(app)
    return (entry.standard.get(port) or entry.alternate.get(port) or "") if entry is not None else ""


def judge_port(app: str | None, proto: int, server_port: int, has_payload: bool) -> PortVerdict:
    """Whether `app` belongs on `server_port` over transport `proto` (IANA number); port 0 = unknown, nothing to judge.
    Of many flows at once: verdicts.Judge.

    standard and alternate as the table says; dynamic: the protocol keeps to no port, and the port is not well known
    for another service (above 49,151 none is); mismatch: anything else. Without a name: unrecognised if there was
    payload on a well-known port, else nothing.
    """
    table, port = port_table(), server_port
    if port == 0:
        return PortVerdict.NOTHING
    if app is None:
        if has_payload and (proto, port) in table.owner:
            return PortVerdict.UNRECOGNISED
        return PortVerdict.NOTHING
    entry = table.apps.get(app)
    if entry is None:
        return PortVerdict.NOTHING
    if proto in entry.over:
        if port in entry.standard:
            return PortVerdict.STANDARD
        if port in entry.alternate:
            return PortVerdict.ALTERNATE
    if entry.dynamic and (port >= DYNAMIC_FIRST or (proto, port) not in table.owner):
        return PortVerdict.DYNAMIC
    return PortVerdict.MISMATCH


def guess_server_by_port(proto: int, sport: int, dport: int) -> int:
    """Which side is the server if nothing else tells: 0 = originator, 1 = responder.

    A port that is well known for a service beats one that is not; ports that systems give to clients count as well
    known only against each other; else the lower port; equal ports: the responder.
    """
    table = port_table().owner
    source, destination = rank((proto, sport) in table, sport), rank((proto, dport) in table, dport)
    if source != destination:
        return 0 if source < destination else 1
    return 0 if sport < dport else 1


RANK_BORDERS = (0, 1, SYSTEM_LAST + 1, EPHEMERAL_FIRST)
"""From each of these ports on, ports rank alike."""


def rank(owned: bool, port: int) -> int:
    """How little a port looks like a server's, 0 to 5; `owned`: it is well known for a service."""
    if port == 0:
        return 5
    if port < EPHEMERAL_FIRST:
        return 0 if owned else 1 if port <= SYSTEM_LAST else 2
    return 3 if owned else 4
