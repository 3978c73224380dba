"""What a person set for detectors → settings with the defaults filled in, or a sentence about the mistake."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from oddport.detection.model import Detector


class SettingsError(ValueError):
    """A setting that cannot be used; its text is a sentence for the person who wrote it."""


def nearest(word: str, words: Iterable[str]) -> str:
    """` Did you mean “x”?` for the nearest of `words`, else a list of them."""
    known = sorted(words)
    close = get_close_matches(word, known, n=1, cutoff=0.5)
    if close:
        return f" Did you mean “{close[0]}”?"
    return f" There are: {', '.join(known)}." if known else " There are none."


def resolve(
    detectors: Iterable[type[Detector]], settings: Mapping[str, Mapping[str, object]]
) -> dict[str, dict[str, object]]:
    """Settings by detector name, every key present.

    `settings` maps a detector's name to the keys that differ from its defaults. Raises SettingsError for an unknown
    detector or key, or a value of another type than the default's or outside its limits.
    """
    known = {detector.name: detector for detector in detectors}
    for name in settings:
        if name not in known:
            raise SettingsError(f"There is no detector “{name}” to set.{nearest(name, known)}")
    return {name: _filled(detector, settings.get(name, {})) for name, detector in known.items()}


def _filled(detector: type[Detector], given: Mapping[str, object]) -> dict[str, object]:
    defaults = detector.settings
    limits: Mapping[str, tuple[float, float]] = getattr(detector, "limits", {})
    for key in given:
        if key not in defaults:
            raise SettingsError(f"The detector “{detector.name}” has no setting “{key}”.{nearest(key, defaults)}")
    filled = {
        key: _typed(f"{detector.name}.{key}", given[key], default) if key in given else _copied(default)
        for key, default in defaults.items()
    }
    for key, (least, most) in limits.items():
        value = filled[key]
        if isinstance(value, int | float) and not least <= value <= most:
            raise SettingsError(f"{detector.name}.{key} is {value}, but it has to be from {least:g} to {most:g}.")
    return filled


def _copied(value: object) -> object:
    return list(value) if isinstance(value, list) else value


def _typed(where: str, value: object, default: object) -> object:
    """`value` as the type of `default`; a whole number stands for a float, but truth is never a number."""
    kind = type(default)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise SettingsError(f"{where} is {value!r}, but it has to be {_WORDS.get(kind, kind.__name__)}.")
    if isinstance(default, list) and default:
        items: list[object] = default
        item = type(items[0])
        given: list[object] = value  # type: ignore[assignment]  # of the default's type, as tested above
        wrong = [entry for entry in given if type(entry) is not item]
        if wrong:
            word = _WORDS.get(item, item.__name__)
            raise SettingsError(f"{where} holds {wrong[0]!r}, but each entry has to be {word}.")
    return _copied(value)


_WORDS: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    list: "a list",
}
