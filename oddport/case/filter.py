"""A filter as a person types it → SQL over a list of the case, every value a parameter.

    tcp.port == 443 and app != tls          ip.addr == 10.20.0.0/16 and not dns
    app != port                             finding == T1571 and sev >= high
    port in {80, 8000..8100}                tls.sni contains "example" or lasted > 10m

`==` holds if any of several ports, addresses or list items is equal; `!=` is its opposite. `not` binds closer than
`and`, `and` closer than `or`. A bare word is looked for in addresses (from their beginning), app, titles, what was
recognised, and the values of facts.
"""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oddport.case.errors import FilterError
from oddport.case.filter_fields import (
    NEVER,
    Condition,
    Field,
    Parameter,
    Words,
    app_misfits,
    ascii_lower,
    fact_field,
    in_bounds,
    joined,
    nearest,
    proto_numbers,
    words_of,
)
from oddport.case.filter_parse import did_you_mean, parse
from oddport.case.filter_values import Value, prefixes_of
from oddport.case.payload_term import Term

BASES = {"flows": "flow", "findings": "finding", "flow": "flow", "finding": "finding"}
"""List → the table whose columns its conditions name."""
MOST = 200
"""Conditions in a filter, and values in a set."""
FACT_APPS = frozenset((
    "dhcp", "dns", "fact", "ftp", "http", "http2", "imap", "irc", "kerberos", "ldap", "mqtt", "mysql", "ntp", "pop3",
    "postgresql", "quic", "rdp", "redis", "sip", "smb", "smtp", "snmp", "ssh", "telnet", "tls", "vnc",
))  # fmt: skip
"""What may stand before the name of a fact: `tls.sni`, `http.host`; `fact.NAME` for any other app."""


@dataclass(frozen=True, slots=True)
class Where:
    """A condition for `WHERE`, over `flow` or `finding` by that name, and its parameters."""

    sql: str
    params: tuple[Parameter, ...] = ()

    @property
    def terms(self) -> tuple[Term, ...]:
        """What has to be searched for in the bytes of packets, each once, in the order in which it stands there."""
        return tuple(dict.fromkeys(each for each in self.params if isinstance(each, Term)))

    def bound(self, found: Mapping[Term, str]) -> "Where":
        """With the flows in which each term was found, a JSON list of ids, in its place; SQLite takes it then."""
        return Where(self.sql, tuple(found[each] if isinstance(each, Term) else each for each in self.params))


def compile_filter(text: str, table: str) -> Where:
    """The filter as SQL. table: `flows` or `findings`. An empty text holds for every row.

    Where `terms` are left in it, they are searched for (payload_scan.py) and put in by `bound` before SQLite is asked.

    Raises FilterError with the 0-based column of what is not understood, and what was probably meant.
    """
    base = BASES.get(table)
    if base is None:
        raise ValueError(f"there is no list {table!r}: flows or findings")
    if not text.strip():
        return Where("1")
    condition = _Compiler(_words(base)).either(parse(text))
    return Where(condition.sql, condition.params)


def condition_of(tree: Any, table: str) -> Condition:
    """The condition of a part of the tree that `parse` gives, over `flow` or `finding`. Raises FilterError."""
    return _Compiler(_words(table)).either(tree)


def candidates(text: str, table: str) -> Where:
    """A condition that holds wherever the filter can hold, whatever is found in payload. Raises FilterError."""
    condition = _without_terms(_Compiler(_words(BASES[table])).either(parse(text)))
    return Where(condition.sql, condition.params)


def _without_terms(condition: Condition) -> Condition:
    if condition.word in ("AND", "OR"):
        return joined([_without_terms(part) for part in condition.parts], condition.word)
    # negations stand at the comparisons: one that hangs on a term may hold or not
    return Condition("1") if any(isinstance(each, Term) for each in condition.params) else condition


