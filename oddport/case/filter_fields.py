"""Names of the filter language → the columns they stand for and the SQL of a comparison, values as parameters."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from oddport.case.errors import FilterError
from oddport.case.filter_values import Bounds, Value, bounds_of, duration_ns, number_in, size, time_ns
from oddport.case.marks import marked_sql
from oddport.case.payload_term import Term, contained, matched
from oddport.case.words import NOTES, PORT_VERDICTS, PROTOCOLS, SEVERITIES, STATES, TIERS, VERDICTS

Parameter = int | str | bytes | Term
SQL_OPERATORS = {"==": "=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL that is true, false or NULL for a row; NULL counts as false."""

    sql: str
    params: tuple[Parameter, ...] = ()
    word: str = ""
    """`AND` or `OR` of the parts, `NOT` of the only one; empty for a comparison."""
    parts: "tuple[Condition, ...]" = ()

    def negated(self) -> "Condition":
        """True exactly where this one is not.

        The negation goes down to the comparisons, so that it nests nothing: SQLite's parser takes 100 open symbols.
        """
        if self.word == "NOT":
            return self.parts[0]
        if self.parts:
            return joined([part.negated() for part in self.parts], "OR" if self.word == "AND" else "AND")
        return Condition(f"NOT ifnull({self.sql}, 0)", self.params, "NOT", (self,))


def joined(conditions: Sequence[Condition], word: str) -> Condition:
    """All (`AND`) or any (`OR`) of them."""
    if len(conditions) == 1:
        return conditions[0]
    sql = f" {word} ".join(condition.sql for condition in conditions)
    params = tuple(p for condition in conditions for p in condition.params)
    return Condition(f"({sql})", params, word, tuple(conditions))


NEVER = Condition("0")


@dataclass(frozen=True, slots=True)
class Field:
    """A name of the filter language. `compare` gets `==`, `<`, `<=`, `>` or `>=`; the others follow from them."""

    says: str
    """For the list of words."""
    compare: Callable[[str, Value], Condition]
    contains: Callable[[Value], Condition] | None = None
    alone: Callable[[], Condition] | None = None
    """What the bare name means, where it means something."""
    between: Callable[[Value, Value], Condition] | None = None
    """First to last, both included, for `in {a..b}`."""
    operators: tuple[str, ...] = ("==", "!=", "<", "<=", ">", ">=", "in")
    values: tuple[str, ...] = ()
    """The words it is compared with, if they are few."""
    matches: Callable[[Value], Condition] | None = None
    """By a regular expression."""


EQUAL_ONLY = ("==", "!=", "in")
TEXT_OPERATORS = ("==", "!=", "in", "contains")


def number_field(says: str, sql: str, parse: Callable[[Value], int] = size) -> Field:
    """A number that is compared with what `parse` makes of the value."""

    def compare(operator: str, value: Value) -> Condition:
        return Condition(f"({sql}) {SQL_OPERATORS[operator]} ?", (parse(value),))

    def between(low: Value, high: Value) -> Condition:
        return Condition(f"({sql}) BETWEEN ? AND ?", (parse(low), parse(high)))

    return Field(says, compare, between=between)


def port_field(says: str, columns: Sequence[str], proto: tuple[str, int] | None = None) -> Field:
    """Any of these port columns; `proto` is (column, number) where only one transport counts."""

    def one_of(test: Callable[[str], str], params: tuple[int, ...]) -> Condition:
        any_port = joined([Condition(test(column), params) for column in columns], "OR")
        return any_port if proto is None else joined([only_proto(), any_port], "AND")

    def only_proto() -> Condition:
        assert proto is not None
        return Condition(f"{proto[0]} = ?", (proto[1],))

    def parse(value: Value) -> int:
        return number_in(value, 65_535, "a port")

    return Field(
        says,
        lambda operator, value: one_of(lambda column: f"{column} {SQL_OPERATORS[operator]} ?", (parse(value),)),
        between=lambda low, high: one_of(lambda column: f"{column} BETWEEN ? AND ?", (parse(low), parse(high))),
    )


def in_bounds(column: str, bounds: Bounds) -> Condition:
    """IPv4 addresses are integers and IPv6 ones blobs, which SQLite never takes for each other."""
    if bounds[0] == bounds[1]:
        return Condition(f"{column} = ?", (bounds[0],))
    return Condition(f"{column} BETWEEN ? AND ?", bounds)


