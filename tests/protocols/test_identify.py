"""The name of a flow: tiers, server side, disagreement, orders of speaking, and rejections that name a byte."""

import pytest

from oddport.engine.columns import SCTP, TCP, UDP
from oddport.engine.heads import Head
from oddport.protocols.identify import explain_not, identify, proof
from oddport.protocols.model import Identification, Tier
from tests.protocols.build import CLIENT_HELLO
from tests.protocols.transcripts import SERVER_UNKNOWN, TRANSCRIPTS

HTTP_CLIENT, HTTP_SERVER = TRANSCRIPTS["http"]
NOTHING = Identification()


@pytest.mark.parametrize("app", TRANSCRIPTS)
def test_both_directions_make_tier_a(app: str) -> None:
    client, server = TRANSCRIPTS[app]
    found = identify(Head(TCP, client, server))
    assert (found.app, found.tier) == (app, Tier.A)
    assert found.server == (None if app in SERVER_UNKNOWN else 1)
    assert {span.side for span in found.spans} == {0, 1}


@pytest.mark.parametrize("app", TRANSCRIPTS)
def test_the_server_is_told_by_grammar_even_if_it_opened_the_connection(app: str) -> None:
    client, server = TRANSCRIPTS[app]
    found = identify(Head(TCP, server, client))
    assert (found.app, found.tier) == (app, Tier.A)
    assert found.server == (None if app in SERVER_UNKNOWN else 0)


@pytest.mark.parametrize("app", TRANSCRIPTS)
def test_spans_lie_in_the_bytes_they_speak_of(app: str) -> None:
    client, server = TRANSCRIPTS[app]
    for span in identify(Head(TCP, client, server)).spans:
        assert span.offset >= 0
        assert span.length > 0
        assert span.offset + span.length <= len((client, server)[span.side])
        assert span.says


@pytest.mark.parametrize("app", TRANSCRIPTS)
def test_the_proof_of_a_name_is_that_of_naming_and_there_is_none_of_another(app: str) -> None:
    head = Head(TCP, *TRANSCRIPTS[app])
    assert proof(app, head) == identify(head).spans != ()
    assert proof("another", head) == proof(None, head) == ()


@pytest.mark.parametrize("app", sorted(set(TRANSCRIPTS) - {"redis", "pop3"}))
def test_one_direction_is_tier_b_where_it_proves_itself(app: str) -> None:
    found = identify(Head(TCP, b"", TRANSCRIPTS[app][1]))
    assert (found.app, found.tier) == (app, Tier.B)


def test_one_direction_that_another_protocol_could_send_has_no_name() -> None:
    """`USER x` opens FTP and POP3; a bare 220 FTP and SMTP; +OK POP3 and Redis."""
    assert identify(Head(TCP, b"USER someone\r\nPASS secret\r\n", b"")) == NOTHING
    assert identify(Head(TCP, b"", b"220 ready\r\n")) == NOTHING
    assert identify(Head(TCP, b"", b"+OK\r\n")) == NOTHING


@pytest.mark.parametrize(
    ("client", "server", "app"),
    [
        (b"USER someone\r\n", b"220 ready\r\n331 password please\r\n", "ftp"),
        (b"USER someone\r\n", b"220 ready\r\n", "ftp"),
        (b"USER someone\r\nPASS x\r\n", b"+OK ready\r\n+OK\r\n+OK\r\n", "pop3"),
        (b"USER a 0 * :A\r\nNICK b\r\n", b":host NOTICE * :*** hello\r\n", "irc"),
        (b"EHLO x.example\r\n", b"220 ready\r\n250 hello\r\n", "smtp"),
        (b"HELO x.example\r\nQUIT\r\n", b"220 ftp.example.com ESMTP\r\n250 hello\r\n221 bye\r\n", "smtp"),
        (b"AUTH TLS\r\n", b"220 ready\r\n234 go ahead\r\n", "ftp"),
        (b"SET a 1\r\n", b"+OK\r\n", "redis"),
        (b"*1\r\n$4\r\nPING\r\n", b"-NOAUTH Authentication required.\r\n", "redis"),
        (b"a1 LOGOUT\r\n", b"* BYE see you\r\na1 OK done\r\n", "imap"),
    ],
)
def test_words_that_protocols_share_are_told_apart_by_the_other_direction(
    client: bytes, server: bytes, app: str
) -> None:
    found = identify(Head(TCP, client, server))
    assert (found.app, found.tier) == (app, Tier.A)


