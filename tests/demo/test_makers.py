"""The makers of demo captures: drawings never change, merging keeps order, recordings give the same verdicts."""

import os
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from oddport.demos import Demo, list_demos
from tests.demo.scanning import flows_of, scan
from tools.demo import draw, make_all, office, readme, record, scenes
from tools.demo.captures import SECOND, Frame, merge, moved, read_pcap, write_pcap, write_pcapng
from tools.demo.network import RecordingError, network, run

DEMOS = {demo.name: demo for demo in list_demos()}
recording = pytest.mark.skipif(bool(record.missing()), reason=record.missing())


def test_every_demo_has_a_scene_and_every_scene_a_demo() -> None:
    assert set(DEMOS) == {*scenes.SCENES, *draw.SCENES, office.NAME}


@pytest.mark.parametrize("name", draw.SCENES)
def test_drawn_scene_is_the_stored_one_byte_for_byte(name: str, tmp_path: Path) -> None:
    draw.draw(name, tmp_path / "again.pcap")
    assert (tmp_path / "again.pcap").read_bytes() == DEMOS[name].path.read_bytes()


@pytest.mark.parametrize("name", draw.SCENES)
def test_drawn_scene_lies_in_the_branch_office_too(name: str) -> None:
    held = DEMOS[office.NAME].path.read_bytes()
    for frame in draw.SCENES[name]():
        assert frame.data in held


def test_every_scene_is_played_at_the_branch_office() -> None:
    played = {scene for _, scene in office.PLAYED}
    quiet = {"benign-mix", "dns-fragments"}  # the office has its own servers for that
    assert played >= {scene for name, scene in scenes.SCENES.items() if name not in quiet}
    assert set(office.DRAWN) == set(draw.SCENES)


def test_branch_office_plans_the_same_visits_each_time() -> None:
    one, other = office.visits(Random(office.SEED)), office.visits(Random(office.SEED))
    assert one == other
    assert {host for _, host, _, _ in one} == {*office.HOSTS, *office.HOSTS6}
    assert all(0 <= at < 60 * office.MINUTES for at, *_ in one)


def test_branch_office_holds_what_was_planned() -> None:
    planned = office.visits(Random(office.SEED))
    held = {
        (flows.on, flows.app, flows.verdict): flows.count for flows in DEMOS[office.NAME].flows if flows.tier == "A"
    }
    by_port = Counter(site.port for _, _, site, _ in planned)
    # two large answers; TLS after the redirect; three rounds of six
    assert held["53/udp", "dns", "standard"] == len(planned) + 2
    assert held["443/tcp", "tls", "standard"] == by_port[443] + 1
    assert held["8088/tcp", "tls", "mismatch"] == 3 * 6
    for port, app, verdict in ((80, "http", "standard"), (8080, "http", "alternate"), (8443, "tls", "alternate")):
        assert held[f"{port}/tcp", app, verdict] == by_port[port]


def test_a_deed_that_fails_at_the_office_is_told_when_all_are_done() -> None:
    done: list[str] = []

    def fails() -> None:
        raise RecordingError("no shell")

    deeds = [(0.05, lambda: done.append("second")), (0.0, lambda: done.append("first")), (0.01, fails)]
    with pytest.raises(RecordingError, match="1 of 3 deeds of the branch office failed, the first: no shell"):
        office.play(deeds)
    assert done == ["first", "second"]


def test_merge_keeps_the_order_of_time_and_of_parts() -> None:
    a, b = [Frame(1, b"a"), Frame(5, b"b")], [Frame(1, b"c"), Frame(3, b"d")]
    assert [frame.data for frame in merge(a, b)] == [b"a", b"c", b"d", b"b"]
    assert [frame.data for frame in merge(b, a)] == [b"c", b"a", b"d", b"b"]


def test_office_puts_drawn_scenes_at_their_times(tmp_path: Path) -> None:
    write_pcap(tmp_path / "raw.pcap", [Frame(1_000 * SECOND, b"first"), Frame(1_200 * SECOND, b"last")])
    frames = office.with_drawn(tmp_path / "raw.pcap")
    begins = {name: draw.SCENES[name]()[0].data for name in draw.SCENES}
    at = {frame.data: frame.ns for frame in frames}
    assert [at[begins[name]] for name in office.DRAWN] == [
        1_000 * SECOND + round(seconds * SECOND) for seconds in office.DRAWN.values()
    ]
    assert [frame.ns for frame in frames] == sorted(frame.ns for frame in frames)


def test_office_without_a_packet_says_so(tmp_path: Path) -> None:
    write_pcap(tmp_path / "raw.pcap", [])
    with pytest.raises(RecordingError, match="Nothing was recorded"):
        office.with_drawn(tmp_path / "raw.pcap")


