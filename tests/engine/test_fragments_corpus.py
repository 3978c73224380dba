"""Trains of real captures against what two other readings of them say."""

import csv
import gzip
import os
from collections import defaultdict
from pathlib import Path

import pytest

from oddport.capture import open_capture
from oddport.engine.batch import Decoded
from oddport.engine.columns import address_text
from oddport.engine.decode import decode
from oddport.engine.fragments import FragmentTable
from oddport.engine.trains import Train

CORPORA = Path(os.environ.get("ODDPORT_CORPORA", Path(__file__).parents[3] / "shared" / "corpora"))
DISPUTED = Path(__file__).with_name("disputed_fragments.tsv")
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPORA.is_dir(), reason=f"no collection of captures at {CORPORA}"),
]
SAYS = {
    "overlap_conflict": {"conflicting_overlap"},
    "overlap": {"overlap"},
    "duplicate": {"duplicate"},
    "bad_align": {"misaligned"},
    "after_complete": {"after_complete", "id_reuse"},
}
QUIET = {"tiny", "tiny_first", "flags_nonsense"}
"""What a benign train may have."""


def truth() -> dict[str, list[dict[str, str]]]:
    """Rows of the truth by capture, without those in tunnels and the disputed ones."""
    with DISPUTED.open(encoding="utf-8", newline="") as lines:
        disputed = {(row["capture"], row["train"]) for row in csv.DictReader(lines, delimiter="\t")}
    rows = defaultdict(list)
    with gzip.open(CORPORA / "captures" / "truth_fragments.csv.gz", "rt", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            every, one = (row["capture"], "*" + row["cls"]), (row["capture"], row["train"])
            if row["tunnelled"] == "0" and not disputed & {every, one}:
                rows[row["capture"]].append(row)
    return rows


def trains_of(path: Path, workdir: Path) -> dict[tuple[str, str, int, int], list[Train]]:
    """All trains of a capture by addresses, id and version."""
    table, out, first = FragmentTable(), Decoded(), 0
    trains: list[Train] = []
    with open_capture([path], workdir=workdir) as reader:
        for batch in reader.batches():
            decode(batch, out)
            table.take(batch, out, first)
            first += batch.count
            trains += table.closed()
    found = defaultdict(list)
    for train in [*trains, *table.finish()]:
        ends = address_text(train.src, train.version), address_text(train.dst, train.version)
        found[(*ends, train.ip_id, train.version)].append(train)
    return found


def test_trains_are_found_complete_and_odd_as_two_other_tools_say(tmp_path: Path) -> None:
    wrong, rows = [], truth()
    for capture, said in rows.items():
        found = trains_of(CORPORA / "captures" / capture, tmp_path)
        again = {(row["src"], row["dst"], row["ip_id"]) for row in said if row["cls"] == "after_complete"}
        for row in said:
            ours = found.get((row["src"], row["dst"], int(row["ip_id"], 16), int(row["ver"])), [])
            kind, words = row["cls"], set().union(*(train.anomalies for train in ours))
            right = bool(ours)
            if kind in ("complete", "incomplete"):
                right &= any(train.complete == (kind == "complete") for train in ours)
            if kind in SAYS:
                right &= bool(SAYS[kind] & words)
            if kind == "complete" and (row["src"], row["dst"], row["ip_id"]) not in again:
                right &= words <= QUIET
            if not right:
                wrong.append(
                    (capture, row["train"], kind, [(train.complete, sorted(train.anomalies)) for train in ours])
                )
    assert sum(map(len, rows.values())) > 4000
    assert wrong == []


def test_no_train_is_reported_twice(tmp_path: Path) -> None:
    for capture, said in truth().items():
        keys: defaultdict[tuple[str, str, int, int], int] = defaultdict(int)
        for row in said:
            keys[row["src"], row["dst"], int(row["ip_id"], 16), int(row["ver"])] += 1
        found = trains_of(CORPORA / "captures" / capture, tmp_path)
        assert [key for key, count in keys.items() if len(found[key]) > count] == []
