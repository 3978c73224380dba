"""Tables of commands and replies → matchers for protocols that talk in lines (the shared matcher of text protocols).

A command line is a verb and its arguments, a reply line a code or a word. What a line is worth:

- bits: 8 for each letter of a verb that only this protocol has, 4 for a verb that others have too (USER, QUIT, LIST),
  and 8 for the end of the line (4 if LF alone). A verb that others have counts only as the first line.
- strong: what must be right *behind the first four bytes* is worth at least STRONG_MARGIN bits, and the verb is the
  protocol's own. A line of printable ASCII that ends in CR LF is worth 16 bits less one, for a random byte is printable
  one time in three and each may be the last. One that ends in LF alone, which the specifications do not allow, 4 bits:
  such a line needs a second one. Bytes beyond ASCII that are no UTF-8 (file names, greetings in other sets) cost two
  bits more, and CR LF must end them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from re import Pattern

from oddport.protocols.model import Facts, SideMatch
from oddport.protocols.registry import CLIENT
from oddport.protocols.text import clean

LINES = 6
"""Lines that are looked at."""
LINE_LIMIT = 2_048
"""Bytes of a line; RFC 5321 has 512, its extensions and IMAP more."""
STRONG_MARGIN = 14
"""Bits that random bytes behind four given ones must guess: 1 in 16,384, less than 1 in 10,000."""
CODE_BITS = 32
"""Three digits of a set of codes and what follows them."""

_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x0c\x0e-\x1f\x7f]")

NONE = rb" *"
TEXT = rb" .+"
OPTIONAL = rb"(?: .*)?"
WORD = rb" +[^ ]+ *"
NUMBER = rb" [0-9]{1,10} *"


@dataclass(frozen=True, slots=True)
class Command:
    """One verb: what its arguments look like."""

    arguments: Pattern[bytes]
    own: bool
    """No other line protocol here has this verb with these arguments."""
    fact: str = ""
    """Name of the fact that group 1 of the arguments is (or all of them); never for passwords."""


def command(arguments: bytes, *, own: bool = True, fact: str = "") -> Command:
    """A command whose arguments (with the space before them) match the whole pattern."""
    return Command(re.compile(arguments), own, fact)


# commands that several protocols have: they decide nothing alone
USER = command(rb" +([^ ]+) *", own=False, fact="user")
PASS = command(TEXT, own=False)
PASS_OR_NONE = command(OPTIONAL, own=False)
BARE = command(NONE, own=False)
FREE = command(OPTIONAL, own=False)


def codes(text: str) -> frozenset[bytes]:
    """Reply codes from a list with spaces between."""
    return frozenset(word.encode() for word in text.split())


def is_line(line: bytes, ending: int) -> bool:
    """No control characters, and ASCII or valid UTF-8, or else ended by both CR and LF (`ending` bytes)."""
    if _CONTROL.search(line) is not None:
        return False
    if ending == 2 or line.isascii():
        return True
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def first_bytes(commands: dict[bytes, Command]) -> bytes:
    """First letters of the verbs, capital and small."""
    letters = {verb[0] for verb in commands}
    return bytes(sorted(letters | {letter | 0x20 for letter in letters}))


def _line_end(data: bytes, start: int) -> tuple[int, int]:
    """(end of the text, start of the next line); next is -1 where the line is cut or too long."""
    end = data.find(b"\n", start, start + LINE_LIMIT)
    if end < 0:
        return len(data), -1
    if end > start and data[end - 1] == 0x0D:
        return end - 1, end + 1
    return end, end + 1


def client_of(commands: dict[bytes, Command], *, tagged: bool = False) -> Callable[[bytes], SideMatch | None]:
    """The client's matcher of a table. The first line must be a command; further lines count until one is not (data,
    a password in base64). `tagged`: a tag of letters and digits stands before the verb (IMAP)."""
    longest = max(len(verb) for verb in commands)
    letters = frozenset(first_bytes(commands))
    beginnings = frozenset(verb[:2] for verb in commands)

    def client(data: bytes) -> SideMatch | None:
        # nearly everything that comes here is another protocol: one look tells
        if tagged:
            space = data.find(b" ", 1, 17)
            if space < 0 or len(data) < space + 2 or data[space + 1] not in letters:
                return None
        elif data[:2].upper() not in beginnings:
            return None
        start, lines, bits, margin, own = 0, 0, 0, 0, False
        facts: Facts = {}
        spans: list[tuple[int, int, str]] = []
        while lines < LINES and start < len(data):
            at = start
            if tagged:
                space = data.find(b" ", start, start + 17)
                if space <= start or not data[start:space].replace(b".", b"").isalnum():
                    break
                at = space + 1
            stop, following = _line_end(data, at)
            if following < 0:
                break
            gap = data.find(b" ", at, min(stop, at + longest + 1))
            verb_end = gap if gap >= 0 else stop
            if verb_end - at > longest:
                break
            verb = data[at:verb_end].upper()
            known = commands.get(verb)
            if known is None:
                break
            arguments = known.arguments.fullmatch(data, verb_end, stop)
            if arguments is None or not is_line(data[start:stop], following - stop):
                break
            has_arguments = 1 if stop > verb_end else 0
            ending = 15 if following - stop == 2 else 4
            fixed = 8 * (verb_end - at + has_arguments + (1 if tagged else 0))
            if not is_line(data[start:stop], 1):
                ending -= 2
            # of the first four bytes a tag of one letter leaves three to the space and the verb
            given = 0 if lines else 24 if tagged else 32
            margin += fixed + ending - given
            if known.own or lines == 0:
                worth = (8 if known.own else 4) * (verb_end - at)
                bits += worth + (8 if following - stop == 2 else 4) + (8 if tagged else 0)
            own = own or known.own
            if known.fact and known.fact not in facts:
                value = (
                    arguments.group(1) if arguments.re.groups and arguments.group(1) is not None else arguments.group()
                )
                facts[known.fact] = clean(value)
            if len(spans) < 2:
                spans.append((start, stop - start, f"command {clean(verb)}"))
            lines += 1
            start = following
            if own and lines >= 2 and margin >= STRONG_MARGIN:
                break
        if lines == 0:
            return None
        return SideMatch(own and margin >= STRONG_MARGIN, tuple(spans), facts, False, bits)

    return client


def reject_commands(title: str, commands: dict[bytes, Command], tagged: bool) -> Callable[[bytes], str]:
    """Why the first line is no command of the table; "" while it is cut and may become one."""

    def why(data: bytes) -> str:
        stop, following = _line_end(data, 0)
        line = data[: min(stop, LINE_LIMIT)]
        for index, byte in enumerate(line):
            if (byte < 0x20 and byte not in b"\t\r") or byte == 0x7F:
                return f"byte {index} is 0x{byte:02x}, a command is a line of text"
        words = line.split(b" ", 2)
        verb = words[1] if tagged and len(words) > 1 else words[0]
        if tagged and len(words) < 2:
            return "" if following < 0 and len(data) < LINE_LIMIT else "the first line has no tag before its verb"
        if verb.upper() in commands:
            return ""
        if (
            following < 0
            and len(words) == (2 if tagged else 1)
            and any(name.startswith(verb.upper()) for name in commands)
        ):
            return ""
        return f"byte {line.find(verb)} begins '{clean(verb, 16)}', no command of {title}"

    return why


# -- replies that begin with three digits


def server_of_codes(
    codes: frozenset[bytes], greetings: frozenset[bytes], own: frozenset[bytes], word: bytes, keyword: bytes = b""
) -> Callable[[bytes], SideMatch | None]:
    """The server's matcher of replies `NNN text` or `NNN-text`.

    codes: all that the protocol has; another one refuses the whole. greetings: those that begin a session. own: codes
    whose appearance behind a greeting proves the protocol. word: pattern of what a greeting says of itself, searched in
    the text without its first word if that is a host name. keyword: pattern of a continuation line that only this
    protocol has.
    """
    says = re.compile(word, re.IGNORECASE)
    extension = re.compile(keyword, re.IGNORECASE) if keyword else None

    def server(data: bytes) -> SideMatch | None:
        start, lines, bits, strong, greeting = 0, 0, 0, False, False
        facts: Facts = {}
        spans: list[tuple[int, int, str]] = []
        while lines < LINES and start < len(data):
            stop, following = _line_end(data, start)
            code = data[start : start + 3]
            separator = data[start + 3] if start + 3 < stop else 0x20
            if code not in codes or separator not in b" -":
                if lines == 0 or (following >= 0 and code.isdigit() and code not in codes):
                    return None
                break
            if following < 0:
                break
            text = data[start + 4 : stop] if stop > start + 4 else b""
            if not is_line(text, following - stop):
                if lines == 0:
                    return None
                break
            if lines == 0:
                greeting = code in greetings
                bits = CODE_BITS if greeting else 8
                if greeting:
                    facts["banner"] = clean(text)
                    spans.append((start, stop - start, f"greeting {code.decode()}"))
                    if _says(says, text):
                        bits += 24
                        strong = True
                else:
                    spans.append((start, stop - start, f"reply {code.decode()}"))
            else:
                bits += 24 if greeting else 8
                if greeting and code in own:
                    strong = True
                    if len(spans) < 2:
                        spans.append((start, stop - start, f"reply {code.decode()}"))
            lines += 1
            if separator == 0x2D:
                last = data.find(b"\n" + code + b" ", stop)
                block_end = last if last >= 0 else len(data)
                if extension is not None and extension.search(data, stop, block_end + 80) is not None:
                    strong = True
                    bits += 24
                if lines == 1 and not strong and _says(says, data[start:block_end]):
                    strong = True
                    bits += 24
                if last < 0:
                    break
                stop, following = _line_end(data, last + 1)
                if following < 0:
                    break
            start = following
        return SideMatch(strong, tuple(spans), facts, False, bits) if lines else None

    return server


def _says(word: Pattern[bytes], text: bytes) -> bool:
    """Whether a greeting names its protocol outside the host name that it may begin with."""
    first, _, rest = text.partition(b" ")
    return word.search(rest if b"." in first else text) is not None


def reject_codes(codes: frozenset[bytes]) -> Callable[[bytes], str]:
    """Why the first line is no reply of the protocol."""

    def why(data: bytes) -> str:
        for index, byte in enumerate(data[:3]):
            if not 0x30 <= byte <= 0x39:
                return f"byte {index} is 0x{byte:02x}, a reply begins with three digits"
        if len(data) > 3 and data[3] not in b" -\r\n":
            return f"byte 3 is 0x{data[3]:02x}, a space or '-' follows the reply code"
        if len(data) > 2 and data[:3] not in codes:
            return f"bytes 0 to 2 are '{data[:3].decode()}', no reply code of the protocol"
        return ""

    return why


# -- replies that begin with a word


@dataclass(frozen=True, slots=True)
class Reply:
    """A line that a server may send."""

    pattern: Pattern[bytes]
    bits: int
    strong: bool
    says: str
    fact: str = ""
    """Name of the fact that group 1 is."""


def reply(pattern: bytes, bits: int, says: str, *, strong: bool = False, fact: str = "") -> Reply:
    """A reply whose line, without its end, begins with the pattern."""
    return Reply(re.compile(pattern, re.IGNORECASE), bits, strong, says, fact)


def server_of_words(replies: tuple[Reply, ...]) -> Callable[[bytes], SideMatch | None]:
    """The server's matcher: the first line must be one of the replies; each further one adds its bits."""
    any_reply = re.compile(b"|".join(b"(?:" + known.pattern.pattern + b")" for known in replies), re.IGNORECASE)

    def server(data: bytes) -> SideMatch | None:
        if any_reply.match(data) is None:
            return None
        start, lines, bits, strong = 0, 0, 0, False
        facts: Facts = {}
        spans: list[tuple[int, int, str]] = []
        while lines < LINES and start < len(data):
            stop, following = _line_end(data, start)
            if following < 0:
                break
            for known in replies:
                match = known.pattern.match(data, start, stop)
                if match is not None:
                    break
            else:
                break
            if not is_line(data[start:stop], following - stop):
                break
            bits += known.bits
            strong = strong or known.strong
            if known.fact and known.fact not in facts:
                facts[known.fact] = clean(match.group(1))
            if len(spans) < 2:
                spans.append((start, stop - start, known.says))
            lines += 1
            start = following
        return SideMatch(strong, tuple(spans), facts, False, bits) if lines else None

    return server


def reject_words(begins: tuple[bytes, ...], wanted: str) -> Callable[[bytes], str]:
    """Why data begins with none of `begins`; "" while it is too short to tell."""

    def why(data: bytes) -> str:
        best = 0
        for word in begins:
            length = 0
            while length < len(word) and length < len(data) and data[length] == word[length]:
                length += 1
            if length == len(data) or length == len(word):
                return ""
            best = max(best, length)
        return f"byte {best} is 0x{data[best]:02x}, {wanted}"

    return why


def reject_by(client: Callable[[bytes], str], server: Callable[[bytes], str]) -> Callable[[bytes, int], str]:
    """The `reject` of a grammar from the reasons of both roles."""

    def reject(data: bytes, role: int) -> str:
        return client(data) if role == CLIENT else server(data)

    return reject
