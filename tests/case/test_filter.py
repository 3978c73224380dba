"""A filter finds the rows that a person means by it, and says where and what is wrong if it cannot."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from oddport.case.errors import FilterError
from oddport.case.filter import MOST, Where, compile_filter, filter_words
from oddport.case.reader import CaseReader
from tests.case.build import make_case

FLOWS = [
    # the four flows: 1 TLS on 8088 (mismatch), 2 DNS on 53, 3 unknown on 443 over IPv6, 4 ping
    ("", [1, 2, 3, 4]),
    ("  ", [1, 2, 3, 4]),
    ("tcp", [1, 3]),
    ("udp", [2]),
    ("icmp", [4]),
    ("ip-1", [4]),
    ("proto == tcp", [1, 3]),
    ("proto != tcp", [2, 4]),
    ("proto == 17", [2]),
    ("proto in {udp, icmp}", [2, 4]),
    ("ip", [1, 2, 4]),
    ("ipv6", [3]),
    ("ipv6 == false", [1, 2, 4]),
    ("not ipv6", [1, 2, 4]),
    ("!ipv6", [1, 2, 4]),
    ("tcp.port == 443", [3]),
    ("udp.port == 53", [2]),
    ("tcp.port == 53", []),
    ("tcp.port != 443", [1, 2, 4]),
    ("port == 53", [2]),
    ("port >= 40000", [1, 3]),
    ("port < 1", [4]),
    ("sport == 51544", [1]),
    ("dport == 51544", []),
    ("tcp.dstport == 8088", [1]),
    ("tcp.srcport == 8088", []),
    ("server.port == 8088", [1]),
    ("server_port == 0", [4]),
    ("port in {53, 8000..8100}", [1, 2]),
    ("port in {53 8088}", [1, 2]),
    ("port in {}", []),
    ("not port in {}", [1, 2, 3, 4]),
    ("ip.addr == 10.0.0.0/8", [1, 2, 4]),
    ("ip.addr == 10.20.0.0/16", [1, 2]),
    ("ip.addr == 10.20.9.9/16", [1, 2]),
    ("ip.addr != 10.20.0.0/16", [3, 4]),
    ("ip.src == 10.20.3.14", [1]),
    ("src == 203.0.113.80", []),
    ("ip.dst == 203.0.113.80", [1]),
    ("dst in {203.0.113.80, 10.20.0.53}", [1, 2]),
    ("addr == 0.0.0.0/0", [1, 2, 4]),
    ("addr == ::/0", [3]),
    ("ip.addr == 2001:db8::/32", [3]),
    ("ipv6.addr == 2001:DB8::2", [3]),
    ("app == tls", [1]),
    ("app == TLS", [1]),
    ("app != tls", [2, 3, 4]),
    ("app in {tls, dns}", [1, 2]),
    ("app == none", [3, 4]),
    ("app != unknown", [1, 2]),
    ("app contains n", [2]),
    ("app != port", [1]),
    ("app == port", [2]),
    ("not app == port", [1, 3, 4]),
    ('app == "port"', []),
    ("verdict == mismatch", [1]),
    ("verdict == unrecognised", [3]),
    ("verdict in {standard, mismatch}", [1, 2]),
    ("verdict == confirmed", []),
    ("verdict == none", [1, 3]),  # the findings of these flows have none
    ("tier == A", [1, 2]),
    ("tier >= b", [1, 2]),
    ("tier == none", [3, 4]),
    ("tier != none", [1, 2]),
    ("sev >= high", [1]),
    ("sev >= med", [1, 3]),
    ("severity == medium", [3]),
    ("not (sev >= high)", [2, 3, 4]),
    ("sev != high", [2, 3, 4]),
    ("bytes > 1M", [3]),
    ("bytes >= 10k", [1, 3]),
    ("bytes >= 10.001k", [3]),
    ("bytes == 10000", [1]),
    ("bytes > 1Mi", [3]),
    ("bytes < 1kB", [2, 4]),
    ("bytes.o == 80", [2]),
    ("packets == 11", [1]),
    ("packets.r == 5", [1]),
    ("packets in {2..11}", [1, 2]),
    ("payload == 0", [4]),
    ("lasted > 10m", [3]),
    ("lasted == 20ms", [2]),
    ("duration < 1ms", [4]),
    ("lasted in {1s..5s}", [1]),
    ("time == 2024-05-06T12:53:20", [1]),
    ("time > 2024-05-06T12:53:20.999999999", [2, 3, 4]),
    ("time >= 2024-05-06T14:53:22+02:00", [3, 4]),
    ("last > 2024-05-06T13:00:00Z", [3]),
    ("time < 2024-05-06", []),
    ("state == sf", [1]),
    ("state == none", [2, 3, 4]),
    ("vlan == 10", [3]),
    ("frag", [3]),
    ("not frag", [1, 2, 4]),
    ("one-sided", [3]),
    ("midstream", []),
    ("open", []),
    ("says contains example.ORG", [1]),
    ("says contains sni", []),  # the name of a fact is not what the flow says
    ("says == A.test", [2]),
    ("says == h2", [1]),
    ("says == example.org", []),
    ("tls.sni", [1]),
    ("tls.sni == shop.example.org", [1]),
    ("tls.sni contains EXAMPLE", [1]),
    ("tls.alpn == h2", [1]),
    ("tls.alpn == http/1.1", [1]),
    ("tls.alpn == h3", []),
    ("tls.alpn != h2", [2, 3, 4]),
    ("tls.resumed == true", [1]),
    ("tls.resumed == false", []),
    ("fact.qname contains test", [2]),
    ("dns.qname in {a.test, b.test}", [2]),
    ("finding", [1, 3]),
    ("not finding", [2, 4]),
    ("finding == T1571", [1]),
    ("finding == t1071", [1]),  # holds T1071.001
    ("technique == T1071.001", [1]),
    ("technique == T107", []),
    ("finding == ppm-07", [3]),
    ("finding == port-mismatch", [1, 3]),
    ('finding contains "8088"', [1]),
    ("rule == PPM-01", [1]),
    ("detector contains port", [1, 3]),
    ("title contains unknown", [3]),
    ("score >= 60", [1]),
    ("reviewed", []),
    ("id == 3", [3]),
    ("flow in {1..2}", [1, 2]),
    ("tls", [1]),
    ("dns", [2]),
    ("shop", [1]),
    ("sni", []),  # the names of facts are not looked through
    ("10.20.4", [2]),
    ("10.2", [1, 2, 4]),
    ("10.20.", [1, 2]),
    ("2001:db8", [3]),
    ("203.0.113.80", [1]),
    ('"tcp"', []),
    ("tcp and not tls", [3]),
    ("tcp && !tls", [3]),
    ("udp or icmp", [2, 4]),
    ("udp || icmp", [2, 4]),
    ("udp or icmp and tls", [2]),  # and binds closer
    ("(udp or icmp) and tls", []),
    ("not udp and not icmp", [1, 3]),
    ("not (udp or icmp)", [1, 3]),
    ("not not udp", [2]),
    ("TCP AND NOT TLS", [3]),
]


@pytest.mark.parametrize(("text", "expected"), FLOWS)
def test_a_filter_over_flows_finds_what_is_meant(reader: CaseReader, text: str, expected: list[int]) -> None:
    where = compile_filter(text, "flows")
    assert list(reader.query_ids("flows", where.sql, where.params)) == expected


FINDINGS = [
    # 1 TLS on 8088 of flow 1, 2 unknown on 443 of flow 3
    ("", [1, 2]),
    ("sev >= high", [1]),
    ("finding == T1571", [1]),
    ("finding", [1, 2]),
    ("app == tls", [1]),
    ("app == none", [2]),
    ("app contains t", [1]),
    ("app != port", [1]),
    ("app == port", []),
    ("verdict == unrecognised", [2]),
    ("verdict == none", [1, 2]),
    ("ip.addr == 10.0.0.0/8", [1]),
    ("tcp.port == 443", [2]),
    ("frag", [2]),
    ("bytes > 1M", [2]),
    ("tls.sni contains example", [1]),
    ("lasted >= 3s", [1, 2]),
    ("8088", [1]),
    ("recogniser", [2]),  # in the summary
    ("shop.example", [1]),
    ("PPM-07", [2]),
    ("2001:db8::2", [2]),
    ("flow == 3", [2]),
    ("id == 1", [1]),
    ("count == 1", [1, 2]),
    ("score in {40..60}", [2]),
    ("not reviewed", [1, 2]),
    ("tier == A and proto == tcp", [1]),
]


@pytest.mark.parametrize(("text", "expected"), FINDINGS)
def test_a_filter_over_findings_finds_what_is_meant(reader: CaseReader, text: str, expected: list[int]) -> None:
    where = compile_filter(text, "findings")
    assert list(reader.query_ids("findings", where.sql, where.params)) == expected


def test_verdicts_and_notes_of_the_analyst_are_filtered_by(own_case: Path) -> None:
    with CaseReader.open(own_case) as reader:
        reader.set_verdict("f1", "benign", "a Test shop")

        def ids(text: str, table: str) -> list[int]:
            where = compile_filter(text, table)
            return list(reader.query_ids(table, where.sql, where.params))

        assert ids("verdict == benign", "findings") == [1]
        assert ids("verdict != benign", "findings") == [2]
        assert ids("reviewed", "findings") == [1]
        assert ids("verdict == none", "findings") == [2]
        assert ids("note contains test", "findings") == [1]
        assert ids("verdict == benign", "flows") == [1]
        assert ids("reviewed", "flows") == [1]


WRONG = [
    # (text, 0-based column, part of the sentence, hint)
    ("tcp.port == 443 and app =! tls", 24, "“=!” is not an operator. Did you mean !=?", "!="),
    ("port = 443", 5, "“=” is not an operator. Did you mean ==?", "=="),
    ("port === 443", 5, "“===” is not an operator", "=="),
    ("app == \udc80", 7, "This character is no text and cannot be looked for.", ""),
    ("app ~ tl", 4, "“~” is not an operator", "contains"),
    ("port >>> 1", 5, "“>>>” is not an operator.", ""),
    ("tcp & udp", 4, "“&” is not an operator", "and"),
    ("app is tls", 4, "“is” is not an operator", "=="),
    ("app matches t", 4, "“matches” is not an operator", "contains"),
    ("app contians t", 4, "“contians” is not an operator", "contains"),
    ("prot == 1", 0, "“prot” is not a name to filter by. Did you mean proto?", "proto"),
    ("tcp.prt == 1", 0, "“tcp.prt” is not a name to filter by", "tcp.port"),
    ("tlss.sni == x", 0, "“tlss.sni” is not a name", "tls.sni"),
    ("zzzz == 1", 0, "“zzzz” is not a name to filter by.", ""),
    ("sev >= hihg", 7, "“hihg” is none of info, low, medium, high, critical.", "high"),
    ("tier == D", 8, "“D” is none of C, B, A, none.", ""),
    ("tier >= none", 8, "“none” can only be compared with == and !=.", "=="),
    ("verdict == benin", 11, "“benin” is none of standard", "benign"),
    ("proto == tpc", 9, "“tpc” is none of", "tcp"),
    ("proto == 256", 9, "“256” is not an IP protocol: those are numbers from 0 to 255.", ""),
    ("frag == maybe", 8, "“maybe” is none of true, false.", ""),
    ("port == 65536", 8, "“65536” is not a port: those are numbers from 0 to 65,535.", ""),
    ("port == ١", 8, "is not a port", ""),
    ("port in {80..x}", 13, "“x” is not a port", ""),
    ("port in {80, 99999}", 13, "“99999” is not a port", ""),
    ("bytes > 1X", 8, "“1X” is not a number. Numbers look like 1500, 20k, 1.5M or 4Mi.", ""),
    ("bytes > -1", 8, "“-1” is not a number", ""),
    ("lasted > 5 m", 11, "“and” or “or” is missing before “m”", "and m"),
    ("lasted > 5y", 9, "“5y” is not a duration", ""),
    ("time > yesterday", 7, "“yesterday” is not a time. Times look like 2024-05-06", ""),
    ("time > 0001-01-01T00:00:00+23:59", 7, None, ""),
    ("ip.addr == 10.0.0", 11, "“10.0.0” is not an address", ""),
    ("ip.addr == 10.0.0.0/33", 11, "is not an address", ""),
    ("ip.addr > 10.0.0.1", 8, "“ip.addr” is not compared with >, but with == != in.", "=="),
    ("ip.addr contains 10", 8, "“ip.addr” is not compared with contains", "=="),
    ("app < tls", 4, "“app” is not compared with <", "contains"),
    ("port contains 4", 5, "“port” is not compared with contains", "=="),
    ("says in {a} x", 12, "“and” or “or” is missing before “x”", "and x"),
    ("sev >=", 6, "A value is missing after “>=”.", ""),
    ("app contains", 12, "A value is missing after “contains”.", ""),
    ("sev >= and", 7, "A value is missing after “>=”.", ""),
    ("port in 80", 8, "A set is missing after “in”", ""),
    ("port in", 7, "A set is missing after “in”", ""),
    ("port in {80", 11, "The set is not closed", ""),
    ("port in {80 == 1}", 12, "“==” cannot stand in a set", ""),
    ("and tls", 0, "A condition is missing at the beginning.", ""),
    ("== 4", 0, "A condition is missing at the beginning.", ""),
    ("tls and", 7, "A condition is missing after “and”.", ""),
    ("tls or or dns", 7, "A condition is missing after “or”.", ""),
    ("not", 3, "A condition is missing after “not”.", ""),
    ("()", 1, "A condition is missing after “(”.", ""),
    ("(tls", 4, "A parenthesis is not closed: a ) is missing.", ""),
    ("tls)", 3, "This parenthesis closes none.", ""),
    ("tls dns", 4, "“and” or “or” is missing before “dns”.", "and dns"),
    ('tls "dns"', 4, '“and” or “or” is missing before “"dns"”.', 'and "dns"'),
    ("tls (dns)", 4, "“and” or “or” is missing before “(”.", "and ("),
    ('app == "tls', 7, "The quotation mark that opens here is not closed.", ""),
    ('"a" == 1', 4, '“==” cannot stand after “"a"”.', ""),
    ("tls }", 4, "“}” cannot stand after “tls”.", ""),
]


@pytest.mark.parametrize(("text", "column", "sentence", "hint"), WRONG)
@pytest.mark.parametrize("table", ["flows", "findings"])
def test_an_error_has_its_column_its_sentence_and_the_nearest_word(
    table: str, text: str, column: int, sentence: str | None, hint: str
) -> None:
    if sentence is None:  # a time before the year 1 in UTC is a time all the same
        assert compile_filter(text, table).params
        return
    with pytest.raises(FilterError) as caught:
        compile_filter(text, table)
    assert sentence in caught.value.message
    assert (caught.value.column, caught.value.hint) == (column, hint)


@pytest.mark.parametrize(
    "attack",
    [
        "1' OR '1'='1",
        "'; DROP TABLE flow; --",
        'x" OR 1=1 --',
        "\\",
        "%",
        "_",
        "a/*",
        "?1",
        ":name",
        "@x",
        "$x",
        "\x00",
        "☃",
    ],
)
def test_no_word_of_the_person_becomes_sql(own_case: Path, attack: str) -> None:
    quoted = '"' + attack.replace("\\", "\\\\").replace('"', '\\"') + '"'
    plain = [compile_filter(f'{name} {operator} "word"', "flows").sql for name, operator in TEXTS]
    with CaseReader.open(own_case) as reader:
        for (name, operator), sql in zip(TEXTS, plain, strict=True):
            where = compile_filter(f"{name} {operator} {quoted}", "flows")
            assert where.sql == sql  # the values are parameters, whatever they are
            assert list(reader.query_ids("flows", where.sql, where.params)) in ([], [1, 2, 3, 4])
        assert reader.counts().flows == 4


TEXTS = [
    ("app", "=="),
    ("app", "contains"),
    ("says", "contains"),
    ("title", "=="),
    ("tls.sni", "contains"),
    ("note", "contains"),
]


def test_names_of_facts_are_parameters_too(own_case: Path) -> None:
    sql = compile_filter("fact.abc == x", "flows").sql
    for name in ("a'b", "a$b", "a]b", "a[0]", "a\\b", "a?b", "a;b--"):
        where = compile_filter(f"fact.{name} == x", "flows")
        assert where.sql == sql
        with CaseReader.open(own_case) as reader:
            assert list(reader.query_ids("flows", where.sql, where.params)) == []


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> sqlite3.Connection:
    return sqlite3.connect(make_case(tmp_path_factory.mktemp("hypothesis") / "a.oddport"))


PIECES = st.sampled_from(
    ["tls", "port", "app", "sev", "==", "!=", "<", ">=", "in", "contains", "and", "or", "not", "!", "&&", "(", ")",
     "{", "}", ",", "443", "high", "10.0.0.0/8", "2001:db8::", "\"a b\"", '"', "tls.sni", "frag", "..", "80..90", "=",
     "~", "\\", "time"]
)  # fmt: skip


@given(
    st.one_of(
        st.lists(PIECES, max_size=12).map(" ".join), st.lists(PIECES, max_size=12).map("".join), st.text(max_size=30)
    ),
    st.sampled_from(["flows", "findings"]),
)
@example("::", "flows")
@example("fact..x", "flows")
@example("tls.", "flows")
@settings(max_examples=500, deadline=None)
def test_any_text_is_a_filter_or_an_error_with_a_column(database: sqlite3.Connection, text: str, table: str) -> None:
    error = None
    try:
        where = compile_filter(text, table)
    except FilterError as raised:
        error = raised
    if error is not None:
        assert 0 <= error.column <= len(text)
        assert error.message.endswith(("?", "."))
        return
    assert text.strip() == "" or where.sql.count("?") == len(where.params)
    assert not any(isinstance(p, str) and p in where.sql for p in where.params if len(str(p)) > 12)
    base = table[:-1]
    database.execute(f"SELECT count(*) FROM {base} WHERE {where.sql}", where.params).fetchone()


def test_what_is_too_long_or_too_deep_is_said(database: sqlite3.Connection) -> None:
    with pytest.raises(FilterError, match="longer than 4,000 characters"):
        compile_filter("a" * 4_001, "flows")
    with pytest.raises(FilterError, match="more than 20 deep") as caught:
        compile_filter("(" * 100 + "tls" + ")" * 100, "flows")
    assert caught.value.column == 20
    with pytest.raises(FilterError, match="more than 20 deep"):
        compile_filter("not " * 21 + "tls", "flows")
    with pytest.raises(FilterError, match=f"more than {MOST} conditions"):
        compile_filter(" or ".join(["tls"] * (MOST + 1)), "flows")
    with pytest.raises(FilterError, match=f"more than {MOST} values"):
        compile_filter(f"port in {{{','.join(['1'] * (MOST + 1))}}}", "flows")


@pytest.mark.parametrize("table", ["flow", "finding"])
def test_the_largest_filters_are_within_what_sqlite_takes(database: sqlite3.Connection, table: str) -> None:
    deep = "(10.2 or (udp and (sev >= low or not " * 6 + "(10.2 or tls.sni == 10.2)" + ")))" * 6
    wide = " and ".join(["10.2"] * (MOST - 2))
    ports = f"port in {{{','.join(['1..2'] * MOST)}}}"
    for text in (
        f"{deep} and {wide.removesuffix(' and 10.2' * 30)}",
        f"not {deep}",
        f"not ({wide})",
        f"{'not ' * 19}({ports})",
    ):
        where = compile_filter(text, table)
        database.execute(f"SELECT count(*) FROM {table} WHERE {where.sql}", where.params).fetchone()


def test_a_separate_not_is_not_a_deeper_one() -> None:
    assert compile_filter(" or ".join(["not frag"] * 100), "flows").sql.count("NOT ") == 100


def test_the_words_are_listed_for_help() -> None:
    words = {name: (says, operators) for name, says, operators in filter_words("flows")}
    assert words["tcp.port"] == ("either port of tcp", ("==", "!=", "<", "<=", ">", ">=", "in"))
    assert "contains" in words["says"][1]
    assert "count" in {name for name, _, _ in filter_words("findings")}
    assert all(says for says, _ in words.values())


def test_a_list_that_is_none_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="there is no list"):
        compile_filter("tls", "packets")
    assert compile_filter("", "flows") == Where("1", ())
