"""Certificates of servers that are out of the ordinary → findings (BEH-08)."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import ClassVar

from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.hosts import is_address
from oddport.detection.model import Context, Finding, FlowBatch, Rule, ScorePart
from oddport.detection.model import Mapping as Technique
from oddport.detection.subject import INSIDE_SETTING, Subject, Subjects
from oddport.detection.words import listed
from oddport.protocols.model import FactValue, PortVerdict

BASE, FURTHER = 25, 5
"""Of the first oddity, and of each one more."""
DAY = 86_400.0
LONGEST_DAYS = 398
LIMITED_FROM = datetime.fromisoformat("2020-09-01T00:00:00+00:00").timestamp()
"""Certificates issued from then on are valid for 398 days at most (CA/Browser Forum, Baseline Requirements, 6.3.2)."""
SELF_SIGNED, FRESH = "signed by itself", "less than a day old"
USUAL = ("valid for",)
"""How what says little by itself begins."""
MADE_UP = frozenset({
    "localhost", "localhost.localdomain", "default", "test", "example.com", "internet widgits pty ltd", "server",
})  # fmt: skip
"""Subjects that tools fill in where nobody says who it is for (the last but one: OpenSSL's own configuration)."""
DOCUMENT = """\
# Odd certificates (`certificate`)

A server that people are to trust has a certificate of somebody who vouches for it. Looks at the certificates of outside
servers, and of any server on a port where TLS does not belong. TLS 1.3 encrypts them, so that there is nothing to see.

| rule | what | base |
|---|---|---|
| BEH-08 | self-signed; valid for over 398 days (if issued since September 2020) or under one; not valid yet, expired, or less than a day old at the time of the packets; for an address, or for a name that tools fill in | 25, and 5 for each further one |

What does not belong on the port adds 20. That a certificate lasts long says nothing where a private authority signed it,
and counts only beside another oddity. Where TLS belongs, so do "signed by itself" and "less than a day old", which many
appliances are; `report_self_signed = true` reports them by themselves. Times are those of the packets, not of today.

## False positives to expect

Appliances, private authorities, development, captures whose clock was wrong.

## ATT&CK

T1587.003 Digital Certificates (related: made without anybody who vouches for it), T1573.002 Asymmetric Cryptography
(context).
"""  # noqa: E501


class Certificates(BaseDetector):
    """Does anybody vouch for the server?"""

    name: ClassVar[str] = "certificate"
    title: ClassVar[str] = "Certificates out of the ordinary"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"flows"})
    settings: ClassVar[dict[str, object]] = {"report_self_signed": False, **INSIDE_SETTING}
    rules: ClassVar[tuple[Rule, ...]] = (Rule("BEH-08", "Odd certificate", BASE, ("T1573.002", "T1587.003")),)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._subjects = Subjects(context)
        self._self_signed = context.settings["report_self_signed"] is True

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
        tls = batch.rows_of(frozenset({"tls"}))
        if not len(tls):
            return
        facts = batch.facts()
        for row in tls.tolist():
            if b'"cert_' not in facts.get(row, b""):
                continue
            subject = self._subjects.of(batch, row)
            odd = batch.verdict[row] == PortVerdict.MISMATCH
            if subject.outside or odd:
                what = list(oddities(subject.facts, subject.first_ns / 1e9))
                usual = USUAL if odd or self._self_signed else (*USUAL, SELF_SIGNED, FRESH)
                if subject.port and not all(each.startswith(usual) for each in what):
                    yield self._finding(batch, row, subject, what, bool(odd))

    def _finding(self, batch: FlowBatch, row: int, subject: Subject, what: list[str], odd: bool) -> Finding:
        said = listed(what)
        parts: list[ScorePart] = [score.base(BASE, f"a certificate {what[0]}")]
        parts += [score.add(FURTHER, each) for each in what[1:]]
        if odd:
            parts.append(score.add(20, f"TLS does not belong on {subject.where}"))
        name = subject.facts.get("cert_subject") or "nobody"
        return subject.finding(
            self.name, "BEH-08", f"Odd certificate on {subject.where}",
            f"The server on {subject.where} shows a certificate for {name}: {said}.", parts,
            (
                Technique("T1587.003", "related", f"a certificate {what[0]} takes nobody's consent"),
                Technique("T1573.002", "context", "the channel is TLS"),
            ),
            subject.proof(
                subject.server_side, f"the first packet of a session with a certificate: {said}",
                "a certificate that somebody vouches for, at its time",
            ),
        )  # fmt: skip


def oddities(facts: Mapping[str, FactValue], now: float) -> Iterator[str]:
    """What is odd about a certificate at `now`, a time of its packets in epoch seconds; the worst comes first."""
    start, stop = (_time(facts.get(key)) for key in ("cert_from", "cert_until"))
    if facts.get("self_signed") is True:
        yield SELF_SIGNED
    if stop is not None and now > stop:
        yield f"that expired on {facts['cert_until']}"
    if start is not None and now < start:
        yield f"not valid before {facts['cert_from']}"
    elif start is not None and now - start < DAY:
        yield FRESH
    name = str(facts.get("cert_subject", ""))
    if name.lower() in MADE_UP:
        yield f"for “{name}”, which tools fill in"
    elif is_address(name):
        yield f"for the address {name}"
    if start is not None and stop is not None:
        days = (stop - start) / DAY
        if days < 1 or (days > LONGEST_DAYS + 1 and start >= LIMITED_FROM):
            yield f"valid for {days:,.0f} days"


def _time(text: FactValue | None) -> float | None:
    """Epoch seconds of a time of certificates.py; None where it is no day that there is."""
    try:
        return datetime.fromisoformat(str(text)).timestamp() if text else None
    except ValueError:
        return None
