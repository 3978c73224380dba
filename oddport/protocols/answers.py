"""First bytes of many flows → their names, in columns; what more is known of a flow is packed until it is wanted."""

import json
import marshal
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any, NamedTuple

import cython  # noqa: TC002 - Cython has to see it
import numpy as np
from numpy.typing import NDArray

from oddport.engine.first_bytes import FirstBytes
from oddport.protocols.identify import identify
from oddport.protocols.model import Facts, Identification, Inner, Tier
from oddport.protocols.registry import NO_APP, app_names

TIERS = tuple(Tier)
_BORDER = b"\0"
"""Between the facts as the case holds them and what else is packed; JSON has no such byte."""


class Answers(NamedTuple):
    """Row i of every column is flow i of those that were asked about."""

    app: NDArray[np.int16]
    """Index into `registry.app_names()`, -1 = no name."""
    tier: NDArray[np.uint8]
    server: NDArray[np.int8]
    """Which side spoke the server's grammar: 0 originator, 1 responder, -1 not known."""
    signs: NDArray[np.uint8]
    """Identification.signs"""
    final: NDArray[np.uint8]
    """1: more bytes would change nothing."""
    source: NDArray[np.int32]
    """The row whose first bytes gave the name: the same, or an earlier one of the same flow whose name was final."""
    more: list[bytes | None]
    """Facts and the like, for `unpacked` and `packed_facts`; None where there are none."""


def answers(first: FirstBytes, before: list[int]) -> Answers:
    """The names. `before`: the row that asks about the same flow at an earlier time, -1 where there is none."""
    row: cython.Py_ssize_t
    earlier: cython.Py_ssize_t
    ids: dict[str | None, int] = {None: NO_APP, **{name: at for at, name in enumerate(app_names())}}
    app: list[int] = []
    tier: list[int] = []
    server: list[int] = []
    signs: list[int] = []
    final: list[int] = []
    source: list[int] = []
    more: list[bytes | None] = []
    for row in range(len(before)):
        earlier = before[row]
        if earlier >= 0 and final[earlier]:
            app.append(app[earlier])
            tier.append(tier[earlier])
            server.append(server[earlier])
            signs.append(signs[earlier])
            final.append(1)
            source.append(source[earlier])
            more.append(more[earlier])
            continue
        found = identify(first.head(row))
        app.append(ids[found.app])
        tier.append(found.tier)
        server.append(-1 if found.server is None else found.server)
        signs.append(found.signs)
        final.append(1 if found.final else 0)
        source.append(row)
        more.append(packed(found))
    return Answers(
        np.array(app, np.int16),
        np.array(tier, np.uint8),
        np.array(server, np.int8),
        np.array(signs, np.uint8),
        np.array(final, np.uint8),
        np.array(source, np.int32),
        more,
    )


def packed(found: Identification) -> bytes | None:
    """What an identification knows beside name, tier and server, for `unpacked`; None where that is nothing."""
    if not (found.facts or found.inner or found.client_app):
        return None
    text = (facts_text(found.facts) if found.facts else b"") + _BORDER
    if found.inner or found.client_app:
        rest: Any = (tuple([tuple(one) for one in found.inner]), found.client_app, found.server_app)
        text += marshal.dumps(rest)
    return text


def facts_text(facts: Facts) -> bytes:
    """Facts as JSON in ASCII; control characters and lone surrogates are escapes in it."""
    # a general encoder takes three times as long for the few kinds of values that there are
    name: str
    value: object
    parts: list[str] = []
    for name, value in facts.items():
        if isinstance(value, str):
            text = _quoted(value)
        elif isinstance(value, list):
            text = "[" + ",".join([_quoted(one) for one in value]) + "]"
        elif isinstance(value, bool):
            text = "true" if value else "false"
        else:
            text = int.__repr__(value)
        parts.append(_quoted(name) + ":" + text)
    return ("{" + ",".join(parts) + "}").encode("ascii")


def packed_facts(more: bytes) -> bytes:
    """The facts in a row's `more` as JSON in ASCII, without unpacking it; empty where there are none."""
    return more[: more.index(_BORDER)]


def unpacked(app: str | None, tier: int, server: int, signs: int, more: bytes | None) -> Identification:
    """The identification that a row of Answers tells of, without the bytes that prove it."""
    found = Identification(app, TIERS[tier], None if server < 0 else server)
    found.signs = signs
    if more is not None:
        facts, _, rest = more.partition(_BORDER)
        if facts:
            found.facts = json.loads(facts)
        if rest:
            inner, found.client_app, found.server_app = marshal.loads(rest)
            found.inner = tuple([Inner(*one) for one in inner])
    return found


def flat(columns: Answers) -> bytes:
    """The columns as bytes, for `from_flat` in another process of the same program."""
    return marshal.dumps((*(column.tobytes() for column in columns[:6]), columns.more))


def from_flat(data: bytes) -> Answers:
    """What `flat` made bytes of."""
    app, tier, server, signs, final, source, more = marshal.loads(data)
    return Answers(
        np.frombuffer(app, np.int16),
        np.frombuffer(tier, np.uint8),
        np.frombuffer(server, np.int8),
        np.frombuffer(signs, np.uint8),
        np.frombuffer(final, np.uint8),
        np.frombuffer(source, np.int32),
        more,
    )
