"""What one UDP socket sends: at once, or, while datagrams are being read, gathered and sent when they are.

The packets of a frame come together, so they go on together: to each address in one call, where they are of one size
and the kernel knows UDP_SEGMENT (docs/adr/0008).
"""

from __future__ import annotations

import socket
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from struct import Struct
from typing import ClassVar

from .ice import Remote

UDP_SEGMENT = 103  # linux/udp.h; Python has no name for it before 3.15
MOST = 32  # datagrams in one call: the kernel takes 64, of 64 KiB together

_SIZE = Struct("=H")


def runs(waiting: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Cut into runs that the kernel can tell apart again: all of one size, the last of a run may be shorter."""
    first, count = 0, len(waiting)
    while first < count:
        size, end = len(waiting[first]), first + 1
        most = min(count, first + MOST)
        while end < most and len(waiting[end]) == size:
            end += 1
        if end < most and len(waiting[end]) < size:
            end += 1
        yield waiting[first:end]
        first = end


def knows_segments(sock: socket.socket) -> bool:
    """A kernel that does not would send a run as one datagram (Linux knows from 4.18 on)."""
    try:
        sock.getsockopt(socket.IPPROTO_UDP, UDP_SEGMENT)
    except OSError:
        return False
    return sys.platform == "linux"


class Outbox:
    def __init__(self, sock: socket.socket, dropped: Counter[str]) -> None:
        self.socket = sock
        self.is_held = False
        self.waiting: list[UdpPath] = []  # that have something to send
        self._dropped = dropped
        self._segments = knows_segments(sock)

    def hold(self) -> None:
        """Gather until `flush`."""
        self.is_held = True

    def flush(self) -> None:
        """Send what was gathered, path by path. What the kernel does not take is counted and lost."""
        self.is_held = False
        for path in self.waiting:
            datagrams = path.waiting
            if len(datagrams) > 1 and path.segments and self._segments:
                for run in runs(datagrams):
                    self._send_run(run, path)
            else:
                self._send_each(datagrams, path)
            datagrams.clear()
        self.waiting.clear()

    def _send_run(self, run: Sequence[bytes], path: UdpPath) -> None:
        if len(run) == 1:
            self._send_each(run, path)
            return
        segment = (socket.IPPROTO_UDP, UDP_SEGMENT, _SIZE.pack(len(run[0])))
        try:
            self.socket.sendmsg(run, [segment], 0, path.remote)
        except BlockingIOError:
            self._dropped["send"] += len(run)
        except OSError:  # a way that takes no segments: one is larger than its MTU, or its device cannot sum them
            path.segments = False
            self._send_each(run, path)

    def _send_each(self, datagrams: Sequence[bytes], path: UdpPath) -> None:
        for datagram in datagrams:
            try:
                self.socket.sendto(datagram, path.remote)
            except OSError:
                self._dropped["send"] += 1


class UdpPath:
    """A local socket, by its outbox, and a remote address."""

    __slots__ = ("_outbox", "remote", "segments", "waiting")

    clogged: ClassVar[bool] = False  # what the kernel does not take is lost, as on any network

    def __init__(self, outbox: Outbox, remote: Remote) -> None:
        self.remote = remote
        self.waiting: list[bytes] = []
        self.segments = True  # as far as is known
        self._outbox = outbox

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UdpPath) and self._outbox is other._outbox and self.remote == other.remote

    def __hash__(self) -> int:
        return hash(self.remote)

    def send(self, data: bytes | memoryview) -> None:
        """Raises OSError (BlockingIOError when the socket's buffer is full), unless the outbox is held."""
        outbox = self._outbox
        if outbox.is_held:
            if not self.waiting:
                outbox.waiting.append(self)
            self.waiting.append(bytes(data))
        else:
            outbox.socket.sendto(data, self.remote)
