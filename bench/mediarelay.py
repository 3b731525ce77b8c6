"""aiortc's own MediaRelay and addTrack, which decode and encode again: what forwarding is measured against, on request.

As a server, `python -m bench.mediarelay /path/to/socket`, driven by lines of JSON; each participant has one connection
to publish on and one to receive on.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import defaultdict
from collections.abc import Sequence

from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaRelay

from bench.description import CAMERA, CHROMIUM, MICROPHONE, Track, description, media_lines, parse
from bench.film import FilmCamera, FilmMicrophone, FilmSlot
from bench.participant import Stream, source_id
from bench.peer import Peer
from bench.process import ServerProcess
from bench.session import Attendee, Entrance, Load


class MediaRelayServer(ServerProcess):
    name = "mediarelay"

    async def start(self) -> None:
        await self.launch([sys.executable, "-m", "bench.mediarelay", self.address])
        await self.reachable()


async def serve(path: str) -> None:
    """Serve until interrupted. Each line {"call", "name", "offer", "publish"} is answered by {"answer"}."""
    relay = MediaRelay()
    calls: dict[str, dict[str, list[MediaStreamTrack]]] = defaultdict(lambda: defaultdict(list))
    connections = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            request = json.loads(line)
            call, name = calls[request["call"]], request["name"]
            connection = RTCPeerConnection()
            connections.append(connection)
            if request["publish"]:
                connection.on("track", call[name].append)
            else:
                for other in sorted(call.keys() - {name}):
                    for track in call[other]:
                        connection.addTrack(relay.subscribe(track))
            await connection.setRemoteDescription(RTCSessionDescription(request["offer"], "offer"))
            await connection.setLocalDescription(await connection.createAnswer())
            writer.write(json.dumps({"answer": connection.localDescription.sdp}).encode() + b"\n")
        writer.close()

    async with await asyncio.start_unix_server(converse, path, limit=1 << 20):
        await asyncio.Event().wait()


class _FilmStream(Stream):
    slot_type = FilmSlot


class _Visitor(Attendee):
    def __init__(self, name: str, load: Load) -> None:
        self.name = name
        self.publisher, self.subscriber = _FilmStream(name, load.seed), _FilmStream(f"{name}'s ears", load.seed)
        for stream in (self.publisher, self.subscriber):
            stream.peer = Peer(stream.random, stream.on_rtp, stream.on_rtcp)
        draw = self.publisher.random.getrandbits
        self.microphone = FilmMicrophone(
            MICROPHONE, draw(32), source_id(name, MICROPHONE), CHROMIUM, sequence=draw(15), timestamp=draw(32)
        )
        self.camera = FilmCamera(
            CAMERA, draw(32), draw(32), source_id(name, CAMERA), CHROMIUM, sequence=draw(15), timestamp=draw(32)
        )
        super().__init__([self.publisher, self.subscriber], [self.microphone, self.camera])

    def offer_to_publish(self) -> str:
        transport = self.publisher.peer.gather()
        tracks = [Track(each.mid, each.ssrc, each.rtx) for each in (self.microphone, self.camera)]
        sections = [
            media_lines(each.mid, "sendonly", transport, CHROMIUM, audio=each.mid == MICROPHONE, track=each)
            for each in tracks
        ]
        return description([MICROPHONE, CAMERA], sections)

    def offer_to_subscribe(self, others: int) -> str:
        transport = self.subscriber.peer.gather()
        mids = [str(mid) for mid in range(2 * others)]
        sections = [media_lines(mid, "recvonly", transport, CHROMIUM, audio=int(mid) % 2 == 0) for mid in mids]
        return description(mids, sections)


class MediaRelayEntrance(Entrance):
    """The address is the path of the server's control socket."""

    async def open(self, call: int) -> list[Attendee]:
        reader, writer = await asyncio.open_unix_connection(self.load.address, limit=1 << 20)

        async def connect(visitor: _Visitor, stream: Stream, offer: str) -> None:
            publish = stream is visitor.publisher
            request = {"call": str(call), "name": visitor.name, "offer": offer, "publish": publish}
            writer.write(json.dumps(request).encode() + b"\n")
            answer = parse(json.loads(await reader.readline())["answer"])
            if not publish:
                for section in answer.sections:
                    stream.expect(section)
            stream.peer.connect(answer.transport)
            await stream.peer.connected(30)
            stream.start_reports()

        visitors = [_Visitor(f"{call}/{seat}", self.load) for seat in range(self.load.people)]
        for visitor in visitors:
            await connect(visitor, visitor.publisher, visitor.offer_to_publish())
        for visitor in visitors:
            await connect(visitor, visitor.subscriber, visitor.offer_to_subscribe(self.load.people - 1))
        writer.close()
        return list(visitors)

    def tally(self, attendees: Sequence[Attendee], *, final: bool) -> tuple[int, int]:
        slots = [slot for attendee in attendees for stream in attendee.streams for slot in stream.stats.slots.values()]
        expected = sum(source.units for attendee in attendees for source in attendee.sources) * (self.load.people - 1)
        return expected, expected - sum(slot.units for slot in slots if isinstance(slot, FilmSlot))


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
