"""Tables of SMTP, POP3 and IMAP → their protocols, by the shared matcher of lines (RFC 5321, RFC 1939, RFC 9051)."""

import re
from base64 import b64decode

from oddport.engine.columns import TCP
from oddport.engine.heads import Head
from oddport.protocols.lines import (
    BARE,
    FREE,
    NONE,
    NUMBER,
    PASS,
    TEXT,
    USER,
    Command,
    client_of,
    codes,
    command,
    first_bytes,
    reject_by,
    reject_codes,
    reject_commands,
    reject_words,
    reply,
    server_of_codes,
    server_of_words,
)
from oddport.protocols.model import Identification
from oddport.protocols.registry import DIGITS, LETTERS, Grammar, Protocol
from oddport.protocols.text import clean

SASL = (
    rb"(?:(?i:PLAIN|LOGIN|CRAM-MD5|DIGEST-MD5|NTLM|GSSAPI|GSS-SPNEGO|EXTERNAL|ANONYMOUS|XOAUTH2?|OAUTHBEARER|KERBEROS_V[45]|OTP"
    rb"|SECURID|SCRAM-SHA-[0-9]{1,3}(?:-PLUS)?))"
)
"""Mechanisms of the IANA registry of SASL, and LOGIN, XOAUTH2."""

SMTP_COMMANDS: dict[bytes, Command] = {
    # RFC 5321, 4.1.1; RFC 3207 STARTTLS; RFC 4954 AUTH; RFC 3030 BDAT; RFC 1985 ETRN; RFC 2033 LHLO;
    # Postfix documentation XCLIENT, XFORWARD
    b"EHLO": command(rb" +([^ ]+) *", fact="helo"),
    b"HELO": command(rb" +([^ ]+) *", fact="helo"),
    b"LHLO": command(rb" +([^ ]+) *", fact="helo"),
    b"MAIL": command(rb" [Ff][Rr][Oo][Mm]: ?(<[^<>]*>|[^ <>]+)(?: .*)?", fact="mail_from"),
    b"RCPT": command(rb" [Tt][Oo]: ?(<[^<>]*>|[^ <>]+)(?: .*)?"),
    b"DATA": command(NONE),
    b"BDAT": command(rb" [0-9]{1,10}(?: [Ll][Aa][Ss][Tt])? *"),
    b"VRFY": command(TEXT),
    b"EXPN": command(TEXT),
    b"STARTTLS": command(NONE, own=False),
    b"ETRN": command(TEXT),
    b"XCLIENT": command(TEXT),
    b"XFORWARD": command(TEXT),
    b"AUTH": command(rb" " + SASL + rb"(?: [A-Za-z0-9+/=*]+)? *", own=False),
    b"RSET": BARE,
    b"QUIT": BARE,
    b"NOOP": FREE,
    b"HELP": FREE,
}
SMTP_CODES = codes(
    "211 214 220 221 235 250 251 252 334 354 421 432 450 451 452 453 454 455 458 459 500 501 502 503 504 521 523 525"
    " 530 534 535 538 550 551 552 553 554 555 556 557 571"
)
SMTP_KEYWORD = (
    rb"\n250[ -](?:PIPELINING|SIZE(?: [0-9]+)?|8BITMIME|STARTTLS|AUTH[ =][A-Z0-9 =-]+|ENHANCEDSTATUSCODES|CHUNKING|DSN"
    rb"|SMTPUTF8|ETRN|VRFY|BINARYMIME)\r?\n"
)
"""Extensions in the reply to EHLO (IANA registry of SMTP service extensions)."""

POP3_COMMANDS: dict[bytes, Command] = {
    # RFC 1939; RFC 2449 CAPA; RFC 2595 STLS; RFC 5034 AUTH
    b"USER": USER,
    b"PASS": PASS,
    b"APOP": command(rb" +([^ ]+) [0-9a-fA-F]{32} *", fact="user"),
    b"CAPA": command(NONE),
    b"STLS": command(NONE),
    b"UIDL": command(rb"(?: [0-9]{1,10})? *"),
    b"TOP": command(rb" [0-9]{1,10} [0-9]{1,10} *"),
    b"AUTH": command(rb"(?: " + SASL + rb"(?: [A-Za-z0-9+/=]+)?)? *", own=False),
    b"XTND": command(TEXT),
    b"UTF8": command(NONE),
    b"RETR": command(NUMBER, own=False),
    b"DELE": command(NUMBER, own=False),
    b"LIST": command(rb"(?: [0-9]{1,10})? *", own=False),
    b"STAT": BARE,
    b"NOOP": BARE,
    b"RSET": BARE,
    b"QUIT": BARE,
}

