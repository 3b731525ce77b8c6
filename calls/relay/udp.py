"""The relay's UDP port: one socket for each announced local address, all on one port number, for all participants.

A datagram is STUN, DTLS or SRTP by its first byte (RFC 7983); DTLS and SRTP belong to the peer that proved, with STUN,
that it is behind the remote address. ICE-lite (RFC 8445 §2.4): binding requests are checked and answered, none is sent.
What is not understood or not proven is counted and dropped without an answer (hazards H11, H12, H13).
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from struct import Struct, error
from typing import NamedTuple, Protocol

from aioice import stun
from aioice.ice import get_host_addresses

from .dtls import BUFFER_SIZE, INBOUND

Remote = tuple[str, int] | tuple[str, int, int, int]  # as recvfrom gives it

BURST = 64  # datagrams taken from a socket before others get their turn
SOCKET_BUFFER = 4 << 20  # bytes asked for; the kernel may grant less
ADDRESSES_KEPT = 8  # remote addresses of one peer, the newest
HELD = 5.0  # s since its last packet: an address of another peer's is not taken over earlier
MAX_STUN = 548  # bytes (RFC 8489 §6.1, IPv4 without a known path MTU)

_STUN_HEAD = Struct("!HHI")
_PAIR = Struct("!HH")


class Address(NamedTuple):
    """`public` is what candidates say, `local` what is bound; both on `port`."""

    public: str
    local: str
    port: int


def parse_addresses(text: str) -> tuple[Address, ...]:
    """`RELAY_ADDRESSES`: items `public=local:port` or `local:port`, by commas; IPv6 in brackets.

    Raises ValueError for anything else, also for two ports: all addresses share one.
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
    if len({address.port for address in found}) > 1:
        raise ValueError("the relay's addresses share one port number")
    return tuple(found)


def default_addresses(port: int) -> tuple[Address, ...]:
    """The host's own addresses; loopback only where there is no other, for browsers use none."""
    hosts = get_host_addresses(use_ipv4=True, use_ipv6=True) or ["127.0.0.1"]
    return tuple(Address(host, host, port) for host in hosts)


class Peer(Protocol):
    """Who is behind a local ufrag. Called from the socket's own callback: nothing of it may wait."""

    heard_at: float

    def on_checked(self, path: Path, ufrag: str, nominated: bool, now: float) -> None: ...
    def on_dtls(self, data: bytes) -> None: ...
    def on_srtp(self, size: int, now: float) -> None: ...  # the packet is in INBOUND[:size]


class Path(NamedTuple):
    """A local socket and a remote address."""

    socket: socket.socket
    remote: Remote

    def send(self, data: bytes | memoryview) -> None:
        """Raises OSError (BlockingIOError when the socket's buffer is full)."""
        self.socket.sendto(data, self.remote)


class _Credentials(NamedTuple):
    ufrag: str
    password: bytes  # ours
    peer: Peer


