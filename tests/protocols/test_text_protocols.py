"""Each text protocol: the variants it must know, what it must leave alone, and the facts it gives."""

import pytest

from oddport.engine.columns import TCP, UDP
from oddport.engine.heads import Head
from oddport.protocols.identify import explain_not, identify
from oddport.protocols.model import Facts, Tier


def name_of(client: bytes = b"", server: bytes = b"") -> str | None:
    return identify(Head(TCP, client, server)).app


def facts_of(client: bytes = b"", server: bytes = b"") -> Facts:
    return identify(Head(TCP, client, server)).facts


# -- HTTP/1


def test_http_facts_come_from_request_and_response() -> None:
    client = b"POST /login?x=1 HTTP/1.1\r\nhost: a.example\r\nUSER-AGENT: tool/1\r\n\r\nuser=Host: no"
    server = b"HTTP/1.1 302 Found\r\nServer: nginx\r\n\r\n"
    assert facts_of(client, server) == {
        "method": "POST",
        "path": "/login?x=1",
        "host": "a.example",
        "user_agent": "tool/1",
        "status": 302,
        "server": "nginx",
    }


def test_http_facts_are_not_taken_from_the_body() -> None:
    assert "host" not in facts_of(b"GET / HTTP/1.0\r\n\r\nHost: body.example\r\n")


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.0\n\n",
        b"PROPFIND /dav HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT a.example:443 HTTP/1.1\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\n\r\n",
        b"POST  /  HTTP/1.0\r\nCookie: a\r\n\r\n",
        b"GET /a b (c).asf HTTP/1.0\r\n\r\n",
        b"GET http://a.example/ HTTP/1.1\r\n\r\n",
        b"VERSION-CONTROL /x HTTP/1.1\r\n\r\n",
    ],
)
def test_http_request_lines(request_line: bytes) -> None:
    found = identify(Head(TCP, request_line))
    assert (found.app, found.tier, found.server) == ("http", Tier.B, 1)


@pytest.mark.parametrize(
    "line",
    [
        b"GET rtsp://a/ RTSP/1.0\r\n\r\n",
        b"get / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET /\r\n",
        b"GET\x00/ HTTP/1.1\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n",
        b"GET /\x01 HTTP/1.1\r\n",
    ],
)
def test_what_is_no_http_1_request_line(line: bytes) -> None:
    assert name_of(line) != "http"


def test_http_target_longer_than_what_was_kept_is_named_with_the_other_direction() -> None:
    client = b"GET /" + b"a" * 4_091
    assert identify(Head(TCP, client)).tier == Tier.C
    found = identify(Head(TCP, client, b"HTTP/1.1 414 URI Too Long\r\n\r\n"))
    assert (found.app, found.tier, found.final) == ("http", Tier.A, False)


@pytest.mark.parametrize(
    "line",
    [
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 099 X\r\n\r\n",
        b"HTTP/1.2 200 OK\r\n\r\n",
        b"HTTP/1.1 200",
        b"ICY 200 OK\r\n",
    ],
)
def test_what_is_no_http_1_status_line(line: bytes) -> None:
    assert name_of(b"", line) is None


# -- SSH


def test_ssh_server_may_greet_before_its_identification() -> None:
    found = identify(Head(TCP, b"SSH-2.0-x\r\n", b"*** Authorised use only ***\r\nSSH-2.0-y\r\n"))
    assert (found.app, found.tier, found.server) == ("ssh", Tier.A, 1)
    assert found.spans[1].offset == 29


def test_ssh_padded_with_nul_as_some_devices_send_it_is_weak_but_named() -> None:
    found = identify(Head(TCP, b"", b"SSH-1.99-Cisco_server-1.24 " + bytes(40)))
    assert (found.app, found.tier) == ("ssh", Tier.C)


@pytest.mark.parametrize("line", [b"SSH-3.0-x\r\n", b"SSH-2.0\r\n", b"ssh-2.0-x\r\n", b"\x01\nSSH-2.0-x\r\n", b"SSH-"])
def test_what_is_no_ssh(line: bytes) -> None:
    assert name_of(b"", line) is None


