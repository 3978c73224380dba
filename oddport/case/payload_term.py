"""What a filter looks for in payload → a term to search for in the bytes of packets, which a case does not hold."""

import re
from dataclasses import dataclass

from oddport.case.errors import FilterError
from oddport.case.filter_values import Value

_HEX = re.compile(r"0x((?:[0-9A-Fa-f]{2})+)\Z")


@dataclass(frozen=True, slots=True)
class Term:
    """Bytes, or a regular expression over bytes, in the transport payload of a single packet."""

    pattern: bytes
    is_regex: bool = False


def contained(value: Value) -> Term:
    """The bytes of a text (UTF-8, upper and lower case told apart), or those that stand in hex behind `0x`."""
    found = None if value.quoted else _HEX.match(value.text)
    data = value.text.encode() if found is None else bytes.fromhex(found[1])
    if not data:
        raise FilterError("There is nothing to look for between these quotation marks.", value.column)
    return Term(data)


def matched(value: Value) -> Term:
    """A regular expression over bytes, in the syntax of Python's `re`."""
    pattern = value.text.encode()
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise FilterError(f"This is no regular expression: {error}.", value.column) from None
    return Term(pattern, True)
