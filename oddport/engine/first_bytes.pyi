import numpy as np
from numpy.typing import NDArray

from oddport.engine.heads import Head

class FirstBytes:
    def __init__(
        self,
        proto: NDArray[np.uint8],
        bits: NDArray[np.uint64],
        closed: NDArray[np.uint8],
        start: NDArray[np.int64],
        raw: bytes,
    ) -> None: ...
    def __len__(self) -> int: ...
    def packed(self) -> tuple[bytes, ...]: ...
    def one(self, row: int) -> FirstBytes: ...
    def head(self, row: int) -> Head: ...

def unpacked(columns: tuple[bytes, ...]) -> FirstBytes: ...
