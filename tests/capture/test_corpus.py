"""Real captures: as many packets as other tools count, and no harm from hostile ones."""

import csv
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from oddport.capture import CaptureFile, find_captures, open_capture

CORPORA = Path(os.environ.get("ODDPORT_CORPORA", Path(__file__).parents[3] / "shared" / "corpora"))
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPORA.is_dir(), reason=f"no collection of captures at {CORPORA}"),
]


def listed(kind: str) -> dict[str, dict[str, str]]:
    """What the collection says of its captures, by name."""
    with (CORPORA / kind / "SOURCES.tsv").open(encoding="utf-8", newline="") as lines:
        return {line["file"]: line for line in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)}


def read_each(kind: str, workdir: Path) -> Iterator[CaptureFile]:
    for name in listed(kind):
        with open_capture([CORPORA / kind / name], workdir=workdir) as reader:
            rows = 0
            for batch in reader.batches():
                rows += batch.count
                ends = batch.start[: batch.count] + batch.caplen[: batch.count]
                assert batch.count == 0 or int(ends.max()) <= len(batch.data)
            assert rows == reader.files[0].packets
            yield reader.files[0]


def test_every_capture_has_the_packets_format_and_link_types_that_are_listed(tmp_path: Path) -> None:
    said = listed("captures")
    wrong = []
    for file in read_each("captures", tmp_path):
        line = said[Path(file.path).name]
        links = ",".join(map(str, sorted(file.linktypes)))
        if not file.truncated and (str(file.packets), file.format, links) != (
            line["packets"], line["format"], line["linktypes"],
        ):  # fmt: skip
            wrong.append((file.path, file.packets, line["packets"]))
    assert wrong == []


def test_the_folder_holds_the_captures_that_are_listed(tmp_path: Path) -> None:
    for kind in ("captures", "hostile"):
        assert {path.name for path in find_captures(CORPORA / kind)} == set(listed(kind))


def test_hostile_captures_do_no_harm(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    count = 0
    for file in read_each("hostile", tmp_path):
        count += 1
        assert file.format in ("pcap", "pcapng")
        assert all(text.isprintable() for text in file.warnings)
        assert not file.truncated or file.warnings
    assert count == len(listed("hostile"))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KB


def test_all_captures_at_once_are_one_capture_in_the_order_of_time(tmp_path: Path) -> None:
    captures = find_captures(CORPORA / "captures")
    expected = sum(int(line["packets"]) for line in listed("captures").values())
    with open_capture(captures, workdir=tmp_path) as reader:
        assert sum(batch.count for batch in reader.batches()) == expected
