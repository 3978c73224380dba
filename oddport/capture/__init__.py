"""Files, folders and pipes into batches of capture records: open by first bytes, unpack, merge in the order of time."""

from oddport.capture.fingerprint import Fingerprint, check, read_bytes
from oddport.capture.folder import find_captures
from oddport.capture.model import CaptureError, CaptureFile, CaptureMoved, Interface
from oddport.capture.reader import CaptureReader, open_capture, open_live
from oddport.capture.unpack import LIMIT_BYTES

__all__ = [
    "LIMIT_BYTES", "CaptureError", "CaptureFile", "CaptureMoved", "CaptureReader", "Fingerprint", "Interface", "check",
    "find_captures", "open_capture", "open_live", "read_bytes",
]  # fmt: skip