def test_quit_after_220_could_be_smtp_or_ftp_and_stays_unnamed() -> None:
    assert identify(Head(TCP, b"QUIT\r\n", b"220 ready\r\n221 bye\r\n")).app is None


@pytest.mark.parametrize(
    ("greeting", "app"),
    [
        (b"220 mail.example.com ESMTP Postfix\r\n", "smtp"),
        (b"220 (vsFTPd 3.0.3)\r\n", "ftp"),
        (b"220-Welcome to Pure-FTPd\r\n220-You are user number 1\r\n220 bye\r\n", "ftp"),
        (b"220 ProFTPD Server (files) [192.0.2.1]\r\n", "ftp"),
    ],
)
def test_a_220_greeting_is_named_by_what_it_says_of_itself(greeting: bytes, app: str) -> None:
    assert identify(Head(TCP, b"", greeting)).app == app


def test_a_mail_server_on_a_host_called_ftp_is_smtp() -> None:
    assert identify(Head(TCP, b"", b"220 ftp.example.com ESMTP ready\r\n")).app == "smtp"


def test_directions_that_disagree_are_both_kept_and_a_greeting_does_not_name_the_flow() -> None:
    """A browser at an SSH port: the server says what it is whatever it is sent, and what is spoken is HTTP."""
    found = identify(Head(TCP, HTTP_CLIENT, b"SSH-2.0-OpenSSH_9.2\r\nInvalid SSH identification string.\r\n"))
    assert (found.app, found.tier) == ("http", Tier.B)
    assert (found.client_app, found.server_app, found.server) == ("http", "ssh", 1)
    assert (found.facts["method"], found.facts["client_app"], found.facts["server_app"]) == ("GET", "http", "ssh")
    assert [span.side for span in found.spans] == [0, 1]
    assert not found.final


@pytest.mark.parametrize(("status", "app"), [(b"400 Bad Request", "tls"), (b"200 OK", "http"), (b"404 No", "http")])
def test_server_that_takes_up_what_it_was_sent_names_the_flow_and_one_that_refuses_does_not(
    status: bytes, app: str
) -> None:
    found = identify(Head(TCP, CLIENT_HELLO, b"HTTP/1.1 %s\r\nConnection: close\r\n\r\n" % status))
    assert (found.app, found.client_app, found.server_app, found.server) == (app, "tls", "http", 1)


def test_disagreement_is_seen_when_the_originator_is_the_server() -> None:
    found = identify(Head(TCP, TRANSCRIPTS["imap"][1], HTTP_CLIENT))
    assert (found.app, found.client_app, found.server_app, found.server) == ("http", "http", "imap", 0)


def test_two_clients_of_different_protocols_have_no_server() -> None:
    found = identify(Head(TCP, HTTP_CLIENT, TRANSCRIPTS["smtp"][0]))
    assert found.tier == Tier.B
    assert (found.client_app, found.server_app) == (None, None)


def test_a_weak_direction_does_not_name_a_flow_against_the_other_direction() -> None:
    assert identify(Head(TCP, b"\x01\x02\x03\x04\x05\x06", b"220 ready\r\n")).app is None


def test_final_needs_all_headers_of_both_directions() -> None:
    assert identify(Head(TCP, HTTP_CLIENT, HTTP_SERVER, closed=False)).final
    assert not identify(Head(TCP, HTTP_CLIENT[:40], HTTP_SERVER, closed=False)).final
    assert not identify(Head(TCP, HTTP_CLIENT, b"", closed=False)).final


def test_sip_peers_may_both_send_requests() -> None:
    invite = TRANSCRIPTS["sip"][0]
    for proto in (TCP, UDP, SCTP):
        found = identify(Head(proto, invite, invite, (invite,), (invite,)))
        assert (found.app, found.tier, found.server) == ("sip", Tier.A, None)


def test_a_keep_alive_before_the_first_message_is_passed_over_and_spans_count_from_the_first_datagram() -> None:
    invite = TRANSCRIPTS["sip"][0]
    found = identify(Head(UDP, b"\0\0", b"", (b"\0\0", invite), ()))
    assert (found.app, found.tier) == ("sip", Tier.B)
    assert found.spans[0].offset == 2


def test_text_protocols_over_tcp_are_not_named_in_datagrams() -> None:
    assert identify(Head(UDP, HTTP_CLIENT, HTTP_SERVER, (HTTP_CLIENT,), (HTTP_SERVER,))).app is None


