"""Path of a case → an SQLite connection that suits the place where it lies, and a sentence where it does not suit.

Write-ahead logging lets readers and the loader work side by side, but needs shared memory: it does not work on network
homes, nor can a reader take part where it may not create the index beside the file (https://www.sqlite.org/wal.html).
"""

import os
import sqlite3
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from urllib.parse import quote

from oddport.case.errors import CaseBusy, CaseError, CaseNotReady

APPLICATION_ID = 0x6F646470
"""`oddp`, in the header of every case (PRAGMA application_id)."""
SCHEMA_VERSION = 8
"""PRAGMA user_version of a case that this program writes."""
BUSY_TIMEOUT_MS = 5_000
PAGE_SIZE = 16_384
"""Bytes. Packet columns are large: 16 KiB pages were loaded 1.4 times as fast as 4 KiB ones."""
CHECKPOINT_PAGES = 2_048
"""Pages in the write-ahead log at which they are moved into the case: 32 MiB."""
WRITER_CACHE_KIB = 16_384
READER_CACHE_KIB = 16_384
PENDING = ("-wal", "-journal")
"""Files beside a case in which changes lie that are not in it yet, or that must be undone."""
SQLITE_MAGIC = b"SQLite format 3\0"
NETWORK_FILESYSTEMS = frozenset((
    "9p", "afs", "ceph", "cifs", "coda", "davfs", "davfs2", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs",
    "gfs2", "glusterfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "smb3", "smbfs", "vboxsf", "virtiofs",
))  # fmt: skip
"""Types of mountinfo whose shared memory does not reach the other machines that may hold the file."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection, and what had to be done otherwise."""

    connection: sqlite3.Connection
    caution: str
    """A sentence for the person where the usual way did not work; else empty."""


def schema_statements() -> list[str]:
    """The stored DDL of a new case, statement by statement: tables, then views."""
    return statements_of("schema.sql") + statements_of("views.sql")


def statements_of(name: str) -> list[str]:
    """The statements of an SQL file of this package."""
    text = resources.files("oddport.case").joinpath(name).read_text(encoding="utf-8")
    statements, pending = [], ""
    for line in text.splitlines():
        if line.startswith("--") and not pending:
            continue
        pending += line + "\n"
        if sqlite3.complete_statement(pending):
            statements.append(pending.strip())
            pending = ""
    if pending.strip():
        raise ValueError(f"{name} ends inside a statement")
    return statements


def filesystem_of(path: Path, mountinfo: Path = Path("/proc/self/mountinfo")) -> str:
    """Type of the file system that `path` lies on (proc_pid_mountinfo(5)); empty where that cannot be known."""
    try:
        lines = mountinfo.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    place = str(path.resolve())
    best, kind = "", ""
    for line in lines:
        before, separator, after = line.partition(" - ")
        fields = before.split(" ")
        if not separator or len(fields) < 5:
            continue
        point = fields[4].replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, after.split(" ", 1)[0]
    return kind


def is_empty(path: Path) -> bool:
    """Whether a file is what `make_file` leaves, or that with the header and no table in it."""
    try:
        if path.stat().st_size == 0:
            return path.is_file()
        connection = _read_whole(path, f"file:{quote(str(path))}?mode=ro")
    except (OSError, sqlite3.Error, UnicodeDecodeError):
        return False  # what is wrong with it is told by the one who opens it
    try:
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        return bool(tables == 0 and version == 0)
    finally:
        connection.close()


def connect_for_writing(path: Path, *, empty: bool = False) -> Opened:
    """A connection that may write the case. `empty`: the file holds nothing yet (see make_file).

    Raises CaseError where the folder or the file cannot be written, is no case, or the case is of another version.
    """
    return _connect_for_writing(path, empty, check=not empty)


def connect_to_migrate(path: Path) -> Opened:
    """As connect_for_writing, for a case of an older version."""
    return _connect_for_writing(path, empty=False, check=False)


