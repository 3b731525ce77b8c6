"""ICE-lite as all transports of the relay share it (RFC 8445 §2.4): whose connectivity checks are answered, and how.

Binding requests are checked and answered, none is sent. A check that is not proven is counted and dropped without an
answer (hazards H11, H12, H13).
"""

from __future__ import annotations

from collections import Counter
from struct import Struct, error
from typing import NamedTuple, Protocol

from aioice import stun

Remote = tuple[str, int] | tuple[str, int, int, int]  # as recvfrom and accept give it

PATHS_KEPT = 8  # of one peer and one transport, those checked last
CHECKED_WITHIN = 30.0  # s between two connectivity checks (RFC 7675 §5.1)
MAX_STUN = 548  # bytes (RFC 8489 §6.1, IPv4 without a known path MTU)

_STUN_HEAD = Struct("!HHI")
_PAIR = Struct("!HH")


class Path(Protocol):
    """A way to a remote address. Two of them are equal when they are the same way."""

    @property
    def clogged(self) -> bool:
        """More waits to be sent than pictures are worth: `Peer.on_drained` tells when they may go on."""

    def send(self, data: bytes | memoryview) -> None:
        """A datagram, not kept after the call. Raises OSError; BlockingIOError when a socket's buffer is full."""


class Peer(Protocol):
    """Who is behind a local ufrag. Called from a socket's own callback: nothing of it may wait."""

    heard_at: float

    def may_check(self) -> bool: ...  # asked before a check of theirs is verified, which is dear
    def on_checked(self, path: Path, ufrag: str, nominated: bool, now: float) -> None: ...
    def on_dtls(self, data: bytes) -> None: ...
    def on_srtp(self, size: int, now: float) -> None: ...  # the packet is in INBOUND[:size]
    def on_drained(self, path: Path, now: float) -> None: ...
    def on_path_lost(self, path: Path, *, stalled: bool) -> None: ...  # stalled: it took nothing any more


class _Credentials(NamedTuple):
    ufrag: str
    password: bytes  # ours
    peer: Peer


class Check(NamedTuple):
    """A proven connectivity check."""

    peer: Peer
    ufrag: str  # ours
    nominated: bool
    transaction: bytes
    password: bytes

    def response(self, remote: Remote) -> bytes:
        """RFC 8445 §7.3.1.2: the address it came from, signed."""
        response = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, self.transaction)
        response.attributes["XOR-MAPPED-ADDRESS"] = remote[:2]
        response.add_message_integrity(self.password)
        return bytes(response)


class Checks:
    """The credentials of all peers. What proves nothing is counted in `dropped["stun"]`."""

    def __init__(self, dropped: Counter[str]) -> None:
        self._dropped = dropped
        self._credentials: dict[bytes, _Credentials] = {}  # by our ufrag

    def __len__(self) -> int:
        return len(self._credentials)

    def expect(self, peer: Peer, *, ufrag: str, password: str) -> None:
        """Answer `peer`'s checks from now on; at an ICE restart again, for new credentials beside the old."""
        self._credentials[ufrag.encode()] = _Credentials(ufrag, password.encode(), peer)

    def retire(self, ufrag: str) -> None:
        """Credentials an ICE restart has replaced."""
        self._credentials.pop(ufrag.encode(), None)

    def forget(self, peer: Peer) -> None:
        for ufrag in [ufrag for ufrag, known in self._credentials.items() if known.peer is peer]:
            del self._credentials[ufrag]

    def clear(self) -> None:
        self._credentials.clear()

    def verify(self, data: bytes) -> Check | None:
        """What a STUN message proves, cheapest look first."""
        check = self._read(data)
        if check is None:
            self._dropped["stun"] += 1
        return check

    def _read(self, data: bytes) -> Check | None:
        # What follows our ufrag counts for nothing: a browser that restarts ICE says its new one before we know it.
        username = read_username(data)
        known = self._credentials.get(username.partition(b":")[0]) if username else None
        if known is None or not known.peer.may_check():
            return None
        try:
            request = stun.parse_message(data)
        except (ValueError, error):
            return None
        if not request.check_message_integrity(known.password):
            return None
        nominated = "USE-CANDIDATE" in request.attributes
        return Check(known.peer, known.ufrag, nominated, request.transaction_id, known.password)


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
