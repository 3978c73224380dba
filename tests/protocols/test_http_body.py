"""What an HTTP answer carries: its content type, and the file that its body begins like."""

import struct

import pytest

from oddport.protocols.http import server
from oddport.protocols.model import Facts

PROGRAM = b"MZ" + bytes(58) + struct.pack("<I", 128) + bytes(64) + b"PE\0\0"
"""PE format, "MS-DOS stub": at 0x3c stands the offset of the signature."""


def facts(body: bytes, fields: bytes = b"") -> Facts:
    found = server(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" + fields + b"\r\n" + body)
    assert found is not None
    return found.facts


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (PROGRAM, "PE program"),
        (PROGRAM[:100], "PE program"),
        (b"\x7fELF\2\1\1", "ELF program"),
        (b"#!/bin/sh\n", "script"),
        (b"PK\3\4\x14", "ZIP archive"),
        (b"\x1f\x8b\x08", "gzip archive"),
    ],
)
def test_a_file_is_told_by_its_first_bytes_whatever_its_type_claims(body: bytes, says: str) -> None:
    assert facts(body) == {"status": 200, "content_type": "text/plain", "body": says}
    chunked = b"%x;ext=1\r\n" % len(body) + body
    assert facts(chunked, b"Transfer-Encoding: chunked\r\n")["body"] == says


@pytest.mark.parametrize("body", [b"", b"MZ is a word", PROGRAM.replace(b"PE\0\0", b"NE\0\0"), b"<html>"])
def test_other_bodies_say_nothing(body: bytes) -> None:
    assert "body" not in facts(body)


def test_a_packed_transfer_is_not_taken_for_an_archive() -> None:
    assert "body" not in facts(b"\x1f\x8b\x08", b"Content-Encoding: gzip\r\n")
