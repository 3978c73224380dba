"""What ATT&CK records of T1571 → how it is looked for, what stands against it, who used which port."""

from dataclasses import dataclass
from functools import cache

from oddport.attack.index import Component, component, data_file, mitigation


@dataclass(frozen=True, slots=True)
class Procedure:
    """A group, campaign or program that is recorded with a non-standard port."""

    id: str
    """G0046, S0149, C0018 …"""
    name: str
    kind: str
    """`group`, `campaign`, `malware` or `tool`."""
    ports: tuple[int, ...]
    """Empty where the record names none."""
    port_min: int | None
    """Any port from this one on."""
    transport: str
    """`tcp` or `udp`; `tcp` where the record does not say, see `transport_stated`."""
    transport_stated: bool
    app: str | None
    """`http`, `tls`, `ssh` …; `raw`, `custom` and `faketls` = in no protocol of that port; None = not recorded."""
    role: str
    """`c2`, `listener`, `remote-access` or `exfil`."""
    summary: str
    """Our own words."""
    url: str
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Analytic:
    """How the technique is looked for on some platforms."""

    id: str
    platforms: tuple[str, ...]
    components: tuple[Component, ...]
    tunables: tuple[str, ...]
    """What MITRE says a site has to set."""


@dataclass(frozen=True, slots=True)
class NonStandardPort:
    """What stands beside the technique itself."""

    strategy: str
    """Id of the detection strategy."""
    strategy_name: str
    analytics: tuple[Analytic, ...]
    mitigations: tuple[tuple[str, str], ...]
    """(id, name)"""
    data_source: str
    """Id of the data source that older texts name; deprecated since 18."""
    data_source_name: str
    components: tuple[Component, ...]
    """What stands in its place."""
    procedures: tuple[Procedure, ...]


_FOLDER = {"group": "groups", "campaign": "campaigns", "malware": "software", "tool": "software"}


@cache
def non_standard_port() -> NonStandardPort:
    """The facts about T1571."""
    data = data_file("t1571.json")
    strategy = data["strategies"][0]
    analytics = tuple(
        Analytic(
            each["id"],
            tuple(each["platforms"]),
            tuple(component(source["component_id"]) for source in each["log_sources"]),
            tuple(each["tunables"]),
        )
        for each in strategy["analytics"]
    )
    procedures = tuple(
        Procedure(
            each["id"],
            each["name"],
            each["kind"],
            tuple(each["ports"]),
            each.get("port_min"),
            each["transport"],
            each["transport_stated"],
            each.get("app_protocol"),
            each["role"],
            each["summary"],
            f"https://attack.mitre.org/{_FOLDER[each['kind']]}/{each['id']}",
            tuple(each.get("aliases", ())),
        )
        for each in data["procedures"]
    )
    source = data["data_source"]
    return NonStandardPort(
        strategy["id"],
        strategy["name"],
        analytics,
        tuple((id, mitigation(id)) for id in data["mitigations"]),
        source["id"],
        source["name"],
        tuple(component(id) for id in source["successors"]),
        procedures,
    )


@cache
def _by_port() -> dict[tuple[str, int], tuple[Procedure, ...]]:
    found: dict[tuple[str, int], list[Procedure]] = {}
    for procedure in non_standard_port().procedures:
        for port in procedure.ports:
            found.setdefault((procedure.transport, port), []).append(procedure)
    return {key: tuple(each) for key, each in found.items()}


def procedures_for(port: int, transport: str = "tcp") -> list[Procedure]:
    """Who is recorded with this very port over `tcp` or `udp`, by id. A record of "any high port" is in no answer.

    It tells who else did so, never that this traffic is theirs: 443, 80 and 53 are among the ports.
    """
    return sorted(_by_port().get((transport, port), ()), key=lambda procedure: procedure.id)
