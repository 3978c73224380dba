"""Names of apps, ports and numbers → the words that titles and reasons are made of."""

_TITLES = {
    "bittorrent": "BitTorrent", "cassandra": "Cassandra", "ceph": "Ceph", "classicstun": "STUN (RFC 3489)",
    "diameter": "Diameter", "discord": "Discord", "edonkey": "eDonkey", "ethereum": "Ethereum", "finger": "Finger",
    "ftp-data": "FTP data", "git": "Git", "gnutella": "Gnutella", "http2": "HTTP/2", "ipsec": "IPsec",
    "kafka": "Kafka", "kerberos": "Kerberos", "megaco": "Megaco", "memcached": "memcached", "mining": "Mining",
    "modbus": "Modbus", "mongodb": "MongoDB", "ms-sql": "MS SQL", "msteams": "Teams", "mysql": "MySQL",
    "netbios": "NetBIOS", "netflow": "NetFlow", "openflow": "OpenFlow", "openvpn": "OpenVPN", "openwire": "OpenWire",
    "oracle-tns": "Oracle TNS", "postgresql": "PostgreSQL", "redis": "Redis", "rsync": "rsync", "sflow": "sFlow",
    "shell": "Shell", "signal": "Signal", "skype": "Skype", "socks": "SOCKS", "stratum": "Stratum",
    "sunrpc": "ONC RPC", "svn": "Subversion", "syslog": "syslog", "tailscale": "Tailscale", "telegram": "Telegram",
    "telnet": "Telnet", "teredo": "Teredo", "thrift": "Thrift", "tor": "Tor", "viber": "Viber",
    "websocket": "WebSocket", "whatsapp": "WhatsApp", "whois": "whois", "wireguard": "WireGuard", "zabbix": "Zabbix",
    "zerotier": "ZeroTier", "zoom": "Zoom",
}  # fmt: skip
"""Where capital letters would be wrong."""


def app_title(app: str) -> str:
    """The name of an app as titles write it: `tls` → TLS, `mysql` → MySQL."""
    return _TITLES.get(app) or app.upper()


def port_text(port: int, transport: str) -> str:
    """`8088/tcp`"""
    return f"{port}/{transport}"


def listed(words: list[str], most: int = 3) -> str:
    """`A, B and C`; beyond `most` the rest is counted: `A, B, C and 4 more`."""
    if len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most} more"
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
