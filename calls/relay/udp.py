"""The relay's UDP port: one socket for each announced local address, all on one port number, for all participants.

A datagram is STUN, DTLS or SRTP by its first byte (RFC 7983); DTLS and SRTP belong to the peer that proved, with STUN,
that it is behind the remote address. What is not understood or not proven is counted and dropped without an answer
(hazards H11, H12, H13).
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import NamedTuple

from aioice.ice import get_host_addresses

from .dtls import BUFFER_SIZE, INBOUND
from .ice import PATHS_KEPT, Checks, Peer, Remote
from .outbox import Outbox, UdpPath

BURST = 16  # datagrams taken from a socket before what they brought about is sent, and others get their turn
SOCKET_BUFFER = 4 << 20  # bytes asked for; the kernel may grant less
HELD = 5.0  # s since its last packet: an address of another peer's is not taken over earlier


class Address(NamedTuple):
    """`public` is what candidates say, `local` what is bound; both on `port`."""

    public: str
    local: str
    port: int


def parse_addresses(text: str, *, one_port: bool = True) -> tuple[Address, ...]:
    """`RELAY_ADDRESSES`: items `public=local:port` or `local:port`, by commas; IPv6 in brackets.

    Raises ValueError for anything else, also for two ports where all addresses share one.
    """
    found = []
    for item in filter(None, (item.strip() for item in text.split(","))):
        public, _, bound = item.rpartition("=")
        host, colon, port = bound.rpartition(":")
        local = host.strip("[]")
        if not (colon and port.isascii() and port.isdigit() and int(port) <= 65535):
            raise ValueError(f"{item!r} is not public=local:port")
        if ip_address(local).is_unspecified:
            raise ValueError(f"{item!r}: a wildcard socket answers from another address")
        found.append(Address(str(ip_address(public.strip("[]") or local)), local, int(port)))
    if one_port and len({address.port for address in found}) > 1:
        raise ValueError("the relay's addresses share one port number")
    return tuple(found)


def default_addresses(port: int) -> tuple[Address, ...]:
    """The host's own addresses; loopback only where there is no other, for browsers use none."""
    hosts = get_host_addresses(use_ipv4=True, use_ipv6=True) or ["127.0.0.1"]
    return tuple(Address(host, host, port) for host in hosts)


class UdpPort:
    """All sockets of the node. `dropped` counts by reason."""

    def __init__(
        self,
        checks: Checks,
        clock: Callable[[], float],
        dropped: Counter[str],
        on_error: Callable[[], None],
    ) -> None:
        self.addresses: tuple[Address, ...] = ()
        self.received = 0
        self._checks = checks
        self._clock = clock
        self._dropped = dropped
        self._on_error = on_error  # called within `except`
        self._sockets: list[socket.socket] = []
        self._peers: list[dict[Remote, Peer]] = []  # of each socket
        self._places: dict[Peer, OrderedDict[tuple[int, Remote], None]] = {}  # (socket, address), the newest last

    def bind(self, addresses: Sequence[Address]) -> None:
        """Take all of them on one port number; port 0 is one that is free on the first. Raises OSError."""
        port, bound = 0, []
        for address in addresses:
            sock = socket.socket(socket.AF_INET6 if ":" in address.local else socket.AF_INET, socket.SOCK_DGRAM)
            self._sockets.append(sock)
            self._peers.append({})
            sock.setblocking(False)
            if sock.family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
            sock.bind((address.local, address.port or port))
            port = sock.getsockname()[1]
            bound.append(address._replace(port=port))
        self.addresses = tuple(bound)

    def start(self) -> None:
        """Receive from now on."""
        loop = asyncio.get_running_loop()
        for number, sock in enumerate(self._sockets):
            loop.add_reader(sock.fileno(), self._readable, number, Outbox(sock, self._dropped))

    def stop(self) -> None:
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            loop.remove_reader(sock.fileno())
            sock.close()
        self._sockets.clear()
        self._peers.clear()
        self._places.clear()

    def __len__(self) -> int:
        """Remote addresses known."""
        return sum(map(len, self._peers))

    def forget(self, peer: Peer) -> None:
        """Pass on nothing more."""
        for number, remote in self._places.pop(peer, ()):
            if self._peers and self._peers[number].get(remote) is peer:
                del self._peers[number][remote]

    def _readable(self, number: int, outbox: Outbox) -> None:
        outbox.hold()
        try:
            self._read(number, outbox)
        finally:
            outbox.flush()

    def _read(self, number: int, outbox: Outbox) -> None:
        now = self._clock()
        peers = self._peers[number]
        dropped = self._dropped
        receive = outbox.socket.recvfrom_into
        for _ in range(BURST):
            try:
                size, remote = receive(INBOUND, BUFFER_SIZE)
            except BlockingIOError:
                return
            except OSError:
                dropped["socket"] += 1
                return
            self.received += 1
            kind = INBOUND[0] if size else 255
            peer = peers.get(remote)
            try:
                if peer is not None and 128 <= kind <= 191:
                    peer.on_srtp(size, now)
                elif kind <= 3:
                    self._on_stun(bytes(INBOUND[:size]), number, UdpPath(outbox, remote), now)
                elif peer is not None and 20 <= kind <= 63:
                    peer.on_dtls(bytes(INBOUND[:size]))
                else:
                    dropped["unknown_address" if peer is None else "unknown_kind"] += 1
            except Exception:  # hazard H11: whatever a packet brings about ends here
                dropped["error"] += 1
                self._on_error()

    def _on_stun(self, data: bytes, number: int, path: UdpPath, now: float) -> None:
        check = self._checks.verify(data)
        if check is None:
            return
        if not self._claim(check.peer, number, path.remote, now):
            self._dropped["address_taken"] += 1
            return
        try:
            path.send(check.response(path.remote))
        except OSError:
            self._dropped["send"] += 1
        check.peer.on_checked(path, check.ufrag, check.nominated, now)

    def _claim(self, peer: Peer, number: int, remote: Remote, now: float) -> bool:
        """Put `peer` behind a remote address, unless another one is heard from there."""
        peers = self._peers[number]
        holder = peers.get(remote)
        if holder is not None and holder is not peer and now - holder.heard_at < HELD:
            return False
        peers[remote] = peer
        places = self._places.setdefault(peer, OrderedDict())
        places[number, remote] = None
        places.move_to_end((number, remote))
        if len(places) > PATHS_KEPT:
            old_number, old_remote = places.popitem(last=False)[0]
            if self._peers[old_number].get(old_remote) is peer:
                del self._peers[old_number][old_remote]
        return True
