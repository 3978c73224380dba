"""The words of the case are those of the engine, the protocols and the detectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oddport.case import process, words
from oddport.detection.model import Severity
from oddport.engine import columns
from oddport.protocols.model import PortVerdict, Tier


def test_words_are_the_names_of_the_enumerations() -> None:
    assert [s.name.lower() for s in Severity] == list(words.SEVERITIES)
    assert [t.name for t in Tier] == ["NONE", *words.TIERS[1:]]
    assert [v.name.lower() for v in PortVerdict] == ["nothing", *words.PORT_VERDICTS[1:]]
    assert words.STATES == columns.STATES
    assert words.PROTOCOLS == columns.PROTO_NAMES
    notes = {value for name, value in vars(columns).items() if name.startswith("NOTE_")}
    assert {bit for bit, _ in words.NOTES} == notes
    assert {word: bit for bit, word in words.NOTES}["fragmented"] == columns.NOTE_FRAGMENTED
    servers = [name for name in vars(columns) if name.startswith("SERVER_")]
    for name in servers:
        word = name.removeprefix("SERVER_").replace("_BY_SYN", " by SYN").replace("_BY_", " by ").replace("_", " ")
        said = words.SERVERS[getattr(columns, name)]
        assert said.lower() == word.lower()
    assert len(servers) == len(words.SERVERS)


@pytest.mark.parametrize("number", [1, 6, 17, 99, 255])
def test_protocols_are_called_as_in_the_engine(number: int) -> None:
    assert words.protocol_word(number) == columns.proto_text(number)
    assert ("proto", number, columns.proto_text(number)) in words.word_rows()


@given(st.binary(min_size=16, max_size=16))
def test_addresses_read_as_in_the_engine(packed: bytes) -> None:
    assert words.address_text(packed, 6) == columns.address_text(packed, 6)
    four = bytes(12) + packed[12:]
    assert words.address_text(int.from_bytes(four, "big"), 4) == columns.address_text(four, 4)
    assert words.address_text(four, 4) == columns.address_text(four, 4)


@given(st.text())
def test_printable_text_is_printable_and_what_was_so_stays(text: str) -> None:
    shown = words.printable(text)
    assert all(c.isprintable() or c.isspace() for c in shown)
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in shown)
    if text.isprintable():
        assert shown == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x00b", "a\\x00b"),
        ("\u202eevil", "\\u202eevil"),
        ("\U000e0001", "\\U000e0001"),
        ("a\u00a0b", "a\u00a0b"),
        ("[red]", "[red]"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_a_terminal_would_take_for_more_is_escaped(text: str, shown: str) -> None:
    assert words.printable(text) == shown


def test_this_process_runs_and_another_of_its_number_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    me = process.identity()
    assert process.is_running(me, None)
    assert not process.is_running(process.ProcessIdentity(me.host, me.pid, "another boot/1"), None)
    assert not process.is_running(process.ProcessIdentity(me.host, 0, ""), None)
    # where /proc does not tell the start, the number alone has to do
    assert process.is_running(process.ProcessIdentity(me.host, me.pid, ""), None)
    assert not process.is_running(process.ProcessIdentity(me.host, 2**22 + 1, ""), None)

    def refused(pid: int, signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr("os.kill", refused)
    assert process.is_running(process.ProcessIdentity(me.host, 1, ""), None)
    assert process.process_start(2**22 + 1) == ""


def test_a_loader_on_another_machine_lives_as_long_as_it_is_heard_of() -> None:
    import time

    far = process.ProcessIdentity("elsewhere", 1, "x")
    assert process.is_running(far, time.time_ns())
    assert not process.is_running(far, time.time_ns() - 61 * 10**9)
    assert not process.is_running(far, None)
