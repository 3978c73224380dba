"""Flows whose app does not fit their server port → findings (PPM-01, 02, 03, 07)."""

from detectors.port_mismatch.detector import PortMismatch

__all__ = ["PortMismatch"]
