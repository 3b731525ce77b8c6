"""Every socket of the node: UDP and ICE-TCP on one port number, and TCP on further addresses."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence

from . import sdp
from .ice import Checks, Peer
from .tcp import TcpPort
from .udp import Address, UdpPort

TRIES = 20  # for a port number that is free on every address

logger = logging.getLogger(__name__)


class Ports:
    """What legs see of it: whose checks are answered, and where. `further` are TCP only, each with its own port."""

    def __init__(
        self,
        addresses: Sequence[Address],
        further: Sequence[Address],
        clock: Callable[[], float],
        dropped: Counter[str],
        on_error: Callable[[], None],
    ) -> None:
        self._wanted = tuple(addresses)
        self._further = tuple(further)
        self._checks = Checks(dropped)
        self._udp = UdpPort(self._checks, clock, dropped, on_error)
        self._tcp = TcpPort(self._checks, clock, dropped, on_error)

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Of UDP, as bound: with the port number, where 0 was asked for."""
        return self._udp.addresses

    @property
    def candidates(self) -> list[sdp.Candidate]:
        """UDP first: it is better wherever it passes."""
        return [
            *(sdp.Candidate(address.public, address.port) for address in self._udp.addresses),
            *(sdp.Candidate(address.public, address.port, tcp=True) for address in self._tcp.addresses),
        ]

    def start(self) -> None:
        """Bind; port 0 is whatever is free on all addresses, for UDP and TCP. Raises OSError."""
        anything = any(address.port == 0 for address in self._wanted)
        for attempt in range(TRIES if anything else 1):
            try:
                self._udp.bind(self._wanted)
                self._bind_tcp(optional=not anything)
                self._tcp.bind(self._further)
            except OSError:
                self._udp.stop()
                self._tcp.stop()
                if not anything or attempt == TRIES - 1:
                    raise
            else:
                break
        self._udp.start()
        self._tcp.start()

    def _bind_tcp(self, *, optional: bool) -> None:
        """Somebody else's server on this port number is no reason to be without a relay."""
        try:
            self._tcp.bind(self._udp.addresses)
        except OSError:
            if not optional:
                raise
            logger.warning("TCP port %s is taken: who has no UDP cannot reach it.", self._udp.addresses[0].port)

    def stop(self) -> None:
        self._udp.stop()
        self._tcp.stop()
        self._checks.clear()

    def tick(self, now: float) -> None:
        self._tcp.tick(now)

    def expect(self, peer: Peer, *, ufrag: str, password: str) -> None:
        """Answer `peer`'s checks from now on; at an ICE restart again, for new credentials beside the old."""
        self._checks.expect(peer, ufrag=ufrag, password=password)

    def retire(self, ufrag: str) -> None:
        """Credentials an ICE restart has replaced."""
        self._checks.retire(ufrag)

    def forget(self, peer: Peer) -> None:
        """Answer and pass on nothing more."""
        self._checks.forget(peer)
        self._udp.forget(peer)
        self._tcp.forget(peer)

    @property
    def held(self) -> int:
        """Credentials, addresses and connections kept: 0 when everybody has left."""
        return len(self._checks) + len(self._udp) + len(self._tcp)
