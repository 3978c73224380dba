"""Port verdicts, owners of ports, and the table behind them."""

import json
from pathlib import Path

import numpy as np
import pytest

from oddport.engine.columns import (
    FLOW,
    ICMP,
    SCTP,
    SERVER_ORIGINATOR_BY_GRAMMAR,
    SERVER_ORIGINATOR_BY_PORT,
    SERVER_RESPONDER_BY_GRAMMAR,
    SERVER_RESPONDER_BY_PORT,
    SERVER_RESPONDER_BY_SYN,
    SERVER_UNKNOWN,
    TCP,
    UDP,
)
from oddport.protocols.model import PortVerdict
from oddport.protocols.ports import (
    expected,
    guess_server_by_port,
    iana_name,
    judge_port,
    owner,
    parse,
    port_table,
    source_of,
)
from oddport.protocols.verdicts import Judge
from tests.protocols.collection import COLLECTION

V = PortVerdict


@pytest.mark.parametrize(
    ("app", "proto", "port", "verdict"),
    [
        ("ssh", TCP, 22, V.STANDARD),
        ("ssh", TCP, 2222, V.ALTERNATE),
        ("ssh", TCP, 443, V.MISMATCH),
        ("ssh", TCP, 41414, V.MISMATCH),
        ("http", TCP, 80, V.STANDARD),
        ("http", TCP, 8080, V.ALTERNATE),
        ("http", TCP, 443, V.MISMATCH),
        ("http", TCP, 8765, V.MISMATCH),
        ("tls", TCP, 443, V.STANDARD),
        ("tls", TCP, 993, V.STANDARD),
        ("tls", TCP, 587, V.MISMATCH),
        ("tls", TCP, 8088, V.MISMATCH),
        ("quic", UDP, 443, V.STANDARD),
        ("quic", TCP, 443, V.MISMATCH),
        ("dns", UDP, 53, V.STANDARD),
        ("dns", TCP, 53, V.STANDARD),
        ("dns", UDP, 5353, V.ALTERNATE),
        ("rtp", UDP, 16384, V.DYNAMIC),
        ("rtp", UDP, 53, V.MISMATCH),
        ("bittorrent", TCP, 6881, V.STANDARD),
        ("bittorrent", TCP, 40000, V.DYNAMIC),
        ("shell", TCP, 443, V.MISMATCH),
        ("shell", TCP, 4444, V.MISMATCH),
        ("not-in-the-table", TCP, 443, V.NOTHING),
        ("ssh", TCP, 0, V.NOTHING),
    ],
)
def test_a_named_flow_is_judged_by_its_server_port(app: str, proto: int, port: int, verdict: PortVerdict) -> None:
    assert judge_port(app, proto, port, True) == verdict


def test_a_dynamic_protocol_on_a_port_that_iana_gives_to_nobody_is_dynamic() -> None:
    """50000/tcp is Db2's by documentation, but lies above 49,151, where everyone may take any port."""
    assert owner(TCP, 50_000) == "drda"
    assert judge_port("dcerpc", TCP, 50_000, True) == V.DYNAMIC
    assert judge_port("ssh", TCP, 50_000, True) == V.MISMATCH


@pytest.mark.parametrize(
    ("proto", "port", "payload", "verdict"),
    [
        (TCP, 443, True, V.UNRECOGNISED),
        (TCP, 443, False, V.NOTHING),
        (TCP, 41414, True, V.NOTHING),
        (UDP, 22, True, V.NOTHING),
        (ICMP, 443, True, V.NOTHING),
        (TCP, 0, True, V.NOTHING),
    ],
)
def test_without_a_name_only_payload_on_a_well_known_port_is_a_verdict(
    proto: int, port: int, payload: bool, verdict: PortVerdict
) -> None:
    assert judge_port(None, proto, port, payload) == verdict


