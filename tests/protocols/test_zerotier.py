"""ZeroTier is named by how peers introduce themselves; what is encrypted is not named."""

import random

import pytest

from oddport.engine.columns import UDP
from oddport.engine.heads import Head
from oddport.protocols.identify import explain_not, identify
from oddport.protocols.model import PortVerdict, Tier
from oddport.protocols.ports import judge_port

CHANCE = random.Random(9993)
ROOT, PEER = bytes.fromhex("778cde7190"), bytes.fromhex("1d719394a4")


def hello(source: bytes = PEER, identity: bytes = PEER, flags: int = 0, verb: int = 1, secret: int = 0) -> bytes:
    """Version 12 of the protocol, 1.14.2, and an identity of kind 0 (Curve25519)."""
    header = CHANCE.randbytes(8) + ROOT + source + bytes((flags,)) + CHANCE.randbytes(8) + bytes((verb,))
    versions = bytes((12, 1, 14)) + b"\x00\x02" + (1_700_000_000_000).to_bytes(8, "big")
    return header + versions + identity + b"\0" + CHANCE.randbytes(64) + bytes((secret,)) + CHANCE.randbytes(20)


def head(orig: bytes, resp: bytes = b"") -> Head:
    return Head(UDP, orig, resp, (orig,), (resp,) if resp else ())


def test_hello_proves_it_alone_and_says_who_it_is() -> None:
    found = identify(head(hello(), CHANCE.randbytes(110)))
    assert (found.app, found.tier, found.server) == ("zerotier", Tier.B, None)
    assert found.facts == {"address": "1d719394a4", "version": "1.14.2"}


def test_two_peers_that_introduce_themselves_are_tier_a_and_hops_do_not_matter() -> None:
    assert identify(head(hello(flags=3), hello(ROOT, ROOT))).tier is Tier.A


@pytest.mark.parametrize(
    "data",
    [
        hello(identity=ROOT),  # of somebody else
        hello(b"\xff" + PEER[1:], b"\xff" + PEER[1:]),  # reserved, the mark of a fragment
        hello(bytes(5), bytes(5)),
        hello(flags=0x08),  # encrypted
        hello(verb=2),
        hello(secret=64),  # nobody sends the secret
        hello()[:111],
    ],
)
def test_what_is_no_hello_is_not_named(data: bytes) -> None:
    assert identify(head(data)).app != "zerotier"


def test_what_may_be_encrypted_is_not_claimed_to_be_something_else() -> None:
    assert explain_not("zerotier", head(hello(verb=2), hello(verb=2))) is None


def test_its_port_is_9993_and_peers_take_dynamic_ones() -> None:
    ports = {port: judge_port("zerotier", UDP, port, True) for port in (9993, 61_234, 53)}
    assert ports == {9993: PortVerdict.STANDARD, 61_234: PortVerdict.DYNAMIC, 53: PortVerdict.MISMATCH}
