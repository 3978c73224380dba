"""Bytes that mean nothing → how often they get a name of tier A or B all the same, as a table.

usage: noise.py [--trials N] [--seed N] [--page docs/accuracy.md]

Each kind is drawn N times, with a fixed seed. A payload is 4 to 1,400 bytes long, and stands in one direction or, as
often, in both. Beginnings are the first four bytes of a message of each protocol, as the tests write them down from
the specifications; wanted bytes are those of the first four that a recogniser has to find before it is asked.
"""

import argparse
import random
import string
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from oddport.engine.columns import TCP, UDP  # noqa: E402 - the project beside this script, installed or not
from oddport.engine.heads import Head  # noqa: E402
from oddport.protocols.identify import identify  # noqa: E402
from oddport.protocols.model import Tier  # noqa: E402
from oddport.protocols.registry import registry  # noqa: E402
from tests.loading.conversations import CONVERSATIONS  # noqa: E402
from tools.sections import onto  # noqa: E402

TRIALS = 200_000
SEED = 1571
BOUND = 10_000
"""At most one name in so many payloads."""
HEADING = "## Bytes that mean nothing"
BEGINNING = 4
LENGTHS = (4, 8, 12, 20, 40, 48, 120, 300, 600, 1_400)
ALPHABETS = (
    string.printable, string.ascii_letters + " \r\n", string.ascii_uppercase + " \r\n", string.digits + " -.:\r\n",
)  # fmt: skip
Draw = Callable[[random.Random, int], bytes]
"""A source and the transport → a payload."""

_BEGINNINGS = {
    transport: sorted(
        {data[:BEGINNING] for said in CONVERSATIONS if said.transport == transport for _, data in said.turns if data}
    )
    for transport in (TCP, UDP)
}
_WANTED = {
    transport: [
        (first, at)
        for protocol in registry().protocols.values()
        for grammar in protocol.grammars
        if transport in grammar.transports
        for matcher, first, at in (
            (grammar.client, grammar.client_first, grammar.client_at),
            (grammar.server, grammar.server_first, grammar.server_at),
        )
        if matcher is not None
    ]
    for transport in (TCP, UDP)
}


def uniform(source: random.Random, transport: int) -> bytes:
    return source.randbytes(source.choice(LENGTHS))


def behind_a_beginning(source: random.Random, transport: int) -> bytes:
    return source.choice(_BEGINNINGS[transport]) + uniform(source, transport)


def wanted(source: random.Random, transport: int) -> bytes:
    first, places = source.choice(_WANTED[transport])
    data = bytearray(source.choice(first).to_bytes() + uniform(source, transport))
    for place, allowed in places:
        if place < min(BEGINNING, len(data)):
            data[place] = source.choice(allowed)
    return bytes(data)


def text(source: random.Random, transport: int) -> bytes:
    return "".join(source.choices(source.choice(ALPHABETS), k=source.choice(LENGTHS))).encode()


KINDS: Mapping[str, Draw] = {
    "uniform bytes": uniform,
    "uniform behind the first four bytes of a real message": behind_a_beginning,
    "uniform with what a recogniser wants of the first four bytes": wanted,
    "letters, digits and line ends": text,
}


def measure(draw: Draw, trials: int, seed: int = SEED) -> Counter[str]:
    """The names of tier A or B that `trials` payloads get."""
    source = random.Random(seed)
    names: Counter[str] = Counter()
    for trial in range(trials):
        transport = (TCP, UDP)[trial & 1]
        one = draw(source, transport)
        other = draw(source, transport) if trial & 2 else b""
        found = identify(Head(transport, one, other, (one,), (other,) if other else ()))
        if found.tier >= Tier.B:
            names[found.app or ""] += 1
    return names


def render(measured: Mapping[str, Counter[str]], trials: int) -> str:
    """The table, in Markdown."""
    lines = [
        HEADING,
        "",
        f"Names of tier A or B among {trials:,} payloads of each kind (`python tools/noise.py`); the bound is one in "
        f"{BOUND:,}.",
        "",
        "| payloads | named | one in | as |",
        "|---|---|---|---|",
    ]
    for kind, names in measured.items():
        count = names.total()
        rate = f"{trials // count:,}" if count else "–"
        lines.append(f"| {kind} | {count} | {rate} | {', '.join(f'{name} {n}' for name, n in names.most_common())} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Print the table; the exit status is 1 where a kind is over the bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--page", type=Path, help="where the table is put in place of the one that is there")
    options = parser.parse_args()
    measured = {kind: measure(draw, options.trials, options.seed) for kind, draw in KINDS.items()}
    table = render(measured, options.trials)
    print(table, end="")
    if options.page is not None:
        options.page.write_text(onto(options.page.read_text(encoding="utf-8"), table), encoding="utf-8")
    return int(any(names.total() * BOUND > options.trials for names in measured.values()))


if __name__ == "__main__":
    sys.exit(main())
