"""What a person chose, on the command line and in `oddport.toml`: detectors and their settings, the site's exceptions.

oddport.toml (in the configuration folder, or named) has a table for each detector that is set:

[port-mismatch]
min_hosts = 5
absent_ports = [443, 80]
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from oddport.case.flow_batches import flow_batches
from oddport.case.reader import CaseReader
from oddport.detection.history import History
from oddport.detection.model import Detector, DetectorError
from oddport.detection.registry import entries, folder_entries, load
from oddport.detection.settings import SettingsError, nearest, resolve
from oddport.engine.tunnels import DEPTH
from oddport.loading.pipeline import LoadSettings
from oddport.protocols.site import read_site

FILE = "oddport.toml"
Given = dict[str, dict[str, object]]


@dataclass(frozen=True, slots=True)
class Choices:
    """What runs, and how."""

    detectors: list[type[Detector]]
    errors: list[DetectorError]
    """Of detectors that cannot be used."""
    settings: LoadSettings


def choose(
    site: Path | None = None,
    settings: Path | None = None,
    words: Iterable[str] = (),
    folders: Iterable[Path] = (),
    tunnels: int = DEPTH,
    baseline: Path | None = None,
) -> Choices:
    """All choices: the site's table, the file of settings, words `detector.key=value`, folders of detectors, tunnels in
    one another that are opened, an earlier case to compare with.

    Without a path, the files of the configuration folder count where there are any; folders never count unless they are
    named. Words win over the file. Raises SiteError, SettingsError and CaseError, sentences for the person.
    """
    detectors, errors = load([*entries(), *(entry for folder in folders for entry in folder_entries(folder))])
    given = _file(settings)
    for word in words:
        name, key, value = _word(word, detectors)
        given.setdefault(name, {})[key] = value
    resolve(detectors, given)
    earlier = None if baseline is None else _earlier(baseline)
    settled = replace(LoadSettings(), detectors=given, site=read_site(site), tunnel_depth=tunnels, baseline=earlier)
    return Choices(detectors, errors, settled)


def _earlier(case: Path) -> History:
    """All flows of a case."""
    with CaseReader.open(case):  # brings an older one up to date, and says what is wrong with another file
        history = History()
        for batch in flow_batches(case):
            history.take(batch)
    history.close()
    return history


def _file(path: Path | None) -> Given:
    if path is None:
        import platformdirs

        path = Path(platformdirs.user_config_dir("oddport", appauthor=False)) / FILE
        if not path.exists():
            return {}
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"The settings {path} could not be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"The settings {path} are not TOML: {error}.") from error
    for name, table in document.items():
        if not isinstance(table, dict):
            raise SettingsError(f"The settings {path} hold “{name}” outside of the table of a detector, [detector].")
    return document


def _word(word: str, detectors: Iterable[type[Detector]]) -> tuple[str, str, object]:
    """Detector, key and value of `detector.key=value`; the value is read by the type of the default."""
    left, equals, text = word.partition("=")
    name, dot, key = left.strip().partition(".")
    if not (equals and dot and name and key):
        raise SettingsError(f"“{word}” is no setting. It is written detector.key=value, port-mismatch.min_hosts=5.")
    known: Mapping[str, type[Detector]] = {detector.name: detector for detector in detectors}
    if name not in known:
        raise SettingsError(f"There is no detector “{name}” to set.{nearest(name, known)}")
    default = known[name].settings.get(key)
    return name, key, _value(text.strip(), default)


def _value(text: str, default: object) -> object:
    if isinstance(default, str):
        return text
    if isinstance(default, list) and not text.startswith("["):
        numbers = bool(default) and isinstance(default[0], int)
        items = [item.strip() for item in text.split(",") if item.strip()]
        return [int(item) if numbers and item.isdecimal() else item for item in items]
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text  # of the wrong type, which is said with the setting's name