def address_field(says: str, columns: Sequence[str]) -> Field:
    """Any of these address columns is the address, or lies in the network."""

    def compare(_: str, value: Value) -> Condition:
        bounds = bounds_of(value)
        return joined([in_bounds(column, bounds) for column in columns], "OR")

    return Field(says, compare, operators=EQUAL_ONLY)


def text_field(says: str, sql: str) -> Field:
    """Text, upper and lower case (of ASCII) taken for the same."""

    def compare(_: str, value: Value) -> Condition:
        return Condition(f"lower({sql}) = ?", (ascii_lower(value.text),))

    def contains(value: Value) -> Condition:
        return Condition(f"instr(lower({sql}), ?) > 0", (ascii_lower(value.text),))

    return Field(says, compare, contains, operators=TEXT_OPERATORS)


def choice_field(says: str, sql: str, words: Sequence[str], *, ordered: bool, none: str = "") -> Field:
    """A number that stands for one of `words`; `none` is the word for 0 or NULL."""
    numbers = {ascii_lower(word): number for number, word in enumerate(words) if word}
    shown = tuple(word for word in words if word) + ((none,) if none else ())

    def compare(operator: str, value: Value) -> Condition:
        word = ascii_lower(value.text)
        if none and word == none:
            if operator != "==":
                raise FilterError(f"“{none}” can only be compared with == and !=.", value.column, "==")
            return Condition(f"ifnull({sql}, 0) = 0")
        number = numbers.get(word)
        if number is None:
            matches = [each for each in numbers if each.startswith(word)]  # `hi`, `crit`, `mis`
            if len(matches) != 1:
                raise not_a_word(value, shown)
            number = numbers[matches[0]]
        return Condition(f"{sql} {SQL_OPERATORS[operator]} ?", (number,))

    operators = ("==", "!=", "<", "<=", ">", ">=", "in") if ordered else EQUAL_ONLY
    return Field(says, compare, operators=operators, values=shown)


def flag_field(says: str, condition: Condition) -> Field:
    """Something that is so or not: stands alone, or is compared with true or false."""

    def compare(_: str, value: Value) -> Condition:
        word = ascii_lower(value.text)
        if word in ("true", "yes", "1"):
            return condition
        if word in ("false", "no", "0"):
            return condition.negated()
        raise not_a_word(value, ("true", "false"))

    return Field(says, compare, alone=lambda: condition, operators=("==", "!="), values=("true", "false"))


def fact_field(name: str, facts: str, short: str) -> Field:
    """A fact of the flow by its name (or by `short`, the part after the app); of a list, any item.

    `facts` is the SQL of the JSON column.
    """

    def any_item(test: str, *params: Parameter) -> Condition:
        # the paths go in as parameters; a name may hold quotes, which JSON's own escapes cover
        paths = tuple(f"$.{json.dumps(each)}" for each in (name, short))
        each = [
            Condition(f"EXISTS (SELECT 1 FROM json_each({facts}, ?) AS fact WHERE {test})", (path, *params))
            for path in dict.fromkeys(paths)
        ]
        return joined(each, "OR")

    def compare(operator: str, value: Value) -> Condition:
        if operator != "==":
            return any_item(f"typeof(fact.value) = 'integer' AND fact.value {SQL_OPERATORS[operator]} ?", size(value))
        word = ascii_lower(value.text)
        if word in ("true", "false") and not value.quoted:
            return any_item("(fact.type = ? OR lower(fact.value) = ?)", word, word)
        return any_item("lower(fact.value) = ?", word)

    return Field(
        f"the fact {short} of the flow",
        compare,
        lambda value: any_item("instr(lower(fact.value), ?) > 0", ascii_lower(value.text)),
        lambda: any_item("1"),
        operators=("==", "!=", "<", "<=", ">", ">=", "in", "contains"),
    )


def owner_field(says: str, column: str) -> Field:
    """A text of the table `owner`, of either end of the flow."""

    def any_end(test: str, *params: Parameter) -> Condition:
        return Condition(f"EXISTS (SELECT 1 FROM owner WHERE owner.flow = flow.id AND {test})", params)

    return Field(
        says,
        lambda _, value: any_end(f"lower(owner.{column}) = ?", ascii_lower(value.text)),
        lambda value: any_end(f"instr(lower(owner.{column}), ?) > 0", ascii_lower(value.text)),
        lambda: any_end(f"owner.{column} IS NOT NULL"),
        operators=TEXT_OPERATORS,
    )


