"""A case with a limit forgets its oldest packets, and never a flow that occurs in a finding."""

from pathlib import Path

import numpy as np

from oddport.case.reader import CaseReader
from oddport.case.writer import CaseWriter
from oddport.engine.columns import BLOCK
from tests.case.build import START, finding, flows, packets, put_flows

BLOCKS = 6
FOUND, LONG, LAST = 2, 3, BLOCKS + 10


def fill(path: Path) -> CaseWriter:
    """Blocks of packets, each of a flow of its own (11, 12, …); 2 with a finding and 4 without in the first block, 3 in
    all blocks and open."""
    writer = CaseWriter.create(path)
    writer.begin_load(None)
    rng = np.random.default_rng(1)
    for block in range(BLOCKS):
        ids = np.full(BLOCK, 11 + block)
        ids[:3] = (FOUND, LONG, 4) if block == 0 else (LONG, LONG, 11 + block)
        lengths = rng.integers(60, 1500, BLOCK)
        columns = packets(BLOCK, ts=START + np.cumsum(lengths), offset=rng.integers(0, 1 << 40, BLOCK), caplen=lengths,
                          wirelen=lengths, flow=ids)  # fmt: skip
        writer.put_packets(columns, block * BLOCK, BLOCK, {0: block * BLOCK + 1})
    ends = [(FOUND, 0, 0), (4, 2, 2), *((11 + block, block * BLOCK, block * BLOCK + 9) for block in range(BLOCKS))]
    rows = flows(*({"id": number, "first_packet": first, "last_packet": last} for number, first, last in ends))
    put_flows(writer, rows, ["dns"] * len(rows), *3 * [[0] * len(rows)])
    put_flows(
        writer,
        flows({"id": LONG, "first_packet": 1, "last_packet": BLOCKS * BLOCK - 1}),
        ["ssh"],
        [0],
        [0],
        [0],
        open=True,
    )
    writer.put_findings([finding(flow=FOUND)])
    return writer


def test_the_oldest_packets_go_with_the_flows_that_have_no_others(tmp_path: Path) -> None:
    path = tmp_path / "a.oddport"
    with fill(path) as writer:
        assert writer.keep_within(1 << 40) == 0
        before = writer.keep_within(0)
        assert before == (BLOCKS - 1) * BLOCK  # the newest block stays
        assert writer.keep_within(0) == 0
        # what ends later than its packets were forgotten is written all the same
        put_flows(
            writer, flows({"id": LONG, "first_packet": 1, "last_packet": BLOCKS * BLOCK - 1}), ["ssh"], [0], [0], [0]
        )
        writer.finish_load()
    with CaseReader.open(path) as reader:
        assert list(reader.query_ids("flows")) == [FOUND, LONG, LAST]
        (found,) = reader.findings_of_flow(FOUND)
        assert len(reader.evidence(found.id)) > 0
        assert reader.packets_of_flow(FOUND) == []
        assert reader.packet_count_of_flow(LONG) == 2
        assert reader.packet(0) is None
        assert reader.packet((BLOCKS - 1) * BLOCK) is not None


def test_only_as_much_goes_as_must(tmp_path: Path) -> None:
    path = tmp_path / "a.oddport"
    with fill(path) as writer:
        size = path.stat().st_size + path.with_name("a.oddport-wal").stat().st_size
        forgotten = writer.keep_within(size // 2)
        assert 0 < forgotten < (BLOCKS - 1) * BLOCK
        assert writer.keep_within(size // 2) == 0