def test_written_pcap_is_read_as_it_was(tmp_path: Path) -> None:
    frames = moved([Frame(0, b"x" * 60), Frame(999_999_999, b"")], 1_700_000_000 * SECOND)
    write_pcap(tmp_path / "a.pcap", frames)
    assert read_pcap(tmp_path / "a.pcap") == frames


def test_written_pcapng_is_read_by_oddport_as_it_was(tmp_path: Path) -> None:
    frames = draw.overlapping_fragments()
    for name, write in (("a.pcap", write_pcap), ("b.pcapng", lambda path, all: write_pcapng(path, all, "wire", "why"))):
        write(tmp_path / name, moved(frames, draw.START_NS))
    (classic,), (new,) = (
        said["capture"] for said in scan([tmp_path / "a.pcap", tmp_path / "b.pcapng"]).values()
    )  # fmt: skip
    assert new["format"] == "pcapng"
    assert new["warnings"] == []
    for key in ("packets", "bytes", "first_ts", "last_ts", "linktypes"):
        assert new[key] == classic[key], key


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xd4\xc3\xb2\xa1" + bytes(20), "no pcap with nanoseconds"),
        (b"", "no pcap with nanoseconds"),
        (b"\x4d\x3c\xb2\xa1" + bytes(20) + bytes(15), "ends within the header of a packet, at byte 24"),
        (b"\x4d\x3c\xb2\xa1" + bytes(20) + bytes(8) + b"\x05\0\0\0\x05\0\0\0abc", "not whole, at byte 24"),
    ],
)
def test_what_is_no_recording_is_refused_with_the_place(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "a.pcap").write_bytes(data)
    with pytest.raises(ValueError, match=reason):
        read_pcap(tmp_path / "a.pcap")


def test_failing_command_is_told_with_what_it_said() -> None:
    with pytest.raises(RecordingError, match="`sh -c echo no such wire >&2; exit 3` failed: no such wire"):
        run("sh", "-c", "echo no such wire >&2; exit 3")


def test_missing_programs_are_named_with_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "program", lambda name: None if name in ("dig", "ss", "ip") else "/bin/" + name)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert record.missing().endswith("apt install bind9-dnsutils iproute2.")


def test_recording_without_root_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert make_all.main(tmp_path) == 2
    assert "needs root. Run it as root." in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_unknown_scene_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        record.main(["no-such-scene"])
    assert "there is no scene no-such-scene" in capsys.readouterr().err


def test_programs_draw_and_describe_into_their_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["draw", str(tmp_path)])
    draw.main()
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.pcap" for name in draw.SCENES}
    monkeypatch.setattr(readme, "HERE", tmp_path)
    readme.main()
    assert (tmp_path / "README.md").read_text().startswith("# Demo captures\n")


def test_drawing_imports_scapy_only_when_it_draws() -> None:
    code = "import sys, tools.demo.draw, tools.demo.office; sys.exit('scapy' in sys.modules)"
    run(sys.executable, "-c", code)


@pytest.mark.netns
@recording
@pytest.mark.parametrize("name", ["http-on-443", "dns-fragments", "raw-on-443", "shell-on-443"])
def test_new_recording_of_a_scene_gives_the_same_verdicts(name: str, tmp_path: Path) -> None:
    demo: Demo = DEMOS[name]
    assert record.main(["--to", str(tmp_path), name]) == 0
    again = tmp_path / demo.file
    said = scan([again, demo.path])
    assert flows_of(said[again]) == flows_of(said[demo.path])
    assert told(said[again]) == told(said[demo.path])


@pytest.mark.netns
@recording
def test_a_server_that_ends_at_once_is_told_with_what_it_said() -> None:
    with network(["10.20.3.14"], ["192.0.2.10"]) as net:
        place = net.server("192.0.2.10:80", "sh", "-c", "echo cannot bind >&2")
        with pytest.raises(RecordingError, match=r"192\.0\.2\.10:80 ended before it listened: cannot bind"), place:
            pass


@pytest.mark.netns
@recording
def test_nothing_is_left_of_the_network() -> None:
    with network(["10.20.3.14"], ["192.0.2.10"]) as net:
        assert net.client("cat", "/sys/class/net/office0/address") == b"02:00:00:00:00:01\n"
    with pytest.raises(RecordingError):
        run("ip", "-n", net.office, "link")


def told(records: dict[str, list[dict[str, object]]]) -> list[tuple[object, ...]]:
    return sorted(
        (each["rule"], each["title"], each["severity"], each["score"], each["count"])
        for each in records.get("finding", ())
    )  # fmt: skip
