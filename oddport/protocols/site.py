"""A site's own table (TOML) of protocols on ports that are theirs here → which flows it excuses, and why.

[[exception]]
protocol = "http"            # a name or an alias, as `oddport protocols` lists them
server = "10.1.0.0/16"       # an address or a network
port = 8443
reason = "the print service moved, ticket 4711"
expires = 2027-01-31         # optional: the last day, in UTC
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oddport.engine.columns import address_text
from oddport.protocols.model import PortVerdict
from oddport.protocols.registry import registry
from oddport.protocols.text import clean
from oddport.replacing import replace_file

FACT = "site_exception"
"""The fact of a flow that says why its port was excused."""
FILE = "site.toml"
KEYS = {"protocol": str, "server": str, "port": int, "reason": str, "expires": date}
OPTIONAL = ("expires",)
WORDS = {str: "text in quotes", int: "a whole number", date: "a day, such as 2027-01-31"}
SECOND = 1_000_000_000
_HEADER = re.compile(r"^[ \t]*\[\[[ \t]*exception[ \t]*\]\]", re.MULTILINE)
_BODY_END = re.compile(r"(?:\n[ \t]*(?:#.*)?)*\Z")


class SiteError(ValueError):
    """A table that cannot be used; its text is a sentence for the person who wrote it."""


@dataclass(frozen=True, slots=True)
class SiteException:
    """A protocol that belongs on this port of these servers."""

    app: str
    servers: IPv4Network | IPv6Network
    port: int
    reason: str
    until_ns: int | None
    """The first nanosecond at which it holds no more; None: it holds always."""


@dataclass(frozen=True, slots=True)
class SiteTable:
    """All exceptions of a site, by protocol and port."""

    by_port: dict[tuple[str, int], tuple[SiteException, ...]]

    def find(self, app: str, server: str, port: int, at_ns: int) -> SiteException | None:
        """The first exception for the protocol on this port of the server (an address in text) at that time."""
        for one in self.by_port.get((app, port), ()):
            if (one.until_ns is None or at_ns < one.until_ns) and ip_address(server) in one.servers:
                return one
        return None

    def excuse(
        self,
        flows: NDArray[np.void],
        app: Callable[[int], str | None],
        by_originator: NDArray[np.bool_],
        ports: NDArray[np.uint16],
        verdict: NDArray[np.uint8],
    ) -> dict[int, str]:
        """Turn each mismatch that is excepted into `alternate`, in place; gives the reason of each such row."""
        reasons: dict[int, str] = {}
        for row in np.flatnonzero(verdict == PortVerdict.MISMATCH).tolist():
            flow = flows[row]
            packed = flow["src" if by_originator[row] else "dst"].tobytes()
            server = address_text(packed, int(flow["version"]))
            one = self.find(app(row) or "", server, int(ports[row]), int(flow["first_ns"]))
            if one is not None:
                verdict[row] = PortVerdict.ALTERNATE
                reasons[row] = one.reason
        return reasons


def exception(protocol: str, server: str, port: int, reason: str, expires: date | None = None) -> SiteException:
    """One exception; raises SiteError with what is wrong with it. `expires`: the last day on which it holds, in UTC."""
    entry = {"protocol": protocol, "server": server, "port": port, "reason": reason}
    return _exception("The exception", entry if expires is None else {**entry, "expires": expires})


def _exception(where: str, entry: object) -> SiteException:
    if not isinstance(entry, dict):
        raise SiteError(f"{where} is no table of {', '.join(KEYS)}.")
    for key in entry:
        if key not in KEYS:
            raise SiteError(f"{where} has the unknown key “{clean(str(key).encode())}”; there are {', '.join(KEYS)}.")
    for key, kind in KEYS.items():
        if key not in entry:
            if key in OPTIONAL:
                continue
            raise SiteError(f"{where} has no {key}.")
        if type(entry[key]) is not kind:
            raise SiteError(f"{where}: {key} has to be {WORDS[kind]}.")
    tables = registry()
    word = entry["protocol"].lower()
    app = tables.aliases.get(word, word)
    if app not in tables.protocols:
        raise SiteError(f"{where}: no protocol is called “{clean(word.encode())}”; `oddport protocols` lists them.")
    if not 0 < entry["port"] < 65_536:
        raise SiteError(f"{where}: port {entry['port']} is not between 1 and 65535.")
    reason = clean(entry["reason"].encode(errors="replace"))
    if not reason:
        raise SiteError(f"{where} gives no reason.")
    try:
        servers = ip_network(entry["server"])
    except ValueError as error:
        raise SiteError(f"{where}: server is no address or network: {clean(str(error).encode())}.") from error
    return SiteException(app, servers, entry["port"], reason, _end(entry.get("expires")))


def _end(day: date | None) -> int | None:
    """The nanosecond at which the day after begins, UTC."""
    if day is None:
        return None
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return int((midnight + timedelta(days=1)).timestamp()) * SECOND


def parse(text: str) -> SiteTable:
    """The table in `text`. Raises SiteError with what is wrong in which exception, counted from 1."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SiteError(f"It is not TOML: {error}.") from error
    entries = document.pop("exception", [])
    if document or not isinstance(entries, list):
        raise SiteError("It may hold nothing but [[exception]] tables.")
    return table(_exception(f"Exception {number}", entry) for number, entry in enumerate(entries, 1))