@pytest.mark.parametrize("proto", [0, 1, 47, 255])
def test_other_transports_have_no_names(proto: int) -> None:
    assert identify(Head(proto, HTTP_CLIENT, HTTP_SERVER)) == NOTHING


def test_no_bytes_have_no_name() -> None:
    for proto in (TCP, UDP, SCTP):
        assert identify(Head(proto)) == NOTHING


def test_ports_are_not_looked_at() -> None:
    assert not {"sport", "dport", "port"} & set(Head.__slots__)


# -- rejections


def test_a_rejection_names_the_byte_of_both_directions() -> None:
    noise = bytes((0x9C, 0x11, 0x80, 0x41)) * 20
    assert explain_not("http", Head(TCP, noise, noise)) == (
        "not HTTP/1: the client's byte 0 is 0x9c, a request begins with a method in capital letters; "
        "the server's byte 0 is 0x9c, a response begins with 'HTTP/1.'"
    )


@pytest.mark.parametrize("app", sorted(TRANSCRIPTS))
def test_what_is_the_protocol_is_never_rejected(app: str) -> None:
    client, server = TRANSCRIPTS[app]
    for length in range(1, max(len(client), len(server)) + 1):
        assert explain_not(app, Head(TCP, client[:length], server[:length])) is None, length


@pytest.mark.parametrize("app", sorted(set(TRANSCRIPTS) - {"shell"}))
def test_noise_is_rejected_by_every_protocol_with_a_grammar_of_its_own(app: str) -> None:
    noise = bytes(range(128, 256)) + bytes(128)
    why = explain_not(app, Head(TCP, b"\x01" + noise, b"\x02" + noise))
    assert why is not None
    assert why.startswith("not ")
    assert "0x01" in why
    assert "0x02" in why


@pytest.mark.parametrize(
    ("app", "client", "server", "says"),
    [
        ("smtp", b"GET / HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n", "'GET', no command of SMTP"),
        ("smtp", b"EHLO\x00", b"\x15\x03\x01", "byte 4 is 0x00, a command is a line of text"),
        ("ftp", b"NICK x\r\n", b"999 what\r\n", "'999', no reply code"),
        ("imap", b"HELLO\r\n", b"220 x\r\n", "no tag before its verb"),
        ("ssh", b"SSX-2.0", b"\x16\x03\x01", "byte 2 is 0x58"),
        ("vnc", b"RFB 003.0x8\n", b"RFC 003.008\n", "byte 2 is 0x43"),
        ("redis", b"*x", b"HTTP", "byte 1 is 0x78, a command's array has a count in digits"),
        ("sip", b"GET / HTTP/1.1\r\n", b"HTTP/1.1 200 OK\r\n", "has no SIP/2.0"),
        ("telnet", b"\xff\x10\x00", b"\x02\x00", "byte 1 is 0x10, no Telnet command"),
        ("http", b"GET / FOO\r\n", b"HTTP/2.0 200\r\n", "does not end in HTTP/1.x"),
        ("http", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"Q", "no space ends a method"),
        ("irc", b"\x00", b"NOTIFY", "byte 0 is 0x00"),
    ],
)
def test_the_rejection_says_what_is_wrong_and_where(app: str, client: bytes, server: bytes, says: str) -> None:
    why = explain_not(app, Head(TCP, client, server))
    assert why is not None
    assert says in why


def test_nothing_is_rejected_that_is_only_short_or_absent_or_unknown() -> None:
    noise = b"\x9c" * 80
    assert explain_not("http", Head(TCP, noise, b"")) is None
    assert explain_not("http", Head(TCP, b"", noise)) is None
    assert explain_not("http", Head(TCP, b"GE", b"HT")) is None
    assert explain_not("no-such-protocol", Head(TCP, noise, noise)) is None
    assert explain_not("http", Head(UDP, noise, noise, (noise,), (noise,))) is None


def test_a_flow_whose_originator_is_the_server_is_not_rejected() -> None:
    client, server = TRANSCRIPTS["smtp"]
    assert explain_not("smtp", Head(TCP, server, client)) is None


def test_an_alias_is_as_good_as_the_name() -> None:
    noise = b"\x01" * 20
    assert explain_not("rfb", Head(TCP, noise, noise)) == explain_not("vnc", Head(TCP, noise, noise)) is not None
