"""RTP by datagrams that go on together, RTCP by reports that close, and neither by anything less."""

import random
import struct

import pytest

from oddport.engine.columns import UDP
from oddport.engine.heads import Head
from oddport.protocols.identify import identify
from oddport.protocols.model import Tier
from oddport.protocols.rtp import reports, stream

SOURCE = 0x3796CB71


def rtp(number: int, time: int, *, source: int = SOURCE, kind: int = 8, first: int = 0x80) -> bytes:
    """Version 2, payload type, number, time, source (RFC 3550, 5.1)."""
    return struct.pack(">BBHII", first, kind, number & 0xFFFF, time & 0xFFFFFFFF, source) + b"\xd5" * 160


def head(orig: list[bytes], resp: list[bytes] | None = None) -> Head:
    answers = tuple(resp or ())
    return Head(UDP, orig[0], answers[0] if answers else b"", tuple(orig), answers)


VOICE = [rtp(28590 + n, 1240 + 160 * n) for n in range(4)]
# a report of a sender (7 words behind the first) and its name (6.4.1, 6.5)
SENDER = struct.pack(">BBHI", 0x80, 200, 6, SOURCE) + bytes(20)
NAME = struct.pack(">BBHI", 0x81, 202, 3, SOURCE) + b"\1\6a@host"
RECEIVER = struct.pack(">BBHI", 0x81, 201, 7, SOURCE) + bytes(24)


def test_three_datagrams_of_one_source_are_rtp_and_both_directions_make_tier_a() -> None:
    found = identify(head(VOICE[:3]))
    assert (found.app, found.tier, found.server) == ("rtp", Tier.B, None)
    assert found.facts == {"payload_type": 8, "ssrc": "3796cb71"}
    assert [(span.offset, span.length) for span in found.spans] == [(0, 12), (172, 12)]
    answers = [rtp(5 + n, 160 * n, source=9) for n in range(3)]
    assert identify(head(VOICE, answers)).tier is Tier.A


def test_two_datagrams_prove_nothing() -> None:
    assert identify(head(VOICE[:2])).app is None


def test_numbers_and_times_may_wrap_repeat_and_come_out_of_order() -> None:
    wrapped = [rtp(65_534 + n, (1 << 32) - 300 + 160 * n) for n in range(5)]
    assert identify(head(wrapped)).app == "rtp"
    assert identify(head([VOICE[0], VOICE[0], VOICE[1], VOICE[2]])).app == "rtp"
    assert identify(head([VOICE[0], VOICE[2], VOICE[1], VOICE[3]])).app == "rtp"
    assert identify(head([VOICE[0]] * 6)).app is None


@pytest.mark.parametrize(
    "datagrams",
    [
        [rtp(n, 160 * n, source=n) for n in range(5)],
        [rtp(1000 * n, 160 * n) for n in range(5)],
        [rtp(n, -160 * n) for n in range(5)],
        [rtp(n, (n << 24)) for n in range(5)],
        [rtp(n, 160 * n, first=0x40) for n in range(5)],
        [rtp(n, 160 * n, kind=72) for n in range(5)],
        [rtp(n, 160 * n, first=0x8F)[:20] for n in range(5)],
    ],
    ids=["sources", "numbers", "times run back", "times jump", "version", "a type of RTCP", "contributors cut"],
)
def test_what_does_not_go_on_is_no_rtp(datagrams: list[bytes]) -> None:
    assert identify(head(datagrams)).app is None


def test_other_datagrams_between_them_do_not_hide_a_stream() -> None:
    assert identify(head([VOICE[0], b"\x13\x37\xca\xfe\0\0\0\0", *VOICE[1:]])).app == "rtp"


def test_reports_that_fill_the_datagram_are_rtcp() -> None:
    found = identify(Head(UDP, SENDER + NAME))
    assert (found.app, found.tier) == ("rtcp", Tier.B)
    assert identify(Head(UDP, SENDER + NAME, RECEIVER)).tier is Tier.A
    assert identify(Head(UDP, SENDER)).app is None
    assert identify(Head(UDP, SENDER + NAME + b"\0")).app is None


def test_reports_of_one_sender_with_an_encrypted_rest_are_rtcp_together() -> None:
    source = random.Random(3)
    sealed = [RECEIVER + source.randbytes(20) for _ in range(3)]
    found = identify(head(sealed))
    assert (found.app, found.tier, found.facts) == ("rtcp", Tier.B, {"ssrc": "3796cb71"})
    others = [data[:4] + bytes((n,)) * 4 + data[8:] for n, data in enumerate(sealed)]
    assert identify(head(others)).app is None


def test_random_datagrams_behind_their_first_four_bytes_are_never_a_stream() -> None:
    source = random.Random(3550)
    for _ in range(20_000):
        media = tuple(bytes((0x80, 8, 0, n)) + source.randbytes(40) for n in range(8))
        told = tuple(bytes((0x80, 200, 0, 6)) + source.randbytes(24) for _ in range(8))
        assert stream(media) is None
        assert reports(told) is None
