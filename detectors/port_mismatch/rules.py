"""A flow whose port verdict is mismatch or alternate → the one rule that says it best, with title, reason and base."""

import re
from dataclasses import dataclass

from detectors.port_mismatch.classes import (
    CLEAR,
    EPHEMERAL,
    HOPPING,
    REMOTE_CONTROL,
    STARTTLS,
    TUNNELS,
    is_clear_port,
    tls_ports,
)
from oddport.detection.subject import Subject
from oddport.detection.words import app_title, port_text
from oddport.engine.columns import TCP
from oddport.protocols.model import Tier
from oddport.protocols.ports import expected, port_table

ODD, SQUATTING, ABSENT, COVER = 35, 65, 60, 55
"""Bases of PPM-01, 02, 03 and 07."""
ABSENT_ELSEWHERE = 20
"""Of PPM-03 on the well-known ports that filters do not open for everybody."""
REMOTE_INSIDE, REMOTE_OUTSIDE, TUNNELLED, ODD_DNS = 60, 80, 50, 45
"""Of PPM-11 by where the server is, PPM-13 and PPM-14."""
ALTERNATE, ODD_HOPPING, SQUATTING_HOPPING, REDIRECTED_BASE = 10, 5, 20, 20
SHOWN = 16
"""Bytes shown of a side in which nothing was recognised."""

ATTEMPT, REDIRECTED, USUAL = "attempt", "redirected", "alternate"
"""Variants: what must not stand for an answered exchange."""
SETTLED = frozenset({REDIRECTED, USUAL})
"""Variants that explain themselves: nothing raises their score."""

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
_TO_HTTPS = re.compile(rb"\r?\nlocation:[ \t]*https://", re.IGNORECASE)


@dataclass(slots=True)
class Verdict:
    """What a rule says of a flow."""

    rule: str
    base: float
    base_reason: str
    title: str
    reason: str
    """What does not fit, for the mapping to T1571."""
    owner: str | None
    """The app that the port promises."""
    expected: str
    """The same in words, with where it is from."""
    summary: str = ""
    variant: str = ""
    lowered: tuple[str, ...] = ()

    @property
    def settled(self) -> bool:
        """It explains itself, so that nothing raises its score."""
        return self.variant in SETTLED


def promised(subject: Subject, verdict: Verdict) -> str:
    """The port's owner; where it is nobody's, what is in wide use there; empty where there is neither."""
    others = [app for app in port_table().alternates.get((subject.proto, subject.port), ()) if app != subject.app]
    return verdict.owner or (others[0] if others else "")


def choose(subject: Subject) -> Verdict:
    """The most specific rule that a mismatch meets: 07, 02, else 01."""
    app, port, proto = subject.app or "", subject.port, subject.proto
    owner, text = expected(proto, port)
    base: float
    where, title = port_text(port, subject.transport), app_title(app)
    if app in CLEAR and proto == TCP and port in tls_ports():
        verdict = Verdict(
            "PPM-07", COVER, "a protocol in clear on a TLS port", f"{title} on {where} in clear",
            f"{title} in clear, not TLS, on the port of TLS", "tls", text,
        )  # fmt: skip
    elif app == "tls" and is_clear_port(proto, port):
        starttls = port in STARTTLS
        verdict = Verdict(
            "PPM-07", COVER, "TLS from the first byte on a port that begins in clear",
            f"TLS on {where}, no STARTTLS" if starttls else f"TLS on {where}",
            f"TLS, not {app_title(owner or '') or 'its own protocol'}, from the first byte on {where}", owner, text,
        )  # fmt: skip
    elif owner is not None and owner != app and port < EPHEMERAL:
        base = SQUATTING_HOPPING if subject.app in HOPPING else SQUATTING
        verdict = Verdict(
            "PPM-02", base, "a known protocol on the port of another one", f"{title} on {where}",
            f"{title}, not {app_title(owner)}, on the port of {app_title(owner)}", owner, text,
        )  # fmt: skip
    else:
        rule, base, what = _off_port(subject)
        verdict = Verdict(
            rule, base, f"{what} on a port that is not its own", f"{title} on {where}",
            f"{title} on a port that is not its own", owner, text,
        )  # fmt: skip
    verdict.summary = _summary(subject, verdict)
    return _weighed(subject, verdict)


def _off_port(subject: Subject) -> tuple[str, float, str]:
    """Rule, base and words for a protocol on a port that is nobody's: what it is good for decides."""
    app = subject.app
    if app in REMOTE_CONTROL:
        where = " of an outside host" if subject.outside else ""
        return "PPM-11", REMOTE_OUTSIDE if subject.outside else REMOTE_INSIDE, f"remote control{where}"
    if app in TUNNELS:
        return "PPM-13", TUNNELLED, "a proxy or tunnel"
    if app == "dns" and subject.tier == Tier.A:
        return "PPM-14", ODD_DNS, "DNS, question and answer,"
    return "PPM-01", ODD_HOPPING if app in HOPPING else ODD, "a known protocol"


def alternate(subject: Subject) -> Verdict:
    """A usual alternate, listed because somebody asked for it."""
    owner, text = expected(subject.proto, subject.port)
    where, title = port_text(subject.port, subject.transport), app_title(subject.app or "")
    verdict = Verdict(
        "PPM-01", ALTERNATE, "a port in wide use for this protocol", f"{title} on {where} (alternate)",
        f"{title} on a port in wide use for it", owner, text,
    )  # fmt: skip
    verdict.variant = USUAL
    verdict.lowered = (f"{where} is in wide use for {title}",)
    verdict.summary = _summary(subject, verdict)
    return verdict


def _summary(subject: Subject, verdict: Verdict) -> str:
    where, title = port_text(subject.port, subject.transport), app_title(subject.app or "")
    seen = f"{title} was spoken on {where}"
    if verdict.rule == "PPM-07" and subject.app != "tls":
        seen = f"{title} was spoken in clear on {where}"
    if verdict.rule == "PPM-07" and subject.app == "tls" and subject.port in STARTTLS:
        seen = f"TLS began with the first byte on {where}, without STARTTLS"
    return f"{seen}; {verdict.expected}." if verdict.expected else f"{seen}, which is no port of {title}."


def _weighed(subject: Subject, verdict: Verdict) -> Verdict:
    """Lower what explains itself."""
    if verdict.rule == "PPM-07" and subject.app == "http" and _redirected(subject):
        status = subject.facts.get("status", "")
        where = port_text(subject.port, subject.transport)
        verdict.variant = REDIRECTED
        verdict.base, verdict.base_reason = REDIRECTED_BASE, "a request in clear that the TLS server sent away"
        verdict.title = f"HTTP on {where}, redirected"
        verdict.lowered = (f"answered with {status or 'a redirect'}: the server wants TLS here",)
        verdict.summary = f"{verdict.summary} The server answered with {status or 'a redirect'}."
        verdict.reason = f"answered with {status or 'a redirect'}, nothing was served in clear"
    elif subject.server_app or not subject.answered:
        said = f"is {app_title(subject.server_app)} and took nothing up" if subject.server_app else "sent nothing"
        verdict.variant = ATTEMPT
        verdict.lowered = (f"the server {said}: an attempt, not an exchange",)
    return verdict


def _redirected(subject: Subject) -> bool:
    """Whether the server answered 400, or sent the client to https."""
    answer = subject.side_bytes(subject.server_side)
    match = _STATUS.match(answer)
    if match is None:
        return False
    status = int(match[1])
    return status == 400 or (300 <= status < 400 and _TO_HTTPS.search(answer) is not None)
