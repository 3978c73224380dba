"""The process that has scapy: it answers, it can be ended, and the dashboard goes on."""

import io
import subprocess
import sys
import time

import pytest
from frames import MAC, ipv4, udp

from tui.data.dissection.__main__ import READY, serve
from tui.data.dissection.client import Dissector, shared_dissector
from tui.data.dissection.model import ByteClaim, Dissection, Node, Request, from_wire, within
from tui.data.dissection.pipe import dissection_line, dissection_of, request_line, request_of
from tui.data.dissection.reading import dissect

FRAME = MAC + b"\x08\x00" + ipv4(17, udp(b"hello"))


@pytest.fixture
def dissector():
    made = Dissector()
    yield made
    made.close()


def script(text: str) -> Dissector:
    return Dissector(seconds=0.5, command=[sys.executable, "-c", text])


def test_a_frame_comes_back_as_layers(dissector):
    result = dissector.dissect(Request(1, FRAME, None, (ByteClaim(42, 5, "a greeting"),)))
    assert [node.name for node in result.layers] == ["Ethernet", "IPv4", "UDP", "payload"]
    assert result.layers[-1].children == (Node("a greeting", "", 42, 5),)
    assert result.trouble == ""


def test_one_process_serves_many_frames(dissector):
    dissector.warm()
    process = dissector._process
    for _ in range(3):
        dissector.dissect(Request(1, FRAME))
    assert dissector._process is process


def test_a_frame_that_hangs_is_given_up_and_the_next_one_is_read():
    # answers nothing to the first frame of a process; a new process is asked for the second one
    made = script("import sys,time; print('ready', flush=True); sys.stdin.readline(); time.sleep(60)")
    started = time.perf_counter()
    result = made.dissect(Request(1, FRAME))
    assert time.perf_counter() - started < 10
    assert result.trouble == "scapy took more than 0.5 s for this frame, so it was stopped"
    assert [(node.kind, node.offset, node.length) for node in result.layers] == [("unread", 0, len(FRAME))]
    assert made._process is None
    made._command = Dissector()._command
    made._seconds = 20
    assert made.dissect(Request(1, FRAME)).trouble == ""
    made.close()


def test_a_process_that_dies_is_said_and_replaced():
    made = script("import sys; print('ready', flush=True); sys.stdin.readline(); sys.exit(3)")
    assert "the process that dissects ended" in made.dissect(Request(1, FRAME)).trouble
    assert made._process is None


def test_a_process_that_dies_before_it_is_ready_is_said():
    assert "the process that dissects ended" in script("raise SystemExit(1)").dissect(Request(1, FRAME)).trouble


def test_an_answer_that_is_none_is_said():
    made = script(
        "import sys; print('ready', flush=True); sys.stdin.readline(); print('[]', flush=True); sys.stdin.read()"
    )
    assert "the process that dissects failed" in made.dissect(Request(1, FRAME)).trouble


def test_a_program_that_is_not_there_is_said():
    made = Dissector(command=["/nowhere/python"])
    made.warm()
    result = made.dissect(Request(1, FRAME))
    assert result.trouble.startswith("the process that dissects failed: ")
    assert result.layers[0].length == len(FRAME)


def test_the_process_ends_with_the_dashboard():
    # its standard input closes when the program that started it is gone
    child = subprocess.Popen(
        [sys.executable, "-m", "tui.data.dissection"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline() == READY
    child.communicate(timeout=10)
    assert child.returncode == 0


def test_the_dashboard_does_not_import_scapy():
    code = "import sys, tui.data.dissection; sys.exit(any(name.split('.')[0] == 'scapy' for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_shared_dissector_is_one():
    assert shared_dissector() is shared_dissector()


def test_a_request_goes_over_the_pipe_unchanged():
    request = Request(127, bytes(range(256)), "tls", (ByteClaim(3, 4, "dir \n ends"),))
    line = request_line(request)
    assert line.count(b"\n") == 1
    assert request_of(line) == request


def test_a_dissection_goes_over_the_pipe_unchanged():
    tree = Dissection((Node("a", "ü\x1b[31m\n", 1, 2, "layer", (Node("b", "", 1, 1),)),), 9, "why")
    assert dissection_of(dissection_line(tree)) == tree


@pytest.mark.parametrize("line", [b"{}", b"[]", b"nonsense", b'{"link":1,"frame":"?","app":null,"claims":[]}'])
def test_other_lines_are_refused(line):
    with pytest.raises(ValueError, match=r"\w"):
        request_of(line)
    with pytest.raises(ValueError, match=r"\w"):
        dissection_of(line)


@pytest.mark.parametrize(
    "wire", [None, [], ["a", "b", 0, 0, "field"], [1, "b", 0, 0, "field", []], ["a", "b", -1, 0, "field", []]]
)
def test_a_node_of_another_shape_is_refused(wire):
    with pytest.raises(ValueError, match="a node of the dissection has"):
        from_wire(wire)


def test_a_line_that_is_no_request_is_answered_with_a_reason():
    answers = io.BytesIO()
    serve(io.BytesIO(b"nonsense\n" + request_line(Request(1, FRAME))), answers)
    ready, first, second = answers.getvalue().splitlines()
    assert ready == b"ready"
    assert dissection_of(first).trouble != ""
    assert dissection_of(second).layers[0].name == "Ethernet"


def test_places_outside_of_the_frame_are_clipped():
    node = Node("a", "", 5, 10, "layer", (Node("b", "", 12, 50), Node("c", "", 30, 4)))
    assert within(node, 0, 14) == Node("a", "", 5, 9, "layer", (Node("b", "", 12, 2), Node("c", "", 14, 0)))


def test_scapy_that_cannot_be_loaded_is_said_with_every_frame(monkeypatch, capsys):
    def missing():
        raise ImportError("No module named 'scapy'")

    monkeypatch.setattr("tui.data.dissection.__main__.load_scapy", missing)
    monkeypatch.setattr("tui.data.dissection.reading.load_scapy", missing)
    answers = io.BytesIO()
    serve(io.BytesIO(request_line(Request(1, FRAME))), answers)
    result = dissection_of(answers.getvalue().splitlines()[1])
    assert result.trouble == "scapy could not be loaded (No module named 'scapy')"
    assert [(node.kind, node.length) for node in result.layers] == [("unread", len(FRAME))]
    assert "could not be loaded" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RecursionError(), "nests deeper than scapy can follow"),
        (MemoryError(), "ran out of the memory"),
        (KeyError("x"), "scapy failed on this frame (KeyError)"),
    ],
)
def test_what_goes_wrong_in_scapy_is_a_sentence(monkeypatch, error, said):
    def fail(*_):
        raise error

    monkeypatch.setattr("tui.data.dissection.reading._layers", fail)
    assert said in dissect(Request(1, FRAME)).trouble


def test_a_frame_that_takes_too_many_steps_is_given_up(monkeypatch):
    monkeypatch.setattr("tui.data.dissection.record.CALL_LIMIT", 5)
    result = dissect(Request(1, FRAME))
    assert "far more steps" in result.trouble
    assert result.layers[0].kind == "unread"
