"""Scapy's names and values → the words that a person reads in the tree."""

from collections.abc import Callable
from typing import Any

from tui.data.dissection.model import TEXT_LIMIT

_LAYERS: dict[str, str] = {
    "Ether": "Ethernet", "Dot3": "IEEE 802.3", "Dot1Q": "802.1Q", "Dot1AD": "802.1ad", "IP": "IPv4", "IPv6": "IPv6",
    "CookedLinux": "Linux SLL", "CookedLinuxV2": "Linux SLL2", "Loopback": "Null/Loopback", "RadioTap": "radiotap",
    "Dot11": "802.11", "Dot11FCS": "802.11", "Dot11QoS": "802.11 QoS", "LLC": "LLC", "SNAP": "SNAP",
    "IPv6ExtHdrHopByHop": "hop-by-hop options", "IPv6ExtHdrFragment": "fragment header", "SCTP": "SCTP",
    "SCTPChunkData": "data chunk",
    "IPv6ExtHdrDestOpt": "destination options", "IPv6ExtHdrRouting": "routing header", "MPLS": "MPLS",
    "IPv6ExtHdrSegmentRouting": "segment routing header", "IPerror": "IPv4 in error", "TCPerror": "TCP in error",
    "UDPerror": "UDP in error", "ICMPerror": "ICMP in error", "IPerror6": "IPv6 in error", "DNSQR": "question",
    "DNSRR": "record", "DNSRROPT": "OPT record", "TLS": "TLS", "TLSClientHello": "ClientHello",
    "TLS13ClientHello": "ClientHello", "TLSServerHello": "ServerHello", "TLS13ServerHello": "ServerHello",
    "TLSApplicationData": "application data", "TLSChangeCipherSpec": "ChangeCipherSpec", "TLSAlert": "alert",
    "NTPHeader": "NTP", "BOOTP": "DHCP", "DHCP": "DHCP options",
}  # fmt: skip
"""Names of layers, where scapy's own is not the one that people use."""

_FIELDS: dict[tuple[str, str], str] = {
    ("Ether", "dst"): "destination", ("Ether", "src"): "source",
    ("IP", "ihl"): "header length, words", ("IP", "tos"): "type of service", ("IP", "len"): "total length",
    ("IP", "id"): "identification", ("IP", "frag"): "fragment offset", ("IP", "ttl"): "time to live",
    ("IP", "proto"): "protocol", ("IP", "chksum"): "checksum", ("IP", "src"): "source", ("IP", "dst"): "destination",
    ("IPv6", "tc"): "traffic class", ("IPv6", "fl"): "flow label", ("IPv6", "plen"): "payload length",
    ("IPv6", "nh"): "next header", ("IPv6", "hlim"): "hop limit", ("IPv6", "src"): "source",
    ("IPv6", "dst"): "destination",
    ("TCP", "sport"): "source port", ("TCP", "dport"): "destination port", ("TCP", "seq"): "sequence number",
    ("TCP", "ack"): "acknowledgement", ("TCP", "chksum"): "checksum",
    ("TCP", "urgptr"): "urgent pointer", ("TCP", "dataofs"): "header length, words",
    ("UDP", "sport"): "source port", ("UDP", "dport"): "destination port",
    ("UDP", "len"): "length", ("UDP", "chksum"): "checksum", ("ICMP", "chksum"): "checksum",
    ("SCTP", "sport"): "source port", ("SCTP", "dport"): "destination port", ("SCTP", "tag"): "verification tag",
    ("SCTP", "chksum"): "checksum", ("IPv6ExtHdrHopByHop", "nh"): "next header", ("_IPv6ExtHdr", "nh"): "next header",
    ("IPv6ExtHdrFragment", "m"): "more fragments", ("ICMP", "seq"): "sequence number", ("ICMP", "id"): "identifier",
    ("CookedLinux", "pkttype"): "packet type", ("CookedLinux", "lladdrtype"): "address type",
    ("CookedLinux", "lladdrlen"): "address length", ("CookedLinux", "src"): "source",
    ("CookedLinux", "proto"): "protocol", ("Dot11", "SC"): "sequence control", ("Dot11", "ID"): "duration",
    ("Dot11", "FCfield"): "frame control flags", ("Dot11", "proto"): "protocol version",
    ("DNSQR", "unicastresponse"): "unicast response", ("Dot1Q", "vlan"): "VLAN", ("Dot1Q", "prio"): "priority",
    ("DNS", "qr"): "response", ("DNS", "aa"): "authoritative", ("DNS", "tc"): "truncated",
    ("DNS", "rd"): "recursion desired", ("DNS", "ra"): "recursion available", ("DNS", "rcode"): "reply code",
    ("DNS", "qdcount"): "questions", ("DNS", "ancount"): "answers", ("DNS", "nscount"): "authorities",
    ("DNS", "arcount"): "additional", ("DNS", "qd"): "question section", ("DNS", "an"): "answer section",
    ("DNS", "ns"): "authority section", ("DNS", "ar"): "additional section", ("DNSQR", "qname"): "name",
    ("DNSQR", "qtype"): "type", ("DNSQR", "qclass"): "class", ("DNSRR", "rrname"): "name",
    ("DNSRR", "ttl"): "time to live", ("DNSRR", "rclass"): "class", ("DNSRR", "rdlen"): "data length",
    ("DNSRR", "rdata"): "data",
}  # fmt: skip
"""Names of fields by layer; every other field has scapy's own, with spaces."""