IMAP_COMMANDS: dict[bytes, Command] = {
    # RFC 9051, 6; RFC 3501; RFC 2971 ID; RFC 2342 NAMESPACE; RFC 2087 quotas
    b"CAPABILITY": command(NONE),
    b"NOOP": command(NONE),
    b"LOGOUT": command(NONE),
    b"STARTTLS": command(NONE),
    b"LOGIN": command(rb" +\"?([^ \"]+)\"? .+", fact="user"),
    b"AUTHENTICATE": command(rb" [A-Za-z0-9_-]{3,20}(?: [A-Za-z0-9+/=]+)? *"),
    b"ENABLE": command(TEXT),
    b"SELECT": command(TEXT),
    b"EXAMINE": command(TEXT),
    b"CREATE": command(TEXT),
    b"DELETE": command(TEXT),
    b"RENAME": command(rb" .+ .+"),
    b"SUBSCRIBE": command(TEXT),
    b"UNSUBSCRIBE": command(TEXT),
    b"LIST": command(rb" .+ .+"),
    b"LSUB": command(rb" .+ .+"),
    b"XLIST": command(rb" .+ .+"),
    b"STATUS": command(rb" .+ \(.+\)"),
    b"APPEND": command(rb" .+ .+"),
    b"NAMESPACE": command(NONE),
    b"IDLE": command(NONE),
    b"CLOSE": command(NONE),
    b"UNSELECT": command(NONE),
    b"EXPUNGE": command(NONE),
    b"CHECK": command(NONE),
    b"FETCH": command(rb" [0-9*:,]+ .+"),
    b"STORE": command(rb" [0-9*:,]+ .+"),
    b"COPY": command(rb" [0-9*:,]+ .+"),
    b"MOVE": command(rb" [0-9*:,]+ .+"),
    b"SEARCH": command(TEXT),
    b"UID": command(rb" (?:FETCH|STORE|COPY|MOVE|SEARCH|EXPUNGE|fetch|search) .+"),
    b"ID": command(rb" (?:\(.*\)?|NIL|nil)"),
    b"GETQUOTAROOT": command(TEXT),
    b"GETQUOTA": command(TEXT),
}

_PLAIN = re.compile(rb"(?:\A|\n)AUTH PLAIN(?: |\r?\n)([A-Za-z0-9+/]{4,400}={0,2})\r?\n", re.IGNORECASE)
_LOGIN = re.compile(rb"(?:\A|\n)AUTH LOGIN(?: |\r?\n)([A-Za-z0-9+/]{4,400}={0,2})\r?\n", re.IGNORECASE)


def smtp_user(head: Head, found: Identification) -> None:
    """Who logs in: the name in AUTH PLAIN (RFC 4616, 2), or the first answer of AUTH LOGIN; never the password."""
    client = head.resp if found.server == 0 else head.orig
    plain, login = _PLAIN.search(client), _LOGIN.search(client)
    told = plain or login
    if told is None:
        return
    try:
        text = b64decode(told.group(1))
    except ValueError:
        return
    user = text.split(b"\0")[1:2] if plain else [text]
    if user and user[0]:
        found.facts["user"] = clean(user[0])


PROTOCOLS = (
    Protocol(
        name="smtp",
        title="SMTP",
        spec="RFC 5321",
        describe=smtp_user,
        first="server",
        aliases=("lmtp", "submission"),
        grammars=(
            Grammar(
                (TCP,),
                client_of(SMTP_COMMANDS),
                server_of_codes(SMTP_CODES, codes("220 421 554"), codes("354"), rb"\b[EL]?SMTP", SMTP_KEYWORD),
                first_bytes(SMTP_COMMANDS),
                b"2345",
                reject=reject_by(reject_commands("SMTP", SMTP_COMMANDS, False), reject_codes(SMTP_CODES)),
            ),
        ),
    ),
    Protocol(
        name="pop3",
        title="POP3",
        spec="RFC 1939",
        first="server",
        aliases=("pop",),
        grammars=(
            Grammar(
                (TCP,),
                client_of(POP3_COMMANDS),
                server_of_words(
                    (
                        reply(
                            rb"\+OK\b(.*(?:\bPOP3?\b|<[^<>@ ]+@[^<> ]+>).*)",
                            64,
                            "greeting +OK of POP3",
                            strong=True,
                            fact="banner",
                        ),
                        reply(rb"\+OK\b ?(.*)", 32, "reply +OK", fact="banner"),
                        reply(rb"-ERR\b", 32, "reply -ERR"),
                    )
                ),
                first_bytes(POP3_COMMANDS),
                b"+-",
                reject=reject_by(
                    reject_commands("POP3", POP3_COMMANDS, False),
                    reject_words((b"+OK", b"-ERR"), "a reply begins with '+OK' or '-ERR'"),
                ),
            ),
        ),
    ),
    Protocol(
        name="imap",
        title="IMAP",
        spec="RFC 9051",
        first="server",
        aliases=("imap4",),
        grammars=(
            Grammar(
                (TCP,),
                client_of(IMAP_COMMANDS, tagged=True),
                server_of_words(
                    (
                        reply(rb"\* (?:OK|PREAUTH|BYE) (.*)", 56, "untagged reply", strong=True, fact="banner"),
                        reply(rb"\* CAPABILITY .*IMAP4", 120, "capabilities of IMAP4", strong=True),
                        reply(
                            rb"\* (?:[0-9]+ (?:EXISTS|RECENT|FETCH|EXPUNGE)|FLAGS|LIST|LSUB|SEARCH|STATUS)\b",
                            64,
                            "untagged data",
                            strong=True,
                        ),
                        reply(rb"[A-Z0-9.]{1,16} (?:OK|NO|BAD) ", 40, "tagged reply"),
                    )
                ),
                LETTERS + DIGITS,
                b"*" + LETTERS + DIGITS,
                reject=reject_by(
                    reject_commands("IMAP", IMAP_COMMANDS, True),
                    reject_words((b"* ", b"+ "), "a greeting begins with '* '"),
                ),
            ),
        ),
    ),
)
