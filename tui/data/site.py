"""What a person says of a port that is fine here → an exception of the site's own table, put in and taken out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oddport.protocols.site import SiteException

USUAL_DAYS = 90
"""For how long an exception holds unless the person says otherwise: what is fine today is looked at again."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The words of an exception as they are typed."""

    server: str
    port: str
    protocol: str
    reason: str = ""
    expires: str = ""
    """A day, such as 2027-01-31; empty: for good."""


def usual_expiry() -> str:
    """The day on which an exception ends that is made today."""
    return (datetime.now(UTC).date() + timedelta(days=USUAL_DAYS)).isoformat()


def put_in(wanted: Wanted) -> tuple[SiteException | None, str]:
    """Write the exception into the site's table; gives it, or a sentence that says why not."""
    from oddport.protocols.site import SiteError, add, exception, usual_path

    try:
        port = int(wanted.port)
    except ValueError:
        return None, f"“{wanted.port}” is no port: a whole number from 1 to 65535."
    try:
        expires = date.fromisoformat(wanted.expires) if wanted.expires else None
    except ValueError:
        return None, f"“{wanted.expires}” is no day. It is written 2027-01-31; empty: for good."
    try:
        own = exception(wanted.protocol, wanted.server, port, wanted.reason, expires)
        add(usual_path(), wanted.protocol, wanted.server, port, wanted.reason, expires)
    except SiteError as error:
        return None, str(error)
    return own, ""


def take_out(one: SiteException) -> str:
    """Take the exception out of the site's table; gives a sentence where that could not be."""
    from oddport.protocols.site import SiteError, usual_path
    from oddport.protocols.site import take_out as take

    try:
        take(usual_path(), one)
    except SiteError as error:
        return str(error)
    return ""


def holding(app: str, server: str, port: int, at_ns: int) -> tuple[SiteException | None, str]:
    """The exception that excuses a protocol on a port of a server at a time, or a sentence where there is none."""
    from oddport.protocols.site import SiteError, read_site

    try:
        table = read_site(None)
    except SiteError as error:
        return None, str(error)
    found = None if table is None else table.find(app, server, port, at_ns)
    return found, "" if found is not None else "The site's table does not hold this exception any more. J judges again."
