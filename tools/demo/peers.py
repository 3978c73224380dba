"""A talk that no package talks, over real TCP: unknown bytes in both directions.

usage: peers.py listen ADDRESS PORT ROUNDS
       peers.py call OWN_ADDRESS ADDRESS PORT ROUNDS PAUSE

A message is its length (four bytes, little-endian) and so many bytes without a pattern; each is answered by one.
"""

import hashlib
import socket
import struct
import sys
import time

SIZES = (156, 88, 412, 97, 233, 640)
"""Bytes of the messages, in turn."""


def message(side: str, number: int) -> bytes:
    """The `number`-th message of a side; the bytes are the same in every recording."""
    size = SIZES[(number + (side == "server")) % len(SIZES)]
    return struct.pack("<I", size) + hashlib.shake_128(f"{side} {number}".encode()).digest(size)


def receive(sock: socket.socket) -> bytes:
    """One message of the peer; b"" where the peer has ended."""
    size = _exactly(sock, 4)
    return _exactly(sock, struct.unpack("<I", size)[0]) if size else b""


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = sock.recv(size - len(data))
        if not more:
            return b""
        data += more
    return data


def listen(address: str, port: int, rounds: int) -> None:
    """Answer each message of one caller."""
    with socket.create_server((address, port)) as server:
        sock, _ = server.accept()
        with sock:
            for number in range(rounds):
                if not receive(sock):
                    return
                sock.sendall(message("server", number))
            sock.recv(1)


def call(own: str, address: str, port: int, rounds: int, pause: float) -> None:
    """Send messages, each when the last one was answered."""
    with socket.create_connection((address, port), 5, (own, 0)) as sock:
        for number in range(rounds):
            sock.sendall(message("client", number))
            if not receive(sock):
                return
            time.sleep(pause)


def main() -> None:
    """Listen or call."""
    role, *words = sys.argv[1:]
    if role == "listen":
        listen(words[0], int(words[1]), int(words[2]))
    else:
        call(words[0], words[1], int(words[2]), int(words[3]), float(words[4]))


if __name__ == "__main__":
    main()