def test_judging_many_flows_is_judging_each() -> None:
    rows = [
        (app, proto, port, payload)
        for app in (None, "ssh", "tls", "rtp", "unknown")
        for proto in (TCP, UDP, SCTP, ICMP)
        for port in (0, 22, 53, 443, 8443, 50_000, 65_535)
        for payload in (True, False)
    ]
    names = tuple({row[0]: 0 for row in rows if row[0] is not None})
    verdicts = Judge(names).verdicts(
        np.array([-1 if row[0] is None else names.index(row[0]) for row in rows], np.int16),
        np.array([row[1] for row in rows], np.uint8),
        np.array([row[2] for row in rows], np.uint16),
        np.array([row[3] for row in rows], np.bool_),
    )
    assert verdicts.dtype == np.uint8
    assert verdicts.tolist() == [int(judge_port(*row)) for row in rows]


def test_judging_no_flows_gives_no_verdicts() -> None:
    none = (np.zeros(0, np.int16), np.zeros(0, np.uint8), np.zeros(0, np.uint16), np.zeros(0, np.bool_))
    assert Judge(("tls",)).verdicts(*none).shape == (0,)


def test_what_a_port_promises_is_said_with_its_source() -> None:
    assert expected(TCP, 443) == ("tls", "443/tcp is the port of tls (IANA: https)")
    assert expected(TCP, 8088) == (None, "8088/tcp is registered as radan-http (IANA), in wide use for http")
    assert expected(TCP, 41414) == (None, "41414/tcp is registered for nothing")
    assert expected(UDP, 51820) == ("wireguard", "51820/udp is the port of wireguard (WireGuard documentation)")
    assert expected(ICMP, 5) == (None, "5/icmp is registered for nothing")


def test_registered_names_differ_by_transport() -> None:
    """RFC 6335: 514 is shell over TCP and syslog over UDP."""
    assert (iana_name(TCP, 514), iana_name(UDP, 514)) == ("shell", "syslog")
    assert iana_name(ICMP, 514) is None
    assert iana_name(SCTP, 3868) == "diameter"
    assert iana_name(SCTP, 22) in ("ssh", None)


@pytest.mark.parametrize(
    ("proto", "port", "app"),
    [
        (TCP, 80, "http"),
        (TCP, 443, "tls"),
        (UDP, 443, "quic"),
        (TCP, 139, "smb"),
        (TCP, 5061, "tls"),
        (UDP, 5061, "sip"),
        (TCP, 25, "smtp"),
    ],
)
def test_ports_that_several_protocols_share_have_one_owner(proto: int, port: int, app: str) -> None:
    assert owner(proto, port) == app


@pytest.mark.parametrize(
    ("proto", "sport", "dport", "side"),
    [
        (TCP, 49_152, 22, 1),
        (TCP, 22, 49_152, 0),
        (TCP, 443, 22_000, 0),
        (TCP, 22_000, 443, 1),
        (UDP, 1_900, 30_000, 0),
        (TCP, 40_000, 8_765, 1),
        (TCP, 8_765, 40_000, 0),
        (TCP, 8_765, 8_766, 0),
        (TCP, 50_000, 60_000, 0),
        (TCP, 60_000, 50_000, 1),
        (TCP, 50_000, 9_999, 1),
        (TCP, 700, 1_100, 0),
        (UDP, 123, 123, 1),
        (TCP, 0, 80, 1),
        (TCP, 80, 0, 0),
    ],
)
def test_the_server_by_port_is_the_well_known_then_the_lower_one(proto: int, sport: int, dport: int, side: int) -> None:
    assert guess_server_by_port(proto, sport, dport) == side


def test_the_servers_of_many_flows_are_those_of_each_unless_syn_or_grammar_tell() -> None:
    ports = (0, 1, 22, 123, 700, 1_023, 1_024, 8_765, 32_767, 32_768, 49_152, 51_820, 65_535)
    ends = [(proto, sport, dport) for proto in (TCP, UDP, ICMP) for sport in ports for dport in ports]
    flows = np.zeros(len(ends), FLOW)
    for name, column in zip(("proto", "sport", "dport"), zip(*ends, strict=True), strict=True):
        flows[name] = column
    judge = Judge(())
    unknown = np.full(len(ends), -1, np.int8)
    sides = (SERVER_ORIGINATOR_BY_PORT, SERVER_RESPONDER_BY_PORT)
    assert judge.server_sides(flows, unknown).tolist() == [
        sides[guess_server_by_port(*each)] if each[1] or each[2] else SERVER_UNKNOWN for each in ends
    ]
    by_grammar = np.where(np.arange(len(ends)) % 2, 0, 1).astype(np.int8)
    told = judge.server_sides(flows, by_grammar)
    assert set(told[::2].tolist()) == {SERVER_RESPONDER_BY_GRAMMAR}
    assert set(told[1::2].tolist()) == {SERVER_ORIGINATOR_BY_GRAMMAR}
    flows["server"] = SERVER_RESPONDER_BY_SYN
    assert set(judge.server_sides(flows, by_grammar).tolist()) == {SERVER_RESPONDER_BY_SYN}


