"""What was spoken, and where → ATT&CK techniques with relation and reason."""

from collections.abc import Mapping as MappingOf

from oddport.attack import Procedure, procedures_for
from oddport.detection.model import Mapping
from oddport.detection.words import app_title, listed, port_text
from oddport.protocols.model import FactValue

EXAMPLES = frozenset({("tls", 8088), ("tls", 587)})
"""The two pairings that the text of T1571 itself gives (as HTTPS)."""

_APPLICATION = {
    "T1071.001": ("http", "http2", "quic", "websocket", "soap"),
    "T1071.002": ("ftp", "ftp-data", "tftp", "afp", "nfs", "rsync"),
    "T1071.003": ("smtp", "pop3", "imap"),
    "T1071.004": ("dns", "mdns", "llmnr", "dnscrypt"),
    "T1071.005": ("mqtt", "xmpp", "amqp", "kafka", "nats"),
    "T1071": ("irc", "sip", "ldap", "snmp", "ntp", "redis", "syslog"),
}
_CHANNEL = {app: technique for technique, apps in _APPLICATION.items() for app in apps}
_REMOTE = {"rdp": "T1021.001", "smb": "T1021.002", "ssh": "T1021.004", "vnc": "T1021.005"}
_TUNNEL = frozenset({"gtp", "ipsec", "l2tp", "openvpn", "pptp", "teredo", "vxlan", "wireguard", "zerotier"})
_PROXY = frozenset({"socks", "tor"})
_MINING = frozenset({"bitcoin", "ethereum", "mining", "stratum"})
_NO_PROTOCOL = ("raw", "custom", "faketls")
"""How the T1571 procedures call what is no protocol of the port."""

TECHNIQUES: tuple[str, ...] = (
    "T1021.001", "T1021.002", "T1021.004", "T1021.005", "T1059.003", "T1059.004", "T1071", "T1071.001", "T1071.002",
    "T1071.003", "T1071.004", "T1071.005", "T1090", "T1095", "T1219", "T1496.001", "T1571", "T1572", "T1573.002",
)  # fmt: skip
"""All that `mappings` may give."""


def recorded(app: str | None, transport: str, port: int) -> list[Procedure]:
    """Who ATT&CK records with this app on this port; for an unknown app, with none that fits the port."""
    found = procedures_for(port, transport)
    if app is None:
        return [each for each in found if each.app in _NO_PROTOCOL]
    return [each for each in found if each.app == app]


def mappings(
    app: str | None,
    transport: str,
    port: int,
    why: str,
    *,
    outside: bool,
    facts: MappingOf[str, FactValue],
    context: bool = False,
) -> tuple[Mapping, ...]:
    """T1571 first, then what the app itself is mapped to.

    `why` says what does not fit; `outside`: the server is an outside address; `context`: the finding is one that
    explains itself, so that nothing is direct.
    """
    if (app, port) in EXAMPLES and transport == "tcp":
        why = f"HTTPS on {port} is the example MITRE gives"
    known = [each.name for each in recorded(app, transport, port)]
    if known:
        why += f"; recorded so in ATT&CK: {listed(known)}"
    found = [Mapping("T1571", "context" if context else "direct", why)]
    if context:
        return tuple(found)
    return tuple(found + (_unnamed(port_text(port, transport)) if app is None else _named(app, outside, facts)))


def _unnamed(where: str) -> list[Mapping]:
    return [Mapping("T1095", "related", f"no application protocol was recognised on {where}")]


def _named(app: str, outside: bool, facts: MappingOf[str, FactValue]) -> list[Mapping]:
    title = app_title(app)
    if app == "tls":
        return [Mapping("T1573.002", "context", "the channel is TLS")]
    if app == "shell":
        windows = facts.get("shell") in ("cmd", "powershell")
        shell = "T1059.003" if windows else "T1059.004"
        return [
            Mapping(shell, "direct", "prompts and output of a shell travel in clear"),
            Mapping("T1095", "direct", "a shell over a bare TCP connection, in no application protocol"),
        ]
    if app in _REMOTE:
        relation = "related" if outside else "direct"
        found = [Mapping(_REMOTE[app], relation, f"{title} operates the host that serves it")]
        if app == "ssh":
            found.append(Mapping("T1572", "context", "SSH can carry other connections inside"))
        elif outside:
            found.append(Mapping("T1219", "context", f"{title} to an outside address gives remote control"))
        return found
    if app in _CHANNEL:
        return [Mapping(_CHANNEL[app], "direct", f"what is spoken is {title}")]
    if app in _TUNNEL:
        return [Mapping("T1572", "direct", f"{title} carries other traffic inside")]
    if app in _PROXY:
        return [Mapping("T1090", "direct", f"{title} passes connections on")]
    if app in _MINING:
        return [Mapping("T1496.001", "direct", f"{title} hands out work to miners")]
    return [Mapping("T1071", "related", f"{title} is an application protocol that can carry orders")]
