"""Trains that two other tools call complete, of usual size and with nothing odd, give no finding in real captures."""

from collections import defaultdict
from pathlib import Path

from oddport.capture import open_capture
from oddport.detection.runner import Runner
from oddport.engine.batch import Decoded
from oddport.engine.columns import address_text
from oddport.engine.decode import decode
from oddport.engine.fragments import FragmentTable
from oddport.engine.path_mtu import small_mtus
from tests.detectors.fragment_cases import DETECTORS
from tests.engine.test_fragments_corpus import CORPORA, pytestmark, truth

__all__ = ["pytestmark"]
ODD = ("small_frag", "tiny_first", "bad_align", "after_complete", "geom_overlap", "geom_dup", "geom_past_tail")
"""Columns of the truth that say what is odd about a train."""


def test_benign_trains_of_real_captures_give_no_finding(tmp_path: Path) -> None:
    found, benign = [], 0
    for capture, said in truth().items():
        classes = defaultdict(set)
        for row in said:
            odd = row["cls"] != "complete" or any(row[name] not in ("", "0") for name in ODD)
            classes[row["src"], row["dst"]].add(odd)
        plain = {ends for ends, odd in classes.items() if odd == {False}}
        benign += len(plain)
        table, out, runner, first = FragmentTable(), Decoded(), Runner(DETECTORS), 0
        with open_capture([CORPORA / "captures" / capture], workdir=tmp_path) as reader:
            for batch in reader.batches():
                decode(batch, out)
                runner.small_mtus(small_mtus(batch, out))
                table.take(batch, out, first)
                first += batch.count
                runner.trains(table.closed())
        runner.trains(table.finish())
        for each in runner.finish():
            ends = address_text(each.src, each.version), address_text(each.dst, each.version)
            if ends in plain:
                found.append((capture, each.rule, each.title, *ends))
        assert not runner.errors
    assert benign > 20
    assert found == []