def test_an_app_is_at_home_on_its_own_port_and_on_one_that_is_nobodys() -> None:
    judge = Judge(("http2", "tls"))
    apps = np.array([1, 0, -1, 1, -1], np.int16)
    home = judge.at_home(apps, np.full(5, TCP, np.uint8), np.array([443, 443, 443, 41_414, 22], np.uint16))
    assert home.tolist() == [True, False, False, True, False]


def test_every_port_has_a_source() -> None:
    for entry in port_table().apps.values():
        for port, source in {**entry.standard, **entry.alternate}.items():
            assert source_of(entry.app, port) == source
            assert source
    assert source_of("ssh", 2223) == ""
    assert source_of("not-in-the-table", 22) == ""


def test_a_source_that_names_iana_says_what_is_registered_there() -> None:
    """Where a row says `IANA: name` and no more, the registry must have that name for one of the row's transports."""
    checked = 0
    for entry in port_table().apps.values():
        for port, source in {**entry.standard, **entry.alternate}.items():
            head, _, rest = source.partition("IANA: ")
            if head == "" and rest and " " not in rest:
                assert rest in {iana_name(proto, port) for proto in entry.over}, (entry.app, port)
                checked += 1
    assert checked > 100


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[a]\nover=["tcp"]\nstandard=[["80"]]', "is not"),
        ('[a]\nover=["tcp"]\nstandard="80"', "must be a list"),
        ('[a]\nover=["tcp"]\nstandard=[["0", "x"]]', "out of range"),
        ('[a]\nover=["tcp"]\nstandard=[["65536", "x"]]', "out of range"),
        ('[a]\nover=["tcp"]\nstandard=[["80-82", "x"], ["81", "y"]]', "there twice"),
        ('[a]\nover=["tcp"]\nports=[]', "unknown key 'ports'"),
        ('[a]\nover=["tcp"]\nstandard=[["80", "x"]]\n[b]\nover=["tcp"]\nstandard=[["80", "x"]]', "whose it is"),
        (
            '[a]\nover=["tcp"]\nstandard=[["80", "x"]]\n[b]\nover=["tcp"]\nstandard=[["80", "x"]]\n[owner]\n'
            '"80/tcp"="c"',
            "whose",
        ),
    ],
)
def test_a_wrong_table_is_refused_with_the_place(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse(text)


def test_a_label_that_owns_no_port_is_still_at_home_there() -> None:
    assert judge_port("imaps", TCP, 993, True) == V.STANDARD
    assert owner(TCP, 993) == "tls"


@pytest.mark.corpus
@pytest.mark.skipif(not COLLECTION.is_dir(), reason=f"no collection of captures at {COLLECTION}")
def test_the_table_agrees_with_the_ports_behind_the_reference_verdicts() -> None:
    words = json.loads(Path(COLLECTION, "vocabulary.json").read_text(encoding="utf-8"))
    apps = port_table().apps
    for app, ports in words["standard_ports"].items():
        assert set(apps[app].standard) == set(ports), app
    for app, ports in words["alternate_ports"].items():
        assert set(apps[app].alternate) == set(ports), app
    told = {*words["standard_ports"], *words["dynamic"]}
    # what is mined is called stratum here
    dynamic = set(words["dynamic"]) - {"mining"}
    assert {app for app, entry in apps.items() if entry.dynamic and app in told} == dynamic
    assert apps["stratum"].dynamic
