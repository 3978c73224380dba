"""An interface → a capture that is read as it comes, and words on how the capturing goes."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from oddport.capture import CaptureReader, open_live
from oddport.capture.live.ring import RingLimits
from oddport.capture.live.source import LiveSource
from oddport.capture.live.ways import REMOTE, LiveError, Refusal, Way, choose
from oddport.capture.model import why
from oddport.case.captures import LIVE
from oddport.case.folders import unpack_folder


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface that is being captured."""

    reader: CaptureReader
    way: Way
    source: LiveSource
    refusals: tuple[Refusal, ...]
    """Of the programs that were asked before the one that captures."""

    @property
    def local(self) -> bool:
        """It is one of this machine, whose processes can be asked for."""
        return not self.way.interface.startswith(REMOTE)

    def words(self) -> dict[str, object]:
        """For the dashboard: how it is captured, what was dropped, what is wrong."""
        state = self.source.state
        return {
            "how": f"{self.way.tool}, {self.way.account}",
            "tells_drops": self.way.tells_drops,
            "kernel_drops": state.kernel_drops,
            "interface_drops": state.interface_drops,
            "problem": state.problem,
            "starts": state.starts,
            "refused": [f"{refusal.tool}: {refusal.reason}" for refusal in self.refusals],
        }


def open_interface(
    name: str, capture_filter: str, case: Path, limits: RingLimits, stop: Callable[[], bool]
) -> Interface:
    """Begin to capture `name` (as in ways.choose) into a ring beside the case; `stop` ends it once all that was
    captured has been read. LiveError where that cannot be."""
    way, refusals = choose(name, capture_filter)
    folder = unpack_folder(case) / f"live-{time.time_ns()}"
    try:
        source = LiveSource(way, stop)
    except OSError as error:
        raise LiveError(f"{way.tool} cannot be started ({why(error)}).") from error
    try:
        reader = open_live(source, LIVE + name, folder=folder, limits=limits)
    except OSError as error:
        source.close()
        raise LiveError(f"Packets cannot be kept in {folder} ({why(error)}). Give another place by --case.") from error
    return Interface(reader, way, source, tuple(refusals))
