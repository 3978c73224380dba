"""Batches of flows → findings about the app and the server port, each flow judged once by the most specific rule."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np

from detectors.port_mismatch.absent import Absence
from detectors.port_mismatch.classes import CLEAR, EPHEMERAL, HOPPING, JUDGED_APART, WATCHED, tls_ports
from detectors.port_mismatch.document import DOCUMENT
from detectors.port_mismatch.rules import (
    ABSENT,
    ATTEMPT,
    COVER,
    ODD,
    ODD_DNS,
    REMOTE_OUTSIDE,
    SETTLED,
    SHOWN,
    SQUATTING,
    TUNNELLED,
    Verdict,
    alternate,
    choose,
    promised,
)
from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.evidence import beginning, rows
from oddport.detection.hosts import INSIDE
from oddport.detection.mapping import TECHNIQUES, mappings, recorded
from oddport.detection.model import Context, Evidence, Finding, FlowBatch, Proof, Rule, ScorePart
from oddport.detection.pairs import place_parts
from oddport.detection.subject import Subject, Subjects
from oddport.detection.words import app_title, listed, port_text
from oddport.engine.columns import TCP, proto_text
from oddport.protocols.model import PortVerdict, Tier

_TIER_WORDS = {
    Tier.A: "both directions parse as {}",
    Tier.B: "one direction proves {}",
    Tier.C: "{} by its looks only",
}


class PortMismatch(BaseDetector):
    """Does what is spoken on this port fit the port?"""

    name: ClassVar[str] = "port-mismatch"
    title: ClassVar[str] = "A protocol that does not fit its server port"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"flows", "heads"})
    settings: ClassVar[dict[str, object]] = {
        "report_alternates": False,
        "min_payload": 64,
        "min_payload_packets": 2,
        "absent_ports": list(WATCHED),
        "inside": list(INSIDE),
        "min_hosts": 20,
    }
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("PPM-01", "Known protocol on a port that is not its own", ODD, TECHNIQUES),
        Rule("PPM-02", "Protocol on the port of another one", SQUATTING, TECHNIQUES),
        Rule("PPM-03", "Expected protocol absent", ABSENT, ("T1095", "T1571")),
        Rule("PPM-11", "Remote control on a port that is not its own", REMOTE_OUTSIDE, TECHNIQUES),
        Rule("PPM-13", "Proxy or tunnel on a port that is not its own", TUNNELLED, TECHNIQUES),
        Rule("PPM-14", "DNS on a port that is not its own", ODD_DNS, TECHNIQUES),
        Rule("PPM-07", "In clear on a TLS port, or TLS on a port in clear", COVER, TECHNIQUES),
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._subjects = Subjects(context)
        self._alternates = context.settings["report_alternates"] is True
        self._min_hosts = int(context.number("min_hosts"))
        self._tls_ports = np.zeros(65_536, bool)
        self._tls_ports[list(tls_ports())] = True
        self._prevalence = context.prevalences.of(self._subjects.inside)
        self._absence = Absence(
            frozenset(map(int, context.strings("absent_ports"))),
            int(context.number("min_payload")),
            int(context.number("min_payload_packets")),
        )

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
        verdict = batch.verdict
        served = batch.server_port != 0
        unknown = np.flatnonzero((verdict == PortVerdict.UNRECOGNISED) & served)
        if len(unknown):
            unknown, left_out = self._absence.sift(batch, unknown)
            for reason, count in left_out.items():
                self.abstain(reason, count)
        odd = verdict == PortVerdict.MISMATCH
        if self._alternates:
            odd |= verdict == PortVerdict.ALTERNATE
        # the port tables count `smtp` on 465 as in place, since that is what it carries; in clear it is not
        covered = (verdict == PortVerdict.STANDARD) | (verdict == PortVerdict.ALTERNATE)
        covered &= self._tls_ports[batch.server_port] & (batch.flows["proto"] == TCP)
        if covered.any():
            clear = np.array([name in CLEAR for name in batch.names] + [False])
            covered &= clear[batch.app_id]
            odd |= covered
        odd &= served
        odd[batch.rows_of(JUDGED_APART)] = False
        odd[unknown] = True
        for row in np.flatnonzero(odd).tolist():
            subject = self._subjects.of(batch, row)
            if verdict[row] == PortVerdict.UNRECOGNISED:
                found = self._unrecognised(subject)
            elif verdict[row] == PortVerdict.ALTERNATE and not covered[row]:
                found = self._finding(subject, alternate(subject))
            else:
                found = self._mismatch(subject)
            if found is not None:
                yield found

    # one flow

    def _mismatch(self, subject: Subject) -> Finding | None:
        if subject.app is None:
            self.abstain("no name and no identification were kept")
            return None
        verdict = choose(subject)
        if subject.tier <= Tier.C and not (
            verdict.rule in ("PPM-02", "PPM-07") and verdict.owner and subject.not_app(verdict.owner)
        ):
            self.abstain("its name is a guess (tier C), and the protocol of the port is not refuted")
            return None
        return self._finding(subject, verdict)

    def _unrecognised(self, subject: Subject) -> Finding | None:
        verdict = self._absence.judge(subject)
        if isinstance(verdict, str):
            self.abstain(verdict)
            return None
        return self._finding(subject, verdict)

    def _finding(self, subject: Subject, verdict: Verdict) -> Finding:
        promise = promised(subject, verdict)
        return subject.finding(
            self.name,
            verdict.rule,
            title=verdict.title,
            summary=verdict.summary,
            parts=self._parts(subject, verdict),
            expected=promise,
            lowered=verdict.lowered,
            variant=verdict.variant,
            proof=lambda: self._proof(subject, verdict, promise),
        )

    def _proof(self, subject: Subject, verdict: Verdict, promise: str) -> Proof:
        refuted = subject.not_app(promise) if promise else None
        return Proof(
            mappings(
                subject.app,
                subject.transport,
                subject.port,
                verdict.reason,
                outside=subject.outside,
                facts=subject.facts,
                context=verdict.settled,
            ),
            self._evidence(subject, verdict),
            (refuted,) if refuted else (),
        )

    def _parts(self, subject: Subject, verdict: Verdict) -> Iterable[ScorePart]:
        yield score.base(verdict.base, verdict.base_reason)
        if verdict.settled:
            return
        if subject.app is not None:
            factor = score.TIER_FACTOR[subject.tier]
            yield score.times(
                factor, f"{_TIER_WORDS[subject.tier].format(app_title(subject.app))} (tier {subject.tier.name})"
            )
        where = port_text(subject.port, subject.transport)
        if verdict.rule == "PPM-02" and subject.port in WATCHED and subject.app not in HOPPING:
            yield score.add(20, f"filters let {where} through for {app_title(verdict.owner or '')}")
        if verdict.rule != "PPM-11" or not subject.outside:  # there the base says so already
            yield from place_parts(subject)
        if subject.port >= EPHEMERAL:
            yield score.add(5, f"{where} is in the dynamic range")
        if subject.app == "tls" and subject.lacks_server_name:
            yield score.add(5, "the ClientHello names no server")
        known = recorded(subject.app, subject.transport, subject.port) if verdict.owner is None else []
        if known:
            names = listed([each.name for each in known])
            yield score.add(15, f"ATT&CK records {names} with {app_title(subject.app or 'unknown')} on {where}")
        if verdict.variant == ATTEMPT:
            yield score.times(0.5, verdict.lowered[0])

    def _evidence(self, subject: Subject, verdict: Verdict) -> tuple[Evidence, ...]:
        head = subject.head
        if head is None:
            return ()
        found: list[Evidence] = []
        for number, span in enumerate(subject.spans):
            found += rows(head, span, verdict.expected if number == 0 else "")
        if found:
            return tuple(found)
        says = f"no {app_title(verdict.owner or 'name')}" if subject.app is None else app_title(subject.app)
        first = beginning(head, 0, SHOWN, f"first bytes of the originator, {says}", verdict.expected)
        return first + beginning(head, 1, SHOWN, f"first bytes of the responder, {says}")

    # everything seen

    def review(self, finding: Finding) -> Finding:
        """Weigh in how many inside hosts use the port."""
        if finding.variant in SETTLED or not self._prevalence.complete:
            return finding
        usage = self._prevalence.usage(finding.proto, finding.server_port)
        if usage.hosts < self._min_hosts:
            self.abstain(f"how rare the port is: that needs {self._min_hosts} inside hosts, there are {usage.hosts}")
            return finding
        words = usage.words(port_text(finding.server_port, proto_text(finding.proto)))
        if usage.users and usage.rare:
            finding.parts = (*finding.parts, score.add(15, words))
        elif usage.common and finding.rule not in ("PPM-02", "PPM-03", "PPM-07"):
            # elsewhere the port has an owner: that all use 443 for TLS makes a shell there no more usual
            finding.parts = (*finding.parts, score.add(-20, words))
            finding.lowered = (*finding.lowered, f"common here: {words}")
        return finding
