"""The network interfaces of this machine, as a person chooses among them."""

import ipaddress
import socket
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HostInterface:
    """One interface as the system describes it now."""

    name: str
    addresses: tuple[str, ...]
    """IPv4 before IPv6, without prefix length."""
    up: bool
    loopback: bool


def host_interfaces() -> list[HostInterface]:
    """All of them: those that are up first, loopback last, then by name. OSError where the system does not tell."""
    import psutil  # 15 ms, and only wanted here

    states = psutil.net_if_stats()
    found = []
    for name, addresses in psutil.net_if_addrs().items():
        state = states.get(name)
        plain = sorted(
            (each.family != socket.AF_INET, each.address.partition("%")[0])
            for each in addresses
            if each.family in (socket.AF_INET, socket.AF_INET6)
        )
        texts = tuple(text for _, text in plain)
        found.append(
            HostInterface(
                name=name,
                addresses=texts,
                up=state is not None and state.isup,
                loopback=any(ipaddress.ip_address(text).is_loopback for text in texts),
            )
        )
    return sorted(found, key=lambda each: (each.loopback, not each.up, each.name))


def usual_interface(interfaces: list[HostInterface]) -> HostInterface | None:
    """The one that is meant where none is named: up, no loopback, with an address that reaches beyond its link."""

    def rank(each: HostInterface) -> int:
        return sum(not ipaddress.ip_address(text).is_link_local for text in each.addresses)

    candidates = [each for each in interfaces if each.up and not each.loopback]
    return max(candidates, key=rank, default=None)
