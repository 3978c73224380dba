"""Flows in which a shell is spoken → findings, whatever the port (PPM-10)."""

from collections.abc import Iterable
from itertools import pairwise
from typing import ClassVar

from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.evidence import pieces_of, rows
from oddport.detection.mapping import mappings
from oddport.detection.model import Context, Evidence, Finding, FlowBatch, Rule, ScorePart
from oddport.detection.pairs import place_parts
from oddport.detection.subject import INSIDE_SETTING, Subject, Subjects
from oddport.detection.words import app_title
from oddport.engine.heads import Head
from oddport.protocols.model import Tier
from oddport.protocols.ports import expected

SHELL = 85
TURNS = 2
"""Times that the word has to pass for what only looks like a shell to count as one."""
DOCUMENT = """\
# Shells (`shell`)

A command interpreter over a bare connection: banners and prompts of the Windows command prompt and PowerShell, prompts
of POSIX shells, what they say without a terminal, the output of `id`. No port makes that right.

| rule | what | base |
|---|---|---|
| PPM-10 | a shell, by its own words in one direction, or by a prompt and commands in both | 85 |

The base is multiplied by the tier (A 1, B 0.8, C 0.5). What is a shell by its looks only (tier C) needs two turns of
the word between the ends. A port that is well known for something else adds 10, an outside server 15.

## False positives to expect

Consoles of appliances without Telnet, build logs that are streamed with prompts in them, teaching networks.

## ATT&CK

T1059.003 or T1059.004 (direct: commands travel in clear), T1095 Non-Application Layer Protocol (direct: no protocol
around it), T1571 (direct: no port is a shell's).
"""


class Shells(BaseDetector):
    """Does a shell answer on a port?"""

    name: ClassVar[str] = "shell"
    title: ClassVar[str] = "A shell over a bare connection"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"flows", "heads"})
    settings: ClassVar[dict[str, object]] = {**INSIDE_SETTING}
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("PPM-10", "Interactive shell", SHELL, ("T1059.003", "T1059.004", "T1095", "T1571")),
    )

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._subjects = Subjects(context)

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
        for row in batch.rows_of(frozenset({"shell"})).tolist():
            subject = self._subjects.of(batch, row)
            if subject.tier < Tier.B and (subject.head is None or turns(subject.head) < TURNS):
                self.abstain(f"a shell by its looks only, in fewer than {TURNS} turns")
                continue
            yield self._finding(subject)

    def _finding(self, subject: Subject) -> Finding:
        owner, text = expected(subject.proto, subject.port)
        evidence: list[Evidence] = []
        for span in subject.spans:
            if subject.head is not None:
                evidence += rows(subject.head, span, text if not evidence else "")
        why = f"a shell, not {app_title(owner)}, on {subject.where}" if owner else f"a shell on {subject.where}"
        refuted = subject.not_app(owner) if owner else None
        return subject.finding(
            self.name, "PPM-10", f"Shell on {subject.where}", f"A shell is spoken on {subject.where}; {text}.",
            self._parts(subject, owner),
            mappings("shell", subject.transport, subject.port, why, outside=subject.outside, facts=subject.facts),
            tuple(evidence), expected=owner or "", rejected=(refuted,) if refuted else (),
        )  # fmt: skip

    def _parts(self, subject: Subject, owner: str | None) -> Iterable[ScorePart]:
        yield score.base(SHELL, "a shell over a bare connection")
        if subject.tier != Tier.NONE:
            yield score.times(score.TIER_FACTOR[subject.tier], f"tier {subject.tier.name}")
        if owner:
            yield score.add(10, f"{subject.where} is the port of {app_title(owner)}")
        yield from place_parts(subject)


def turns(head: Head) -> int:
    """How often the other side takes the word, in order of packets."""
    order = sorted((piece.file, piece.number, side) for side in (0, 1) for piece in pieces_of(head, side))
    return sum(before[2] != after[2] for before, after in pairwise(order))