def filter_words(table: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """Names of the language over `flows` or `findings`: (name, what it is, its operators), for help and completion."""
    return [(name, field.says, field.operators) for name, field in sorted(_words(BASES[table]).fields.items())]


def filter_values(table: str, name: str) -> tuple[str, ...]:
    """The words that a name is compared with, where they are few; none for another name."""
    field = _words(BASES[table]).fields.get(name)
    return () if field is None else field.values


@functools.cache
def _words(base: str) -> Words:
    return words_of(base)


class _Compiler:
    def __init__(self, words: Words) -> None:
        self._words = words
        self._conditions = 0

    def either(self, tree: Any) -> Condition:
        """Any node of the tree."""
        children = tree.children
        match tree.data:
            case "start":
                return self.either(children[0])
            case "either" | "all":
                word = "OR" if tree.data == "either" else "AND"
                parts = [self.either(child) for child in children if not is_token(child)]
                return joined(parts, word)
            case "inner":
                return self.either(children[1])
            case "no":
                return self.either(children[1]).negated()
            case "alone":
                self._count(value_of(children[0]))
                return self._alone(value_of(children[0]))
            case "compare":
                name, operator, value = value_of(children[0]), children[1], value_of(children[2])
                return self._compare(name, str(operator), operator.start_pos, value)
            case "contains":
                return self._contains(value_of(children[0]), children[1].start_pos, value_of(children[2]))
            case "matches":
                return self._matches(value_of(children[0]), children[1].start_pos, value_of(children[2]))
            case _:
                items = [value_of(child) for child in children[2:] if child is not None and not is_token(child)]
                return self._among(value_of(children[0]), children[1].start_pos, items)

    def _count(self, value: Value) -> None:
        self._conditions += 1
        if self._conditions > MOST:
            raise FilterError(f"The filter has more than {MOST} conditions.", value.column)

    def _field(self, name: Value) -> Field:
        fields = self._words.fields
        word = ascii_lower(name.text)
        field = fields.get(word)
        if field is not None:
            return field
        app, dot, fact = word.partition(".")
        if dot and fact and app in FACT_APPS:
            # names of facts are lower case
            return _of_flow(self._words, fact_field(word, "flow.facts", fact))
        hint = nearest(name.text, tuple(fields))
        if dot and fact and not hint and (near := nearest(app, tuple(sorted(FACT_APPS)))):
            hint = f"{near}.{fact}"
        raise FilterError(f"“{name.text}” is not a name to filter by.{did_you_mean(hint)}", name.column, hint)

    def _allowed(self, name: Value, field: Field, operator: str, column: int) -> None:
        if operator not in field.operators:
            raise FilterError(
                f"“{name.text}” is not compared with {operator}, but with {' '.join(field.operators)}.",
                column,
                "contains" if "contains" in field.operators else "==",
            )

    def _compare(self, name: Value, operator: str, column: int, value: Value) -> Condition:
        self._count(name)
        field = self._field(name)
        self._allowed(name, field, operator, column)
        if operator != "!=":
            return field.compare(operator, value)
        if field is self._words.fields["app"] and ascii_lower(value.text) == "port" and not value.quoted:
            return app_misfits(self._words)
        return field.compare("==", value).negated()

    def _contains(self, name: Value, column: int, value: Value) -> Condition:
        self._count(name)
        field = self._field(name)
        self._allowed(name, field, "contains", column)
        assert field.contains is not None
        return field.contains(value)

    def _matches(self, name: Value, column: int, value: Value) -> Condition:
        self._count(name)
        field = self._field(name)
        if field.matches is None:
            hint = "contains" if "contains" in field.operators else "=="
            said = f"“matches” is not an operator for “{name.text}”, but for payload.{did_you_mean(hint)}"
            raise FilterError(said, column, hint)
        return field.matches(value)

    def _among(self, name: Value, column: int, items: Sequence[Value]) -> Condition:
        self._count(name)
        field = self._field(name)
        self._allowed(name, field, "in", column)
        if len(items) > MOST:
            raise FilterError(f"The set has more than {MOST} values.", items[MOST].column)
        return joined([self._item(field, item) for item in items], "OR") if items else NEVER

    def _item(self, field: Field, item: Value) -> Condition:
        low, dots, high = item.text.partition("..")
        if field.between is None or not dots or item.quoted:
            return field.compare("==", item)
        return field.between(Value(low, item.column), Value(high, item.column + len(low) + 2))

    def _alone(self, value: Value) -> Condition:
        word = ascii_lower(value.text)
        words = self._words
        if not value.quoted:
            field = words.fields.get(word)
            if field is not None and field.alone is not None:
                return field.alone()
            app, _, fact = word.partition(".")
            if fact and app in FACT_APPS and field is None:
                alone = _of_flow(words, fact_field(word, "flow.facts", fact)).alone
                assert alone is not None
                return alone()
            number = proto_numbers().get(word)
            if number is not None:
                return Condition(f"{words.table}.proto = ?", (number,))
        return self._search(value.text, word)

    def _search(self, text: str, word: str) -> Condition:
        words, table = self._words, self._words.table
        found = [in_bounds(f"{table}.{column}", bounds) for bounds in prefixes_of(text) for column in ("src", "dst")]
        app = words.fields["app"].contains
        assert app is not None
        found.append(app(Value(text, 0)))
        if table == "finding":
            found += [
                Condition(f"instr(lower(finding.{column}), ?) > 0", (word,))
                for column in ("title", "summary", "rule", "detector")
            ]
        said = words.fields["says"].contains
        assert said is not None
        found.append(said(Value(text, 0)))
        return joined(found, "OR")


def _of_flow(words: Words, field: Field) -> Field:
    contains, alone = field.contains, field.alone
    assert contains is not None
    assert alone is not None
    return Field(
        field.says,
        lambda operator, value: words.of_flow(field.compare(operator, value)),
        lambda value: words.of_flow(contains(value)),
        lambda: words.of_flow(alone()),
        operators=field.operators,
    )


def is_token(child: object) -> bool:
    """A word of the grammar, no part of the tree."""
    return isinstance(child, str)  # lark's tokens are strings, its trees are not


def value_of(tree: Any) -> Value:
    """The name, value or item of a tree."""
    token = tree.children[0]
    text = str(token)
    if token.type == "STRING":
        return Value(re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL), token.start_pos, True)
    return Value(text, token.start_pos)
