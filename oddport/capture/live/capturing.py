"""An interface → classic pcap on standard output, by a packet ring of Linux or by scapy; a program of its own.

It is run by its path and imports nothing of oddport. It opens the interface, gives up every right that it has, and only
then reads packets. SIGUSR1 asks for its counts, which it gives in tcpdump's words; SIGTERM ends it.

The ring is TPACKET_V3 (packet_mmap.rst of the Linux kernel): blocks in memory shared with the kernel.
"""

import argparse
import contextlib
import ctypes
import fcntl
import math
import mmap
import os
import pwd
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

BLOCK_BYTES = 1 << 20
BLOCKS = 32
FRAME_BYTES = 1 << 11
"""Only a divisor of the block: packets of any length share a block."""
RETIRE_MS = 50
"""A block that is not full is handed over after this."""
SNAP = 262_144
ETH_P_ALL = 3
SOL_PACKET = 263
ADD_MEMBERSHIP, RX_RING, STATISTICS, VERSION, TPACKET_V3, PROMISCUOUS = 1, 5, 6, 10, 2, 1
SO_ATTACH_FILTER = 26
SIOCGIFHWADDR = 0x8927
STATUS_USER, VLAN_VALID, TPID_VALID = 1, 1 << 4, 1 << 6
OUTGOING = 4
LINKS = {1: 1, 772: 1, 65_534: 101, 512: 9}
"""ARPHRD_ number of an interface → LINKTYPE_ number: Ethernet, loopback, tunnels without a link header, PPP."""
LOOPBACK = 772
BLOCK_HEADER = struct.Struct("=8xIII")
"""Status, packets, offset of the first one."""
PACKET_HEADER = struct.Struct("=IIIIIIHH4xIH")
"""Offset of the next, seconds, nanoseconds, captured, on the wire, status, offset of the frame, of what is in it, VLAN
tag, its protocol."""
PACKET_TYPE_AT = 48 + 10
"""From the header of a packet to sll_pkttype (packet(7))."""
RECORD = struct.Struct("=IIII")
FILE_HEADER = struct.Struct("=IHHiIII")
NANOSECONDS = 0xA1B23C4D


class Trouble(Exception):
    """A sentence for the person."""


class PacketRing:
    """A packet socket and its ring."""

    def __init__(self, interface: str, program: str) -> None:
        """program: a filter in the words of `tcpdump -ddd`, or empty. OSError, Trouble where it cannot be opened."""
        self.drops = 0
        self.seen = 0
        self.link, self._loopback = _link_of(interface)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        if program:
            _attach(self._socket, program)
        self._socket.setsockopt(SOL_PACKET, VERSION, TPACKET_V3)
        frames = BLOCK_BYTES * BLOCKS // FRAME_BYTES
        wanted = struct.pack("=7I", BLOCK_BYTES, BLOCKS, FRAME_BYTES, frames, RETIRE_MS, 0, 0)
        self._socket.setsockopt(SOL_PACKET, RX_RING, wanted)
        self._ring = mmap.mmap(self._socket.fileno(), BLOCK_BYTES * BLOCKS)
        self._socket.bind((interface, ETH_P_ALL))
        membership = struct.pack("=iHH8x", socket.if_nametoindex(interface), PROMISCUOUS, 0)
        self._socket.setsockopt(SOL_PACKET, ADD_MEMBERSHIP, membership)

    def batches(self, stopped: Callable[[], bool]) -> Iterator[bytes]:
        """Records of pcap, a block at a time, and nothing four times a second; after `stopped`, what was there by then,
        which takes the kernel a moment to hand over."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN | select.POLLERR)
        at, until = 0, math.inf
        while time.monotonic() < until:
            if until == math.inf and stopped():
                until = time.monotonic() + 4 * RETIRE_MS / 1000
            start = at * BLOCK_BYTES
            status, count, first = BLOCK_HEADER.unpack_from(self._ring, start)
            if not status & STATUS_USER:
                ending = until < math.inf
                events = poll.poll(2 * RETIRE_MS if ending else 250)
                if events and events[0][1] & select.POLLERR:
                    number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    raise Trouble(f"{os.strerror(number) if number else 'The interface is gone'}.")
                if not events:
                    yield b""
                    if ending:
                        return
                continue
            yield self._records(start + first, count)
            struct.pack_into("=I", self._ring, start + 8, 0)  # the block is the kernel's again
            at = (at + 1) % BLOCKS

    def _records(self, at: int, count: int) -> bytes:
        ring, parts = self._ring, []
        for _ in range(count):
            following, seconds, nanoseconds, captured, wire, status, frame, _, tag, kind = PACKET_HEADER.unpack_from(
                ring, at
            )
            # a packet to oneself passes twice
            if not (self._loopback and ring[at + PACKET_TYPE_AT] == OUTGOING):
                data = ring[at + frame : at + frame + captured]
                if status & VLAN_VALID and captured >= 12:  # the kernel has taken the tag out of the frame
                    data = data[:12] + struct.pack("!HH", kind if status & TPID_VALID else 0x8100, tag) + data[12:]
                    captured, wire = captured + 4, wire + 4
                parts.append(RECORD.pack(seconds, nanoseconds, captured, wire))
                parts.append(data)
                self.seen += 1
            at += following
        return b"".join(parts)

    def count(self) -> None:
        """Ask the kernel for its drops, which it counts from the last question on."""
        _, drops, _ = struct.unpack("=III", self._socket.getsockopt(SOL_PACKET, STATISTICS, 12))
        self.drops += drops


class Sniffer:
    """scapy's socket: slow, but wherever scapy is. On the loopback of Linux each packet comes twice."""

    def __init__(self, interface: str, capture_filter: str) -> None:
        """capture_filter: as pcap-filter(7). OSError, Trouble where it cannot be opened."""
        for needed in ("scapy.arch", "scapy.layers.l2"):  # they give conf sockets, and the numbers of link types
            import_module(needed)
        from scapy.config import conf
        from scapy.error import Scapy_Exception

        self.drops = 0
        self.seen = 0
        try:
            self._socket = conf.L2listen(iface=interface, filter=capture_filter or None, promisc=True)
        except Scapy_Exception as error:
            raise Trouble(f"{error}.") from error
        opened: Any = self._socket
        self.link = int(conf.l2types.layer2num.get(opened.LL, 1))

    def batches(self, stopped: Callable[[], bool]) -> Iterator[bytes]:
        """As PacketRing.batches, a packet at a time."""
        while not stopped():
            if not select.select([self._socket.ins], [], [], 0.25)[0]:
                yield b""
                continue
            _, data, when = self._socket.recv_raw()
            if data is not None:
                at = time.time() if when is None else float(when)
                self.seen += 1
                yield RECORD.pack(int(at), int(at % 1 * 1e9), len(data), len(data)) + data

    def count(self) -> None:
        """Nobody tells it."""


