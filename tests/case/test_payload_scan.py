"""Text and bytes are found in the payload of packets, in the flows that the rest of the filter leaves."""

from pathlib import Path

import pytest

from oddport.capture import open_capture
from oddport.case.errors import CaptureMoved, FilterError
from oddport.case.filter import candidates, compile_filter
from oddport.case.payload_scan import scan, searched
from oddport.case.payload_term import Term
from oddport.case.reader import CaseReader
from oddport.loading.into_case import into_case
from tests.captures import HTTP_TURNS, SSH_TURNS, conversation, write_pcap


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """SSH on 41414, HTTP on 443 and on 8080."""
    frames = [
        *conversation(SSH_TURNS), *conversation(HTTP_TURNS, sport=40001, port=443),
        *conversation(HTTP_TURNS, sport=40002, port=8080),
    ]  # fmt: skip
    return write_pcap(tmp_path / "odd.pcap", frames)


@pytest.fixture
def case(capture: Path, tmp_path: Path) -> Path:
    path = tmp_path / "odd.oddport"
    with open_capture([str(capture)], workdir=tmp_path) as reader:
        into_case(reader, path, [], lambda: False, lambda progress: None)
    return path


def ports(case: Path, text: str, table: str = "flows") -> list[int]:
    """Responders' ports of the flows that a filter lists, searched to the end."""
    where = compile_filter(text, table)
    with CaseReader.open(case) as reader:
        bound, gone = searched(reader, text, table, where)
        assert gone == 0
        rows = reader.rows(table, reader.query_ids(table, bound.sql, bound.params), ("dport",))
    return sorted(int(row[0]) for row in rows if row)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('payload contains "SSH-"', [41414]),
        ("payload contains SSH-", [41414]),
        ("payload contains 0x5353482d", [41414]),
        ('payload contains "ssh-"', []),
        ('payload matches "(?i)^ssh-[0-9]"', [41414]),
        ('payload matches "^SH-"', []),
        ('payload contains "HTTP/1.1"', [443, 8080]),
        ('payload contains "HTTP/1.1" and port == 443', [443]),
        ('not payload contains "SSH-"', [443, 8080]),
        ('payload contains "SSH-" or payload contains "HTTP/1.1" and port == 8080', [8080, 41414]),
        ("payload > 1000000", []),
    ],
)
def test_what_stands_in_payload_is_found(case: Path, text: str, expected: list[int]) -> None:
    assert ports(case, text) == expected


def test_headers_are_no_payload(case: Path, capture: Path) -> None:
    # the Ethernet type and the first byte of IPv4 (RFC 894; RFC 791, 3.1) stand in every frame
    assert b"\x08\x00\x45" in capture.read_bytes()
    assert ports(case, "payload contains 0x080045") == []


def test_only_flows_for_which_the_rest_can_hold_are_read() -> None:
    text = 'app == tls and (payload contains "a" or not payload matches "b")'
    assert candidates(text, "flows").terms == ()
    assert candidates(text, "flows").sql.endswith("AND (1 OR 1))")
    assert compile_filter(text, "flows").terms == (Term(b"a"), Term(b"b", True))


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ('payload matches "("', 16, "no regular expression"),
        ('payload contains ""', 17, "nothing to look for"),
        ("payload matches", 15, "A value is missing after “matches”"),
        ('app matches "t"', 4, "“matches” is not an operator"),
    ],
)
def test_what_cannot_be_looked_for_is_said_with_its_column(text: str, column: int, says: str) -> None:
    with pytest.raises(FilterError, match=says) as wrong:
        compile_filter(text, "flows")
    assert wrong.value.column == column


def test_a_capture_that_is_gone_is_a_sentence(case: Path, capture: Path) -> None:
    capture.unlink()
    with pytest.raises(CaptureMoved, match=r"odd\.pcap"):
        ports(case, 'payload contains "SSH-"')


def test_a_search_ends_when_it_is_told(case: Path) -> None:
    terms = compile_filter('payload contains "SSH-"', "flows").terms
    with CaseReader.open(case) as reader:
        looked = list(scan(reader, 'payload contains "SSH-"', "flows", terms, lambda: True))
    assert [each.found for each in looked] == [((),)]
