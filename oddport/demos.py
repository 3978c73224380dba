"""The demo captures that come with oddport: their names and where they lie."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

FIRST = "https-on-8088"
"""What `oddport demo` opens without a name."""


@dataclass(frozen=True, slots=True)
class Demo:
    """A capture to learn on."""

    name: str
    path: Path


def list_demos() -> list[Demo]:
    """All demo captures, FIRST before the others, which are in alphabetical order."""
    folder = Path(str(files("demo_pcaps")))
    found = [Demo(path.stem, path) for path in folder.glob("*.pcap")]
    return sorted(found, key=lambda demo: (demo.name != FIRST, demo.name))


def demo_path(name: str) -> Path:
    """Where the demo lies. Raises KeyError where there is none of that name."""
    return {demo.name: demo.path for demo in list_demos()}[name]