def not_a_word(value: Value, words: Sequence[str]) -> FilterError:
    """“hihg” is none of the words, with the nearest one as the hint."""
    return FilterError(f"“{value.text}” is none of {', '.join(words)}.", value.column, nearest(value.text, words))


def nearest(word: str, words: Sequence[str]) -> str:
    """The word that was probably meant; empty if none is near."""
    from difflib import get_close_matches

    folded = {ascii_lower(each): each for each in words}
    found = get_close_matches(ascii_lower(word), list(folded), n=1, cutoff=0.6)
    return folded[found[0]] if found else ""


_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def ascii_lower(text: str) -> str:
    """Lower case as SQLite's lower() has it: of ASCII letters only."""
    return text.translate(_ASCII_LOWER)


def proto_numbers() -> dict[str, int]:
    """Words of IP protocols, `ip-N` included."""
    return {word: number for number, word in PROTOCOLS.items()} | {f"ip-{number}": number for number in range(256)}


@dataclass(frozen=True, slots=True)
class Words:
    """All names of the filter language over one list."""

    fields: dict[str, Field]
    table: str
    """`flow` or `finding`."""

    def of_flow(self, condition: Condition) -> Condition:
        """A condition on the columns of `flow`, as one on the list's rows."""
        if self.table == "flow":
            return condition
        return Condition(
            f"EXISTS (SELECT 1 FROM flow WHERE flow.id = finding.flow AND {condition.sql})", condition.params
        )

    def of_finding(self, condition: Condition) -> Condition:
        """A condition on the columns of `finding`, as one on the list's rows."""
        if self.table == "finding":
            return condition
        sql = (
            f"flow.id IN (SELECT finding.flow FROM finding WHERE {condition.sql} UNION ALL SELECT occurrence.flow"
            f" FROM finding JOIN occurrence ON occurrence.finding = finding.id WHERE {condition.sql})"
        )
        return Condition(sql, (*condition.params, *condition.params))