def _link_of(interface: str) -> tuple[int, bool]:
    """LINKTYPE_ number of an interface, and whether it is the loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        answer = fcntl.ioctl(asking, SIOCGIFHWADDR, struct.pack("16s16x8x", interface.encode()[:15]))
    (kind,) = struct.unpack_from("=H", answer, 16)
    if kind not in LINKS:
        raise Trouble(f"Interfaces of kind {kind} cannot be read by a packet ring.")
    return LINKS[kind], kind == LOOPBACK


def _attach(opened: socket.socket, program: str) -> None:
    lines = [tuple(map(int, line.split())) for line in program.split(",")][1:]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in lines))
    opened.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("@HP", len(lines), ctypes.addressof(code)))


def give_up_rights(user: str) -> None:
    """Go on as `user` if this is root, and without any capability in either case; Trouble where that fails."""
    if os.geteuid() == 0:
        try:
            account = pwd.getpwnam(user)
        except KeyError:
            raise Trouble(f"There is no user called {user} to go on as.") from None
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        header = struct.pack("=Ii", 0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
        # prctl 38 is PR_SET_NO_NEW_PRIVS
        if libc.capset(header, bytes(24)) != 0 or libc.prctl(38, 1, 0, 0, 0) != 0:
            raise Trouble(f"The rights could not be given up ({os.strerror(ctypes.get_errno())}).")


def main() -> int:
    """Exit status: 0 ended as asked, 1 with a sentence on standard error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("interface")
    parser.add_argument("--scapy", action="store_true")
    parser.add_argument("--user", default="nobody")
    parser.add_argument("--filter", default="")
    parser.add_argument("--check", action="store_true", help="open, and end")
    options = parser.parse_args()
    ending, asked = [False], [False]

    def end(*_: object) -> None:
        ending[0] = True

    def ask(*_: object) -> None:
        asked[0] = True

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGUSR1, ask)
    try:
        source = (Sniffer if options.scapy else PacketRing)(options.interface, options.filter)
        give_up_rights(options.user)
        if not options.check:
            _write(FILE_HEADER.pack(NANOSECONDS, 2, 4, 0, 0, SNAP, source.link))
            for records in source.batches(lambda: ending[0]):
                _write(records)
                if asked[0]:
                    asked[0] = False
                    source.count()
                    print(
                        f"{source.seen} packets captured, {source.drops} packets dropped by kernel",
                        file=sys.stderr, flush=True,
                    )  # fmt: skip
    except Trouble as error:
        print(error, file=sys.stderr)
        return 1
    except ImportError as error:
        print(f"{error.name} is not installed.", file=sys.stderr)
        return 1
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            return 0  # nobody listens any more
        print(f"{error.strerror or error}.", file=sys.stderr)
        return 1
    return 0


def _write(data: bytes) -> None:
    view = memoryview(data)
    while len(view):
        view = view[os.write(1, view) :]


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
