"""Files, folders and pipes into batches of capture records: open by first bytes, unpack, merge in the order of time.

Names are looked up when they are asked for: who wants a fingerprint only does not wait for the engine.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from oddport.capture.fingerprint import Fingerprint, check, read_bytes
    from oddport.capture.folder import find_captures
    from oddport.capture.model import CaptureError, CaptureFile, CaptureMoved, Interface
    from oddport.capture.reader import CaptureReader, open_capture, open_live
    from oddport.capture.unpack import LIMIT_BYTES

__all__ = [
    "LIMIT_BYTES", "CaptureError", "CaptureFile", "CaptureMoved", "CaptureReader", "Fingerprint", "Interface", "check",
    "find_captures", "open_capture", "open_live", "read_bytes",
]  # fmt: skip
_MODULES = {
    "fingerprint": ("Fingerprint", "check", "read_bytes"),
    "folder": ("find_captures",),
    "model": ("CaptureError", "CaptureFile", "CaptureMoved", "Interface"),
    "reader": ("CaptureReader", "open_capture", "open_live"),
    "unpack": ("LIMIT_BYTES",),
}


def __getattr__(name: str) -> object:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"oddport.capture.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
