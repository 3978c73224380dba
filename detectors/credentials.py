"""Flows of protocols off their ports in which somebody logs in readably → findings, the secret left out (PPM-20)."""

import re
from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.evidence import rows
from oddport.detection.model import Context, Finding, FlowBatch, Mapping, Proof, Rule
from oddport.detection.pairs import place_parts
from oddport.detection.subject import INSIDE_SETTING, Subject, Subjects
from oddport.detection.words import app_title
from oddport.protocols.model import PortVerdict, Span
from oddport.protocols.ports import expected

READABLE = 50
_USER = re.compile(rb"(?:\A|\n)(USER [^\r\n]{1,64})\r?\nPASS ", re.IGNORECASE)
LOGINS: dict[str, tuple[tuple[re.Pattern[bytes], str], ...]] = {
    "ftp": ((_USER, "a name, and behind it a password (RFC 959, 4.1.1)"),),
    "pop3": ((_USER, "a name, and behind it a password (RFC 1939, 7)"),),
    "irc": ((re.compile(rb"(?:\A|\n)(PASS )", re.IGNORECASE), "a password (RFC 2812, 3.1.1)"),),
    "smtp": ((re.compile(rb"(?:\A|\n)(AUTH (?:PLAIN|LOGIN))", re.IGNORECASE), "a login in Base64 (RFC 4954, 4)"),),
    "imap": (
        (re.compile(rb"(?:\A|\n)(\S{1,32} LOGIN )", re.IGNORECASE), "a login (RFC 9051, 6.2.3)"),
        (re.compile(rb"(?:\A|\n)(\S{1,32} AUTHENTICATE PLAIN)", re.IGNORECASE), "a login in Base64 (RFC 4616)"),
    ),
    "http": (
        (re.compile(rb"\n((?:Proxy-)?Authorization:[ \t]*Basic )", re.IGNORECASE), "a login in Base64 (RFC 7617, 2)"),
    ),
    # a BindRequest of version 3 with the choice [0]: message, id, [APPLICATION 0], version, name
    "ldap": (
        (
            re.compile(
                rb"(\x30.{1,5}\x02\x01.\x60.{1,5}\x02\x01\x03\x04[\x01-\x7f])[^\x00]{1,127}?\x80[\x01-\x7f]", re.DOTALL
            ),
            "a simple bind: the password follows (RFC 4511, 4.2)",
        ),
    ),
    # version 1 or 2c, then the community
    "snmp": (
        (re.compile(rb"\A(\x30.{1,3}\x02\x01[\x00\x01]\x04[\x01-\x7f])", re.DOTALL), "a community (RFC 1157, 4)"),
    ),
}
"""By app: what shows a login, up to the secret but not into it, and what it is."""
DOCUMENT = """\
# Readable logins off their ports (`credentials`)

A password in clear is a known risk on the port where everybody expects it, and a find where nobody does.

| rule | what | base |
|---|---|---|
| PPM-20 | FTP, POP3, IMAP, SMTP, IRC, HTTP Basic, an LDAP simple bind or an SNMP community on a port that is not theirs | 50 |

The evidence ends where the secret begins: it is neither shown nor stored.

## False positives to expect

Test services, appliances with a web page on an odd port.

## ATT&CK

T1571 (direct), T1040 Network Sniffing (context: whoever listens can read it).
"""  # noqa: E501


class Credentials(BaseDetector):
    """Does somebody log in readably where nobody looks?"""

    name: ClassVar[str] = "credentials"
    title: ClassVar[str] = "Readable logins off their ports"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"flows", "heads"})
    settings: ClassVar[dict[str, object]] = {**INSIDE_SETTING}
    rules: ClassVar[tuple[Rule, ...]] = (Rule("PPM-20", "Readable login off its port", READABLE, ("T1040", "T1571")),)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._subjects = Subjects(context)

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
        odd = np.flatnonzero(batch.verdict == PortVerdict.MISMATCH)
        for row in odd.tolist():
            logins = LOGINS.get(batch.app[row] or "")
            if logins is None:
                continue
            subject = self._subjects.of(batch, row)
            for pattern, what in logins:
                found = pattern.search(subject.client)
                if found is not None:
                    yield self._finding(subject, found, what)
                    break

    def _finding(self, subject: Subject, found: re.Match[bytes], what: str) -> Finding:
        head = subject.head
        assert head is not None  # the match is in it
        title = app_title(subject.app or "")
        owner, text = expected(subject.proto, subject.port)
        span = Span(1 - subject.server_side, found.start(1), found.end(1) - found.start(1), f"{title}: {what}")
        return subject.finding(
            self.name, "PPM-20", f"Readable {title} login on {subject.where}",
            f"{title} on {subject.where} sends {what}; {text}.",
            [
                score.base(READABLE, f"a readable login by {title}"),
                score.times(score.TIER_FACTOR[subject.tier], f"tier {subject.tier.name}"),
                *place_parts(subject),
            ],
            expected=owner or "",
            proof=lambda: Proof(
                (
                    Mapping("T1571", "direct", f"{title} on a port that is not its own"),
                    Mapping("T1040", "context", "whoever listens on the way reads the secret"),
                ),
                rows(head, span, text),
            ),
        )  # fmt: skip
