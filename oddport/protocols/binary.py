"""Bytes at an offset → a number, or a sentence about the byte that should not be there; for the binary protocols."""

import cython


def u16(data: bytes, at: cython.Py_ssize_t) -> int:
    """Two bytes at `at`, big-endian. The caller has checked that they are there."""
    number: int = data[at] << 8 | data[at + 1]
    return number


def u32(data: bytes, at: cython.Py_ssize_t) -> int:
    """Four bytes at `at`, big-endian."""
    high: int = data[at]  # C would shift it into the sign
    number: int = high << 24 | data[at + 1] << 16 | data[at + 2] << 8 | data[at + 3]
    return number


def u16_le(data: bytes, at: cython.Py_ssize_t) -> int:
    """Two bytes at `at`, little-endian."""
    number: int = data[at] | data[at + 1] << 8
    return number


def u24_le(data: bytes, at: cython.Py_ssize_t) -> int:
    """Three bytes at `at`, little-endian."""
    number: int = data[at] | data[at + 1] << 8 | data[at + 2] << 16
    return number


def u32_le(data: bytes, at: cython.Py_ssize_t) -> int:
    """Four bytes at `at`, little-endian."""
    high: int = data[at + 3]
    number: int = high << 24 | data[at + 2] << 16 | data[at + 1] << 8 | data[at]
    return number


TEXT = bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))


def is_text(data: bytes) -> bool:
    """Whether there is no control character in it (bytes from 0x80 on may be UTF-8)."""
    return not data.translate(None, TEXT)


def wrong_byte(data: bytes, at: int, allowed: bytes, rule: str) -> str:
    """The sentence "byte AT is 0xNN, RULE" where byte `at` is none of `allowed`; "" where it is, or is not there."""
    if at >= len(data) or data[at] in allowed:
        return ""
    return f"byte {at} is 0x{data[at]:02x}, {rule}"


def wrong_bytes(data: bytes, at: int, literal: bytes, rule: str) -> str:
    """As wrong_byte, for a run of fixed bytes: names the first one that differs."""
    for index in range(len(literal)):
        if at + index >= len(data):
            return ""
        if data[at + index] != literal[index]:
            return f"byte {at + index} is 0x{data[at + index]:02x}, {rule}"
    return ""
