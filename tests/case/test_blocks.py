"""Packet columns come back from a stored block as they went in."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from oddport.case.blocks import COLUMNS, Unpacked, pack
from oddport.engine.columns import PACKET, packet_arrays

I64 = (-(2**63), 2**63 - 1)


@st.composite
def columns(draw: st.DrawFn) -> tuple[dict[str, NDArray[Any]], int]:
    count = draw(st.integers(1, 40))
    arrays = packet_arrays(count + 3)
    for name, dtype in PACKET.items():
        low, high = I64 if dtype.kind == "i" else (0, 2 ** (8 * dtype.itemsize) - 1)
        spread = draw(st.sampled_from([0, 1, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**64]))
        base = draw(st.integers(low, high))
        values = st.integers(base, min(high, base + spread))
        arrays[name][:count] = draw(st.lists(values, min_size=count, max_size=count))
    if draw(st.booleans()):
        arrays["wirelen"][:count] = arrays["caplen"][:count]
    return arrays, count


@given(columns(), st.data())
@settings(max_examples=150, deadline=None)
def test_every_column_comes_back_bit_for_bit(case: tuple[dict[str, NDArray[Any]], int], data: st.DataObject) -> None:
    arrays, count = case
    packed = pack(arrays, count)
    blobs = dict(zip(COLUMNS, packed.blobs, strict=True))
    unpacked = Unpacked(packed.layout, count)
    rows = np.array(data.draw(st.lists(st.integers(0, count - 1), max_size=8)), np.intp)
    for name in COLUMNS:
        whole = unpacked.column(name, blobs)
        assert whole.dtype == PACKET[name]
        assert whole.tolist() == arrays[name][:count].tolist()
        assert unpacked.take(name, blobs, rows).tolist() == arrays[name][:count][rows].tolist()
        value = int(data.draw(st.sampled_from(arrays[name][:count].tolist())))
        for wanted in (value, value + 1, -1):
            expected = [i for i, each in enumerate(arrays[name][:count].tolist()) if each == wanted]
            assert unpacked.rows_equal(name, blobs, wanted).tolist() == expected


def test_a_usual_block_takes_a_third_of_its_columns() -> None:
    count = 65_536
    rng = np.random.default_rng(1)
    arrays = packet_arrays(count)
    arrays["ts"][:] = 1_715_000_000_000_000_000 + np.arange(count) * 1_000
    arrays["offset"][:] = 5_000_000_000 + np.arange(count) * 800
    arrays["caplen"][:] = arrays["wirelen"][:] = rng.integers(60, 1_515, count)
    arrays["flow"][:] = rng.integers(1, 40_000, count)
    arrays["flags"][:] = rng.integers(0, 32, count)
    arrays["info"][:] = rng.integers(0, 32, count)
    size = sum(map(len, pack(arrays, count).blobs))
    # ts 4 (65,536 µs in ns fit in 32 bits), offset 4, caplen 2, wirelen 0 (the same), flow 2, flags 1, info 1;
    # file and interface are constant
    assert size == count * 14


def test_columns_of_another_type_are_refused() -> None:
    arrays: dict[str, NDArray[Any]] = dict(packet_arrays(4))
    arrays["ts"] = arrays["ts"].astype(np.float64)
    with pytest.raises(ValueError, match="packet column ts: 4 values of float64"):
        pack(arrays, 4)


def test_a_column_that_was_cut_short_is_an_error_and_not_other_packets() -> None:
    arrays = packet_arrays(4)
    arrays["flow"][:] = [1, 2, 3, 4]
    packed = pack(arrays, 4)
    blobs = dict(zip(COLUMNS, packed.blobs, strict=True))
    blobs["flow"] = blobs["flow"][:-1]
    with pytest.raises(ValueError, match="flow holds 3 values, not 4"):
        Unpacked(packed.layout, 4).column("flow", blobs)


def test_the_layout_is_json_that_names_each_column() -> None:
    packed = pack(packet_arrays(2), 2)
    assert set(json.loads(packed.layout)) == set(PACKET)