def test_ssh_key_exchange_behind_the_identification_is_part_of_the_proof() -> None:
    client = b"SSH-2.0-x\r\n" + (300).to_bytes(4, "big") + b"\x06\x14" + bytes(16)
    spans = identify(Head(TCP, client)).spans
    assert [(span.offset, span.length) for span in spans] == [(0, 10), (11, 6)]


# -- SMTP, FTP, POP3, IMAP


@pytest.mark.parametrize(
    "client",
    [
        b"EHLO [192.0.2.1]\r\n",
        b"HELO x\r\n",
        b"LHLO x.example\r\n",
        b"ehlo x\r\nSTARTTLS\r\n",
        b"MAIL FROM:<>\r\n",
        b"MAIL FROM:<a@b.example> SIZE=100\r\nRCPT TO:<c@d.example>\r\n",
        b"RCPT TO:<a@b.example>\r\n",
        b"XCLIENT ADDR=192.0.2.1\r\n",
    ],
)
def test_smtp_client_alone(client: bytes) -> None:
    found = identify(Head(TCP, client))
    assert (found.app, found.tier, found.server) == ("smtp", Tier.B, 1)


def test_smtp_extensions_in_the_answer_to_ehlo_prove_the_server() -> None:
    assert name_of(b"", b"220 x ready\r\n250-x\r\n250-PIPELINING\r\n250 8BITMIME\r\n") == "smtp"


def test_smtp_facts() -> None:
    facts = facts_of(b"EHLO me.example\r\nMAIL FROM:<a@b.example>\r\n", b"220 mx.example ESMTP\r\n250 hi\r\n")
    assert facts == {"helo": "me.example", "mail_from": "<a@b.example>", "banner": "mx.example ESMTP"}


@pytest.mark.parametrize(
    "client",
    [
        b"PORT 192,0,2,1,4,1\r\n",
        b"PASV\r\n",
        b"EPSV\r\n",
        b"EPRT |2|2001:db8::1|5282|\r\n",
        b"TYPE I\r\n",
        b"SYST\r\n",
        b"FEAT\r\n",
        b"CWD /pub\r\n",
        b"STOR a.bin\r\n",
        b"AUTH TLS\r\n",
        b"USER a\r\nPASS b\r\nCWD /\r\n",
        "CWD /Gemälde\r\n".encode(),
    ],
)
def test_ftp_client_alone(client: bytes) -> None:
    found = identify(Head(TCP, client))
    assert (found.app, found.tier) == ("ftp", Tier.B)


@pytest.mark.parametrize(
    "client",
    [b"PORT 1,2,3\r\n", b"TYPE Q\r\n", b"PASV now\r\n", b"CWD\r\n", b"RETR a\r\n", b"STOR a.bin\n", b"LIST\r\n"],
)
def test_ftp_client_alone_is_not_proved_by_wrong_arguments_shared_verbs_or_half_a_line_end(client: bytes) -> None:
    assert identify(Head(TCP, client)).tier < Tier.B


def test_ftp_reply_without_its_space_ends_what_is_looked_at() -> None:
    assert name_of(b"USER x\r\n", b"220 ready\r\n230 ok\r\n230_no_space\r\n") == "ftp"


def test_a_reply_code_that_the_protocol_does_not_have_refuses_it() -> None:
    assert name_of(b"", b"220 mail ESMTP\r\n299 what\r\n") is None


def test_news_servers_are_not_ftp() -> None:
    """NNTP greets with 200 (RFC 3977, 5.1), shares LIST, QUIT and 215 with FTP."""
    client = b"MODE READER\r\nLIST\r\nGROUP comp.lang\r\n"
    assert name_of(client, b"200 news.example server ready\r\n200 reader\r\n215 list follows\r\n") == "nntp"
    assert name_of(b"LIST\r\nQUIT\r\n", b"200 news.example\r\n215 list follows\r\n") == "nntp"
    # the same codes in the middle of an FTP session
    assert identify(Head(TCP, b"", b"200 Type set to I\r\n215 UNIX Type: L8\r\n")).tier < Tier.B
    assert name_of(b"TYPE I\r\nSYST\r\n", b"200 Type set to I\r\n215 UNIX Type: L8\r\n") == "ftp"