def table(exceptions: Iterable[SiteException]) -> SiteTable:
    """The exceptions, to be looked up."""
    by_port: dict[tuple[str, int], tuple[SiteException, ...]] = {}
    for one in exceptions:
        by_port[one.app, one.port] = (*by_port.get((one.app, one.port), ()), one)
    return SiteTable(by_port)


def usual_path() -> Path:
    """Where the table is that counts without any setting."""
    import platformdirs

    return Path(platformdirs.user_config_dir("oddport", appauthor=False)) / FILE


def add(path: Path, protocol: str, server: str, port: int, reason: str, expires: date | None = None) -> SiteTable:
    """Put one more exception at the end of the table at `path`, which is made if it is not there; gives the table now.

    What stands there, comments included, stays as it is. The file is replaced as a whole or not at all, and left alone
    where it holds the same exception. Raises SiteError where the file or the exception cannot be used.
    """
    path = path.resolve()  # so that the table that a link leads to is replaced, not the link
    before = read_site(path) if path.exists() else table(())
    own = exception(protocol, server, port, reason, expires)
    if before is not None and own in before.by_port.get((own.app, own.port), ()):
        return before
    lines = [f"protocol = {_quoted(own.app)}", f"server = {_quoted(str(own.servers))}", f"port = {own.port}"]
    lines.append(f"reason = {_quoted(own.reason)}")
    if expires is not None:
        lines.append(f"expires = {expires.isoformat()}")
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if text:
        text = text.rstrip("\n") + "\n\n"
    text += "[[exception]]\n" + "\n".join(lines) + "\n"
    after = parse(text)
    _write(path, text)
    return after


def take_out(path: Path, one: SiteException) -> None:
    """Take an exception out of the table at `path`; the last one where it stands there twice.

    What else stands there, comments included, stays as it is. Raises SiteError where the file cannot be used or does
    not hold it.
    """
    path = path.resolve()
    before = read_site(path) if path.exists() else table(())
    if before is None or one not in before.by_port.get((one.app, one.port), ()):
        raise SiteError(f"The site table {path} does not hold this exception any more.")
    text = path.read_text(encoding="utf-8")
    starts = [match.start() for match in _HEADER.finditer(text)]
    for start, end in reversed(list(pairwise([*starts, len(text)]))):
        try:
            (alone,) = (each for found in parse(text[start:end]).by_port.values() for each in found)
        except (SiteError, ValueError):
            continue  # the words of a header inside a text
        if alone != one:
            continue
        body = _BODY_END.search(text, start, end)  # comments behind it belong to what follows
        rest = text[:start] + text[body.start() if body else end : end].lstrip("\n") + text[end:]
        if sorted(_listed(parse(rest)), key=repr) == sorted(_without(_listed(before), one), key=repr):
            _write(path, rest.rstrip("\n") + "\n" if rest.strip() else "")
            return
    raise SiteError(f"The exception in {path} is written in a way that is not changed by itself; edit the file.")


def _listed(found: SiteTable) -> list[SiteException]:
    return [one for group in found.by_port.values() for one in group]


def _without(exceptions: list[SiteException], one: SiteException) -> list[SiteException]:
    rest = list(exceptions)
    rest.remove(one)
    return rest


def _write(path: Path, text: str) -> None:
    try:
        replace_file(path, text)
    except OSError as error:
        raise SiteError(f"The site table {path} could not be written: {error.strerror}.") from error


def _quoted(text: str) -> str:
    """A basic string of TOML; what `clean` lets through needs no other escapes than JSON's."""
    return json.dumps(text, ensure_ascii=False)


def read_site(path: Path | None) -> SiteTable | None:
    """The table at `path`; without one that in the user's configuration folder, None if there is none.

    Raises SiteError where the file cannot be read or used.
    """
    if path is None:
        path = usual_path()
        if not path.exists():
            return None
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SiteError(f"The site table {path} could not be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SiteError(f"The site table {path} is not UTF-8 text.") from error
    except SiteError as error:
        raise SiteError(f"The site table {path} cannot be used. {error}") from error