def words_of(table: str) -> Words:
    """The names over `flow` or `finding`. `table` is one of these two, never a word of the person."""
    words = Words({}, table)
    fields = words.fields

    def wrapped(field: Field, wrap: Callable[[Condition], Condition]) -> Field:
        contains, alone, between, matches = field.contains, field.alone, field.between, field.matches
        return Field(
            field.says,
            lambda operator, value: wrap(field.compare(operator, value)),
            None if contains is None else lambda value: wrap(contains(value)),
            None if alone is None else lambda: wrap(alone()),
            None if between is None else lambda low, high: wrap(between(low, high)),
            field.operators,
            field.values,
            None if matches is None else lambda value: wrap(matches(value)),
        )

    def add(names: str, field: Field, wrap: Callable[[Condition], Condition] | None = None) -> None:
        for name in names.split():
            fields[name] = field if wrap is None else wrapped(field, wrap)

    both = f"{table}.src", f"{table}.dst"
    add("ip.addr ipv6.addr addr", address_field("either address, or a network of it", both))
    add("ip.src ipv6.src src", address_field("address of the originator", both[:1]))
    add("ip.dst ipv6.dst dst", address_field("address of the responder", both[1:]))
    ends = f"{table}.sport", f"{table}.dport"
    add("port", port_field("either port, of any transport", ends))
    add("sport srcport", port_field("port of the originator", ends[:1]))
    add("dport dstport", port_field("port of the responder", ends[1:]))
    add("server.port server_port", port_field("port of the side that offers the service", (f"{table}.server_port",)))
    for word, number in (("tcp", 6), ("udp", 17), ("sctp", 132)):
        proto = (f"{table}.proto", number)
        add(f"{word}.port", port_field(f"either port of {word}", ends, proto))
        add(f"{word}.srcport", port_field(f"port of the originator, of {word}", ends[:1], proto))
        add(f"{word}.dstport", port_field(f"port of the responder, of {word}", ends[1:], proto))
    add("proto", _proto_field(f"{table}.proto"))
    add("app", _app_field(words))
    add("sev severity", choice_field("severity of the worst finding", f"{table}.severity", SEVERITIES, ordered=True))
    add("time first", number_field("time of the first packet, UTC", f"{table}.first_ns", time_ns))
    add("last", number_field("time of the last packet, UTC", f"{table}.last_ns", time_ns))
    lasted = number_field("from the first to the last packet", f"{table}.last_ns - {table}.first_ns", duration_ns)
    add("lasted duration", lasted)
    add("ip", flag_field("IP version 4", Condition(f"{table}.version = 4")))
    add("ipv6", flag_field("IP version 6", Condition(f"{table}.version = 6")))
    add("verdict", _verdict_field(words))

    flow = words.of_flow
    add("tier", choice_field("how sure the app is", "flow.tier", TIERS, ordered=True, none="none"), flow)
    add("bytes", number_field("bytes of both directions", "flow.bytes_o + flow.bytes_r"), flow)
    add("packets", number_field("packets of both directions", "flow.packets_o + flow.packets_r"), flow)
    add("payload", _payload_field(), flow)
    for side, word in (("o", "originator"), ("r", "responder")):
        add(f"bytes.{side}", number_field(f"bytes from the {word}", f"flow.bytes_{side}"), flow)
        add(f"packets.{side}", number_field(f"packets from the {word}", f"flow.packets_{side}"), flow)
    add("says", _says_field(), flow)
    add("state", choice_field("TCP state, in Zeek's words", "flow.state", STATES, ordered=False, none="none"), flow)
    add("vlan context", number_field("VLAN, or number of the tunnel", "flow.context"), flow)
    tunnel = "(SELECT inside.tunnel FROM inside WHERE inside.flow = flow.id)"
    add("tunnel", text_field("tunnels that the flow lies in", tunnel), flow)
    parent = "(SELECT inside.parent FROM inside WHERE inside.flow = flow.id)"
    add("parent", number_field("number of the flow that carries this one", parent), flow)
    add("proc proc.name process", owner_field("process that an end of the flow belongs to", "name"), flow)
    add("proc.path", owner_field("program of that process", "path"), flow)
    add("proc.user", owner_field("user that it runs as", "user"), flow)
    add("proc.pid", owner_field("number of that process", "pid"), flow)
    add("proc.unknown", owner_field("why the process of a local end is not known", "why"), flow)
    add("open", flag_field("more packets may come", Condition("flow.open")), flow)
    for bit, note in NOTES:
        name = {"fragmented": "frag"}.get(note, note.replace(" ", "-"))
        add(name, flag_field(f"{note}", Condition(f"flow.notes & {bit}")), flow)

    finding = words.of_finding
    add("finding", _finding_field(), finding)
    add("technique", _technique_field(), finding)
    add("rule", text_field("rule of the catalogue", "finding.rule"), finding)
    add("detector", text_field("detector that gave the finding", "finding.detector"), finding)
    add("title", text_field("title of the finding", "finding.title"), finding)
    add("uid", text_field("id of the finding, the same in every case of the capture", "finding.uid"), finding)
    add("score", number_field("score of the finding, 0 to 100", "finding.score"), finding)
    add("reviewed", flag_field("has a verdict of the analyst", Condition(_REVIEWED)), finding)
    note = "(SELECT verdict.note FROM verdict WHERE verdict.uid = finding.uid)"
    add("note", text_field("note of the analyst", note), finding)
    add("marked", flag_field("marked by the analyst", Condition(marked_sql(table))))
    if table == "flow":
        add("id flow", number_field("number of the flow", "flow.id"))
    else:
        add("id", number_field("number of the finding", "finding.id"))
        add("flow", number_field("number of the flow", "finding.flow"))
        add("count", number_field("occurrences that were folded into the finding", "finding.count"))
    return words


_REVIEWED = "finding.uid IN (SELECT verdict.uid FROM verdict)"


def _payload_field() -> Field:
    number = number_field(
        "bytes of transport payload; contains, matches: what stands in it", "flow.payload_o + flow.payload_r"
    )

    def found(term: Term) -> Condition:
        return Condition("flow.id IN (SELECT value FROM json_each(?))", (term,))

    return replace(
        number,
        contains=lambda value: found(contained(value)),
        matches=lambda value: found(matched(value)),
        operators=(*number.operators, "contains", "matches"),
    )


def _proto_field(sql: str) -> Field:
    numbers = proto_numbers()

    def compare(_: str, value: Value) -> Condition:
        word = ascii_lower(value.text)
        if word.isascii() and word.isdigit():
            return Condition(f"{sql} = ?", (number_in(value, 255, "an IP protocol"),))
        if word not in numbers:
            raise not_a_word(value, tuple(PROTOCOLS.values()))
        return Condition(f"{sql} = ?", (numbers[word],))

    return Field("IP protocol: tcp, udp, icmp …", compare, operators=EQUAL_ONLY, values=("tcp", "udp", "icmp", "sctp"))


