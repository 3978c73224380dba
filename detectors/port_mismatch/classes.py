"""Which kind of app and which kind of port it is: the sets that the rules ask."""

from functools import cache

from oddport.engine.columns import TCP
from oddport.protocols.ports import port_table

WATCHED: tuple[int, ...] = (
    21, 22, 23, 25, 53, 80, 110, 143, 389, 443, 445, 465, 587, 636, 853, 993, 995, 1433, 3306, 3389, 5432, 5900,
)  # fmt: skip
"""Server ports that filters let through for their one service: there, something else is worth more than elsewhere."""

CLEAR = frozenset(
    {
        "amqp", "dns", "ftp", "http", "http2", "imap", "irc", "ldap", "mqtt", "nntp", "pop3", "sip", "smtp", "telnet",
        "websocket", "xmpp",
    }
)  # fmt: skip
"""Apps that have a form inside TLS, so that the bare form on a TLS port is the same thing without its cover."""

STARTTLS = frozenset({21, 25, 110, 119, 143, 389, 587, 5222, 5269})
"""TCP ports where TLS begins only after a command in clear (RFC 2595, 3207, 4217, 4511, 4642, 6120)."""
CLEAR_PORTS = frozenset({23, 53, 80})
"""Further TCP ports whose service never begins with a TLS handshake."""

USUAL_TLS = frozenset({8443, 9443})
"""TCP ports that are in wide use for web servers with TLS, and for nothing else."""

HOPPING = frozenset(
    {
        "bittorrent", "classicstun", "discord", "dtls", "edonkey", "gnutella", "msteams", "rtcp", "rtp", "signal",
        "skype", "skype_teams", "stun", "tailscale", "telegram", "viber", "whatsapp", "zoom",
    }
)  # fmt: skip
"""Apps that take any port they can get, the well-known ones included, as a habit: media, calls, peer to peer."""

JUDGED_APART = frozenset({"mining", "shell", "stratum"})
"""Apps that detectors of their own judge, on any port."""

REMOTE_CONTROL = frozenset(
    {"adb", "anydesk", "dcerpc", "radmin", "rdp", "smb", "ssh", "teamviewer", "telnet", "vnc", "winrm"}
)
"""Apps that operate the host that serves them."""
TUNNELS = frozenset(
    {
        "geneve",
        "gre",
        "gtp",
        "ipsec",
        "l2tp",
        "openvpn",
        "pptp",
        "socks",
        "teredo",
        "tor",
        "vxlan",
        "wireguard",
        "zerotier",
    }
)
"""Apps that carry or pass on other connections."""

EPHEMERAL = 49_152
"""First dynamic port (RFC 6335, section 6)."""


@cache
def tls_ports() -> frozenset[int]:
    """TCP ports that TLS is what they are for, rather than one of two things that are spoken there."""
    return (frozenset(port_table().apps["tls"].standard) | USUAL_TLS) - STARTTLS - CLEAR_PORTS


def is_clear_port(proto: int, port: int) -> bool:
    """Whether a conversation on this port begins in clear."""
    return proto == TCP and (port in STARTTLS or port in CLEAR_PORTS)
