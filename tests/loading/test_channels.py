"""Flows to an announced end are named after the flow that announced it, at tier C; others never."""

import struct
from pathlib import Path

import pytest

from oddport.loading import channels
from tests.captures import conversation, write_pcap
from tests.engine.packets import udp
from tests.loading.recorder import load

SERVER = "203.0.113.9"
CONTROL = [
    ("s", b"220 Service ready\r\n"),
    ("c", b"USER a\r\n"),
    ("s", b"331 need password\r\n"),
    ("c", b"PASS b\r\nPASV\r\n"),
    ("s", b"230 in\r\n227 Entering Passive Mode (203,0,113,9,156,64)\r\n"),
]
PORT = 156 * 256 + 64
FILE = [("s", bytes(range(1, 200)))]


def named(frames: list[bytes], tmp_path: Path) -> list[tuple[str | None, str | None, str | None]]:
    flows = load([write_pcap(tmp_path / "a.pcap", frames)], tmp_path).flow_list
    return [(flow["app"], flow["tier"], flow["port_verdict"]) for flow in flows]


def test_an_announced_data_connection_says_who_announced_it(tmp_path: Path) -> None:
    frames = conversation(CONTROL, port=21)
    frames = [*frames[:-3], *conversation(FILE, sport=40001, port=PORT), *frames[-3:]]
    control, data = load([write_pcap(tmp_path / "a.pcap", frames)], tmp_path).flow_list
    assert (data["app"], data["tier"], data["port_verdict"]) == ("ftp-data", "C", "dynamic")
    assert data["app_facts"] == {"announced_by": control["id"]}


def test_one_that_no_flow_announced_or_that_came_before_has_no_name(tmp_path: Path) -> None:
    other = conversation(FILE, sport=40001, port=PORT + 1)
    assert named([*conversation(CONTROL, port=21), *other], tmp_path)[1][0] is None
    early = conversation(FILE, sport=40001, port=PORT)
    assert named([*early, *conversation(CONTROL, port=21)], tmp_path)[0][0] is None


def test_what_proves_itself_keeps_its_name(tmp_path: Path) -> None:
    web = [("c", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"), ("s", b"HTTP/1.1 200 OK\r\n\r\n")]
    frames = [*conversation(CONTROL, port=21), *conversation(web, sport=40001, port=PORT)]
    assert named(frames, tmp_path)[1][:2] == ("http", "A")


def test_a_connection_without_a_byte_has_no_name(tmp_path: Path) -> None:
    frames = [*conversation(CONTROL, port=21), *conversation([], sport=40001, port=PORT)]
    assert named(frames, tmp_path)[1][0] is None


def test_two_datagrams_of_media_are_named_by_the_call(tmp_path: Path) -> None:
    sdp = b"v=0\r\nc=IN IP4 10.0.0.1\r\nm=audio 49170 RTP/AVP 8\r\n"
    invite = b"INVITE sip:b@c.example SIP/2.0\r\nContent-Type: application/sdp\r\n\r\n" + sdp
    media = [struct.pack(">BBHII", 0x80, 8, n, 160 * n, 7) + bytes(20) for n in range(2)]
    frames = [udp("10.0.0.1", 5060, SERVER, 5060, invite)]
    frames += [udp(SERVER, 30000, "10.0.0.1", 49170, data) for data in media]
    assert named(frames, tmp_path)[1] == ("rtp", "C", "dynamic")


def test_tftp_goes_on_at_the_port_that_asked(tmp_path: Path) -> None:
    frames = [udp("10.0.0.1", 50000, SERVER, 69, b"\0\1a\0octet\0")]
    frames += [udp(SERVER, 33000, "10.0.0.1", 50000, b"\0\3\0\2" + bytes(512))]
    assert named(frames, tmp_path)[1][:2] == ("tftp", "C")


def test_where_too_many_ends_are_announced_the_oldest_give_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "MOST", 2)
    asks = [udp("10.0.0.1", port, SERVER, 69, b"\0\1a\0octet\0") for port in (50000, 50001, 50002, 50001)]
    answers = [udp(SERVER, 33000 + port, "10.0.0.1", 50000 + port, b"\0\3\0\2" + bytes(512)) for port in range(3)]
    assert [app for app, _, _ in named(asks + answers, tmp_path)[3:]] == [None, "tftp", "tftp"]