_ANY_FIELD: dict[str, str] = {
    "len": "length", "msgtype": "type", "msglen": "length", "sidlen": "session id length", "sid": "session id",
    "cipherslen": "cipher suites length", "ciphers": "cipher suites", "complen": "compression length",
    "comp": "compression", "extlen": "extensions length", "ext": "extensions", "random_bytes": "random",
    "gmt_unix_time": "random, time", "servernames": "server names", "servernameslen": "server names length",
    "namelen": "name length", "nametype": "name type", "servername": "server name", "msg": "messages",
    "cipher": "cipher suite", "data": "data", "deciphered_len": "content length", "iv": "initialisation vector",
    "chksum": "checksum", "protocols": "protocols", "protocolslen": "protocols length",
}  # fmt: skip

_TCP_FLAGS: tuple[tuple[str, str], ...] = (
    ("S", "SYN"), ("F", "FIN"), ("R", "RST"), ("P", "PSH"), ("A", "ACK"), ("U", "URG"), ("E", "ECE"), ("C", "CWR"),
    ("N", "NS"),
)  # fmt: skip
_PORTS = frozenset({"sport", "dport", "sp", "dp", "port"})
"""Fields that stay a number: the services file of this machine names ports, not protocols."""
_HEXADECIMAL = frozenset({"ciphers", "cipher"})
"""Fields whose numbers people know in hexadecimal, where they have a name."""
_SHOWN_BYTES = 48
"""Bytes of a value that are written out; the bytes themselves are in the view beside the tree."""


def cut(text: str) -> str:
    """`text`, not longer than a value may be."""
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"


def bytes_text(data: bytes) -> str:
    """Bytes as a person reads them: as text if all of them are printable ASCII, else in hexadecimal."""
    if not data:
        return "empty"
    shown = data[:TEXT_LIMIT]
    words = shown.rstrip(b"\r\n\0")
    if words and all(0x20 <= byte < 0x7F for byte in words):
        return words.decode("ascii") + ("…" if len(data) > TEXT_LIMIT else "")
    if len(shown) > 4 and not any(data):
        return f"{len(data):,} zero bytes"
    return data[:_SHOWN_BYTES].hex(" ") + (" …" if len(data) > _SHOWN_BYTES else "")


def flag_words(letters: str) -> str:
    """TCP flags by their names, in the order in which people say them: `PSH ACK`."""
    return " ".join(word for letter, word in _TCP_FLAGS if letter in letters) or "none"


class NameBook:
    """Names, values and summaries. Nothing that a value does when it is printed gets out of here as an error."""

    def layer(self, packet: Any) -> str:
        """The name of a layer."""
        kind = type(packet).__name__
        known = _LAYERS.get(kind)
        if known:
            return known
        name = str(getattr(packet, "name", None) or kind)
        for prefix in ("TLS Extension - ", "TLS Handshake - ", "TLS 1.3 Handshake - "):
            name = name.removeprefix(prefix)
        return cut(name)

    def field(self, packet: Any, name: str) -> str:
        """The name of a field of a layer."""
        for cls in type(packet).__mro__:
            known = _FIELDS.get((cls.__name__, name))
            if known:
                return known
        return _ANY_FIELD.get(name) or cut(name.replace("_", " "))

    def plain(self, value: Any) -> str:
        """A value for which there is no field to ask."""
        if isinstance(value, bytes):
            return bytes_text(value)
        try:
            return cut(str(value)) if not isinstance(value, list) else f"{len(value):,} values"
        except Exception:
            # the text of a value is scapy's code over hostile bytes: its kind is still true, its bytes are in view
            return type(value).__name__

    def value(self, packet: Any, fld: Any, value: Any) -> str:
        """What a field says."""
        if value is None:
            return "none"
        if isinstance(value, bytes):
            return bytes_text(value)
        if isinstance(value, list):
            texts = [self.item(packet, fld, item) for item in value[:8]]
            return cut(", ".join(texts) + (f", … {len(value):,} in all" if len(value) > 8 else "")) or "none"
        return self._one(packet, fld, value)

    def item(self, packet: Any, fld: Any, value: Any) -> str:
        """What one element of a list says."""
        if isinstance(value, bytes):
            return bytes_text(value)
        inner = getattr(fld, "field", None) or fld
        return self._one(packet, inner, value)

    def _one(self, packet: Any, fld: Any, value: Any) -> str:
        name = getattr(fld, "name", "")
        try:
            if type(value).__name__ == "FlagValue":
                letters = str(value)
                if name == "flags" and type(packet).__name__.startswith("TCP"):
                    return flag_words(letters)
                return f"{letters or 'none'} (0x{int(value):x})" if int(value) else "none"
            if isinstance(value, int) and name in _PORTS:
                return str(int(value))
            shown = _as_scapy_shows(packet, fld, value)
        except Exception:
            # the value is still true where its wording fails
            return self.plain(value)
        if isinstance(value, int) and not isinstance(value, bool):
            number = str(int(value))
            if shown.startswith("0x"):
                return cut(shown)
            wide = name.startswith("version") and value > 0xFF
            if wide or name in _HEXADECIMAL or type(fld).__name__.startswith("X"):
                number = f"0x{int(value):04x}"
            if not shown or shown[:1].isdigit() or shown == "None":
                return number
            return cut(f"{number} {shown.strip(chr(39)).removeprefix('n_')}")
        return cut(shown)

    def summary(self, packet: Any) -> str:
        """One line on a layer; empty where its fields say it all."""
        kinds = (cls.__name__ for cls in type(packet).__mro__)
        wording = next((_SUMMARIES[kind] for kind in kinds if kind in _SUMMARIES), None)
        if wording is None:
            return ""
        try:
            return cut(wording(packet))
        except Exception:
            # a layer that lacks what its summary speaks of: the fields below it say what there is
            return ""


