"""Scenes and the branch office → capture files, by real programs between two network namespaces.

usage (as root, from the top of the repository): python -m tools.demo.record [--to FOLDER] [NAME…]

Without names everything is recorded, which takes about six minutes. Packets never leave the two namespaces, which this
makes and removes.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools.demo.network import RecordingError, network, program
from tools.demo.office import NAME as OFFICE_CAPTURE
from tools.demo.office import record_office
from tools.demo.scenes import OFFICE, SCENES, WORLD, Stage

PROGRAMS = {
    "ip": "iproute2", "ss": "iproute2", "ethtool": "ethtool", "tcpdump": "tcpdump", "unshare": "util-linux",
    "setpriv": "util-linux", "openssl": "openssl", "nginx": "nginx-light", "sshd": "openssh-server",
    "ssh": "openssh-client", "dnsmasq": "dnsmasq-base", "dig": "bind9-dnsutils", "curl": "curl", "ncat": "ncat",
    "chronyd": "chrony", "aiosmtpd": "python3-aiosmtpd",
}  # fmt: skip
"""Program → the Debian package that has it."""
HERE = Path(__file__).resolve().parents[2] / "demo_pcaps"


def missing() -> str:
    """What recording needs and this machine lacks, as a sentence; "" if nothing does."""
    lacks = sorted({package for name, package in PROGRAMS.items() if program(name) is None})
    if os.geteuid() != 0:
        return "Recording makes network namespaces, which needs root. Run it as root."
    if lacks:
        return f"Recording needs programs that are not here. On Debian: apt install {' '.join(lacks)}."
    return ""


def record(name: str, target: Path) -> None:
    """Record one scene. Raises KeyError for a name that is none, RecordingError where a program would not play."""
    scene = SCENES[name]
    with (
        tempfile.TemporaryDirectory(prefix="oddport-demo-") as folder,
        network(OFFICE, WORLD) as net,
        net.recorded(target),
    ):
        scene(Stage(net, Path(folder)))


def main(words: Sequence[str]) -> int:
    """Record; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.demo.record", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join([*SCENES, OFFICE_CAPTURE])}")
    parser.add_argument("--to", type=Path, default=HERE, help="folder for the captures (default: demo_pcaps)")
    call = parser.parse_args(words)
    wrong = [name for name in call.names if name not in SCENES and name != OFFICE_CAPTURE]
    if wrong:
        parser.error(f"there is no scene {wrong[0]}; there are {', '.join([*SCENES, OFFICE_CAPTURE])}")
    lacks = missing()
    if lacks:
        print(lacks, file=sys.stderr)
        return 2
    try:
        for name in call.names or [*SCENES, OFFICE_CAPTURE]:
            if name == OFFICE_CAPTURE:
                target = record_office(call.to)
            else:
                target = call.to / f"{name}.pcap"
                record(name, target)
            print(f"{name}: {target.stat().st_size:,} bytes", flush=True)
    except (RecordingError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
