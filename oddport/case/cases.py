"""The data folder → a list of its cases, each as far as it can be read; and a case → gone, with what lies beside it."""

import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from oddport.case.connect import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    check_version,
    connect_for_reading,
    connect_for_writing,
    is_empty,
)
from oddport.case.errors import CaseError
from oddport.case.folders import SUFFIX, data_folder, unpack_folder
from oddport.case.transactions import Transactions

OPENED = "opened_ns"
"""Key in `meta` of when the dashboard opened the case last."""
_BESIDE = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class CaseInfo:
    """A case as a list of cases shows it. What cannot be read is empty or 0, and `problem` says why."""

    path: Path
    size: int
    """Bytes on disk, with the log and the unpacked copies beside it."""
    state: str
    """As LoadState.state; else `older`, `newer`, `foreign` (no case at all), `damaged`."""
    captures: tuple[str, ...] = ()
    packets: int = 0
    flows: int = 0
    findings: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)
    """By severity, from info to critical."""
    reviewed: int = 0
    opened_ns: int | None = None
    modified_ns: int = 0
    problem: str = ""

    @property
    def name(self) -> str:
        """What the case is called on the command line."""
        return self.path.name.removesuffix(SUFFIX)


def list_cases(folder: Path | None = None) -> list[CaseInfo]:
    """All cases of a folder (by default the data folder), the one that was opened or written last first.

    A case that cannot be read is listed with its problem; other files are not listed.
    """
    place = data_folder() if folder is None else folder
    cases = [describe(path) for path in sorted(place.glob(f"*{SUFFIX}")) if path.is_file()]
    return sorted(cases, key=lambda case: max(case.opened_ns or 0, case.modified_ns), reverse=True)


def describe(path: Path) -> CaseInfo:
    """A case as far as it can be read; never raises because of what is in the file."""
    size, modified_ns = _size(path), max(each.st_mtime_ns for each in _stats(path))
    state, problem = _header(path)
    if state != "case":
        return CaseInfo(path, size, state, modified_ns=modified_ns, problem=problem)
    from oddport.case.reader import CaseReader  # here: opening a capture waits neither for it nor for NumPy

    try:
        with CaseReader.open(path) as reader:
            counts = reader.counts()
            opened = reader.meta().get(OPENED, "")
            return CaseInfo(
                path=path,
                size=size,
                state=reader.load_state().state,
                captures=tuple(capture.path for capture in reader.files()),
                packets=counts.packets,
                flows=counts.flows,
                findings=counts.findings,
                reviewed=counts.reviewed,
                opened_ns=int(opened) if opened.isdigit() else None,
                modified_ns=modified_ns,
            )
    except (CaseError, ValueError, IndexError) as error:  # the last two: numbers that a damaged page turned into others
        return CaseInfo(path, size, "damaged", modified_ns=modified_ns, problem=str(error))


def find_case(name: str, folder: Path | None = None) -> Path:
    """The case of that name, path, or beginning of a name that only one case has; CaseError (a sentence) otherwise."""
    place = data_folder() if folder is None else folder
    given = Path(name).expanduser()
    if given.is_file():
        return given
    exact = place / (name if name.endswith(SUFFIX) else name + SUFFIX)
    if os.sep not in name and exact.is_file():
        return exact
    found = sorted(path for path in place.glob(f"*{SUFFIX}") if path.name.startswith(name)) if name else []
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(path.name.removesuffix(SUFFIX) for path in found)
        raise CaseError(f"Several cases begin with {name}: {names}. Give more of the name.")
    raise CaseError(f"There is no case {name} in {place}. `oddport cases` lists those that are there.")


def remove_case(path: Path) -> int:
    """Removes a case with its log and its unpacked captures; gives the bytes that were freed. Captures stay.

    Raises CaseError where it is no case, is being loaded, or cannot be removed.
    """
    if not path.is_file():
        raise CaseError(f"There is no case {path}. `oddport cases` lists those that are there.")
    _must_be_removable(path)
    size = _size(path)
    try:
        # the case last: whoever is stopped between finds it in the list again
        folder = unpack_folder(path)
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
        for ending in _BESIDE:
            path.with_name(path.name + ending).unlink(missing_ok=True)
        path.unlink()
    except OSError as error:
        raise CaseError(
            f"The case {path} could not be removed: {error.strerror} ({error.filename}). Check who may write there."
        ) from error
    return size


def mark_opened(path: Path) -> bool:
    """Notes that the case was opened now, for the order of the list; False where it may not be written."""
    try:
        opened = connect_for_writing(path)
        try:
            Transactions(opened.connection, path).one(
                "INSERT OR REPLACE INTO meta (key, value) VALUES (?,?)", (OPENED, str(time.time_ns()))
            )
        finally:
            opened.connection.close()
    except CaseError:
        return False  # a case on read-only ground is as good, only its place in the list is not
    return True


def _must_be_removable(path: Path) -> None:
    """A damaged or empty case may be removed; another file may not, nor a case that is being loaded."""
    state, _ = _header(path)
    if state == "foreign" or (state in ("damaged", "empty") and path.suffix != SUFFIX):
        raise CaseError(
            f"{path} is not a case of oddport and was not removed. Remove it by other means if you mean it."
        )
    if state != "case":
        return
    from oddport.case.reader import CaseReader

    try:
        with CaseReader.open(path) as reader:
            load = reader.load_state()
    except CaseError:
        return  # damaged further in
    if load.state == "loading":
        raise CaseError(f"The case {path} is being loaded by process {load.pid}. Stop the load first.")


def _header(path: Path) -> tuple[str, str]:
    """(`case`, `empty`, `older`, `newer`, `foreign` or `damaged`; a sentence unless it is a case) by the header."""
    if is_empty(path):
        return "empty", f"The case {path} is empty: its load was ended before it began. Load the capture again."
    try:
        opened = connect_for_reading(path)
    except CaseError as error:
        return "damaged", str(error)
    try:
        check_version(opened.connection, path)
        return "case", ""
    except CaseError as error:
        application, version = (
            opened.connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
        )
        if application != APPLICATION_ID or version < 1:
            return "foreign", str(error)
        return ("newer" if version > SCHEMA_VERSION else "older"), str(error)
    finally:
        opened.connection.close()


def _stats(path: Path) -> list[os.stat_result]:
    """Of a case and of its log, which a writer that ends takes away."""
    found = [path.stat()]
    with suppress(FileNotFoundError):
        found.append(path.with_name(path.name + "-wal").stat())
    return found


def _size(path: Path) -> int:
    total = sum(each.st_size for each in _stats(path))
    folder = unpack_folder(path)
    if folder.is_dir():
        total += sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())
    return total
