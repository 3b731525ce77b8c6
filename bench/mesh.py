"""No server at all: everybody sends to everybody directly. The generator's own latency, to subtract from a server's."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

from bench.description import Section
from bench.participant import Stream
from bench.peer import Peer
from bench.session import Attendee, Entrance


class MeshEntrance(Entrance):
    """As many packets are received as with a server; each is sent as often as it is received."""

    async def open(self, call: int) -> list[Attendee]:
        attendees = []
        for sender, receiver in permutations(range(self.load.people), 2):
            ours = Stream(f"{call}/{sender} to {receiver}", self.load.seed)
            theirs = Stream(f"{call}/{receiver} from {sender}", self.load.seed)
            sources = [ours.new_microphone(), ours.new_camera()]
            for source, kind in zip(sources, ("audio", "video"), strict=True):
                theirs.expect(Section(source.mid, kind, "recvonly", (source.ssrc,)))
            for stream in (ours, theirs):
                stream.peer = Peer(stream.random, stream.on_rtp, stream.on_rtcp)
            here, there = ours.peer.gather(), theirs.peer.gather()
            ours.peer.connect(replace(there, setup="active"))
            theirs.peer.connect(replace(here, setup="passive"))
            for stream in (ours, theirs):
                await stream.peer.connected(10)
                stream.start_reports()
            attendees.append(Attendee([ours, theirs], sources))
        return attendees