def test_passwords_are_never_facts() -> None:
    for client in (
        b"USER u\r\nPASS hunter2\r\nSYST\r\n",
        b"a1 LOGIN u hunter2\r\n",
        b"PASS hunter2\r\nNICK n\r\nUSER u 0 * :r\r\n",
    ):
        found = identify(Head(TCP, client))
        assert found.app is not None
        assert "hunter2" not in str(found.facts)
        assert "hunter2" not in str(found.spans)


@pytest.mark.parametrize(
    "client",
    [
        b"CAPA\r\n",
        b"STLS\r\n",
        b"UIDL\r\n",
        b"APOP a 0123456789abcdef0123456789abcdef\r\n",
        b"TOP 1 0\r\n",
        b"CAPA\r\nAUTH PLAIN\r\n",
    ],
)
def test_pop3_client_alone(client: bytes) -> None:
    assert name_of(client) == "pop3"


def test_pop3_greeting_in_another_character_set() -> None:
    server = "+OK 邮件服务器 POP3 ready\r\n".encode("gb18030")
    assert name_of(b"USER a\r\nPASS b\r\n", server) == "pop3"


@pytest.mark.parametrize(
    "client",
    [
        b"a1 CAPABILITY\r\n",
        b"1 NOOP\r\n",
        b"A.7 login u p\r\n",
        b'x LIST "" "*"\r\n',
        b"t UID FETCH 1:* (FLAGS)\r\n",
        b'a2 STATUS "INBOX" (MESSAGES)\r\n',
    ],
)
def test_imap_client_alone(client: bytes) -> None:
    found = identify(Head(TCP, client))
    assert (found.app, found.tier) == ("imap", Tier.B)


@pytest.mark.parametrize(
    "client",
    [
        b"get list\r\n",
        b"a1 LIST x\r\n",
        b"a-1 NOOP\r\n",
        b" NOOP\r\n",
        b"a1 NOOPE\r\n",
        b"a1  NOOP\r\n",
        b"a1 CHECK it\r\n",
    ],
)
def test_what_is_no_imap_command(client: bytes) -> None:
    assert name_of(client) != "imap"


@pytest.mark.parametrize(
    "server", [b"* PREAUTH hello\r\n", b"* BYE busy\r\n", b"* CAPABILITY IMAP4rev1 IDLE\r\n", b"* 3 EXISTS\r\n"]
)
def test_imap_server_alone(server: bytes) -> None:
    assert name_of(b"", server) == "imap"


# -- IRC


@pytest.mark.parametrize(
    "client",
    [
        b"CAP LS 302\r\n",
        b"NICK a\nUSER a 0 * :b\n",
        b"PRIVMSG #c :hello\r\n",
        b"JOIN #a,#b key\r\n",
        b"PASS x\r\nNICK y\r\nUSER y . . :y\r\n",
    ],
)
def test_irc_client_alone(client: bytes) -> None:
    assert name_of(client) == "irc"


@pytest.mark.parametrize(
    "server",
    [
        b":a.example 433 * n :Nickname is already in use\r\n",
        b"NOTICE AUTH :*** Checking ident\r\n",
        b"ERROR :Closing Link: x\r\n",
        b":n!u@h JOIN :#c\r\n",
    ],
)
def test_irc_server_alone(server: bytes) -> None:
    assert name_of(b"", server) == "irc"


def test_irc_with_starttls_is_not_smtp() -> None:
    assert name_of(b"STARTTLS\r\n", b":irc.example 670  :STARTTLS successful\r\n") == "irc"


def test_starttls_alone_is_anybodys() -> None:
    assert name_of(b"STARTTLS\r\n") is None


# -- Telnet


def test_telnet_one_negotiation_each_way_is_a_heuristic() -> None:
    found = identify(Head(TCP, b"\xff\xfd\x03", b"\xff\xfb\x03"))
    assert (found.app, found.tier) == ("telnet", Tier.C)


def test_telnet_subnegotiation_is_walked_to_its_end() -> None:
    data = b"\xff\xfa\x18\x00xterm\xff\xf0\xff\xfb\x1f\xff\xfd\x01text"
    found = identify(Head(TCP, data))
    assert (found.app, found.tier) == ("telnet", Tier.B)
    assert found.spans[0].length == len(data) - len(b"text")


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfb",
        b"\xff\x00\x00",
        b"\xff\xfb\x99\xff\xfb\x99",
        b"\xff\xd8\xff\xe0\x00\x10JFIF",
        b"\xff\xfa\x18" + b"x" * 600,
    ],
)
def test_what_is_no_telnet_negotiation(data: bytes) -> None:
    assert name_of(data, b"") is None