def app_is(words: Words, name: str) -> Condition:
    """The app of the row has this name (in lower case)."""
    if words.table == "finding":
        return Condition("finding.app = ?", (name,))
    return Condition("flow.app = (SELECT app.id FROM app WHERE app.name = ?)", (name,))


def _app_field(words: Words) -> Field:
    is_finding = words.table == "finding"
    column = "finding.app" if is_finding else "(SELECT app.name FROM app WHERE app.id = flow.app)"

    def compare(_: str, value: Value) -> Condition:
        word = ascii_lower(value.text)
        if word == "port" and not value.quoted:  # `app == port`: it fits its port
            fits = PORT_VERDICTS.index("standard"), PORT_VERDICTS.index("alternate")
            return words.of_flow(Condition("flow.verdict IN (?, ?)", fits))
        if word in ("none", "unknown") and not value.quoted:
            return Condition(f"{'finding' if is_finding else 'flow'}.app IS NULL")
        return app_is(words, word)

    def contains(value: Value) -> Condition:
        return Condition(f"instr({column}, ?) > 0", (ascii_lower(value.text),))

    return Field("what is spoken: tls, http …; app != port: it does not fit its port", compare, contains,
                 operators=TEXT_OPERATORS)  # fmt: skip


def app_misfits(words: Words) -> Condition:
    """`app != port`: the flow is known not to fit its port, which is less than not known to fit it."""
    return words.of_flow(Condition("flow.verdict = ?", (PORT_VERDICTS.index("mismatch"),)))


def _verdict_field(words: Words) -> Field:
    shown = (*(word for word in PORT_VERDICTS if word), *VERDICTS, "none")

    def compare(_: str, value: Value) -> Condition:
        word = ascii_lower(value.text)
        if word in VERDICTS:
            said = Condition("finding.uid IN (SELECT verdict.uid FROM verdict WHERE verdict.verdict = ?)", (word,))
            return words.of_finding(said)
        if word == "none":
            return words.of_finding(Condition(f"NOT {_REVIEWED}"))
        if word in PORT_VERDICTS and word:
            return words.of_flow(Condition("flow.verdict = ?", (PORT_VERDICTS.index(word),)))
        raise not_a_word(value, shown)

    return Field(
        "of the port: standard, mismatch …; of the analyst: benign, suspicious, confirmed, none",
        compare,
        operators=EQUAL_ONLY,
        values=shown,
    )


def _says_field() -> Field:
    def any_fact(test: str, value: Value) -> Condition:
        word = ascii_lower(value.text)
        # first the whole text, where JSON escapes what is no ASCII, then only its values
        return Condition(
            f"(instr(lower(flow.facts), ?) > 0 AND EXISTS (SELECT 1 FROM json_tree(flow.facts) AS fact WHERE {test}))",
            (ascii_lower(json.dumps(word)[1:-1]), word),
        )

    return Field(
        "any fact of the flow",
        lambda _, value: any_fact("lower(fact.atom) = ?", value),
        lambda value: any_fact("instr(lower(fact.atom), ?) > 0", value),
        operators=TEXT_OPERATORS,
    )


def _technique_condition(value: Value) -> Condition:
    word = value.text.upper()
    return Condition(
        "finding.id IN (SELECT finding_technique.finding FROM finding_technique"
        " WHERE finding_technique.technique = ? OR substr(finding_technique.technique, 1, ?) = ?)",
        (word, len(word) + 1, word + "."),  # T1071 holds T1071.001
    )


def _technique_field() -> Field:
    return Field(
        "ATT&CK technique, its sub-techniques included",
        lambda _, value: _technique_condition(value),
        operators=EQUAL_ONLY,
    )


def _finding_field() -> Field:
    def compare(_: str, value: Value) -> Condition:
        word = ascii_lower(value.text)
        named = Condition("(lower(finding.rule) = ? OR lower(finding.detector) = ?)", (word, word))
        return joined([_technique_condition(value), named], "OR")

    def contains(value: Value) -> Condition:
        word = ascii_lower(value.text)
        return Condition("(instr(lower(finding.title), ?) OR instr(lower(finding.summary), ?))", (word, word))

    return Field(
        "a technique, a rule or a detector; contains: its title or summary; alone: any finding",
        compare,
        contains,
        lambda: Condition("1"),
        operators=TEXT_OPERATORS,
    )
