"""Files and findings → tuples for the case's tables."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from oddport.case.words import printable

if TYPE_CHECKING:
    from oddport.case.model import OwnerRow
    from oddport.detection.model import Evidence, Finding

FILE_COLUMNS = (
    "id", "path", "unpacked_path", "format", "size", "mtime_ns", "digest", "packets", "bytes", "first_ns", "last_ns",
    "linktypes", "truncated", "warnings",
)  # fmt: skip
INTERFACE_COLUMNS = ("id", "file", "number", "name", "link", "snaplen")
FINDING_COLUMNS = (
    "uid", "detector", "rule", "severity", "score", "title", "summary", "expected", "src", "dst", "version", "proto",
    "sport", "dport", "server_port", "app", "flow", "train", "first_ns", "last_ns", "count", "parts", "rejected",
    "lowered", "attack_version",
)  # fmt: skip
EVIDENCE_COLUMNS = ("finding", "file", "packet", "offset", "length", "data", "says", "expected", "train", "side")


class CaptureFileLike(Protocol):
    """What the case wants to know of a capture file (capture.CaptureFile has it)."""

    id: int
    path: str
    unpacked_path: str | None
    format: str
    size: int
    mtime_ns: int
    digest: str
    packets: int
    bytes: int
    first_ns: int | None
    last_ns: int | None
    linktypes: list[int]
    truncated: bool
    warnings: list[str]


class InterfaceLike(Protocol):
    """What the case wants to know of an interface (capture.Interface has it)."""

    index: int
    file: int
    number: int
    name: str | None
    link: int
    snaplen: int


def insert_sql(table: str, columns: Sequence[str], verb: str = "INSERT") -> str:
    """An INSERT with one `?` a column."""
    return f"{verb} INTO {table} ({','.join(columns)}) VALUES ({','.join('?' * len(columns))})"


def file_row(file: CaptureFileLike) -> tuple[Any, ...]:
    """By FILE_COLUMNS."""
    from oddport.case.captures import PIPE, is_live  # here: it writes paths as this module does

    # a relative path would be of no use to a reader that runs in another folder
    path = file.path if file.path == PIPE or is_live(file.path) else os.path.abspath(file.path)
    return (
        file.id, stored_path(path),
        None if file.unpacked_path is None else stored_path(os.path.abspath(file.unpacked_path)), file.format,
        file.size, file.mtime_ns, file.digest, file.packets, file.bytes, file.first_ns, file.last_ns,
        json.dumps([int(link) for link in file.linktypes]), int(file.truncated),
        json.dumps([printable(warning) for warning in file.warnings]),
    )  # fmt: skip


def interface_row(interface: InterfaceLike) -> tuple[Any, ...]:
    """By INTERFACE_COLUMNS."""
    name = None if interface.name is None else printable(interface.name)
    return (interface.index, interface.file, interface.number, name, interface.link, interface.snaplen)


def owner_row(flow: int, owner: "OwnerRow") -> tuple[Any, ...]:
    """By the columns of the table `owner`; what is not known is NULL."""
    texts = (printable(text) or None for text in (owner.name, owner.path, owner.user, owner.why))
    return (flow, owner.side, owner.pid, *texts)


def numbers_text(numbers: Mapping[int, int]) -> str:
    """`packet_block.numbers`: file → 1-based number in that file of its first packet in the block, as JSON."""
    return json.dumps({str(int(file)): int(number) for file, number in numbers.items()}, separators=(",", ":"))


def stored_address(packed: bytes, version: int) -> int | bytes:
    """An address of the engine (16 bytes) as the case holds it: IPv4 an integer, IPv6 16 bytes."""
    return int.from_bytes(packed[12:], "big") if version == 4 else bytes(packed)


def finding_row(finding: "Finding", attack_version: str) -> tuple[Any, ...]:
    """By FINDING_COLUMNS."""
    return (
        finding.uid, finding.detector, finding.rule, int(finding.severity), finding.score, printable(finding.title),
        printable(finding.summary), printable(finding.expected), stored_address(finding.src, finding.version),
        stored_address(finding.dst, finding.version), finding.version, finding.proto,
        finding.sport, finding.dport, finding.server_port, printable(finding.app) if finding.app is not None else None,
        finding.flow or None, finding.train or None, finding.first_ns, finding.last_ns, finding.count,
        json.dumps([[part.value, part.factor, part.reason] for part in finding.parts]),
        json.dumps(finding.rejected), json.dumps(finding.lowered), attack_version,
    )  # fmt: skip


def evidence_row(finding: int, evidence: "Evidence") -> tuple[Any, ...]:
    """By EVIDENCE_COLUMNS; `finding` is the row id."""
    return (
        finding, evidence.file, evidence.packet, evidence.offset, evidence.length, evidence.data,
        printable(evidence.says), printable(evidence.expected), evidence.train, evidence.side,
    )  # fmt: skip


def stored_path(path: str | os.PathLike[str]) -> str | bytes:
    """A path as the case holds it: text, or its bytes where they are no UTF-8."""
    text = os.fspath(path)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return os.fsencode(text)
    return text


def loaded_path(stored: str | bytes) -> str:
    """The path that was stored."""
    return stored if isinstance(stored, str) else os.fsdecode(stored)
