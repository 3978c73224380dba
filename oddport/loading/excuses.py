"""The flows of a case and a site's table → the flows whose port verdict it changes, with verdict and facts.

What a site excuses is written with a flow when it is loaded. A table that has changed since is brought in by columns
alone: a flow that was excused was a mismatch before.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from oddport.case.connect import connect_for_reading
from oddport.case.words import address_text
from oddport.protocols.answers import facts_text
from oddport.protocols.model import PortVerdict
from oddport.protocols.site import FACT, SiteTable, table


@dataclass(frozen=True, slots=True)
class Excuse:
    """A flow whose port is judged otherwise now."""

    flow: int
    verdict: PortVerdict
    facts: str | None
    """JSON in ASCII, as a case keeps it; None for none."""


def excuses(case: Path, site: SiteTable | None) -> list[Excuse]:
    """What changes in the flows of the case at `case` under `site`; None: no table, which excuses nothing."""
    ours = table(()) if site is None else site
    connection = connect_for_reading(case).connection
    try:
        rows = connection.execute(
            "SELECT flow.id, CASE WHEN server IN (2, 4) THEN src ELSE dst END, version, server_port, first_ns,"
            " app.name, verdict, facts FROM flow JOIN app ON app.id = flow.app"
            " WHERE verdict = ? OR (verdict = ? AND instr(facts, ?) > 0) ORDER BY flow.id",
            (PortVerdict.MISMATCH, PortVerdict.ALTERNATE, json.dumps(FACT)),
        )
        found = []
        for flow, server, version, port, first_ns, app, verdict, text in rows:
            facts = json.loads(text) if text else {}
            before = facts.pop(FACT, None)
            if verdict == PortVerdict.ALTERNATE and before is None:
                continue  # the words stand in another fact
            one = ours.find(app, address_text(server, version), port or 0, first_ns)
            if (None if one is None else one.reason) == before:
                continue
            if one is not None:
                facts[FACT] = one.reason
            now = PortVerdict.MISMATCH if one is None else PortVerdict.ALTERNATE
            found.append(Excuse(flow, now, facts_text(facts).decode("ascii") if facts else None))
        return found
    finally:
        connection.close()