class UdpPort:
    """All sockets of the node. `dropped` counts by reason."""

    def __init__(
        self,
        addresses: Sequence[Address],
        clock: Callable[[], float],
        dropped: Counter[str],
        on_error: Callable[[], None],
    ) -> None:
        self.addresses = tuple(addresses)
        self.received = 0
        self._clock = clock
        self._dropped = dropped
        self._on_error = on_error  # called within `except`
        self._credentials: dict[bytes, _Credentials] = {}  # by our ufrag
        self._sockets: list[socket.socket] = []
        self._peers: list[dict[Remote, Peer]] = []  # of each socket
        self._places: dict[Peer, OrderedDict[tuple[int, Remote], None]] = {}  # (socket, address), the newest last

    def start(self) -> None:
        """Bind; port 0 is whatever is free on all addresses. Raises OSError."""
        tries = 20 if any(address.port == 0 for address in self.addresses) else 1
        for attempt in range(tries):
            try:
                self._bind()
            except OSError:
                self._unbind()
                if attempt == tries - 1:
                    raise
            else:
                break
        loop = asyncio.get_running_loop()
        for number, sock in enumerate(self._sockets):
            loop.add_reader(sock.fileno(), self._readable, number, sock)

    def _bind(self) -> None:
        port, bound = 0, []
        for address in self.addresses:
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

    def _unbind(self) -> None:
        for sock in self._sockets:
            sock.close()
        self._sockets.clear()
        self._peers.clear()

    def stop(self) -> None:
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            loop.remove_reader(sock.fileno())
        self._unbind()
        self._credentials.clear()
        self._places.clear()

    def expect(self, peer: Peer, *, ufrag: str, password: str) -> None:
        """Answer `peer`'s checks from now on; at an ICE restart again, for new credentials beside the old."""
        self._credentials[ufrag.encode()] = _Credentials(ufrag, password.encode(), peer)
        self._places.setdefault(peer, OrderedDict())

    def retire(self, ufrag: str) -> None:
        """Credentials an ICE restart has replaced."""
        self._credentials.pop(ufrag.encode(), None)

    def forget(self, peer: Peer) -> None:
        """Answer and pass on nothing more."""
        for ufrag in [ufrag for ufrag, known in self._credentials.items() if known.peer is peer]:
            del self._credentials[ufrag]
        for number, remote in self._places.pop(peer, ()):
            if self._peers and self._peers[number].get(remote) is peer:
                del self._peers[number][remote]

    def _readable(self, number: int, sock: socket.socket) -> None:
        now = self._clock()
        peers = self._peers[number]
        dropped = self._dropped
        receive = sock.recvfrom_into
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
                    self._on_stun(bytes(INBOUND[:size]), number, Path(sock, remote), now)
                elif peer is not None and 20 <= kind <= 63:
                    peer.on_dtls(bytes(INBOUND[:size]))
                else:
                    dropped["unknown_address" if peer is None else "unknown_kind"] += 1
            except Exception:  # hazard H11: whatever a packet brings about ends here
                dropped["error"] += 1
                self._on_error()

    def _on_stun(self, data: bytes, number: int, path: Path, now: float) -> None:
        # What follows our ufrag counts for nothing: a browser that restarts ICE says its new one before we know it.
        username = read_username(data)
        known = self._credentials.get(username.partition(b":")[0]) if username else None
        if known is None:
            self._dropped["stun"] += 1
            return
        try:
            request = stun.parse_message(data)
        except (ValueError, error):
            self._dropped["stun"] += 1
            return
        if not request.check_message_integrity(known.password):
            self._dropped["stun"] += 1
            return
        if not self._claim(known.peer, number, path.remote, now):
            self._dropped["address_taken"] += 1
            return
        response = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, request.transaction_id)
        response.attributes["XOR-MAPPED-ADDRESS"] = path.remote[:2]
        response.add_message_integrity(known.password)
        try:
            path.send(bytes(response))
        except OSError:
            self._dropped["send"] += 1
        known.peer.on_checked(path, known.ufrag, "USE-CANDIDATE" in request.attributes, now)

    def _claim(self, peer: Peer, number: int, remote: Remote, now: float) -> bool:
        """Put `peer` behind a remote address, unless another one is heard from there."""
        peers = self._peers[number]
        holder = peers.get(remote)
        if holder is not None and holder is not peer and now - holder.heard_at < HELD:
            return False
        peers[remote] = peer
        places = self._places[peer]
        places[number, remote] = None
        places.move_to_end((number, remote))
        if len(places) > ADDRESSES_KEPT:
            old_number, old_remote = places.popitem(last=False)[0]
            if self._peers[old_number].get(old_remote) is peer:
                del self._peers[old_number][old_remote]
        return True


def read_username(data: bytes) -> bytes | None:
    """The USERNAME of a well-framed STUN binding request (RFC 8489 §5, §14.3), before anything dearer is done."""
    size = len(data)
    if not 20 <= size <= MAX_STUN:
        return None
    kind, length, cookie = _STUN_HEAD.unpack_from(data)
    if kind != 0x0001 or cookie != stun.COOKIE or 20 + length != size:
        return None
    position = 20
    while position + 4 <= size:
        name, length = _PAIR.unpack_from(data, position)
        end = position + 4 + length
        if end > size:
            return None
        if name == 0x0006:
            return data[position + 4 : end]
        position = end + -end % 4
    return None
