"""First bytes of a control flow → the channels that its ends announce to each other: where, and of which protocol.

FTP's data connections (RFC 959, 4.1.2 and 4.2; RFC 2428), media that SDP describes (RFC 8866, 5.7 and 5.14) in SIP and
RTSP, RTSP's Transport (RFC 2326, 12.39), the port from which a TFTP client asked (RFC 1350, 4).
"""

import re
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import NamedTuple

from oddport.engine.columns import TCP, UDP, proto_text
from oddport.engine.heads import Head
from oddport.protocols.model import Identification

FACT = "announces"
MOST = 64
"""Channels of one flow that are told."""
TRANSPORTS = {"tcp": TCP, "udp": UDP}
CLIENT, SERVER = "client", "server"
"""In place of an address: that end of the control flow."""


class Channel(NamedTuple):
    """One end of a channel that will be there."""

    app: str
    proto: int
    host: str
    """An address, or CLIENT or SERVER."""
    port: int
    """0: the port of that end in the control flow."""

    def text(self) -> str:
        """As a fact: "ftp-data tcp 192.0.2.1 1026"."""
        return f"{self.app} {proto_text(self.proto)} {self.host} {self.port}"


def channel_of(text: str) -> Channel:
    """What Channel.text made a text of."""
    app, proto, host, port = text.split()
    return Channel(app, TRANSPORTS[proto], host, int(port))


_PORT = re.compile(rb"(?:\A|\n)PORT +([0-9]{1,3}(?:,[0-9]{1,3}){5})", re.IGNORECASE)
_EPRT = re.compile(rb"(?:\A|\n)EPRT +\|[12]\|([0-9A-Fa-f:.]{3,45})\|([0-9]{1,5})\|", re.IGNORECASE)
_PASV = re.compile(rb"(?:\A|\n)227 [^\n]{0,200}?([0-9]{1,3}(?:,[0-9]{1,3}){5})")
_EPSV = re.compile(rb"(?:\A|\n)229 [^\n]{0,200}?\(\|\|\|([0-9]{1,5})\|\)")
_CONNECTION = re.compile(rb"(?:\A|\n)c=IN IP[46] ([0-9A-Fa-f:.]{3,45})")
_MEDIA = re.compile(rb"(?:\A|\n)m=[a-z]+ ([0-9]{1,5})(?:/[0-9]+)? (?:UDP/TLS/)?RTP/S?AVPF?[ \r\n]")
_RTCP = re.compile(rb"(?:\A|\n)a=rtcp:([0-9]{1,5})")
_TRANSPORT = re.compile(
    rb"\nTransport:[^\n]{0,400}?(client|server)_port=([0-9]{1,5})(?:-([0-9]{1,5}))?"
    rb"(?:[^\n]{0,200}?(client|server)_port=([0-9]{1,5})(?:-([0-9]{1,5}))?)?",
    re.IGNORECASE,
)


def _address(text: bytes, side: str) -> str:
    """An address as it is written, or the end itself where it is none, or any."""
    try:
        address = ip_address(text.decode("ascii"))
    except ValueError:
        return side
    return side if address.is_unspecified else str(address)


def _of_numbers(text: bytes, side: str) -> Iterator[Channel]:
    """The address and port in six decimal numbers; also at the end itself: clients pass over addresses that are wrong
    behind a translator."""
    numbers = [int(word) for word in text.split(b",")]
    if max(numbers) < 256:
        port = numbers[4] << 8 | numbers[5]
        yield Channel("ftp-data", TCP, ".".join(map(str, numbers[:4])), port)
        yield Channel("ftp-data", TCP, side, port)


def _ftp(client: bytes, server: bytes) -> Iterator[Channel]:
    for match in _PORT.finditer(client):
        yield from _of_numbers(match.group(1), CLIENT)
    for match in _EPRT.finditer(client):
        yield Channel("ftp-data", TCP, _address(match.group(1), CLIENT), int(match.group(2)))
    for match in _PASV.finditer(server):
        yield from _of_numbers(match.group(1), SERVER)
    for match in _EPSV.finditer(server):
        yield Channel("ftp-data", TCP, SERVER, int(match.group(1)))


def _media(client: bytes, server: bytes) -> Iterator[Channel]:
    """Ports of RTP in descriptions, each at every address that the description names, and RTCP's beside them."""
    for side, data in ((CLIENT, client), (SERVER, server)):
        addresses = {_address(match.group(1), side) for match in _CONNECTION.finditer(data)}
        ports = [int(match.group(1)) for match in _MEDIA.finditer(data)]
        reports = [int(match.group(1)) for match in _RTCP.finditer(data)]
        for address in sorted(addresses):
            for port in ports:
                yield Channel("rtp", UDP, address, port)
                yield Channel("rtcp", UDP, address, port + 1)
            for port in reports:
                yield Channel("rtcp", UDP, address, port)


def _rtsp(client: bytes, server: bytes) -> Iterator[Channel]:
    yield from _media(client, server)
    for data in (client, server):
        for match in _TRANSPORT.finditer(data):
            for end, first, second in (match.group(1, 2, 3), match.group(4, 5, 6)):
                if end:
                    side = CLIENT if end.lower() == b"client" else SERVER
                    yield Channel("rtp", UDP, side, int(first))
                    yield Channel("rtcp", UDP, side, int(second or int(first) + 1))


def _tftp(client: bytes, server: bytes) -> Iterator[Channel]:
    if client[:2] in (b"\0\1", b"\0\2"):
        yield Channel("tftp", UDP, CLIENT, 0)


Announcing = Callable[[bytes, bytes], Iterator[Channel]]


def _describe(announcing: Announcing) -> Callable[[Head, Identification], None]:
    """A `describe` that adds the channels to the facts. The name is not final while more of them may come."""

    def describe(head: Head, found: Identification) -> None:
        orig = head.orig if head.proto == TCP else b"\n".join(head.orig_datagrams or (head.orig,))
        resp = head.resp if head.proto == TCP else b"\n".join(head.resp_datagrams or (head.resp,))
        told = announcing(resp, orig) if found.server == 0 else announcing(orig, resp)
        texts = dict.fromkeys(channel.text() for channel in told if 0 <= channel.port < 65_536)
        if texts:
            found.facts[FACT] = list(texts)[:MOST]
        found.final = found.final and head.closed

    return describe


ftp, media, rtsp, tftp = map(_describe, (_ftp, _media, _rtsp, _tftp))
