"""Version message of RFB, which VNC speaks → a match (RFC 6143, section 7.1.1)."""

from oddport.engine.columns import TCP
from oddport.protocols.model import SideMatch
from oddport.protocols.registry import Grammar, Protocol

_SHAPE = b"RFB ddd.ddd\n"


def version(data: bytes) -> SideMatch | None:
    """Both sides begin with the twelve bytes `RFB 003.008`, line feed."""
    if len(data) < len(_SHAPE):
        return None
    if _broken(data) >= 0:
        return None
    text = data[4:11].decode("ascii")
    return SideMatch(True, ((0, 12, f"RFB version {text}"),), {"version": text}, False, 60)


def _broken(data: bytes) -> int:
    """Index of the first byte that no version message has there; -1 = none among those that are there."""
    for index, byte in enumerate(data[:12]):
        wanted = _SHAPE[index]
        if not 0x30 <= byte <= 0x39 if wanted == 0x64 else byte != wanted:
            return index
    return -1


def reject(data: bytes, role: int) -> str:
    """Both roles begin alike."""
    index = _broken(data)
    return f"byte {index} is 0x{data[index]:02x}, a version message is 'RFB ddd.ddd'" if index >= 0 else ""


PROTOCOLS = (
    Protocol(
        name="vnc",
        title="VNC (RFB)",
        spec="RFC 6143",
        first="server",
        aliases=("rfb",),
        grammars=(Grammar((TCP,), version, version, b"R", b"R", reject=reject),),
    ),
)
