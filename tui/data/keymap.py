"""`keys.toml` in the folder of settings → other keys for actions, or a sentence on what is wrong with it.

    [keys]
    "judge.next" = "ctrl+n"
    "narrow.filter" = "slash,f"

Names are the `id` of bindings; keys are written as Textual names them. `ODDPORT_KEYS` names another file.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "keys.toml"
_NAME = re.compile(r"[a-z]+\.[a-z_0-9]+\Z")
_KEYS = re.compile(r"[A-Za-z0-9_+]+(?:,[A-Za-z0-9_+]+)*\Z")
TAKEN = frozenset({"ctrl+c", "ctrl+q", "ctrl+s", "ctrl+a", "ctrl+b"})
"""Keys of terminals and their multiplexers."""


def keymap(environ: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """(binding id → keys, a sentence where the file is not as it should be). Nothing of a wrong file holds."""
    path = settings_file(environ, "ODDPORT_KEYS", FILE)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}, ""
    except (OSError, UnicodeDecodeError) as error:
        return {}, f"{path} could not be read: {error}."
    try:
        wanted = tomllib.loads(text).get("keys", {})
    except tomllib.TOMLDecodeError as error:
        return {}, f"{path} is no TOML: {error}."
    if not isinstance(wanted, dict):
        return {}, f"{path}: keys stand in a table, [keys]."
    for name, keys in wanted.items():
        if not _NAME.match(name) or not isinstance(keys, str) or not _KEYS.match(keys):
            return {}, f'{path}: “{name}” is not understood. A line looks like "judge.next" = "ctrl+n".'
        if taken := TAKEN.intersection(keys.split(",")):
            return {}, f"{path}: {min(taken)} belongs to the terminal; “{name}” keeps its key."
    return wanted, ""


def settings_file(environ: Mapping[str, str], variable: str, name: str) -> Path:
    """Where a file of settings lies: what `variable` names, else `name` in the folder of settings."""
    chosen = environ.get(variable)
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_config_dir("oddport", appauthor=False)) / name
