"""Table of NNTP → its protocol, by the shared matcher of lines (RFC 3977 and its extensions)."""

from oddport.engine.columns import TCP
from oddport.protocols.lines import (
    BARE,
    NONE,
    OPTIONAL,
    TEXT,
    WORD,
    Command,
    client_of,
    codes,
    command,
    first_bytes,
    reject_by,
    reject_codes,
    reject_commands,
    server_of_codes,
)
from oddport.protocols.registry import Grammar, Protocol

RANGE = rb"(?: (?:<[^<> ]+>|[0-9]{1,12}(?:-[0-9]{0,12})?))? *"
NNTP_COMMANDS: dict[bytes, Command] = {
    # RFC 3977, sections 5 to 7; RFC 4643 AUTHINFO; RFC 4644 CHECK, TAKETHIS; RFC 2980 XHDR, XPAT …
    b"MODE": command(rb" (?i:READER|STREAM) *"),
    b"GROUP": command(WORD, fact="group"),
    b"LISTGROUP": command(OPTIONAL),
    b"ARTICLE": command(RANGE),
    b"HEAD": command(RANGE),
    b"BODY": command(RANGE),
    b"NEWGROUPS": command(TEXT),
    b"NEWNEWS": command(TEXT),
    b"IHAVE": command(rb" <[^<> ]+> *"),
    b"POST": command(NONE),
    b"CAPABILITIES": command(OPTIONAL),
    b"OVER": command(RANGE),
    b"XOVER": command(RANGE),
    b"HDR": command(TEXT),
    b"XHDR": command(TEXT),
    b"XPAT": command(TEXT),
    b"XFEATURE": command(TEXT),
    b"AUTHINFO": command(rb" (?i:USER|PASS|SASL|GENERIC) .+"),
    b"CHECK": command(rb" <[^<> ]+> *"),
    b"TAKETHIS": command(rb" <[^<> ]+> *"),
    b"COMPRESS": command(rb" [A-Z]+ *"),
    b"STAT": command(RANGE, own=False),
    b"LIST": command(OPTIONAL, own=False),
    b"DATE": BARE,
    b"NEXT": BARE,
    b"LAST": BARE,
    b"HELP": BARE,
    b"QUIT": BARE,
}
NNTP_CODES = codes(
    "100 101 111 200 201 202 203 205 206 211 215 220 221 222 223 224 225 230 231 235 238 239 240 281 283 288 335 336"
    " 340 381 382 383 400 401 403 411 412 413 415 416 418 419 420 421 422 423 430 431 435 436 437 438 439 440 441 480"
    " 481 482 483 500 501 502 503 504 580"
)
"""RFC 3977, 3.2 and appendix C; RFC 4643, 2.3; RFC 4644, 2."""

PROTOCOLS = (
    Protocol(
        name="nntp",
        title="NNTP",
        spec="RFC 3977",
        first="server",
        aliases=("news",),
        grammars=(
            Grammar(
                (TCP,),
                client_of(NNTP_COMMANDS),
                server_of_codes(
                    NNTP_CODES,
                    codes("200 201"),
                    codes("101 111 224 231 281 381 480"),
                    rb"\b(?:NNTP|NNRP|NNRPD|InterNetNews|INN [0-9]|news server|posting (?:allowed|ok)|Usenet)\b",
                ),
                first_bytes(NNTP_COMMANDS),
                b"12345",
                reject=reject_by(reject_commands("NNTP", NNTP_COMMANDS, False), reject_codes(NNTP_CODES)),
            ),
        ),
    ),
)
