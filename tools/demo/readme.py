"""The list of demo captures → the README beside them.

usage (from the top of the repository): python -m tools.demo.readme
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from oddport.demos import Demo, ExpectedFinding, ExpectedFlows, ExpectedTrains, list_demos

HERE = Path(__file__).resolve().parents[2] / "demo_pcaps"
HEAD = """\
# Demo captures

Captures to learn on and to try things with: `oddport demo` opens the first one, `oddport demo NAME` any other.

Where a real program exists, it was recorded talking between two network namespaces (nginx, OpenSSL, OpenSSH, dnsmasq,
chrony, aiosmtpd, curl, dig, ncat); only fragments that no program sends are drawn with scapy, and what talks on the port of
`raw-on-443` was written for it. `python -m tools.demo.make_all` makes them anew (as root). All addresses are those for
documentation (RFC 5737, RFC 3849) or private ones (RFC 1918, RFC 4193), all names end in `.example` (RFC 2606).

Below is what each holds, and what oddport must say of it: these flows, these findings, and no other. A test holds it to
that. This file is made from `demos.toml` by `python -m tools.demo.readme`.
"""


def render(demos: Iterable[Demo]) -> str:
    """The whole README."""
    return "\n".join([HEAD, *(line for demo in demos for line in _section(demo))]).rstrip() + "\n"


def _section(demo: Demo) -> Iterator[str]:
    yield f"## {demo.name}"
    yield ""
    yield f"**{demo.title}** (`{demo.file}`, {demo.packets:,} packets). {demo.story}"
    yield ""
    yield "Findings:" if demo.findings else "Findings: none."
    yield ""
    if demo.findings:
        yield from map(_finding, demo.findings)
        yield ""
    yield "Flows:"
    yield ""
    yield from map(_flows, demo.flows)
    yield ""
    if demo.trains:
        yield "Fragment trains:"
        yield ""
        yield from map(_trains, demo.trains)
        yield ""


def _finding(finding: ExpectedFinding) -> str:
    severity = finding.at_least if finding.at_least == finding.at_most else f"{finding.at_least} to {finding.at_most}"
    count = "" if finding.count == 1 else f", {finding.count} times"
    return f"- **{finding.title}**: {severity} ({finding.rule}{count}; {', '.join(finding.techniques)})"


def _flows(flows: ExpectedFlows) -> str:
    name = f"{flows.app} (tier {flows.tier})" if flows.app else "no name"
    return f"- {flows.count} on {flows.on}: {name}, {flows.verdict or 'nothing to judge'}"


def _trains(trains: ExpectedTrains) -> str:
    return f"- {trains.count} {trains.proto} over IPv{trains.version}, {trains.state}: {', '.join(trains.anomalies) or 'nothing odd'}"


def main() -> None:
    """Write the README."""
    (HERE / "README.md").write_text(render(list_demos()), encoding="utf-8")


if __name__ == "__main__":
    main()
