"""Two synthetic participants on one wire: what the bench counts is what happened."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bench.description import CAMERA, CHROMIUM, FIREFOX, MICROPHONE, Dialect, Section, parse
from bench.network import Network
from bench.participant import Participant, Stream, source_id
from bench.peer import Peer
from calls.relay.sdp import parse_offer

pytestmark = pytest.mark.media


class Wire:
    """A sender and a receiver without a relay between them."""

    def __init__(self, *, path: Network | None = None, nack_rate: float = 0.0) -> None:
        self.sender, self.receiver = Stream("sender", 1), Stream("receiver", 1, nack_rate=nack_rate)
        self.sender.peer = Peer(self.sender.random, self.sender.on_rtp, self.sender.on_rtcp)
        self.receiver.peer = Peer(self.receiver.random, self.receiver.on_rtp, self.receiver.on_rtcp, downlink=path)
        self.camera, self.microphone = self.sender.new_camera(), self.sender.new_microphone()
        for source, kind in ((self.camera, "video"), (self.microphone, "audio")):
            rtx = {} if source.rtx is None else {source.ssrc: source.rtx}
            self.receiver.expect(Section(source.mid, kind, "recvonly", (source.ssrc,), rtx))

    async def __aenter__(self) -> Wire:
        ours, theirs = self.sender.peer.gather(), self.receiver.peer.gather()
        self.sender.peer.connect(replace(theirs, setup="active"))
        self.receiver.peer.connect(replace(ours, setup="passive"))
        for stream in (self.sender, self.receiver):
            await stream.peer.connected(5)
        return self

    async def __aexit__(self, *_: object) -> None:
        for stream in (self.sender, self.receiver):
            stream.silence()
            stream.peer.close()

    async def run(self, seconds: float) -> None:
        self.sender.start(self.camera)
        self.sender.start(self.microphone)
        await asyncio.sleep(seconds)
        self.sender.stop(self.camera)
        self.sender.stop(self.microphone)
        await asyncio.sleep(0.1)


async def test_every_packet_sent_is_counted_once() -> None:
    async with Wire() as wire:
        await wire.run(1.0)
    slots = wire.receiver.stats.slots
    assert slots[CAMERA].received == wire.camera.packets >= 80
    assert slots[MICROPHONE].received == wire.microphone.packets >= 40
    assert [slot.lost for slot in slots.values()] == [0, 0]
    assert sum(wire.receiver.stats.latency) == wire.receiver.stats.received
    assert slots[CAMERA].source == source_id("sender", CAMERA)
    assert slots[CAMERA].blind_switches == 0


async def test_what_the_network_loses_is_counted_as_lost() -> None:
    async with Wire(path=Network(3, loss=0.2)) as wire:
        await wire.run(1.0)
    video = wire.receiver.stats.slots[CAMERA]
    assert 0.1 < video.lost / wire.camera.packets < 0.3
    # Losses before the first packet that came and after the last cannot be seen from here.
    assert wire.camera.packets - video.received - 8 <= video.lost <= wire.camera.packets - video.received


async def test_keyframe_comes_when_asked_for() -> None:
    async with Wire() as wire:
        wire.sender.start(wire.camera)
        await asyncio.sleep(0.2)
        wire.receiver.ask_keyframe(CAMERA)
        await asyncio.sleep(0.2)
    assert wire.sender.stats.keyframe_requests == 1
    assert wire.camera.keyframes == 2, "one at the start and the one asked for"


async def test_packets_asked_for_again_come_as_retransmissions() -> None:
    async with Wire(nack_rate=0.1) as wire:
        await wire.run(1.0)
    assert wire.sender.stats.nacks > 3
    assert wire.receiver.stats.slots[CAMERA].repaired == wire.sender.stats.nacks


async def test_reports_tell_the_sender_of_loss_and_bandwidth() -> None:
    async with Wire(path=Network(5, loss=0.25)) as wire:
        await wire.run(0.6)
        wire.sender.start_reports()
        wire.receiver.start_reports()
        await asyncio.sleep(0.1)
    fraction, lost = wire.sender.stats.reports[wire.camera.ssrc]
    assert lost == wire.receiver.stats.slots[CAMERA].gaps > 0
    assert 20 < fraction < 120
    assert wire.sender.stats.remb == pytest.approx(5_000_000, rel=0.001)


async def test_an_ended_connection_is_noticed() -> None:
    async with Wire() as wire:
        wire.sender.peer.close()
        await asyncio.wait_for(wire.receiver.peer.closed.wait(), 2)


async def test_a_wrong_certificate_is_refused() -> None:
    """Hazard H14, from the browser's end."""
    wire = Wire()
    ours, theirs = wire.sender.peer.gather(), wire.receiver.peer.gather()
    wire.sender.peer.connect(replace(theirs, setup="active", fingerprint="sha-256 " + ":".join(["00"] * 32)))
    wire.receiver.peer.connect(replace(ours, setup="passive"))
    with pytest.raises(ConnectionError, match="certificate"):
        await wire.sender.peer.connected(5)
    wire.sender.peer.vanish()
    wire.receiver.peer.vanish()


@pytest.mark.parametrize("dialect", [CHROMIUM, FIREFOX], ids=["Chromium", "Firefox"])
async def test_the_relay_reads_the_offer_as_it_was_meant(dialect: Dialect) -> None:
    participant = Participant("Nina", seed=1, dialect=dialect)
    offer = parse_offer(await participant.offer())
    await participant.close()
    assert len(offer.sections) == 10
    sent = (participant.microphone, participant.camera, participant.screen)
    assert [(section.ssrc, section.rtx_ssrc) for section in offer.sections[:3]] == [
        (source.ssrc, source.rtx or 0) for source in sent
    ]


async def test_offer_has_the_ten_lines_in_their_order() -> None:
    participant = Participant("Nina", seed=1)
    description = parse(await participant.offer())
    assert [section.mid for section in description.sections] == [str(mid) for mid in range(10)]
    assert [section.kind for section in description.sections] == ["audio", "video", "video"] + [
        "audio",
        "video",
    ] * 3 + ["video"]
    assert [section.direction for section in description.sections] == ["sendonly"] * 3 + ["recvonly"] * 7
    assert description.sections[1].rtx == {participant.camera.ssrc: participant.camera.rtx}
    await participant.close()


async def test_a_restart_keeps_all_but_address_and_credentials() -> None:
    participant = Participant("Nina", seed=1)
    first, second = parse(await participant.offer()), parse(await participant.offer())
    assert first.sections == second.sections
    assert first.transport.fingerprint == second.transport.fingerprint
    assert first.transport.ufrag != second.transport.ufrag
    assert first.transport.candidates != second.transport.candidates
    await participant.close()
