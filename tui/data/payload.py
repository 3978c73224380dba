"""A frame and its link type → where its transport payload lies, by the engine's own decoder."""

from __future__ import annotations


def payload_of(frame: bytes, link: int, depth: int = 0) -> tuple[int, int]:
    """(offset, length) of the captured transport payload in the frame; length 0 where there is none or it cannot be
    told. `link` is a LINKTYPE_ number; `depth`: how many tunnels deep the packet lies that is meant."""
    import numpy as np

    from oddport.engine.batch import KIND_IP, Decoded, RecordBatch
    from oddport.engine.decode import decode
    from oddport.engine.tunnels import at_depth

    if not frame or link < 0:
        return 0, 0
    batch = RecordBatch(data=np.frombuffer(frame, np.uint8).copy(), count=1)
    batch.caplen[0] = batch.wirelen[0] = len(frame)
    batch.link[0] = link
    out = Decoded()
    decode(batch, out)
    out = at_depth(batch, out, depth)
    if out.kind[0] != KIND_IP:
        return 0, 0
    return int(out.payload[0]), int(out.payload_captured[0])
