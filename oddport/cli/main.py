"""Words of the command line → a dashboard, a scan, a load, or a list."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from oddport import __version__
from oddport.wording import SEVERITY_WORDS

EXAMPLES = """
\b
Examples:
  oddport                                    choose: recent cases, files, demo captures, live traffic
  oddport demo                               the dashboard on a demo capture with findings
  oddport capture.pcapng                     load a capture and look at it
  oddport scan capture.pcap                  findings as a table
  oddport scan --format ndjson --each DIR    every capture of a folder, one JSON object a line
  ssh host tcpdump -U -w - | oddport -       look at what a pipe brings, as it comes
"""

SETTINGS_HELP = "Settings of detectors (default: oddport.toml in your configuration folder)."
BASELINE_HELP = "Earlier case of the same network: what is new since then is judged, too."
FOLDER_HELP = "Folder with further detectors; never looked for on its own."
SITE_HELP = "Protocols on ports that are theirs at your site (default: site.toml in your configuration folder)."
TUNNELS_HELP = "Tunnels in one another that are opened."


_CHOICES = (
    click.option("--site", type=click.Path(path_type=Path), help=SITE_HELP),
    click.option("--settings", type=click.Path(path_type=Path), help=SETTINGS_HELP),
    click.option("--set", "words", multiple=True, metavar="DETECTOR.KEY=VALUE", help="One setting of a detector."),
    click.option("--detectors", "folders", multiple=True, type=click.Path(path_type=Path), help=FOLDER_HELP),
    click.option("--baseline", type=click.Path(path_type=Path), metavar="CASE", help=BASELINE_HELP),
)


def chosen(command: Any) -> Any:
    """The options that say what judges, and how."""
    for option in reversed(_CHOICES):
        command = option(command)
    return command


class OpenByDefault(click.Group):
    """A first word that is no command is a capture or a case to open, or an option of that."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Options of `open` may stand first: `oddport --case FILE CAPTURE`."""
        own = {name for parameter in self.get_params(ctx) for name in parameter.opts}
        if not args and sys.stdout.isatty():
            args = ["open"]  # what there is to choose from; who has no terminal gets the help
        elif args and args[0].startswith("-") and args[0].partition("=")[0] not in own:
            args = ["open", *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The named command, else `open` with all words."""
        if args and args[0] not in self.commands:
            return "open", self.commands["open"], args
        return super().resolve_command(ctx, args)


@click.group(cls=OpenByDefault, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXAMPLES)
@click.version_option(__version__, prog_name="oddport")
def cli() -> None:
    """Does what is spoken on this port fit the port?

    oddport names the protocol of every flow from its bytes, judges whether it belongs on its port (ATT&CK T1571), and
    shows the bytes that prove it. `oddport CAPTURE…` opens the dashboard; `oddport` alone opens it on what there is to
    choose from: recent cases, files, demo captures, live traffic.
    """


def _lazy(module: str, name: str) -> Any:
    from importlib import import_module

    return getattr(import_module(module), name)


@cli.command("open")
@click.argument("captures", nargs=-1, metavar="[CAPTURE…|CASE]")
@click.option("--case", type=click.Path(path_type=Path), help="Case file to load into (default: in your data folder).")
@click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal; so over ssh.")
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII characters only.")
@click.option(
    "--theme", type=click.Choice(["dark", "light", "ansi", "contrast"]), help="Colours (default: by terminal)."
)
def open_command(
    captures: tuple[str, ...], case: Path | None, no_mouse: bool, ascii_only: bool, theme: str | None
) -> None:
    """Open captures, a folder of them, or a case in the dashboard; without one, choose there.

    \b
    Examples:
      oddport capture.pcapng
      oddport part1.pcap part2.pcap.gz         several files are one capture, in time order
      oddport --case branch.oddport a.pcap     keep the case where you say
      oddport branch.oddport                   open a case
      ssh host tcpdump -U -w - | oddport -     a capture that comes by a pipe
    """
    sys.exit(_lazy("oddport.cli.dashboard", "open_captures")(captures, case, not no_mouse, ascii_only, theme))


@cli.command()
@click.argument("name", required=False)
@click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal.")
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII characters only.")
def demo(name: str | None, no_mouse: bool, ascii_only: bool) -> None:
    """Open a demo capture in the dashboard; without NAME, the one that shows most.

    \b
    Examples:
      oddport demo
      oddport demo https-on-8088
      oddport demo --help
    """
    sys.exit(_lazy("oddport.cli.dashboard", "open_demo")(name, not no_mouse, ascii_only))


@cli.command()
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE…")
@click.option("--format", "form", type=click.Choice(["table", "ndjson"]), default="table", show_default=True)
@click.option("--each", is_flag=True, help="Analyse each file by itself; else several files are one capture.")
@click.option("--case", type=click.Path(path_type=Path), help="Keep everything in this case file too.")
@click.option("--fail-on", type=click.Choice(SEVERITY_WORDS), help="Exit with 1 if a finding is this severe or worse.")
@click.option("--tunnels", type=click.IntRange(0, 8), default=4, show_default=True, help=TUNNELS_HELP)
@chosen
def scan(
    captures: tuple[str, ...], form: str, each: bool, case: Path | None, fail_on: str | None, **chosen: Any
) -> None:
    """Analyse captures and print what was found.

    CAPTURE is a file, a folder (every capture in it), or - for standard input; gzip, zstd and xz are unpacked.
    Exit status: 0, 1 with --fail-on, 2 if nothing could be read or the call is wrong.

    \b
    Examples:
      oddport scan capture.pcap
      oddport scan --fail-on high capture.pcap && echo fine
      oddport scan --site ours.toml capture.pcap
      oddport scan --set port-mismatch.min_hosts=5 --detectors ours/ capture.pcap
      oddport scan --format ndjson --each captures/ > captures.ndjson
      ssh host tcpdump -U -w - | oddport scan -
    """
    sys.exit(_lazy("oddport.cli.scan", "scan")(captures, form, each, case, fail_on, chosen))


@cli.command()
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE…")
@click.option("--case", type=click.Path(path_type=Path), required=True, help="Case file to make.")
@click.option("--replace", is_flag=True, help="A finished load in the case gives way; verdicts stay.")
@click.option("--tunnels", type=click.IntRange(0, 8), default=4, show_default=True, help=TUNNELS_HELP)
@chosen
def load(captures: tuple[str, ...], case: Path, replace: bool, **chosen: Any) -> None:
    """Load captures into a case file: read, named, judged, indexed. Prints progress to standard error only.

    \b
    Examples:
      oddport load capture.pcap --case capture.oddport
      ssh host tcpdump -U -w - | oddport load - --case live.oddport
    """
    sys.exit(_lazy("oddport.cli.load", "load")(captures, case, replace, chosen))


@cli.command()
@click.argument("case", type=click.Path(path_type=Path))
@chosen
def judge(case: Path, **chosen: Any) -> None:
    """Judge a case anew: other settings, other detectors, the same traffic.

    Findings that stay keep their verdicts and notes. Prints what appeared (+) and what went (-).

    \b
    Examples:
      oddport judge branch.oddport
      oddport judge branch.oddport --set beacon.min_score=60
      oddport judge branch.oddport --detectors ours/
    """
    sys.exit(_lazy("oddport.cli.judge", "judge_case")(case, chosen))


@cli.command()
@click.argument("case")
@click.option("--of", "table", type=click.Choice(["findings", "flows"]), default="findings", show_default=True,
              help="Which list.")  # fmt: skip
@click.option("--filter", "text", default="", metavar="FILTER", help="Only these rows, in the dashboard's language.")
@click.option("--format", "form", type=click.Choice(["html", "md", "csv", "json", "pcapng", "log", "log-json"]),
              help="Default: by the ending of --out, else a report of findings, packets of flows.")  # fmt: skip
@click.option("--out", "-o", type=click.Path(path_type=Path), help="File to make (default: standard output).")
def export(case: str, table: str, text: str, form: str | None, out: Path | None) -> None:
    """Write findings or flows of a case to a file: a report, rows, or their packets.

    CASE is a file, or a name that `oddport cases` lists. log holds verdicts, notes and marks, by whom and when.

    \b
    Examples:
      oddport export branch.oddport -o report.html
      oddport export branch.oddport --filter "verdict == confirmed" -o proof.pcapng
      oddport export branch.oddport --of flows --filter "port == 8088 and app != http" --format csv
    """
    sys.exit(_lazy("oddport.cli.export", "export")(case, table, form, text, out))


@cli.group(invoke_without_command=True)
@click.pass_context
def cases(ctx: click.Context) -> None:
    """List the cases in your data folder, with their sizes.

    \b
    Examples:
      oddport cases
      oddport cases remove branch-office
    """
    if ctx.invoked_subcommand is None:
        sys.exit(_lazy("oddport.cli.cases", "list_all")())


@cases.command("remove")
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove_case(names: tuple[str, ...], yes: bool) -> None:
    """Remove cases, with the verdicts and notes in them. Captures stay where they are.

    \b
    Examples:
      oddport cases remove branch-office
      oddport cases remove --yes branch-office old-capture
    """
    sys.exit(_lazy("oddport.cli.cases", "remove")(names, yes))


@cli.command()
@click.argument("name", required=False)
@click.option(
    "--detectors", "folders", multiple=True, type=click.Path(path_type=Path), help="Folder with further detectors."
)
def detectors(name: str | None, folders: tuple[Path, ...]) -> None:
    """List the detectors, or print the document of one.

    \b
    Examples:
      oddport detectors
      oddport detectors port-mismatch
    """
    sys.exit(_lazy("oddport.cli.detectors", "show")(name, folders))


@cli.command()
@click.argument("name", required=False)
def protocols(name: str | None) -> None:
    """List the protocols that are recognised, or say what the recogniser of one checks.

    \b
    Examples:
      oddport protocols
      oddport protocols modbus
    """
    sys.exit(_lazy("oddport.cli.protocols", "show")(name))


@cli.command()
@click.argument("interface", required=False)
@click.option("--filter", "capture_filter", default="", metavar="FILTER", help="Which packets, as pcap-filter(7).")
@click.option("--case", type=click.Path(path_type=Path), help="Case file to make (default: in your data folder).")
@click.option("--keep", type=click.IntRange(min=2), default=2_000, show_default=True, metavar="MB",
              help="How much of the packets is kept; the oldest go first.")  # fmt: skip
@click.option("--case-size", type=click.IntRange(min=10), default=2_000, show_default=True, metavar="MB",
              help="How large the case may grow; then it forgets the oldest flows without findings.")  # fmt: skip
@click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal; so over ssh.")
@click.option("--ascii", "ascii_only", is_flag=True, help="Draw with ASCII characters only.")
def live(
    interface: str | None,
    capture_filter: str,
    case: Path | None,
    keep: int,
    case_size: int,
    no_mouse: bool,
    ascii_only: bool,
) -> None:
    """Capture an interface, and look at its traffic in the dashboard while it comes.

    Without INTERFACE, the one that reaches furthest. ssh://user@host/eth0 captures there, with the host's tcpdump.
    What is named and judged stays in the case; of the packets themselves the newest are kept.

    \b
    Examples:
      oddport live
      oddport live eth0 --filter "not port 22"
      oddport live ssh://root@gateway/eth0
    """
    sys.exit(
        _lazy("oddport.cli.live", "open_live")(
            interface, capture_filter, case, keep, case_size, not no_mouse, ascii_only
        )
    )


@cli.command()
def interfaces() -> None:
    """List the network interfaces, and whether you may capture there.

    \b
    Examples:
      oddport interfaces
    """
    sys.exit(_lazy("oddport.cli.interfaces", "show")())


@cli.group(invoke_without_command=True)
@click.pass_context
def attack(ctx: click.Context) -> None:
    """Say which version of ATT&CK is in use, and what findings are mapped to.

    \b
    Examples:
      oddport attack
      oddport attack update enterprise-attack-19.0.json
    """
    if ctx.invoked_subcommand is None:
        sys.exit(_lazy("oddport.cli.attack", "show")())


@attack.command("update")
@click.argument("bundle", type=click.Path(path_type=Path))
def update_attack(bundle: Path) -> None:
    """Use the techniques of a newer STIX bundle (enterprise-attack.json, as MITRE publishes it).

    \b
    Examples:
      oddport attack update enterprise-attack-19.0.json
    """
    sys.exit(_lazy("oddport.cli.attack", "load_bundle")(bundle))


def main() -> None:
    """Entry point of the `oddport` script."""
    # NumPy's algebra is not used: its threads, one a core, would only cost time and memory in every process of ours
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    cli(prog_name="oddport")
