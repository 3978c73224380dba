"""Tables of SMTP, FTP, POP3 and IMAP → their protocols, by the shared matcher of lines.

USER, PASS, QUIT, NOOP, RSET, HELP, LIST, STAT, RETR, DELE and AUTH belong to several of them: they decide nothing alone.
"""

from oddport.engine.columns import TCP
from oddport.protocols.lines import (
    NONE,
    NUMBER,
    OPTIONAL,
    TEXT,
    WORD,
    Command,
    client_of,
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
from oddport.protocols.registry import DIGITS, LETTERS, Grammar, Protocol


def _codes(text: str) -> frozenset[bytes]:
    return frozenset(word.encode() for word in text.split())


_USER = command(rb" +([^ ]+) *", own=False, fact="user")
_PASS = command(OPTIONAL, own=False)
_BARE = command(NONE, own=False)
_FREE = command(OPTIONAL, own=False)

SASL = (
    rb"(?:(?i:PLAIN|LOGIN|CRAM-MD5|DIGEST-MD5|NTLM|GSSAPI|GSS-SPNEGO|EXTERNAL|ANONYMOUS|XOAUTH2?|OAUTHBEARER|KERBEROS_V[45]|OTP|SECURID"
    rb"|SCRAM-SHA-[0-9]{1,3}(?:-PLUS)?))"
)
"""Mechanisms of the IANA registry of SASL, and LOGIN, XOAUTH2."""

SMTP_COMMANDS: dict[bytes, Command] = {
    # RFC 5321, 4.1.1; RFC 3207 STARTTLS; RFC 4954 AUTH; RFC 3030 BDAT; RFC 1985 ETRN; RFC 2033 LHLO; Postfix XCLIENT, XFORWARD
    b"EHLO": command(rb" +([^ ]+) *", fact="helo"), b"HELO": command(rb" +([^ ]+) *", fact="helo"),
    b"LHLO": command(rb" +([^ ]+) *", fact="helo"),
    b"MAIL": command(rb" [Ff][Rr][Oo][Mm]: ?(<[^<>]*>|[^ <>]+)(?: .*)?", fact="mail_from"),
    b"RCPT": command(rb" [Tt][Oo]: ?(<[^<>]*>|[^ <>]+)(?: .*)?"),
    b"DATA": command(NONE), b"BDAT": command(rb" [0-9]{1,10}(?: [Ll][Aa][Ss][Tt])? *"), b"VRFY": command(TEXT), b"EXPN": command(TEXT),
    b"STARTTLS": command(NONE, own=False), b"ETRN": command(TEXT), b"XCLIENT": command(TEXT), b"XFORWARD": command(TEXT),
    b"AUTH": command(rb" " + SASL + rb"(?: [A-Za-z0-9+/=*]+)? *", own=False),
    b"RSET": _BARE, b"QUIT": _BARE, b"NOOP": _FREE, b"HELP": _FREE,
}  # fmt: skip
SMTP_CODES = _codes(
    "211 214 220 221 235 250 251 252 334 354 421 432 450 451 452 453 454 455 458 459 500 501 502 503 504 521 523 525 530 534 535 538"
    " 550 551 552 553 554 555 556 557 571"
)
SMTP_KEYWORD = (
    rb"\n250[ -](?:PIPELINING|SIZE(?: [0-9]+)?|8BITMIME|STARTTLS|AUTH[ =][A-Z0-9 =-]+|ENHANCEDSTATUSCODES|CHUNKING|DSN|SMTPUTF8|ETRN"
    rb"|VRFY|BINARYMIME)\r?\n"
)
"""Extensions in the reply to EHLO (IANA registry of SMTP service extensions)."""

FTP_COMMANDS: dict[bytes, Command] = {
    # RFC 959, 5.3; RFC 2228 AUTH, PROT, PBSZ; RFC 2389 FEAT, OPTS; RFC 2428 EPRT, EPSV; RFC 3659 MDTM, SIZE, MLSD, MLST; RFC 7151 HOST
    b"USER": _USER, b"PASS": _PASS, b"ACCT": command(TEXT), b"CWD": command(TEXT), b"CDUP": command(NONE), b"REIN": command(NONE),
    b"PORT": command(rb" +[0-9]{1,3}(?:,[0-9]{1,3}){5} *"), b"PASV": command(NONE), b"TYPE": command(rb" [AaEeIiLl](?: [NnTtCc0-9]+)? *"),
    b"STRU": command(rb" [FfRrPp] *"), b"MODE": command(rb" [SsBbCcZz] *"), b"STOR": command(TEXT), b"STOU": command(OPTIONAL),
    b"APPE": command(TEXT), b"ALLO": command(rb" [0-9]+(?: R [0-9]+)? *"), b"REST": command(NUMBER), b"RNFR": command(TEXT),
    b"RNTO": command(TEXT), b"ABOR": command(NONE), b"RMD": command(TEXT), b"MKD": command(TEXT), b"PWD": command(NONE),
    b"XPWD": command(NONE), b"XCWD": command(TEXT), b"XMKD": command(TEXT), b"XRMD": command(TEXT), b"NLST": command(OPTIONAL),
    b"SITE": command(TEXT), b"SYST": command(NONE), b"FEAT": command(NONE), b"OPTS": command(TEXT),
    b"AUTH": command(rb" (?:TLS|SSL|TLS-C|TLS-P|KERBEROS_V4|GSSAPI|tls|ssl) *"), b"ADAT": command(WORD), b"PROT": command(rb" [CSEPcsep] *"),
    b"PBSZ": command(NUMBER), b"CCC": command(NONE), b"CLNT": command(TEXT), b"EPSV": command(rb"(?: (?:[12]|ALL))? *"),
    b"EPRT": command(rb" \|[12]\|[0-9A-Fa-f:.]+\|[0-9]{1,5}\| *"), b"MDTM": command(TEXT), b"SIZE": command(TEXT),
    b"MLSD": command(OPTIONAL), b"MLST": command(OPTIONAL), b"HOST": command(WORD), b"LANG": command(OPTIONAL),
    b"RETR": command(TEXT, own=False), b"DELE": command(TEXT, own=False),
    b"LIST": _FREE, b"STAT": _FREE, b"HELP": _FREE, b"QUIT": _BARE, b"NOOP": _BARE,
}  # fmt: skip
FTP_CODES = _codes(
    "110 120 125 150 200 202 211 212 213 214 215 220 221 225 226 227 228 229 230 231 232 234 235 250 257 331 332 334 335 336 350 421 425"
    " 426 430 431 434 450 451 452 500 501 502 503 504 521 522 530 531 532 533 534 535 536 537 550 551 552 553"
)
"""RFC 959, 4.2.2; RFC 2228, 5; RFC 2428."""

POP3_COMMANDS: dict[bytes, Command] = {
    # RFC 1939; RFC 2449 CAPA; RFC 2595 STLS; RFC 5034 AUTH
    b"USER": _USER, b"PASS": command(TEXT, own=False), b"APOP": command(rb" +([^ ]+) [0-9a-fA-F]{32} *", fact="user"),
    b"CAPA": command(NONE), b"STLS": command(NONE), b"UIDL": command(rb"(?: [0-9]{1,10})? *"), b"TOP": command(rb" [0-9]{1,10} [0-9]{1,10} *"),
    b"AUTH": command(rb"(?: " + SASL + rb"(?: [A-Za-z0-9+/=]+)?)? *", own=False), b"XTND": command(TEXT), b"UTF8": command(NONE),
    b"RETR": command(NUMBER, own=False), b"DELE": command(NUMBER, own=False), b"LIST": command(rb"(?: [0-9]{1,10})? *", own=False),
    b"STAT": _BARE, b"NOOP": _BARE, b"RSET": _BARE, b"QUIT": _BARE,
}  # fmt: skip

IMAP_COMMANDS: dict[bytes, Command] = {
    # RFC 9051, 6; RFC 3501; RFC 2971 ID; RFC 2342 NAMESPACE; RFC 2087 quotas
    b"CAPABILITY": command(NONE), b"NOOP": command(NONE), b"LOGOUT": command(NONE), b"STARTTLS": command(NONE),
    b"LOGIN": command(rb" +\"?([^ \"]+)\"? .+", fact="user"), b"AUTHENTICATE": command(rb" [A-Za-z0-9_-]{3,20}(?: [A-Za-z0-9+/=]+)? *"),
    b"ENABLE": command(TEXT), b"SELECT": command(TEXT), b"EXAMINE": command(TEXT), b"CREATE": command(TEXT), b"DELETE": command(TEXT),
    b"RENAME": command(rb" .+ .+"), b"SUBSCRIBE": command(TEXT), b"UNSUBSCRIBE": command(TEXT), b"LIST": command(rb" .+ .+"),
    b"LSUB": command(rb" .+ .+"), b"XLIST": command(rb" .+ .+"), b"STATUS": command(rb" .+ \(.+\)"), b"APPEND": command(rb" .+ .+"),
    b"NAMESPACE": command(NONE), b"IDLE": command(NONE), b"CLOSE": command(NONE), b"UNSELECT": command(NONE), b"EXPUNGE": command(NONE),
    b"CHECK": command(NONE), b"FETCH": command(rb" [0-9*:,]+ .+"), b"STORE": command(rb" [0-9*:,]+ .+"), b"COPY": command(rb" [0-9*:,]+ .+"),
    b"MOVE": command(rb" [0-9*:,]+ .+"), b"SEARCH": command(TEXT), b"UID": command(rb" (?:FETCH|STORE|COPY|MOVE|SEARCH|EXPUNGE|fetch|search) .+"),
    b"ID": command(rb" (?:\(.*\)?|NIL|nil)"), b"GETQUOTAROOT": command(TEXT), b"GETQUOTA": command(TEXT),
}  # fmt: skip

PROTOCOLS = (
    Protocol(
        name="smtp",
        title="SMTP",
        spec="RFC 5321",
        first="server",
        aliases=("lmtp", "submission"),
        grammars=(
            Grammar(
                (TCP,),
                client_of(SMTP_COMMANDS),
                server_of_codes(SMTP_CODES, _codes("220 421 554"), _codes("354"), rb"\b[EL]?SMTP", SMTP_KEYWORD),
                first_bytes(SMTP_COMMANDS),
                b"2345",
                reject=reject_by(reject_commands("SMTP", SMTP_COMMANDS, False), reject_codes(SMTP_CODES)),
            ),
        ),
    ),
    Protocol(
        name="ftp",
        title="FTP",
        spec="RFC 959",
        first="server",
        grammars=(
            Grammar(
                (TCP,),
                client_of(FTP_COMMANDS),
                server_of_codes(
                    FTP_CODES,
                    _codes("120 220 421"),
                    _codes("125 150 200 215 225 226 227 229 230 234 257 331 332"),
                    rb"FTP",
                    b"",
                ),
                first_bytes(FTP_COMMANDS),
                b"12345",
                reject=reject_by(reject_commands("FTP", FTP_COMMANDS, False), reject_codes(FTP_CODES)),
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
