"""Any installed package adds a detector by an entry point; one that cannot be loaded is a row, not a crash."""

import importlib
import sys
from pathlib import Path

import pytest

from oddport.detection import registry

SOURCE = """
from oddport.detection.base import BaseDetector
from oddport.detection.model import Rule

class Third(BaseDetector):
    name = "third"
    title = "A third party's idea"
    document = "# Third"
    needs = frozenset({"flows"})
    settings = {"limit": 3}
    rules = (Rule("TRD-01", "Third", 40, ("T1571", "T1095")), Rule("TRD-02", "More", 20, ("T1571",)))

class Renamed(Third):
    name = "other"

class Hungry(Third):
    name = "hungry"
    needs = frozenset({"packets"})

class Plain:
    name = "plain"
    title = document = ""
    needs = frozenset()
    settings = {}

value = 5
"""


def install(folder: Path, name: str, points: dict[str, str], source: str = SOURCE) -> None:
    """A distribution as pip leaves it behind: a module, and metadata with its entry points."""
    (folder / f"{name}_module.py").write_text(source, encoding="utf-8")
    info = folder / f"{name}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n", encoding="utf-8")
    lines = [f"{point} = {name}_module:{target}" for point, target in points.items()]
    (info / "entry_points.txt").write_text("\n".join(["[oddport.detectors]", *lines, ""]), encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages that stands alone on the path, so that only what a test installs is registered."""
    repository = str(Path(registry.__file__).parents[2])
    kept = [path for path in sys.path if "site-packages" not in path and path not in ("", repository)]
    monkeypatch.setattr(sys, "path", [str(tmp_path), *kept])
    for name in [name for name in sys.modules if name.endswith("_module")]:
        monkeypatch.delitem(sys.modules, name)
    importlib.invalidate_caches()
    return tmp_path


def test_third_party_detector_is_found_by_its_entry_point_without_being_imported(site: Path) -> None:
    install(site, "acme", {"third": "Third"})
    (entry,) = registry.entries()
    assert (entry.name, entry.target, entry.distribution, entry.version) == (
        "third",
        "acme_module:Third",
        "acme",
        "1.2",
    )
    assert "acme_module" not in sys.modules
    detectors, errors = registry.load()
    assert ([kind.name for kind in detectors], errors) == (["third"], [])


def test_listing_tells_what_a_detector_needs_finds_and_maps_to(site: Path) -> None:
    install(site, "acme", {"third": "Third"})
    (described,) = registry.describe()
    assert (described.name, described.title, described.needs) == ("third", "A third party's idea", ("flows",))
    assert described.settings == (("limit", 3),)
    assert [rule.id for rule in described.rules] == ["TRD-01", "TRD-02"]
    assert described.techniques == ("T1095", "T1571")
    assert described.document == "# Third"
    assert described.error == ""


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("Absent", "AttributeError"),
        ("value", "is int, not a class"),
        ("Renamed", "calls itself “other”, but is registered as “named”"),
        ("Plain", "lacks on_flows, on_trains, finish of a detector"),
        ("Hungry", "calls itself “hungry”"),
    ],
)
def test_what_cannot_be_loaded_is_a_row_and_the_others_stay(site: Path, target: str, words: str) -> None:
    install(site, "acme", {"third": "Third", "named": target})
    detectors, errors = registry.load()
    assert [kind.name for kind in detectors] == ["third"]
    (row,) = errors
    assert (row.detector, row.at) == ("named", "load")
    assert words in row.message
    assert "of acme 1.2" in row.message
    assert row.trace
    described = {entry.name: entry for entry in registry.describe()}
    assert words in described["named"].error
    assert described["third"].error == ""


def test_need_that_does_not_exist_is_named(site: Path) -> None:
    install(site, "acme", {"hungry": "Hungry"})
    _, (row,) = registry.load()
    assert "needs packets, but there are only flows, heads, history, trains" in row.message


def test_module_that_raises_when_imported_is_a_row(site: Path) -> None:
    install(site, "acme", {"third": "Third"}, "raise RuntimeError('licence expired')")
    detectors, (row,) = registry.load()
    assert detectors == []
    assert "RuntimeError: licence expired" in row.message


def test_of_two_packages_with_one_name_oddports_own_is_used(site: Path) -> None:
    install(site, "acme", {"third": "Third"})
    install(site, "oddport", {"third": "Third"})
    detectors, (row,) = registry.load()
    assert [kind.__module__ for kind in detectors] == ["oddport_module"]
    assert "oddport 1.2 (oddport_module:Third) and acme 1.2 (acme_module:Third)" in row.message


def test_without_installation_a_sentence_says_what_to_do(site: Path) -> None:
    detectors, (row,) = registry.load()
    assert detectors == []
    assert "pip install --editable ." in row.message
