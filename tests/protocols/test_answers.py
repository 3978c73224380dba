"""What more is known of a flow than its name is packed, and read in two ways: as the case holds facts, and unpacked."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from oddport.protocols.answers import answers, facts_text, packed_facts, unpacked
from oddport.protocols.registry import app_names
from tests.captures import conversation, dns_over
from tests.engine.packets import Bench

VALUES = st.text() | st.integers() | st.booleans() | st.lists(st.text(), max_size=2)


@given(st.dictionaries(st.text(max_size=4), VALUES, min_size=1, max_size=3))
@settings(max_examples=200, deadline=None)
def test_facts_are_json_without_control_characters_whatever_is_in_them(facts: dict[str, Any]) -> None:
    text = facts_text(facts)
    assert all(0x20 <= byte < 0x7F for byte in text)
    assert json.loads(text) == facts


def test_packed_and_unpacked_facts_are_the_same_and_a_flow_without_any_has_nothing_packed() -> None:
    bench = Bench().feed([*dns_over(53), *conversation([("c", b"\0\1\2 nobody knows this")], sport=40_009)])
    bench.table.end_all()
    taken = bench.table.take()
    found = answers(taken.first, [-1] * len(taken.slots))
    named = {app: row for row, app in enumerate(found.app.tolist())}
    more = found.more[named[app_names().index("dns")]]
    assert more is not None
    facts = unpacked("dns", 3, 1, 0, more).facts
    assert facts["qname"]
    assert json.loads(packed_facts(more)) == facts
    assert found.more[named[-1]] is None
