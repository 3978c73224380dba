"""A case is judged anew without being loaded anew: settings change findings, verdicts stay by the finding's id."""

from pathlib import Path

import pytest

from oddport.capture import open_capture
from oddport.case.errors import CaseError
from oddport.case.reader import CaseReader
from oddport.detection.registry import load as load_detectors
from oddport.loading.choices import choose
from oddport.loading.into_case import into_case
from oddport.loading.judge import Judgement, judge
from oddport.protocols.site import add, exception, take_out
from tests.captures import HTTP_TURNS, SSH_TURNS, conversation, write_pcap


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """SSH on 41414, HTTP on 443, and HTTP on the usual alternate 8080."""
    frames = [
        *conversation(SSH_TURNS), *conversation(HTTP_TURNS, sport=40001, port=443),
        *conversation(HTTP_TURNS, sport=40002, port=8080),
    ]  # fmt: skip
    return write_pcap(tmp_path / "odd.pcap", frames)


@pytest.fixture
def case(capture: Path, tmp_path: Path) -> Path:
    path = tmp_path / "odd.oddport"
    with open_capture([str(capture)], workdir=tmp_path) as reader:
        into_case(reader, path, load_detectors()[0], lambda: False, lambda progress: None)
    return path


def anew(case: Path, *words: str) -> Judgement:
    found = judge(case, choose(words=words))
    assert found is not None
    return found


def state(case: Path) -> dict[str, tuple[object, ...]]:
    """Findings by uid, as an analyst sees them."""
    with CaseReader.open(case) as reader:
        rows = [row for number in reader.query_ids("finding") if (row := reader.finding(number)) is not None]
        return {row.uid: (row.title, row.score, row.severity, len(reader.evidence(row.id))) for row in rows}


def test_same_settings_change_nothing(case: Path) -> None:
    before = state(case)
    found = anew(case)
    assert (found.appeared, found.went, found.findings) == ((), (), len(before))
    assert state(case) == before


def test_other_settings_let_findings_appear_and_go_and_keep_verdicts(case: Path) -> None:
    before = state(case)
    kept = next(uid for uid, row in before.items() if row[0] == "SSH on 41414/tcp")
    with CaseReader.open(case) as reader:
        reader.set_verdict(kept, "confirmed", "seen before")
    found = anew(case, "port-mismatch.report_alternates=true")
    assert [title for _, title in found.appeared] == ["HTTP on 8080/tcp (alternate)"]
    assert found.went == ()
    with CaseReader.open(case) as reader:
        verdict = reader.verdict(kept)
    assert verdict is not None
    assert verdict.note == "seen before"
    assert [title for _, title in anew(case).went] == ["HTTP on 8080/tcp (alternate)"]
    assert state(case) == before


def test_where_the_capture_is_gone_detectors_that_need_bytes_are_left_out_by_name(case: Path, capture: Path) -> None:
    before = state(case)
    capture.unlink()
    found = anew(case)
    assert {"port-mismatch", "shell"} <= set(found.left_out)
    assert "beacon" not in found.left_out
    assert "is not there any more" in found.why
    assert state(case) == before


def test_capture_that_is_another_one_is_refused(case: Path, capture: Path) -> None:
    write_pcap(capture, conversation(SSH_TURNS))
    with pytest.raises(CaseError, match="not the one that was loaded"):
        anew(case)


def test_stop_changes_nothing(case: Path) -> None:
    before = state(case)
    assert judge(case, choose(words=["port-mismatch.report_alternates=true"]), stop=lambda: True) is None
    assert state(case) == before


def test_an_exception_of_the_site_ends_a_finding_and_the_flow_says_why_until_it_is_taken_out(
    case: Path, tmp_path: Path
) -> None:
    before = state(case)
    site = tmp_path / "site.toml"
    with CaseReader.open(case) as reader:
        flow = next(row for number in reader.query_ids("flow") if (row := reader.flow(number)) and row.app == "ssh")
    add(site, "ssh", flow.dst, 41414, "jump host")
    found = judge(case, choose(site=site))
    assert found is not None
    assert [title for _, title in found.went] == ["SSH on 41414/tcp"]
    with CaseReader.open(case) as reader:
        excused = reader.flow(flow.id)
    assert excused is not None
    assert (excused.verdict, excused.facts["site_exception"]) == ("alternate", "jump host")
    take_out(site, exception("ssh", flow.dst, 41414, "jump host"))
    found = judge(case, choose(site=site))
    assert found is not None
    assert [title for _, title in found.appeared] == ["SSH on 41414/tcp"]
    assert state(case) == before
    with CaseReader.open(case) as reader:
        assert reader.flow(flow.id) == flow
