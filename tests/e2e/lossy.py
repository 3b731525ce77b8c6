"""A bad network in front of the relay, in user space: a UDP proxy on the address that the relay announces."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable

from bench.network import Network

Datagram = Callable[[bytes], object]


class LossyPath:
    """Passes datagrams between `public` and `relay`, both (host, port), through a seeded `Network` each way."""

    def __init__(self, public: tuple[str, int], relay: tuple[str, int], network: Callable[[int], Network]) -> None:
        self._relay = relay
        self._up, self._down = network(1), network(2)
        self._ways: dict[tuple[str, int], socket.socket] = {}  # by the browser's address
        self._loop = asyncio.new_event_loop()
        self._door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._door.bind(public)
        self._door.setblocking(False)
        self._loop.add_reader(self._door, self._from_browser)
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def _from_browser(self) -> None:
        datagram, browser = self._door.recvfrom(2048)
        way = self._ways.get(browser)
        if way is None:
            self._ways[browser] = way = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            way.connect(self._relay)
            way.setblocking(False)
            self._loop.add_reader(way, self._from_relay, way, browser)
        self._carry(self._up, datagram, way.send)

    def _from_relay(self, way: socket.socket, browser: tuple[str, int]) -> None:
        with contextlib.suppress(ConnectionRefusedError):  # the relay is not there yet, or no longer
            self._carry(self._down, way.recv(2048), lambda datagram: self._door.sendto(datagram, browser))

    def _carry(self, network: Network, datagram: bytes, deliver: Datagram) -> None:
        now = self._loop.time()
        for at in network.carry(now, len(datagram)):
            self._loop.call_later(at - now, self._deliver, deliver, datagram)

    def _deliver(self, deliver: Datagram, datagram: bytes) -> None:
        with contextlib.suppress(ConnectionRefusedError):
            deliver(datagram)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        for each in (self._door, *self._ways.values()):
            each.close()
