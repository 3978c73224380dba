"""Columns go in the order of the look, addresses last of all, and nothing is wider than the terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.data.findings import SPEC as FINDINGS
from tui.data.flows import SPEC as FLOWS
from tui.widgets.columns import TableSpec, all_fit, place

V4 = {"src_width": 15, "dst_width": 15, "title": 27, "times": 3, "packets_width": 9, "app": 7}
V6 = V4 | {"src_width": 39, "dst_width": 39}


def names(spec: TableSpec, width: int, measured: dict[str, int] = V4) -> list[str]:
    return [column.name for column in place(spec, width, measured)]


def test_all_columns_are_there_at_160() -> None:
    assert names(FINDINGS, 160) == [column.name for column in FINDINGS.columns]
    assert names(FLOWS, 160, V4 | {"proc": 5}) == [column.name for column in FLOWS.columns]


def test_processes_have_a_column_only_where_some_are_known() -> None:
    assert set(names(FLOWS, 160, V4 | {"proc": 5})) - set(names(FLOWS, 160)) == {"proc"}


def test_findings_at_80_show_what_the_look_says() -> None:
    assert names(FINDINGS, 80) == ["sev", "finding", "from", "to", "times", "first", "verdict"]


def test_flows_at_80_show_what_the_look_says() -> None:
    assert names(FLOWS, 80) == ["time", "from", "to", "port", "sign", "app", "bytes", "sev"]


@pytest.mark.parametrize(
    ("spec", "order"),
    [
        (FINDINGS, ["name", "last", "attack", "score", "port", "first", "times"]),
        (FLOWS, ["lasted", "says", "sport", "tier", "packets", "bytes", "time"]),
    ],
)
def test_columns_go_in_the_order_of_the_look(spec: TableSpec, order: list[str]) -> None:
    gone: list[str] = []
    for width in range(170, 40, -1):
        shown = set(names(spec, width))
        gone += [name for name in order if name not in shown and name not in gone]
    assert gone == order


def test_four_columns_of_a_finding_never_go() -> None:
    for width in (60, 50, 40):
        assert {"sev", "finding", "from", "to"} <= set(names(FINDINGS, width))


def test_port_sign_and_app_stand_side_by_side() -> None:
    shown = names(FLOWS, 120)
    assert shown[shown.index("port") :][:3] == ["port", "sign", "app"]


def test_a_title_is_cut_before_an_address() -> None:
    columns = {column.name: column.width for column in place(FINDINGS, 60, V4)}
    assert (columns["from"], columns["to"]) == (15, 15)
    assert 12 <= columns["finding"] < 27


def test_only_the_longest_addresses_are_cut_and_the_destination_first() -> None:
    columns = {column.name: column.width for column in place(FLOWS, 80, V6)}
    assert columns["from"] > columns["to"] >= 15


def test_slack_goes_to_the_text_alone() -> None:
    narrow = {column.name: column.width for column in place(FINDINGS, 160, V4)}
    wide = {column.name: column.width for column in place(FINDINGS, 200, V4)}
    assert {name for name in wide if wide[name] != narrow[name]} == {"finding"}


@given(st.integers(40, 260), st.integers(7, 39), st.integers(7, 39), st.integers(1, 80))
def test_columns_never_overlap_and_never_leave_the_table(width: int, src: int, dst: int, title: int) -> None:
    measured = V4 | {"src_width": src, "dst_width": dst, "title": title}
    for spec in (FINDINGS, FLOWS):
        end = 0
        for column in place(spec, width, measured):
            assert column.left >= end + 1
            end = column.left + column.width
        assert end <= width - 1 or width < 60


def test_everything_fits_where_nothing_has_to_give_way() -> None:
    assert all_fit(FLOWS, 160, V4)
    assert not all_fit(FLOWS, 120, V4)
    assert not all_fit(FINDINGS, 160, V6)
