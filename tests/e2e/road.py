"""One person's way to the house: its web port and the relay's UDP and TCP port, in user space, until it is cut.

The browser's own offline switch leaves WebRTC alone, and an address that everybody is told of would cut everybody off.
So the person opens the house under the road's address, and reads the road's port where the relay names its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

from bench.network import Network
from bench.peer import host_address
from tests.e2e.house import House

# The relay's candidates lead to the road instead. `%d` are the relay's port, and the road's.
READ_THE_ROADS_PORT = """
{
  const said = RTCPeerConnection.prototype.setRemoteDescription;
  RTCPeerConnection.prototype.setRemoteDescription = function ({ type, sdp }) {
    return said.call(this, { type, sdp: sdp.replace(/(a=candidate:\\S+ \\d+ \\S+ \\d+ \\S+) %d /gu, "$1 %d ") });
  };
}
"""


class Road:
    """`at=road` for `invite`: whoever goes this way alone is cut off by `cut`."""

    def __init__(self, house: House) -> None:
        self._house = house
        relay = int(house.environment["RELAY_PORT"])
        self._passable = asyncio.Event()
        self._cuts = 0
        self._networks = Network(0), Network(0)  # up, down
        self._ways: dict[tuple[str, int], socket.socket] = {}  # of datagrams, by the browser's address
        self._tasks: set[asyncio.Task[None]] = set()
        self._media, self._media_tcp = _one_port_for_both(host_address())
        self._web = socket.create_server(("127.0.0.1", 0), backlog=100)
        self._relay = (host_address(), relay)
        self.url = f"http://localhost:{self._web.getsockname()[1]}"
        self.script = READ_THE_ROADS_PORT % (relay, self._media.getsockname()[1])
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._carry_all()], daemon=True)
        self._thread.start()

    def link(self, link: str) -> str:
        """A link of the house, on this road."""
        return link.replace(self._house.url, self.url)

    def cut(self) -> None:
        """Nothing passes, and nobody is told. What was connected stays dead, as behind a router that forgot it; who
        knocks now is let through when the road is mended.
        """
        self._do(self._cut)

    def mend(self) -> None:
        self._do(self._passable.set)

    def worsen(self, *, up: Network | None = None, down: Network | None = None) -> None:
        """What bench.network makes of each datagram from now on; neither: a good road again."""
        self._do(lambda: setattr(self, "_networks", (up or Network(0), down or Network(0))))

    def close(self) -> None:
        self._do(self._stop.set)
        self._thread.join()
        self._loop.close()

    # On the road's own loop

    def _do(self, act: Callable[[], None]) -> None:
        done = threading.Event()
        self._loop.call_soon_threadsafe(lambda: (act(), done.set()))
        if not done.wait(5):
            raise RuntimeError("the road does not answer")

    def _cut(self) -> None:
        self._passable.clear()
        self._cuts += 1

    async def _carry_all(self) -> None:
        self._stop = asyncio.Event()
        self._passable.set()
        self._media.setblocking(False)
        self._loop.add_reader(self._media, self._from_browser)
        doors = [
            await asyncio.start_server(self._door_to("localhost", self._house.port), sock=self._web),
            await asyncio.start_server(self._door_to(*self._relay), sock=self._media_tcp),
        ]
        await self._stop.wait()
        for door in doors:
            door.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for each in (self._media, *self._ways.values()):
            self._loop.remove_reader(each)
            each.close()

    def _from_browser(self) -> None:
        datagram, browser = self._media.recvfrom(2048)
        way = self._ways.get(browser)
        if way is None:
            self._ways[browser] = way = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            way.connect(self._relay)
            way.setblocking(False)
            self._loop.add_reader(way, self._from_relay, way, browser)
        self._carry(self._networks[0], datagram, way.send)

    def _from_relay(self, way: socket.socket, browser: tuple[str, int]) -> None:
        with contextlib.suppress(OSError):  # the relay is not there just now
            self._carry(self._networks[1], way.recv(2048), lambda datagram: self._media.sendto(datagram, browser))

    def _carry(self, network: Network, datagram: bytes, send: Callable[[bytes], object]) -> None:
        now = self._loop.time()
        for at in network.carry(now, len(datagram)):
            if at > now:
                self._loop.call_later(at - now, self._deliver, send, datagram)
            else:
                self._deliver(send, datagram)

    def _deliver(self, send: Callable[[bytes], object], datagram: bytes) -> None:
        if self._passable.is_set():
            with contextlib.suppress(OSError):
                send(datagram)

    def _door_to(self, host: str, port: int) -> Any:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            try:
                await self._passable.wait()
                with contextlib.suppress(OSError):  # nobody is at home: the caller is turned away
                    far_reader, far_writer = await asyncio.open_connection(host, port)
                    life = self._cuts
                    await asyncio.gather(
                        self._pass_on(reader, far_writer, life), self._pass_on(far_reader, writer, life)
                    )
                writer.close()
            except asyncio.CancelledError:
                writer.transport.abort()
            finally:
                self._tasks.discard(task)

        return serve

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, life: int) -> None:
        while data := await reader.read(65536):
            if life != self._cuts:
                break
            writer.write(data)
            await writer.drain()
        if life == self._cuts:
            writer.close()
        else:
            await asyncio.Event().wait()  # dead, and silent about it


def _one_port_for_both(host: str) -> tuple[socket.socket, socket.socket]:
    """A UDP socket and a listening TCP one with the same number, as the relay has them."""
    while True:
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind((host, 0))
        try:
            return datagrams, socket.create_server((host, datagrams.getsockname()[1]))
        except OSError:
            datagrams.close()
