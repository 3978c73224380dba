"""Settings come from words and a file, typed by their defaults; a wrong key is answered by the nearest one."""

from pathlib import Path

import pytest

from oddport.detection.settings import SettingsError
from oddport.loading.choices import choose


def given(*words: str, path: Path | None = None) -> dict[str, dict[str, object]]:
    return {name: dict(keys) for name, keys in choose(words=words, settings=path).settings.detectors.items()}


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("port-mismatch.min_hosts=5", {"port-mismatch": {"min_hosts": 5}}),
        ("port-mismatch.report_alternates = true", {"port-mismatch": {"report_alternates": True}}),
        ("port-mismatch.absent_ports=443,80", {"port-mismatch": {"absent_ports": [443, 80]}}),
        ("port-mismatch.inside=10.0.0.0/8", {"port-mismatch": {"inside": ["10.0.0.0/8"]}}),
        ("beacon.min_period=2", {"beacon": {"min_period": 2}}),
    ],
)
def test_word_is_read_by_the_type_of_the_default(word: str, value: dict[str, dict[str, object]]) -> None:
    assert given(word) == value


def test_words_win_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "oddport.toml"
    path.write_text("[port-mismatch]\nmin_hosts = 5\nmin_payload = 10\n", encoding="utf-8")
    assert given("port-mismatch.min_hosts=7", path=path) == {"port-mismatch": {"min_hosts": 7, "min_payload": 10}}


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("port-mismatch.min_host=5", "Did you mean “min_hosts”"),
        ("port-mismach.min_hosts=5", "Did you mean “port-mismatch”"),
        ("min_hosts=5", "is no setting"),
        ("port-mismatch.min_hosts=many", "has to be a whole number"),
        ("port-mismatch.report_alternates=1", "has to be true or false"),
    ],
)
def test_mistake_is_a_sentence_with_the_nearest_name(word: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        given(word)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("min_hosts = 5\n", "outside of the table"), ("[beacon\n", "are not TOML"), ("[beakon]\nx = 1\n", "“beacon”")],
)
def test_file_that_cannot_be_used_is_said(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "oddport.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=sentence):
        given(path=path)