def _as_scapy_shows(packet: Any, fld: Any, value: Any) -> str:
    """The text that scapy shows for a value; what is bytes in Python's notation becomes text or hexadecimal."""
    human = fld.i2h(packet, value)
    if isinstance(human, bytes):
        return bytes_text(human)
    names = getattr(fld, "s2i", None) is not None or getattr(fld, "i2s", None) is not None
    if names and isinstance(value, int):
        named = (getattr(fld, "i2s", None) or {}).get(value)
        if named is not None:
            return str(named)
        return str(fld.i2repr(packet, value))
    return str(fld.i2repr(packet, value))


def _tls_summary(packet: Any) -> str:
    kinds = {20: "ChangeCipherSpec", 21: "Alert", 22: "handshake", 23: "ApplicationData"}
    book = NameBook()
    messages = packet.fields.get("msg") or []
    named = [book.layer(message) for message in messages if packet.type == 22 and type(message).__name__ != "Raw"]
    kind = kinds.get(packet.type, f"type {packet.type}")
    if packet.type == 21 and messages and "descr" in messages[0].fields:
        return f"{kind} {messages[0].get_field('descr').i2repr(messages[0], messages[0].descr)}"
    return f"{kind}: {', '.join(named)}" if named else kind


def _dns_summary(packet: Any) -> str:
    book = NameBook()
    questions = packet.fields.get("qd") or []
    asked = ""
    if questions:
        first = questions[0]
        kind = first.get_field("qtype").i2repr(first, first.qtype)
        asked = f" {kind} {book.plain(first.qname).removesuffix('.')}"
    if not packet.qr:
        return f"query{asked}"
    return f"response{asked}  {packet.ancount} {'answer' if packet.ancount == 1 else 'answers'}"


_SUMMARIES: dict[str, Callable[[Any], str]] = {
    "Ether": lambda p: f"{p.src} → {p.dst}",
    "Dot3": lambda p: f"{p.src} → {p.dst}",
    "Dot1Q": lambda p: f"VLAN {p.vlan}",
    "IP": lambda p: f"{p.src} → {p.dst}  ttl {p.ttl}" + (f"  fragment at {p.frag * 8}" if p.frag else ""),
    "IPv6": lambda p: f"{p.src} → {p.dst}  hop limit {p.hlim}",
    "IPv6ExtHdrFragment": lambda p: f"at {p.offset * 8}{', more follow' if p.m else ', the last'}",
    "TCP": lambda p: f"{p.sport} → {p.dport}  {flag_words(str(p.flags))}  seq {p.seq}",
    "UDP": lambda p: f"{p.sport} → {p.dport}  {p.len} bytes",
    "SCTP": lambda p: f"{p.sport} → {p.dport}",
    "ARP": lambda p: f"{'who has' if p.op == 1 else 'reply'} {p.pdst}  from {p.psrc}",
    "ICMP": lambda p: str(p.sprintf("%ICMP.type%")),
    "MPLS": lambda p: f"label {p.label}",
    "DNS": _dns_summary,
    "TLS": _tls_summary,
    "Dot11": lambda p: f"{p.addr2 or ''} → {p.addr1 or ''}",
}
