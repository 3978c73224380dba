"""Unnamed flows that begin with a program → findings (PPM-19)."""

from collections.abc import Iterable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from oddport.detection import score
from oddport.detection.base import BaseDetector
from oddport.detection.evidence import rows
from oddport.detection.model import Context, Finding, FlowBatch, Mapping, Rule
from oddport.detection.pairs import place_parts
from oddport.detection.subject import INSIDE_SETTING, Subject, Subjects
from oddport.protocols.binary import u32_le
from oddport.protocols.model import Span
from oddport.protocols.ports import expected

PROGRAM = 75
SHOWN = 64
PE_POINTER = 0x3C
"""Where the DOS header says where the PE header is (PE format, 3.1)."""
MOST = 64 << 20
"""Bytes that a length before a staged payload may promise."""
MACH = (b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe")
DOCUMENT = """\
# Programs over bare connections (`executable`)

A connection without a protocol whose first bytes are a program: that is how a stager fetches the next stage.

| rule | what | base |
|---|---|---|
| PPM-19 | a PE (with the header that its DOS header points to), ELF or Mach-O file or a `#!` script from the first byte | 75 |
| PPM-19 | the same behind a length of four bytes, least significant first | 75 |

## False positives to expect

FTP data channels whose control connection is not in the capture, backups and copies by netcat.

## ATT&CK

T1105 Ingress Tool Transfer (direct), T1095 (direct: in no application protocol), T1571 (related).
"""  # noqa: E501


class Executables(BaseDetector):
    """Does a program come over a bare connection?"""

    name: ClassVar[str] = "executable"
    title: ClassVar[str] = "A program over a bare connection"
    document: ClassVar[str] = DOCUMENT
    needs: ClassVar[frozenset[str]] = frozenset({"flows", "heads"})
    settings: ClassVar[dict[str, object]] = {**INSIDE_SETTING}
    rules: ClassVar[tuple[Rule, ...]] = (Rule("PPM-19", "Program or script", PROGRAM, ("T1095", "T1105", "T1571")),)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._subjects = Subjects(context)

    def on_flows(self, batch: FlowBatch) -> Iterable[Finding]:
        rows, openings = batch.openings
        for row in rows[may_begin_program(openings)].tolist():
            head = batch.head(row)
            if head is None:
                continue
            for side, data in ((0, head.orig), (1, head.resp)):
                what, at = program(data)
                if what:
                    yield self._finding(self._subjects.of(batch, row), side, what, at)
                    break

    def _finding(self, subject: Subject, side: int, what: str, at: int) -> Finding:
        head = subject.head
        assert head is not None  # the program is in it
        owner, text = expected(subject.proto, subject.port)
        sender = "server" if side == subject.server_side else "client"
        staged = f" behind its length of {u32_le(subject.side_bytes(side), 0):,} bytes" if at else ""
        length = min(SHOWN, len(subject.side_bytes(side)) - at)
        return subject.finding(
            self.name, "PPM-19", f"{what} on {subject.where}",
            f"The first thing that the {sender} sends on {subject.where} is a {what}{staged}; {text}.",
            [score.base(PROGRAM, f"a {what}{staged}, in no protocol"), *place_parts(subject)],
            (
                Mapping("T1105", "direct", f"a {what} is transferred"),
                Mapping("T1095", "direct", "over a bare connection, in no application protocol"),
                Mapping("T1571", "related", f"on {subject.where}"),
            ),
            rows(head, Span(side, at, length, f"a {what} begins"), text),
            expected=owner or "",
        )  # fmt: skip


def program(data: bytes) -> tuple[str, int]:
    """What program the bytes begin with, and where it begins: at 0, or at 4 behind its length; ("", 0) if none."""
    what = _kind(data, 0)
    if what:
        return what, 0
    if len(data) > 4 and 64 <= u32_le(data, 0) <= MOST:
        what = _kind(data, 4)
    return what, 4 if what else 0


def may_begin_program(openings: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which of FlowBatch.openings `program` has to look at: those with a first word of one, at 0 or behind a length."""
    words = openings.view("<u4")
    two = words & 0xFFFF
    begins: NDArray[np.bool_] = (np.isin(words, _WORDS) | (two == _MZ)).any((1, 2)) | (two[:, :, 0] == _SCRIPT).any(1)
    return begins


def _kind(data: bytes, at: int) -> str:
    begins = data[at : at + 4]
    if begins[:2] == b"MZ" and len(data) >= at + PE_POINTER + 4:
        pe = at + u32_le(data, at + PE_POINTER)
        if data[pe : pe + 4] == b"PE\x00\x00":
            return "Windows program"
    # class 32 or 64 bits, order of bytes, version 1 (System V ABI, "ELF Identification")
    if begins == b"\x7fELF" and data[at + 4 : at + 7] in _ELF:
        return "Linux program"
    if begins in MACH:
        return "macOS program"
    line = data[at : at + 64].partition(b"\n")[0]
    if at == 0 and line[:2] == b"#!" and line[2:].lstrip()[:1] == b"/" and len(line) < 64:
        return "script"
    return ""


_ELF = frozenset(bytes((width, order, 1)) for width in (1, 2) for order in (1, 2))
_WORDS = [u32_le(begins, 0) for begins in (b"\x7fELF", *MACH)]
_MZ, _SCRIPT = (int.from_bytes(begins, "little") for begins in (b"MZ", b"#!"))