def _connect_for_writing(path: Path, empty: bool, check: bool) -> Opened:
    if not path.exists():
        raise CaseError(
            f"There is no case {path}. Give the path of an existing case, or load a capture into a new one."
        )
    if not os.access(path, os.W_OK):
        raise CaseError(
            f"The case {path} cannot be written: no permission. Copy it to a folder of your own to work on it."
        )
    connection = _connect(f"file:{quote(str(path))}?mode=rw")
    try:
        if empty:
            # nothing is there yet that could be lost, so that nothing waits for the disk
            connection.execute("PRAGMA synchronous=OFF")
            # both must come before the first table
            connection.execute(f"PRAGMA page_size={PAGE_SIZE}")
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        if check:
            check_version(connection, path)
        caution = _choose_journal(connection, path)
        for pragma in (
            "synchronous=NORMAL",
            "secure_delete=OFF",  # what is deleted was read from a capture that lies beside it
            "foreign_keys=OFF",
            "temp_store=MEMORY",
            f"cache_size=-{WRITER_CACHE_KIB}",
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
            f"journal_size_limit={CHECKPOINT_PAGES * PAGE_SIZE}",
        ):
            connection.execute(f"PRAGMA {pragma}")
    except (sqlite3.Error, UnicodeDecodeError) as error:
        connection.close()
        raise explain(error, path, "opened for writing") from error
    except BaseException:
        connection.close()
        raise
    return Opened(connection, caution)


def connect_for_reading(path: Path) -> Opened:
    """A read-only connection to a case that exists; does not look at its version.

    Raises CaseError where it cannot be read at all. Where the folder may not be written and nothing is pending, the
    case is read as a file that nobody changes (`immutable`), and the caution says so.
    """
    if not path.exists():
        raise CaseError(
            f"There is no case {path}. Give the path of an existing case, or load a capture into a new one."
        )
    if path.is_dir():
        raise CaseError(f"{path} is a folder, not a case. Give the path of a case file.")
    uri = f"file:{quote(str(path))}?mode=ro"
    try:
        return Opened(_read_whole(path, uri), "")
    except (sqlite3.Error, UnicodeDecodeError) as error:
        if not _wants_to_write(error, path):
            raise explain(error, path, "opened") from error
        first = error
    for ending in PENDING:
        pending = path.with_name(path.name + ending)
        if pending.exists() and pending.stat().st_size:
            raise CaseError(
                f"The case {path} cannot be read: its folder may not be written, and its last changes still lie in "
                f"{pending.name}. Copy both files to a folder of your own and open the copy."
            ) from first
    try:
        connection = _read_whole(path, uri + "&immutable=1")
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise explain(error, path, "opened") from error
    return Opened(
        connection,
        f"The folder of {path.name} may not be written: the case is read as it is now, and what changes "
        f"meanwhile is not seen.",
    )


def _read_whole(path: Path, uri: str) -> sqlite3.Connection:
    """A connection that has read the schema; what a killed writer left half done is undone first, where that may be."""
    for again in (True, False):
        connection = _connect(uri)
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            connection.execute("PRAGMA query_only=ON")
            connection.execute("PRAGMA temp_store=MEMORY")
            connection.execute(f"PRAGMA cache_size=-{READER_CACHE_KIB}")
            return connection
        except (sqlite3.Error, UnicodeDecodeError) as error:
            connection.close()
            # a reader may not undo it (SQLITE_READONLY_ROLLBACK, SQLITE_READONLY_RECOVERY), a writer does as it reads
            stuck = _primary_code(error) == sqlite3.SQLITE_READONLY and os.access(path, os.W_OK)
            if not (again and stuck and os.access(path.parent, os.W_OK)):
                raise
        undoing = _connect(f"file:{quote(str(path))}?mode=rw")
        try:
            undoing.execute("SELECT count(*) FROM sqlite_master").fetchone()
        finally:
            undoing.close()
    raise AssertionError("the second try returns or raises")


