"""Messages of IRC → a match (RFC 2812, sections 2.3, 3 and 5; IRCv3 capability negotiation)."""

from oddport.engine.columns import TCP
from oddport.protocols.lines import (
    NONE,
    OPTIONAL,
    TEXT,
    Command,
    client_of,
    command,
    first_bytes,
    reject_by,
    reject_commands,
    reject_words,
    reply,
    server_of_words,
)
from oddport.protocols.registry import Grammar, Protocol

COMMANDS: dict[bytes, Command] = {
    b"NICK": command(rb" +:?([^ :]+)(?: [0-9]+)? *", fact="nick"),
    b"USER": command(rb" +([^ ]+) +[^ ]+ +[^ ]+ +:?.+", fact="user"),
    b"CAP": command(rb" (?:LS|LIST|REQ|END|ACK)(?: .*)?"),
    b"JOIN": command(rb" +:?([#&+!][^ ,]*).*", fact="channel"),
    b"PRIVMSG": command(rb" [^ ]+ :.*"),
    b"NOTICE": command(rb" [^ ]+ :.*"),
    b"PART": command(rb" [#&+!][^ ]+.*"),
    b"TOPIC": command(rb" [#&+!][^ ]+.*"),
    b"MODE": command(rb" [^ ]+ \+?[+-][a-zA-Z].*"),
    b"WHO": command(TEXT),
    b"WHOIS": command(TEXT),
    b"USERHOST": command(TEXT),
    b"OPER": command(rb" [^ ]+ [^ ]+"),
    b"PONG": command(TEXT),
    b"LUSERS": command(OPTIONAL),
    b"MOTD": command(OPTIONAL),
    b"STARTTLS": command(NONE, own=False),
    b"PASS": command(TEXT, own=False),
    b"PING": command(TEXT, own=False),
    b"QUIT": command(OPTIONAL, own=False),
    b"LIST": command(NONE, own=False),
}

PROTOCOLS = (
    Protocol(
        name="irc",
        title="IRC",
        spec="RFC 2812",
        grammars=(
            Grammar(
                (TCP,),
                client_of(COMMANDS),
                server_of_words(
                    (
                        reply(rb":[^ ]{1,128} [0-9]{3} +[^ ]+ ", 56, "numeric reply", strong=True),
                        reply(
                            rb":[^ ]{1,128} (?:NOTICE|PRIVMSG|JOIN|PART|QUIT|MODE|NICK|TOPIC|KICK|CAP|PONG|PING) ",
                            64,
                            "message with a prefix",
                            strong=True,
                        ),
                        reply(
                            rb"NOTICE (?:AUTH|\*) :?(.*)", 96, "notice before registration", strong=True, fact="banner"
                        ),
                        reply(
                            rb"ERROR :(?:Closing|Your|Trying|Connection|Too|You|Host)", 104, "error of IRC", strong=True
                        ),
                        reply(rb"PING :?[^ ]+", 48, "ping"),
                    )
                ),
                first_bytes(COMMANDS),
                b":NnEePp",
                reject=reject_by(
                    reject_commands("IRC", COMMANDS, False),
                    reject_words(
                        (b":", b"NOTICE ", b"ERROR ", b"PING "), "a message begins with ':', NOTICE, ERROR or PING"
                    ),
                ),
            ),
        ),
    ),
)
