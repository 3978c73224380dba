"""Table of FTP → its protocol, by the shared matcher of lines (RFC 959 and its extensions)."""

from oddport.engine.columns import TCP
from oddport.protocols import announced
from oddport.protocols.lines import (
    BARE,
    FREE,
    NONE,
    NUMBER,
    OPTIONAL,
    PASS_OR_NONE,
    TEXT,
    USER,
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

FTP_COMMANDS: dict[bytes, Command] = {
    # RFC 959, 5.3; RFC 2228 AUTH, PROT, PBSZ; RFC 2389 FEAT, OPTS; RFC 2428 EPRT, EPSV;
    # RFC 3659 MDTM, SIZE, MLSD, MLST; RFC 7151 HOST
    b"USER": USER,
    b"PASS": PASS_OR_NONE,
    b"ACCT": command(TEXT),
    b"CWD": command(TEXT),
    b"CDUP": command(NONE),
    b"REIN": command(NONE),
    b"PORT": command(rb" +[0-9]{1,3}(?:,[0-9]{1,3}){5} *"),
    b"PASV": command(NONE),
    b"TYPE": command(rb" [AaEeIiLl](?: [NnTtCc0-9]+)? *"),
    b"STRU": command(rb" [FfRrPp] *"),
    b"MODE": command(rb" [SsBbCcZz] *"),
    b"STOR": command(TEXT),
    b"STOU": command(OPTIONAL),
    b"APPE": command(TEXT),
    b"ALLO": command(rb" [0-9]+(?: R [0-9]+)? *"),
    b"REST": command(NUMBER),
    b"RNFR": command(TEXT),
    b"RNTO": command(TEXT),
    b"ABOR": command(NONE),
    b"RMD": command(TEXT),
    b"MKD": command(TEXT),
    b"PWD": command(NONE),
    b"XPWD": command(NONE),
    b"XCWD": command(TEXT),
    b"XMKD": command(TEXT),
    b"XRMD": command(TEXT),
    b"NLST": command(OPTIONAL),
    b"SITE": command(TEXT),
    b"SYST": command(NONE),
    b"FEAT": command(NONE),
    b"OPTS": command(TEXT),
    b"AUTH": command(rb" (?:TLS|SSL|TLS-C|TLS-P|KERBEROS_V4|GSSAPI|tls|ssl) *"),
    b"ADAT": command(WORD),
    b"PROT": command(rb" [CSEPcsep] *"),
    b"PBSZ": command(NUMBER),
    b"CCC": command(NONE),
    b"CLNT": command(TEXT),
    b"EPSV": command(rb"(?: (?:[12]|ALL))? *"),
    b"EPRT": command(rb" \|[12]\|[0-9A-Fa-f:.]+\|[0-9]{1,5}\| *"),
    b"MDTM": command(TEXT),
    b"SIZE": command(TEXT),
    b"MLSD": command(OPTIONAL),
    b"MLST": command(OPTIONAL),
    b"HOST": command(WORD),
    b"LANG": command(OPTIONAL),
    b"RETR": command(TEXT, own=False),
    b"DELE": command(TEXT, own=False),
    b"LIST": FREE,
    b"STAT": FREE,
    b"HELP": FREE,
    b"QUIT": BARE,
    b"NOOP": BARE,
}
FTP_CODES = codes(
    "110 120 125 150 200 202 211 212 213 214 215 220 221 225 226 227 228 229 230 231 232 234 235 250 257 331 332 334"
    " 335 336 350 421 425 426 430 431 434 450 451 452 500 501 502 503 504 521 522 530 531 532 533 534 535"
    " 536 537 550 551 552 553"
)
"""RFC 959, 4.2.2; RFC 2228, 5; RFC 2428."""

PROTOCOLS = (
    Protocol(
        name="ftp",
        title="FTP",
        spec="RFC 959",
        describe=announced.ftp,
        first="server",
        grammars=(
            Grammar(
                (TCP,),
                client_of(FTP_COMMANDS),
                server_of_codes(
                    FTP_CODES,
                    codes("120 220 421"),
                    codes("125 150 200 215 225 226 227 229 230 234 257 331 332"),
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
        name="ftp-data",
        title="FTP data connection",
        spec="RFC 959, section 3.2",
        first="either",
        announced_by=("ftp",),
        grammars=(),
    ),
)
