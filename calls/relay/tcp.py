"""ICE-TCP for networks that let no UDP through: listening sockets (RFC 6544 `tcptype passive`) on the relay's own port
number and wherever else the settings say, frames of RFC 4571 on each connection.

A connection proves with its first frame whose it is, by the same signed check as a datagram, or is closed. What the
network does not take at once is kept up to a limit: over `CLOGGED` bytes its pictures are dropped, over `STALLED` it
is closed, and so it is when nothing has moved for `STUCK_FOR` seconds. A receiver that stops reading costs little
memory and nobody else a packet.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from struct import Struct

from .dtls import BUFFER_SIZE, INBOUND
from .ice import CHECKED_WITHIN, PATHS_KEPT, Checks, Peer, Remote
from .udp import Address

PROVE_WITHIN = 5.0  # s from a connection to its first check
UNPROVEN = 128  # connections without one; then the oldest of them makes room
LINGER = 1.0  # s in which a goodbye leaves before the connection is closed
CLOGGED = 64 * 1024  # bytes unsent: pictures are dropped from here,
DRAINED = 16 * 1024  # until no more than this is left
STALLED = 256 * 1024  # bytes unsent: nobody reads there any more
STUCK_FOR = 10.0  # s in which not one byte left: sound alone takes long to fill that much
NOT_SENT = 16 * 1024  # bytes the kernel may keep that are not on their way, so that "unsent" is true
READ = 64 * 1024  # bytes taken from a connection before others get their turn
BACKLOG = 128

_LENGTH = Struct("!H")


class Oversized(ValueError):
    """A frame no browser sends."""


def cut_frames(data: bytes) -> tuple[list[bytes], bytes]:
    """The whole frames at the front of a stream (RFC 4571 §2), and the rest. Raises `Oversized`."""
    frames, start, size = [], 0, len(data)
    while size - start >= 2:
        (length,) = _LENGTH.unpack_from(data, start)
        if length > BUFFER_SIZE:
            raise Oversized(length)
        end = start + 2 + length
        if end > size:
            break
        frames.append(data[start + 2 : end])
        start = end
    return frames, data[start:]


class TcpPath:
    """An accepted connection. `deadline`: when it is closed, unless a check puts that off."""

    def __init__(self, port: TcpPort, sock: socket.socket, remote: Remote, deadline: float) -> None:
        self.remote = remote
        self.deadline = deadline
        self.peer: Peer | None = None
        self.clogged = False
        self.rest = b""  # of a frame that has not arrived whole
        self.socket = sock
        self.moved_at = 0.0  # of what waits, when the network last took some
        self._port = port
        self._unsent = bytearray()

    @property
    def unsent(self) -> int:
        """Bytes."""
        return len(self._unsent)

    def send(self, data: bytes | memoryview) -> None:
        """Frame it and send what the network takes; the rest follows by itself. Raises OSError when it is closed."""
        frame = _LENGTH.pack(len(data)) + bytes(data)
        if self._unsent:
            self._unsent += frame
        else:
            sent = self._push(frame)
            if sent == len(frame):
                return
            self._unsent += memoryview(frame)[sent:]
            self.moved_at = self._port.clock()
            asyncio.get_running_loop().add_writer(self.socket.fileno(), self._port.on_writable, self)
        if len(self._unsent) > CLOGGED:
            self.clogged = True
        if len(self._unsent) > STALLED:
            self._port.close(self, stalled=True)

    def flush(self, now: float) -> bool:
        """Send more of what waits. True when that ends being clogged. Raises OSError when the connection is gone."""
        if sent := self._push(self._unsent):
            self.moved_at = now
            del self._unsent[:sent]
        if not self._unsent:
            asyncio.get_running_loop().remove_writer(self.socket.fileno())
        drained = self.clogged and len(self._unsent) <= DRAINED
        if drained:
            self.clogged = False
        return drained

    def _push(self, data: bytes | bytearray) -> int:
        try:
            return self.socket.send(data)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        if self.socket.fileno() < 0:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self.socket.fileno())
        loop.remove_writer(self.socket.fileno())
        self.socket.close()
        self._unsent.clear()
        self.rest = b""


class TcpPort:
    """All listening sockets and connections of the node. `dropped` counts by reason."""

    def __init__(
        self, checks: Checks, clock: Callable[[], float], dropped: Counter[str], on_error: Callable[[], None]
    ) -> None:
        self.addresses: tuple[Address, ...] = ()
        self._checks = checks
        self.clock = clock
        self._dropped = dropped
        self._on_error = on_error  # called within `except`
        self._listening: list[socket.socket] = []
        self._unproven: OrderedDict[TcpPath, None] = OrderedDict()  # the newest last
        self._proven: dict[Peer, OrderedDict[TcpPath, None]] = {}  # the one checked last at the end
        self._leaving: set[TcpPath] = set()  # of peers that are forgotten
        self._full = False  # the process has no file descriptor left

    def __len__(self) -> int:
        return len(self._unproven) + len(self._leaving) + sum(map(len, self._proven.values()))

    def bind(self, addresses: Sequence[Address]) -> None:
        """Take these addresses too. Raises OSError, with none of them taken."""
        bound: list[socket.socket] = []
        try:
            for address in addresses:
                sock = socket.socket(socket.AF_INET6 if ":" in address.local else socket.AF_INET)
                bound.append(sock)
                sock.setblocking(False)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if sock.family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind((address.local, address.port))
                sock.listen(BACKLOG)
        except OSError:
            for sock in bound:
                sock.close()
            raise
        self._listening += bound
        self.addresses += tuple(addresses)

    def start(self) -> None:
        """Accept connections from now on."""
        loop = asyncio.get_running_loop()
        for sock in self._listening:
            loop.add_reader(sock.fileno(), self._accept, sock)

    def stop(self) -> None:
        loop = asyncio.get_running_loop()
        for path in self._all():
            path.close()
        for sock in self._listening:
            loop.remove_reader(sock.fileno())
            sock.close()
        self._listening.clear()
        self._unproven.clear()
        self._proven.clear()
        self._leaving.clear()
        self.addresses = ()

    def _all(self) -> list[TcpPath]:
        return [*self._unproven, *self._leaving, *(path for paths in self._proven.values() for path in paths)]

    def tick(self, now: float) -> None:
        """Close what never proved anything, what is no longer checked or read from, and what has said goodbye."""
        for path in self._all():
            stuck = path.unsent > 0 and now - path.moved_at >= STUCK_FOR
            if stuck or now >= path.deadline:
                self.close(path, stalled=stuck)
        if self._full:
            self._full = False
            self.start()

    def forget(self, peer: Peer) -> None:
        """Pass on nothing more; what is being sent, a goodbye among it, may still leave."""
        loop, deadline = asyncio.get_running_loop(), self.clock() + LINGER
        for path in self._proven.pop(peer, ()):
            path.peer, path.deadline = None, deadline
            loop.remove_reader(path.socket.fileno())
            self._leaving.add(path)

    def close(self, path: TcpPath, *, stalled: bool = False) -> None:
        """Close a connection, and tell its peer, later: this may be in the middle of a fan-out."""
        path.close()
        self._unproven.pop(path, None)
        self._leaving.discard(path)
        peer = path.peer
        if peer is None:
            return
        path.peer = None
        paths = self._proven[peer]
        del paths[path]
        if not paths:
            del self._proven[peer]
        self._dropped["tcp_stalled"] += stalled
        asyncio.get_running_loop().call_soon(lambda: peer.on_path_lost(path, stalled=stalled))

    def _accept(self, listening: socket.socket) -> None:
        try:
            sock, remote = listening.accept()
        except BlockingIOError:
            return
        except OSError:  # no file descriptor left, or one that went away at once: the next tick tries again
            self._dropped["tcp_accept"] += 1
            self._full = True
            for each in self._listening:
                asyncio.get_running_loop().remove_reader(each.fileno())
            return
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):  # a kernel without it keeps more than we count
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, NOT_SENT)
        if len(self._unproven) >= UNPROVEN:
            self._dropped["tcp_unproven"] += 1
            self.close(next(iter(self._unproven)))
        path = TcpPath(self, sock, remote, self.clock() + PROVE_WITHIN)
        self._unproven[path] = None
        asyncio.get_running_loop().add_reader(sock.fileno(), self._readable, path)

    def on_writable(self, path: TcpPath) -> None:
        now = self.clock()
        try:
            drained = path.flush(now)
        except OSError:
            self.close(path)
            return
        if drained and path.peer is not None:
            path.peer.on_drained(path, now)

    def _readable(self, path: TcpPath) -> None:
        try:
            data = path.socket.recv(READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        try:
            frames, path.rest = cut_frames(path.rest + data)
        except Oversized:
            self._dropped["tcp_frame"] += 1
            self.close(path)
            return
        now = self.clock()
        for frame in frames:
            try:
                self._on_frame(path, frame, now)
            except Exception:  # hazard H11: whatever a packet brings about ends here
                self._dropped["error"] += 1
                self._on_error()
            if path.peer is None:  # it proved nothing, or its peer has gone
                break
        if not data or (frames and path in self._unproven):
            self.close(path)

    def _on_frame(self, path: TcpPath, data: bytes, now: float) -> None:
        """Told apart by the first byte (RFC 7983 §7), as datagrams are."""
        kind = data[0] if data else 255
        peer = path.peer
        if peer is None or kind <= 3:
            self._on_stun(path, data, now)
        elif 128 <= kind <= 191:
            INBOUND[: len(data)] = data
            peer.on_srtp(len(data), now)
        elif 20 <= kind <= 63:
            peer.on_dtls(data)
        else:
            self._dropped["unknown_kind"] += 1

    def _on_stun(self, path: TcpPath, data: bytes, now: float) -> None:
        check = self._checks.verify(data)
        if check is None:
            return
        if path.peer is not None and path.peer is not check.peer:
            self._dropped["address_taken"] += 1
            return
        if path.peer is None:
            path.peer = check.peer
            del self._unproven[path]
        paths = self._proven.setdefault(check.peer, OrderedDict())
        paths[path] = None
        paths.move_to_end(path)
        path.deadline = now + CHECKED_WITHIN
        if len(paths) > PATHS_KEPT:
            self.close(next(iter(paths)))
        try:
            path.send(check.response(path.remote))
        except OSError:
            self._dropped["send"] += 1
        check.peer.on_checked(path, check.ufrag, check.nominated, now)
