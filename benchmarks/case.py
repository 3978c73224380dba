"""What rows cost to write into a case, in processor time, best of three: `python benchmarks/case.py [FLOWS]`."""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from oddport.case import writer as case_writer
from oddport.case.writer import CaseWriter
from oddport.engine.columns import BLOCK, FLOW, packet_arrays
from oddport.protocols.answers import facts_text

AT_ONCE = 32_768
"""Flows that are put together, as a load of a large capture does."""
ROUNDS = 3
Put = Callable[[CaseWriter], None]
BLOCKS = 16


def flows(count: int, first: int) -> np.ndarray:
    """TCP flows over IPv4 whose ids come a little out of order, as flows end."""
    random = np.random.default_rng(first)
    rows = np.zeros(count, FLOW)
    rows["id"] = first + random.permutation(count)
    rows["version"], rows["proto"], rows["state"], rows["server"] = 4, 6, 3, 1
    addresses = np.zeros((count, 16), np.uint8)
    for name in ("src", "dst"):
        addresses[:, 12:] = random.integers(0, 256, (count, 4))
        rows[name] = addresses.view("V16")[:, 0]
    for name, most in (("sport", 65_536), ("bytes_o", 100_000), ("bytes_r", 1_000_000), ("packets_o", 300)):
        rows[name] = random.integers(0, most, count)
    rows["dport"] = 443
    rows["first_ns"] = 1_700_000_000_000_000_000 + rows["id"].astype(np.int64) * 1_000_000
    rows["last_ns"] = rows["first_ns"] + 1_000_000_000
    return rows


def flow_puts(count: int) -> list[Put]:
    """Flows of which every fourth has facts."""
    facts = {
        n: facts_text({"sni": f"host-{n}.example", "alpn": ["h2"], "ja4": "t13d1516h2"}) for n in range(0, AT_ONCE, 4)
    }
    zeros = np.zeros(AT_ONCE, np.uint8)
    parts = [flows(AT_ONCE, first) for first in range(1, count + 1, AT_ONCE)]
    return [lambda w, p=part: w.put_flows(p, zeros, ["tls"], zeros, zeros, zeros, facts) for part in parts]  # type: ignore[misc]


def block_puts(count: int) -> list[Put]:
    """Full blocks of packets of ten thousand flows."""
    columns = packet_arrays(BLOCK)
    columns["caplen"][:] = columns["wirelen"][:] = 900
    numbers = np.arange(BLOCK)
    columns["flow"][:] = numbers % 10_000 + 1
    columns["ts"][:] = numbers * 1_000
    columns["offset"][:] = numbers * 916
    return [
        lambda w, n=block: w.put_packets(columns, n * BLOCK, BLOCK, {0: n * BLOCK + 1})  # type: ignore[misc]
        for block in range(count)
    ]


def measure(what: str, count: int, puts: list[Put]) -> None:
    """Prints µs and bytes a row."""
    best, size = float("inf"), 0
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "a.oddport")
            with CaseWriter.create(path) as writer:
                writer.begin_load(None)
                began = time.process_time()
                for put in puts:
                    put(writer)
                best = min(best, time.process_time() - began)
            size = os.path.getsize(path)
    print(f"{what:28}{count:>10,}{best / count * 1e6:>12.2f} µs{size / count:>10.0f} B", flush=True)


def main() -> None:
    """All of them."""
    count = (int(sys.argv[1]) if len(sys.argv) > 1 else 8 * AT_ONCE) // AT_ONCE * AT_ONCE
    puts = flow_puts(count)
    measure("flows, as images", count, puts)
    case_writer.IMAGE_ROWS = sys.maxsize
    measure("flows, value by value", count, puts)
    measure("packet blocks", BLOCKS, block_puts(BLOCKS))


if __name__ == "__main__":
    main()