def check_version(connection: sqlite3.Connection, path: Path) -> None:
    """Raises CaseError unless the file is a case of exactly this version."""
    version = read_version(connection, path)
    if version < SCHEMA_VERSION:
        raise CaseError(
            f"The case {path} was made by an older oddport (file version {version}, this one writes {SCHEMA_VERSION}). "
            f"Open it once with this oddport, which brings it up to date."
        )


def read_version(connection: sqlite3.Connection, path: Path, known: int = SCHEMA_VERSION) -> int:
    """`user_version` of a case; raises CaseError for other files and for versions above `known`."""
    try:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise explain(error, path, "opened") from error
    if application == 0 and version == 0 and tables == 0:
        raise CaseNotReady(f"The case {path} has nothing in it yet: its load has not begun. Load the capture again.")
    if application != APPLICATION_ID or version < 1:
        raise CaseError(f"{path} is an SQLite file, but not a case of oddport. Give the path of a case, or a new one.")
    if version > known:
        raise CaseError(
            f"The case {path} was made by a newer oddport (file version {version}, this one knows {known}). "
            f"Update oddport to open it."
        )
    return version


def explain(error: sqlite3.Error | UnicodeDecodeError, path: Path, tried: str) -> CaseError:
    """The sentence for what SQLite said about `path`; `tried` is a participle: "opened", "written".

    Python cannot even read what SQLite says where a damaged name is in it: a UnicodeDecodeError.
    """
    if isinstance(error, UnicodeDecodeError):
        return CaseError(f"The case {path} is damaged. Load the capture into a new case.")
    code = _primary_code(error)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return CaseBusy(
            f"The case {path} could not be {tried}: another process held it for {BUSY_TIMEOUT_MS // 1000} seconds. "
            f"Try again."
        )
    if code == sqlite3.SQLITE_NOTADB:
        return CaseError(
            f"{path} is not a case of oddport (not an SQLite file). Give the path of a case, or a new one."
        )
    if code == sqlite3.SQLITE_CORRUPT:
        return CaseError(f"The case {path} is damaged ({error}). Load the capture into a new case.")
    if code == sqlite3.SQLITE_FULL:
        return CaseError(f"The case {path} could not be {tried}: the disk is full. Make room, then load again.")
    if code == sqlite3.SQLITE_READONLY:
        return CaseError(
            f"The case {path} could not be {tried}: it may not be written here. Copy it to a folder of your own."
        )
    return CaseError(f"The case {path} could not be {tried}: {error}. Check that the file and its folder can be used.")


def make_file(path: Path) -> None:
    """An empty file of mode 0600 (SQLite gives its -wal and -shm the same); raises CaseError if it cannot be made."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        raise CaseError(f"{path} is there already. Open it, or give another path for the new case.") from None
    except OSError as error:
        raise CaseError(
            f"The case {path} could not be made: {error.strerror}. Give a path in a folder that you may write."
        ) from error


def _connect(uri: str) -> sqlite3.Connection:
    # used by one thread at a time, not always the same
    return sqlite3.connect(
        uri,
        uri=True,
        timeout=BUSY_TIMEOUT_MS / 1000,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )


def _primary_code(error: Exception) -> int:
    # the low byte of an extended result code is the primary one
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _wants_to_write(error: Exception, path: Path) -> bool:
    """SQLite would have to make a file beside the case (the index of the log), or to undo what is half done."""
    if _primary_code(error) not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR):
        return False
    try:
        with open(path, "rb") as file:
            return file.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC
    except OSError:
        return False


def _choose_journal(connection: sqlite3.Connection, path: Path) -> str:
    kind = filesystem_of(path)
    why = f"it lies on a network file system ({kind})" if kind in NETWORK_FILESYSTEMS else ""
    if not why:
        try:
            mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if mode == "wal":
                return ""
            why = "its file system has no shared memory"
        except sqlite3.OperationalError as error:
            if _primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
            why = f"its file system does not allow it ({error})"
    connection.execute("PRAGMA journal_mode=DELETE").fetchone()
    return (
        f"The case {path.name} is written without a write-ahead log, since {why}: "
        f"readers and the loader wait for each other. Give --case a path on a local disk to avoid that."
    )