def test_a_login_prompt_without_options_is_a_heuristic() -> None:
    found = identify(Head(TCP, b"", b"Welcome to device\r\nlogin: "))
    assert (found.app, found.tier) == ("telnet", Tier.C)
    found = identify(Head(TCP, b"admin\r\n", b"Welcome to device\r\nPassword: "))
    assert found.tier < Tier.B


# -- VNC, Redis, SIP


def test_vnc_versions() -> None:
    assert facts_of(b"RFB 003.889\n", b"RFB 003.008\n")["version"] == "003.008"
    for data in (b"RFB 003.00", b"RFB 3.8\n    ", b"RFB 003.008\r\n", b"RFC 003.008\n"):
        assert name_of(data, data) is None


@pytest.mark.parametrize(
    ("client", "server", "tier"),
    [
        (b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n", Tier.A),
        (b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n", b"", Tier.B),
        (b"INFO\r\n", b"$25\r\n# Server\r\nredis_version:7\r\n", Tier.A),
        (b"", b"$5\r\nhello\r\n", Tier.B),
        (b"", b"$9000\r\n# Server\r\nredis_version:7.0.1\r\nredis_git", Tier.B),
        (b"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n", b":1\r\n", Tier.A),
        (b"*2\r\n$4\r\nKEYS\r\n$1\r\n*\r\n", b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", Tier.A),
        (b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n", b"$-1\r\n", Tier.A),
        (b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n", b"$5000\r\nabc", Tier.A),
    ],
)
def test_redis(client: bytes, server: bytes, tier: Tier) -> None:
    found = identify(Head(TCP, client, server))
    assert (found.app, found.tier) == ("redis", tier)


@pytest.mark.parametrize(
    "client",
    [
        b"*1\r\n$4\r\nPINGxx",
        b"*0\r\n",
        b"*1\r\n$99\r\n",
        b"*2000000\r\n$4\r\nPING\r\n",
        b"*1\r\n$4\r\n\x00\x01\x02\x03\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"*a\r\n",
    ],
)
def test_what_is_no_redis_command(client: bytes) -> None:
    assert name_of(client) != "redis"


@pytest.mark.parametrize(
    "server", [b"$5\r\nhelloXX", b"$600000000\r\n", b"+HELLO\r\n", b"-oops\r\n", b":x\r\n", b"*x\r\n", b"$x\r\n"]
)
def test_what_is_no_redis_reply(server: bytes) -> None:
    assert name_of(b"", server) is None


def test_sip_facts_over_udp() -> None:
    request = b"REGISTER sip:example.com SIP/2.0\r\nVia: x\r\nUser-Agent: Phone 1\r\n"
    request += b'f: "Al" <sip:al@example.com>;tag=7\r\nTo: sip:bob@example.com\r\n\r\n'
    reply = b"SIP/2.0 401 Unauthorized\r\nServer: PBX\r\n\r\n"
    found = identify(Head(UDP, request, reply, (request,), (reply,)))
    assert (found.app, found.tier, found.server) == ("sip", Tier.A, 1)
    assert found.facts == {
        "method": "REGISTER",
        "uri": "sip:example.com",
        "user_agent": "Phone 1",
        "from": "sip:al@example.com",
        "to": "sip:bob@example.com",
        "status": 401,
        "server": "PBX",
    }


@pytest.mark.parametrize(
    "data",
    [
        b"INVITE sip:a SIP/3.0\r\n",
        b"INVITE http://a SIP/2.0\r\n",
        b"SIP/2.0 700 x\r\n",
        b"SIP/2.0 200",
        b"invite sip:a SIP/2.0\r\n",
    ],
)
def test_what_is_no_sip(data: bytes) -> None:
    assert name_of(data) is None
    assert name_of(b"", data) is None


# -- shell

WINDOWS = (
    b"Microsoft Windows [Version 6.1.7601]\r\n"
    b"Copyright (c) 2009 Microsoft Corporation.  All rights reserved.\r\n\r\nC:\\>"
)


@pytest.mark.parametrize(
    ("server", "kind"),
    [
        (WINDOWS, "cmd"),
        (b"PS C:\\Users\\a> ", "powershell"),
        (b"Windows PowerShell\r\nCopyright (C) Microsoft Corporation\r\n", "powershell"),
        (
            b"bash: cannot set terminal process group (1): Inappropriate ioctl for device\n"
            b"bash: no job control in this shell\n",
            "sh",
        ),
        (b"/bin/sh: 0: can't access tty; job control turned off\n$ ", "sh"),
        (b"\nBusyBox v1.36.1 (2023-11-07) built-in shell (ash)\n", "sh"),
        (b"id\nbash-5.1$ ", "sh"),
    ],
)
def test_words_of_a_shell_prove_it(server: bytes, kind: str) -> None:
    found = identify(Head(TCP, b"", server))
    assert (found.app, found.tier, found.server) == ("shell", Tier.B, None)
    assert found.facts["shell"] == kind


def test_a_shell_that_calls_out_is_seen_on_the_originators_side() -> None:
    found = identify(Head(TCP, WINDOWS, b"whoami\r\n"))
    assert (found.app, found.tier, found.server) == ("shell", Tier.A, None)
    assert found.spans[0].side == 1 or found.spans[1].side == 1


@pytest.mark.parametrize(
    ("client", "server"),
    [
        (b"id\n", b"uid=0(root) gid=0(root) groups=0(root)\n"),
        (b"whoami\r\ndir\r\n", b"C:\\Users\\a>whoami\r\npc\\a\r\n"),
        (b"ls -la\n", b"root@host:/tmp# "),
        (b"uname -a\n", b"[root@web01 ~]# "),
    ],
)
def test_a_command_and_what_a_shell_answers_make_tier_a(client: bytes, server: bytes) -> None:
    found = identify(Head(TCP, client, server))
    assert (found.app, found.tier) == ("shell", Tier.A)


def test_a_bare_prompt_and_a_command_are_a_heuristic() -> None:
    for prompt in (b"$ ", b"# "):
        found = identify(Head(TCP, b"ls\n", prompt))
        assert (found.app, found.tier) == ("shell", Tier.C)


@pytest.mark.parametrize(
    "server",
    [
        b"uid=0(root) gid=0(root) groups=0(root)\n",
        b"total 4\ndrwxr-xr-x 2 root root 4096 Jan  1 00:00 bin\n",
        b"# a comment\nkey = value\n",
        b"price: $ 5\n",
        b"see C:\\Windows for more\r\n",
        b"write to someone@host: hello\n",
        b"\x7fELF" + bytes(12) + b"PS C:\\> ",
    ],
)
def test_what_files_may_hold_is_no_shell_without_the_other_direction(server: bytes) -> None:
    assert name_of(b"", server) is None


def test_shell_words_in_another_protocol_do_not_rename_it() -> None:
    body = b"HTTP/1.1 200 OK\r\n\r\n" + WINDOWS
    assert name_of(b"GET /cmd HTTP/1.1\r\n\r\n", body) == "http"


def test_a_shell_has_no_grammar_that_could_reject_bytes() -> None:
    assert explain_not("shell", Head(TCP, b"\x80" * 80, b"\x81" * 80)) is None


@pytest.mark.parametrize(
    ("lines", "user"),
    [
        (b"AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n", "tim"),  # RFC 4616, section 4
        (b"AUTH PLAIN\r\nAHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n", "tim"),
        (b"AUTH LOGIN\r\nYWxpY2U=\r\nc2VjcmV0\r\n", "alice"),
        (b"AUTH PLAIN AHRpbQB0Y\r\n", None),
        (b"AUTH PLAIN YWxpY2U=\r\n", None),
        (b"AUTH CRAM-MD5\r\n", None),
    ],
)
def test_who_logs_in_to_send_mail_is_a_fact_and_the_password_is_not(lines: bytes, user: str | None) -> None:
    server = b"220 mx.example ESMTP\r\n250-mx\r\n250 AUTH PLAIN LOGIN\r\n334 \r\n235 ok\r\n"
    facts = identify(Head(TCP, b"EHLO pc.example\r\n" + lines, server)).facts
    assert facts.get("user") == user
    assert "secret" not in repr(facts)
    assert "tanstaaf" not in repr(facts)
