"""Findings of a load → a table on a terminal, worst first."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oddport.detection.model import DetectorError, Finding, FlowBatch
from oddport.engine.columns import address_text
from oddport.engine.trains import TrainBatch
from oddport.protocols.model import PortVerdict
from oddport.wording import SEVERITY_LETTERS, plural, safe, size

PIPE_WIDTH = 200
"""Columns where the output is no terminal."""
STYLES = ("dim", "blue", "yellow", "red", "bold magenta")


class TableSink:
    """Keeps findings and counts; `print` writes them with rich."""

    wants_packets = False
    wants_open = False

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self._findings: list[Finding] = []
        self._errors: list[DetectorError] = []
        self._flows = self._odd = self._trains = 0

    @property
    def severities(self) -> list[int]:
        """Severity of each finding."""
        return [int(finding.severity) for finding in self._findings]

    def packets(self, columns: dict[str, NDArray[np.generic]], first: int, count: int, numbers: dict[int, int]) -> None:
        """Not shown."""

    def flows(self, batch: FlowBatch, is_open: bool) -> None:
        """Counted."""
        self._flows += len(batch.flows)
        self._odd += int((batch.verdict == PortVerdict.MISMATCH).sum())

    def trains(self, trains: TrainBatch) -> None:
        """Counted."""
        self._trains += len(trains)

    def findings(self, changed: list[Finding], gone: list[str]) -> None:
        """Kept; a load without a display hands them over once, worst first."""
        self._findings.extend(changed)

    def renamed(self, uids: Mapping[str, str]) -> None:
        """Nothing was printed under the old ones."""

    def marks(self, flows: NDArray[np.uint32], severity: NDArray[np.uint8]) -> None:
        """Findings name their flow themselves."""

    def error(self, error: DetectorError) -> None:
        """Shown above the table."""
        self._errors.append(error)

    def files(self, reader: Any) -> None:
        """Asked when printing."""

    def print(self) -> None:
        """Write the table to standard output."""
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        console = Console(highlight=False, emoji=False, markup=False)
        if not console.is_terminal:
            console.width = PIPE_WIDTH
        for file in self._reader.files:
            amount = f"{file.packets:,} packets, {size(file.bytes)}"
            console.print(Text.assemble((safe(str(file.path)), "bold"), f"  {file.format or 'not read'}  {amount}"))
            for warning in file.warnings:
                console.print(Text(f"▲ {safe(warning)}", style="yellow"))
        for error in self._errors:
            console.print(Text(f"▲ {safe(error.message)}", style="red"))
        trains = f", {plural(self._trains, 'fragment train')}" if self._trains else ""
        console.print(
            Text(f"{plural(self._flows, 'flow')}{trains}; {self._odd:,} on a port that does not fit", style="dim")
        )
        if not self._findings:
            console.print("Nothing odd found.")
            return
        table = Table(box=None, pad_edge=False, header_style="dim")
        ends = [(address_text(one.src, one.version), address_text(one.dst, one.version)) for one in self._findings]
        table.add_column("Sev", min_width=3)
        table.add_column("Score", justify="right", min_width=5)
        table.add_column("Finding", overflow="fold")
        for side, head in enumerate(("From", "To")):  # an address is never cut
            table.add_column(head, no_wrap=True, min_width=max(len(pair[side]) for pair in ends))
        table.add_column("×", justify="right", no_wrap=True)
        table.add_column("ATT&CK")
        for finding, (source, destination) in zip(self._findings, ends, strict=True):
            style = STYLES[finding.severity]
            table.add_row(
                Text(SEVERITY_LETTERS[finding.severity], style=style),
                Text(str(finding.score)),
                Text(safe(finding.title)),
                Text(source),
                Text(destination),
                Text(f"{finding.count:,}" if finding.count > 1 else ""),
                Text(" ".join(mapping.technique for mapping in finding.mappings)),
            )
        console.print(table)
