"""Which ends of which channels control flows announce, by the words of their specifications."""

import pytest

from oddport.engine.columns import TCP, UDP
from oddport.engine.heads import Head
from oddport.protocols import announced
from oddport.protocols.announced import CLIENT, FACT, SERVER, Channel, channel_of
from oddport.protocols.identify import identify
from oddport.protocols.model import FactValue, Identification, Tier

GREETING = b"220 Service ready\r\n"


def told(app: str, head: Head, server: int = 1) -> FactValue:
    found = Identification(app, Tier.A, server)
    getattr(announced, app)(head, found)
    return found.facts.get(FACT, [])


def test_ftp_announces_ports_in_both_modes() -> None:
    client = b"USER a\r\nPORT 10,0,0,1,4,1\r\nEPRT |2|2001:db8::1|5282|\r\n"
    server = GREETING + b"227 Entering Passive Mode (192,0,2,1,4,2)\r\n229 Extended (|||6446|)\r\n"
    assert told("ftp", Head(TCP, client, server)) == [
        "ftp-data tcp 10.0.0.1 1025",
        "ftp-data tcp client 1025",
        "ftp-data tcp 2001:db8::1 5282",
        "ftp-data tcp 192.0.2.1 1026",
        "ftp-data tcp server 1026",
        "ftp-data tcp server 6446",
    ]
    assert told("ftp", Head(TCP, server, client), 0) == told("ftp", Head(TCP, client, server))


def test_a_control_flow_is_not_final_before_it_is_over() -> None:
    client, server = b"OPTIONS sip:b@c.example SIP/2.0\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n"
    assert identify(Head(TCP, client, server)).final
    assert not identify(Head(TCP, client, server, closed=False)).final


@pytest.mark.parametrize(
    "server",
    [b"227 at (192,0,2,1,4,999)\r\n", b"229 (|||70000|)\r\n", b"150 227 (1,2,3,4,5,6)\r\n", b"227 (1,2,3,4,5)\r\n"],
)
def test_numbers_that_are_no_end_are_not_announced(server: bytes) -> None:
    assert told("ftp", Head(TCP, b"PASV\r\n", server)) == []


SDP = b"v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 49170 RTP/AVP 0 8\r\n"


def test_a_description_in_sip_announces_media_and_reports() -> None:
    invite = b"INVITE sip:b@c.example SIP/2.0\r\n\r\n" + SDP + b"a=rtcp:53020\r\nm=image 9000 udptl t38\r\n"
    head = Head(UDP, invite, b"", (invite,))
    assert told("media", head) == ["rtp udp 10.0.0.1 49170", "rtcp udp 10.0.0.1 49171", "rtcp udp 10.0.0.1 53020"]
    assert identify(head).facts[FACT] == told("media", head)


def test_rtsp_announces_both_ends_of_a_transport() -> None:
    client = b"SETUP rtsp://a/b RTSP/1.0\r\nTransport: RTP/AVP;unicast;client_port=4588-4589\r\n\r\n"
    server = b"RTSP/1.0 200 OK\r\nTransport: RTP/AVP;unicast;client_port=4588-4589;server_port=6256-6257\r\n\r\n"
    assert told("rtsp", Head(TCP, client, server)) == [
        "rtp udp client 4588",
        "rtcp udp client 4589",
        "rtp udp server 6256",
        "rtcp udp server 6257",
    ]


def test_a_tftp_request_announces_the_port_it_came_from() -> None:
    assert identify(Head(UDP, b"\0\1a\0octet\0")).facts[FACT] == ["tftp udp client 0"]


def test_addresses_that_are_none_or_any_are_the_end_itself() -> None:
    sdp = b"\nc=IN IP4 0.0.0.0\r\nm=audio 5004 RTP/AVP 0\r\n"
    assert told("media", Head(UDP, sdp)) == ["rtp udp client 5004", "rtcp udp client 5005"]
    assert told("media", Head(UDP, sdp.replace(b"0.0.0.0", b"1.2.3"))) == told("media", Head(UDP, sdp))


def test_a_channel_is_what_its_text_says() -> None:
    for channel in (
        Channel("rtp", UDP, "2001:db8::1", 7),
        Channel("ftp-data", TCP, SERVER, 1),
        Channel("a", TCP, CLIENT, 0),
    ):
        assert channel_of(channel.text()) == channel
