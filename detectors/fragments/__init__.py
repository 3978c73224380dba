"""Detectors of what single fragment trains show, one idea a file."""
