"""A million flows: every list, page and filter gives the right rows; how long each takes is reported, not asserted."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from oddport.case.filter import compile_filter
from oddport.case.reader import CaseReader
from oddport.case.writer import CaseWriter
from oddport.engine.columns import FLOW
from tests.case.build import START, put_flows

COUNT = 1_000_000
CHUNK = 50_000
Report = Callable[[str, float], None]


@pytest.fixture(scope="module")
def report(request: pytest.FixtureRequest) -> Iterator[Report]:
    """Prints the timings at the end, whether output is captured or not."""
    lines: list[str] = []
    yield lambda what, seconds: lines.append(f"{seconds * 1e3:9.1f} ms  {what}")
    capture = request.config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        with capture.global_and_fixture_disabled():
            print("\n" + "\n".join(lines))


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory, report: Report) -> Path:
    """Flow i: from 10.0.0.0 + i to 203.0.113.1, port 443, but 4444 for each 1,000th, bytes i * 7919 mod 1,000,003."""
    path = tmp_path_factory.mktemp("scale") / "a.oddport"
    with CaseWriter.create(path) as writer:
        writer.begin_load(1)
        spent = 0.0
        for start in range(0, COUNT, CHUNK):
            index = np.arange(start, start + CHUNK)
            rows = np.zeros(CHUNK, FLOW)
            rows["id"] = index + 1
            rows["first_ns"] = START + index * 1_000_000
            rows["last_ns"] = rows["first_ns"] + index % 977 * 1_000
            address = np.zeros((CHUNK, 4), ">u4")
            address[:, 3] = 0x0A000000 + index
            rows["src"] = address.view("V16").ravel()
            address[:, 3] = 0xCB007101
            rows["dst"] = address.view("V16").ravel()
            rows["version"], rows["proto"], rows["sport"] = 4, 6, 1_024 + index % 60_000
            rows["dport"] = np.where(index % 1_000, 443, 4_444)
            rows["bytes_o"] = index * 7_919 % 1_000_003
            rows["packets_o"] = 1 + index % 30
            rows["first_packet"] = rows["last_packet"] = index
            odd = (index % 1_000 == 0).tolist()
            app: list[str | None] = ["ssh" if each else "tls" for each in odd]
            facts: list[dict[str, Any] | None] = [
                {"sni": f"host-{i % 100}.example.org"} if i % 2 else None for i in index.tolist()
            ]
            began = time.perf_counter()
            verdict = np.where(odd, 5, 1)
            put_flows(writer, rows, app, np.full(CHUNK, 3), verdict, rows["dport"], facts)
            spent += time.perf_counter() - began
        report(f"write {COUNT:,} flows ({COUNT / spent / 1e3:.0f} k/s)", spent)
        began = time.perf_counter()
        writer.finish_load()
        report("indexes, statistics, checkpoint", time.perf_counter() - began)
    return path


# (what, order, filter, how many, the first ids)
QUERIES: list[tuple[tuple[Any, ...], str, int, list[int]]] = [
    ((), "", COUNT, [1, 2, 3]),
    ((("bytes", True),), "", COUNT, []),
    (("src",), "", COUNT, [1, 2, 3]),
    ((("app", False),), "", COUNT, [1, 1_001, 2_001]),
    ((), "app != port", 1_000, [1, 1_001, 2_001]),
    ((("bytes", True),), "tcp.dstport == 4444", 1_000, []),
    ((("bytes", True),), "ip.addr == 10.0.7.0/24", 256, []),
    ((), "10.0.7.", 256, [1_793, 1_794, 1_795]),
    ((), "app == ssh and bytes > 500k", 500, []),
    ((), "tls.sni contains host-77", 10_000, [78, 178, 278]),
    ((), "host-77", 10_000, [78, 178, 278]),
    ((), "sev >= high", 0, []),
    ((), "not app == tls", 1_000, [1, 1_001, 2_001]),
]


@pytest.mark.parametrize(("order", "text", "count", "first"), QUERIES)
def test_lists_over_a_million_flows(
    case: Path, report: Report, order: tuple[Any, ...], text: str, count: int, first: list[int]
) -> None:
    where = compile_filter(text, "flows")
    with CaseReader.open(case) as reader:
        began = time.perf_counter()
        ids = reader.query_ids("flows", where.sql, where.params, order)
        report(f"ids: {text or 'all'}, by {order or 'id'}: {len(ids):,}", time.perf_counter() - began)
        expected = {500: sum(i * 7_919 % 1_000_003 > 500_000 for i in range(0, COUNT, 1_000))}.get(count, count)
        assert len(ids) == expected
        assert list(ids[: len(first)]) == first
        if order == (("bytes", True),):
            values = [row[0] for row in reader.rows("flows", ids[:2_000], ["bytes"]) if row is not None]
            assert values == sorted(values, reverse=True)


def test_first_rows_and_pages_of_a_million_flows(case: Path, report: Report) -> None:
    with CaseReader.open(case) as reader:
        began = time.perf_counter()
        ids = reader.query_ids("flows", limit=128)
        rows = reader.rows("flows", ids)
        report("the first 128 rows", time.perf_counter() - began)
        assert len(rows) == 128
        rng = np.random.default_rng(1)
        spent = []
        for start in rng.integers(0, COUNT - 128, 50).tolist():
            began = time.perf_counter()
            rows = reader.rows("flows", range(start + 1, start + 129))
            spent.append(time.perf_counter() - began)
            assert rows[0] is not None
            assert rows[0][0] == start + 1
        report("a page of 128 rows, median", sorted(spent)[25])
        began = time.perf_counter()
        assert reader.counts().flows == COUNT
        report("counts", time.perf_counter() - began)
