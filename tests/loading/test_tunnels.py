"""Flows inside tunnels are flows of their own, under the flow that carries them."""

import json
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from oddport.cli.main import cli
from oddport.engine.tunnels import DEPTH, DEPTH_MOST
from oddport.loading.pipeline import LoadSettings
from tests.captures import HTTP_TURNS, SECOND, SSH_TURNS, conversation, dns_over, pcap, write_pcap
from tests.engine.wire import ethernet, ip4, ip6, piece4, udp
from tests.engine.wrapping import (
    ROUTERS,
    TUNNELS,
    checked,
    frame_of,
    geneve,
    gre,
    gtp,
    in_ip6,
    ipip,
    l2tp,
    over_ip,
    over_udp,
    packet_of,
    vxlan,
    wrapped,
)
from tests.loading.recorder import Recorder, load


def flows_of(tmp_path: Path, frames: Sequence[bytes], **more: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Outer and inner flows of a capture."""
    found = load([write_pcap(tmp_path / "a.pcap", frames)], tmp_path, **more)
    assert not found.errors
    outer = [flow for flow in found.flow_list if flow["parent"] is None]
    return outer, [flow for flow in found.flow_list if flow["parent"] is not None]


@pytest.mark.parametrize("words", TUNNELS)
def test_ssh_in_a_tunnel_is_ssh_with_its_port_judged(tmp_path: Path, words: str) -> None:
    outer, (inner,) = flows_of(tmp_path, wrapped(conversation(SSH_TURNS), TUNNELS[words]))
    assert (inner["app"], inner["tier"], inner["port_verdict"]) == ("ssh", "A", "mismatch")
    assert (inner["src"], inner["sport"], inner["dst"], inner["dport"]) == ("10.0.0.1", 40000, "203.0.113.9", 41414)
    assert inner["tunnel"] == [words.strip()]
    assert inner["parent"] == outer[0]["id"]
    assert inner["packets"] == sum(flow["packets"] for flow in outer) == len(conversation(SSH_TURNS))
    assert inner["bytes"] < sum(flow["bytes"] for flow in outer)


def test_the_flow_around_stays_under_its_own_name(tmp_path: Path) -> None:
    outer, _ = flows_of(tmp_path, wrapped(dns_over(53) * 3, vxlan))
    assert {flow["app"] for flow in outer} == {"vxlan"}
    outer, _ = flows_of(tmp_path, wrapped(dns_over(53), gre))
    assert [flow["proto"] for flow in outer] == ["gre"]


def test_ipv6_through_ipv4_and_teredo(tmp_path: Path) -> None:
    question = ip6(udp(dns_over(53)[0][42:], 50000, 53), src="2001:0:c000:201::1", dst="2001:db8::53")
    answer = ip6(udp(dns_over(53)[1][42:], 53, 50000), src="2001:db8::53", dst="2001:0:c000:201::1")
    for words, frames in (
        ("6in4", [over_ip(question, 41, False), over_ip(answer, 41, True)]),
        ("teredo", [over_udp(question, 3544, False), over_udp(b"\0\0\xaf\xd5" + b"\x7f" * 4 + answer, 3544, True)]),
    ):
        _, (inner,) = flows_of(tmp_path, frames)
        assert (inner["tunnel"], inner["app"], inner["packets"]) == ([words], "dns", 2)
        assert (inner["src"], inner["dst"]) == ("2001:0:c000:201::1", "2001:db8::53")


def test_tunnels_in_tunnels_are_listed_from_the_outermost(tmp_path: Path) -> None:
    frames = wrapped(conversation(HTTP_TURNS, port=80), ipip, vxlan, gre)
    flows = load([write_pcap(tmp_path / "a.pcap", frames)], tmp_path).flow_list
    inner = next(flow for flow in flows if flow["app"] == "http")
    assert inner["tunnel"] == ["gre", "vxlan vni 42", "ipip"]
    by_id = {flow["id"]: flow for flow in flows}
    chain = [inner]
    while chain[-1]["parent"] is not None:
        chain.append(by_id[chain[-1]["parent"]])
    assert [flow["proto"] for flow in chain] == ["tcp", "ipip", "udp", "gre"]
    assert [len(flow["tunnel"]) for flow in chain] == [3, 2, 1, 0]


def test_depth_is_bounded_by_a_setting(tmp_path: Path) -> None:
    frames = wrapped(dns_over(53), *[gre] * 7)
    for depth in (0, 1, 4):
        flows = load([write_pcap(tmp_path / "a.pcap", frames)], tmp_path, settings=LoadSettings(tunnel_depth=depth))
        assert max(len(flow["tunnel"]) for flow in flows.flow_list) == depth
        assert len(flows.flow_list) == depth + 1
    with pytest.raises(ValueError, match="9 tunnels in one another: 0 to 8 can be opened"):
        load([tmp_path / "a.pcap"], tmp_path, settings=LoadSettings(tunnel_depth=9))


def test_networks_of_different_numbers_are_kept_apart_and_both_directions_together(tmp_path: Path) -> None:
    frames = [
        *[vxlan(frame, back, 42) for frame, back in zip(dns_over(53), (False, True), strict=True)],
        *[vxlan(frame, back, 43) for frame, back in zip(dns_over(53), (False, True), strict=True)],
        *dns_over(53),
    ]
    outer, inner = flows_of(tmp_path, frames)
    assert [(flow["tunnel"], flow["packets"]) for flow in inner] == [(["vxlan vni 42"], 2), (["vxlan vni 43"], 2)]
    assert [flow["app"] for flow in outer].count("dns") == 1


@pytest.mark.parametrize("port", [41414, 443, 53])
def test_a_tunnel_whose_shape_is_certain_is_opened_on_any_port(tmp_path: Path, port: int) -> None:
    for wrapper in (vxlan, geneve, gtp):
        frames = [wrapper(frame, back, port=port) for frame, back in zip(dns_over(53), (False, True), strict=True)]
        _, (inner,) = flows_of(tmp_path, frames)
        assert inner["app"] == "dns"


def broken(kind: str) -> bytes:
    """A datagram on the port of VXLAN that is none after all."""
    frame = frame_of(dns_over(53)[0])
    packet = bytearray(frame[14:])
    head = struct.pack(">II", 0x08000000, 42 << 8)
    match kind:
        case "checksum":
            packet[10] ^= 1
        case "version":
            packet[0] = 0x55
        case "header length":
            packet = bytearray(checked(bytes([0x44]) + bytes(packet[1:])))
        case "longer than its room":
            packet = bytearray(checked(bytes(packet[:2]) + struct.pack(">H", len(packet) + 1) + bytes(packet[4:])))
        case "shorter than its room":
            packet += bytes(40)
        case "reserved byte":
            head = struct.pack(">II", 0x08000000, 42 << 8 | 1)
        case "flags":
            head = struct.pack(">II", 0x88000000, 42 << 8)
    return over_udp(head + frame[:14] + bytes(packet), 4789, False)


@pytest.mark.parametrize(
    "kind",
    ["checksum", "version", "header length", "longer than its room", "shorter than its room", "reserved byte", "flags"],
)
def test_what_only_looks_like_a_tunnel_is_not_opened(tmp_path: Path, kind: str) -> None:
    outer, inner = flows_of(tmp_path, [broken(kind)])
    assert (len(outer), inner) == (1, [])


def test_l2tp_is_opened_on_its_own_port_alone(tmp_path: Path) -> None:
    frame = l2tp(dns_over(53)[0], False)
    moved = frame[:34] + struct.pack(">HH", 1702, 1702) + frame[38:]
    assert len(flows_of(tmp_path, [frame])[1]) == 1
    assert flows_of(tmp_path, [moved])[1] == []


def test_fragments_inside_a_tunnel_are_put_together(tmp_path: Path) -> None:
    body = udp(dns_over(53)[0][42:], 50000, 53)
    pieces = [ethernet(piece4(body[:24], 0, True)), ethernet(piece4(body[24:], 24, False))]
    _, (inner,) = flows_of(tmp_path, [vxlan(piece, False) for piece in pieces])
    assert (inner["app"], inner["tunnel"], inner["packets"]) == ("dns", ["vxlan vni 42"], 2)
    (train,) = load([tmp_path / "a.pcap"], tmp_path).train_list
    assert (train.complete, train.flow) == (True, inner["id"])


def test_a_tunnel_packet_that_came_in_fragments_is_opened(tmp_path: Path) -> None:
    frames = []
    for number, frame in enumerate(wrapped(conversation(SSH_TURNS), gre, vxlan)):
        src, dst = frame[26:30], frame[30:34]
        body = frame[34:]
        ends = {"src": ".".join(map(str, src)), "dst": ".".join(map(str, dst))}
        frames += [
            ethernet(piece4(body[:48], 0, True, ident=number, **ends)),  # type: ignore[arg-type]
            ethernet(piece4(body[48:], 48, False, ident=number, **ends)),  # type: ignore[arg-type]
        ]
    _, inner = flows_of(tmp_path, frames)
    ssh = next(flow for flow in inner if flow["app"] == "ssh")
    assert (ssh["tunnel"], ssh["tier"]) == (["vxlan vni 42", "gre"], "A")
    assert ssh["packets"] == len(conversation(SSH_TURNS))


def test_findings_in_a_tunnel_point_at_the_bytes_in_the_frame(tmp_path: Path) -> None:
    frames = wrapped(conversation(SSH_TURNS, port=443), vxlan)
    found = load([write_pcap(tmp_path / "a.pcap", frames)], tmp_path)
    (finding,) = found.found.values()
    assert finding.rule == "PPM-02"
    assert finding.evidence
    for row in finding.evidence:
        assert frames[row.packet - 1][row.offset : row.offset + len(row.data)] == row.data


def test_what_is_inside_does_not_depend_on_how_the_capture_is_cut(tmp_path: Path) -> None:
    frames = []
    for pair in zip(
        wrapped(conversation(SSH_TURNS), vxlan), wrapped(conversation(HTTP_TURNS, sport=40001), ipip, gre), strict=True
    ):
        frames += pair
    times = [i * SECOND for i in range(len(frames))]
    whole = load([write_pcap(tmp_path / "whole.pcap", frames, times)], tmp_path)
    parts = []
    for at in range(0, len(frames), 3):
        parts.append(tmp_path / f"{at:03}.pcap")
        parts[-1].write_bytes(pcap(frames[at : at + 3], times[at : at + 3]))
    assert load(parts, tmp_path).flow_list == whole.flow_list


@pytest.mark.parametrize("words", TUNNELS)
def test_a_tunnel_cut_anywhere_never_raises(tmp_path: Path, words: str) -> None:
    frame = wrapped(dns_over(53), TUNNELS[words])[0]
    found = load([write_pcap(tmp_path / "a.pcap", [frame[:at] for at in range(14, len(frame))])], tmp_path)
    assert isinstance(found, Recorder)
    assert not found.errors


def test_ends_of_an_ip_tunnel_keep_private_networks_apart(tmp_path: Path) -> None:
    packet = packet_of(dns_over(53)[0])
    other = ethernet(checked(ip4(packet, 4, src=ROUTERS[0], dst="198.51.100.3")))
    _, inner = flows_of(tmp_path, [over_ip(packet, 4, False), other])
    assert [flow["packets"] for flow in inner] == [1, 1]


def test_ipv6_around_is_named_by_what_it_carries(tmp_path: Path) -> None:
    outer, (inner,) = flows_of(tmp_path, wrapped(dns_over(53), in_ip6))
    assert (outer[0]["proto"], inner["tunnel"]) == ("ipip", ["4in6"])


def test_the_command_opens_as_many_tunnels_as_it_is_told(tmp_path: Path) -> None:
    capture = write_pcap(tmp_path / "a.pcap", wrapped(dns_over(53), *[gre] * 3))
    command = [sys.executable, "-m", "oddport", "scan", "--format", "ndjson", str(capture)]
    for words, deepest in (([], 3), (["--tunnels", "1"], 1), (["--tunnels", "0"], 0)):
        done = subprocess.run([*command, *words], capture_output=True, check=True)
        flows = [record for record in map(json.loads, done.stdout.splitlines()) if record["type"] == "flow"]
        assert max(len(flow["tunnel"]) for flow in flows) == deepest
    option = next(each for each in cli.commands["scan"].params if each.name == "tunnels")
    assert (option.default, option.type.to_info_dict()["max"]) == (DEPTH, DEPTH_MOST)
