from typing import Any, Final

from oddport.engine.batch import RecordBatch

MORE: Final[int]
FULL: Final[int]
BLOCK: Final[int]
CORRUPT: Final[int]
REASON_LENGTH: Final[int]
REASON_BLOCK_LENGTH: Final[int]
REASON_TRAILER: Final[int]
REASON_PACKET_LENGTH: Final[int]
REASON_INTERFACE: Final[int]
REASON_INTERFACES: Final[int]
MAX_RECORD: Final[int]
MAX_INTERFACES: Final[int]

# a buffer is anything with the buffer protocol: a NumPy array where compiled, a memoryview in both builds
Buffer = Any

def nanoseconds(ticks: int, resolution: int, offset: int) -> int: ...
def find_option(data: Buffer, begin: int, end: int, big: bool, code: int) -> tuple[int, int]: ...
def copy_frames(source: Buffer, source_start: Buffer, target: Buffer, target_start: Buffer, caplen: Buffer) -> None: ...

class PcapWalker:
    position: int
    status: int
    need: int
    reason: int
    detail: int
    def __init__(
        self, batch: RecordBatch, big: bool, multiplier: int, header: int, swapped: bool, longest: int
    ) -> None: ...
    def walk(self, data: Buffer, begin: int, end: int, base: int, row: int, limit: int) -> int: ...

class PcapngWalker:
    clamped: int
    clamped_at: int
    position: int
    status: int
    need: int
    reason: int
    detail: int
    def __init__(self, batch: RecordBatch) -> None: ...
    def start_section(self, big: bool) -> None: ...
    def add_interface(self, index: int, link: int, snaplen: int, resolution: int, offset: int) -> bool: ...
    def walk(self, data: Buffer, begin: int, end: int, base: int, row: int, limit: int) -> int: ...
