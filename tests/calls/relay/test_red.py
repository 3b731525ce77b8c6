"""Redundant audio: forwarded as it is, stripped where a browser lacks it, and used to fill what was lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from struct import unpack_from

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.relay import red, rtp
from calls.relay.slot import Slot
from calls.relay.source import Source

OPUS, RED = 111, 63
STEP = 960  # 20 ms at 48 kHz


@dataclass
class Speaker:
    """Chromium's microphone: each packet carries the one before once more."""

    sequence: int = 65533
    timestamp: int = 0xFFFFF000
    before: bytes | None = None
    number: int = 0
    source: Source = field(default_factory=lambda: Source("audio", OPUS, 0, 77, lambda _: None, red_payload_type=RED))

    def packet(self) -> rtp.Packet:
        opus = b"opus %d" % self.number
        earlier = None if self.before is None else red.Block(STEP, self.before)
        packet = rtp.Packet(RED, 0, self.sequence, self.timestamp, red.build(opus, earlier, OPUS), 0, b"")
        self.before = opus
        self.number += 1
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.timestamp = (self.timestamp + STEP) & 0xFFFFFFFF
        return packet


@dataclass
class Heard:
    """An outgoing packet, read again."""

    sequence: int
    timestamp: int
    payload_type: int
    payload: bytes


@dataclass
class Listener:
    """A browser's slot; `opus` and `red` are the numbers it knows them by, 0 for a browser without RED."""

    speaker: Speaker
    opus: int = OPUS
    red: int = RED
    heard: list[Heard] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.slot = Slot("audio", ssrc=5, payload_type=self.opus, red_payload_type=self.red)
        self.slot.show(self.speaker.source, lambda _: None, 0.0)

    def take(self, packets: list[rtp.Packet], now: float = 0.0) -> None:
        out = memoryview(bytearray(2048))
        for packet in packets:
            for each in self.speaker.source.redundant(packet, now):
                sent = rtp.parse(bytes(out[: self.slot.write(each, 0, now, out)]))
                assert sent is not None
                self.heard.append(Heard(sent.sequence, sent.timestamp, sent.payload_type, sent.payload))


def frames(heard: list[Heard]) -> set[bytes]:
    """What a decoder of RED gets to play."""
    found = set()
    for packet in heard:
        blocks = red.parse(packet.payload, OPUS) if packet.payload_type == RED else red.Redundant(packet.payload, ())
        assert blocks is not None
        found |= {blocks.primary, *(block.data for block in blocks.earlier)}
    return found


def test_redundant_audio_is_forwarded_untouched_where_both_have_it() -> None:
    speaker = Speaker()
    listener, packets = Listener(speaker), [speaker.packet() for _ in range(3)]
    listener.take(packets)
    assert [(each.payload_type, each.payload) for each in listener.heard] == [(RED, each.payload) for each in packets]


@pytest.mark.parametrize(("opus", "number"), [(109, 0), (110, 64)], ids=["Firefox has none", "other numbers for Opus"])
def test_browser_without_the_same_red_gets_the_opus_block_alone(opus: int, number: int) -> None:
    speaker = Speaker()
    listener = Listener(speaker, opus=opus, red=number)
    listener.take([speaker.packet() for _ in range(3)])
    assert [(each.payload_type, each.payload) for each in listener.heard] == [(opus, b"opus %d" % n) for n in range(3)]


@pytest.mark.parametrize("number", [RED, 0], ids=["RED", "plain Opus"])
def test_packet_lost_on_the_way_up_is_made_whole_from_the_next_one(number: int) -> None:
    speaker = Speaker()
    listener, packets = Listener(speaker, red=number), [speaker.packet() for _ in range(5)]
    listener.take([packets[0], packets[1], packets[3], packets[4]])
    assert len(listener.heard) == 5
    for before, after in zip(listener.heard, listener.heard[1:], strict=False):
        assert (after.sequence - before.sequence) & 0xFFFF == 1
        assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == STEP
    assert {b"opus %d" % n for n in range(5)} == frames(listener.heard)


def test_packet_made_whole_covers_the_one_before_it_too() -> None:
    """Its neighbours may be lost on the way down."""
    speaker = Speaker()
    listener, packets = Listener(speaker), [speaker.packet() for _ in range(3)]
    listener.take([packets[0], packets[2]])
    assert frames([listener.heard[1]]) == {b"opus 0", b"opus 1"}


def test_packet_that_comes_late_is_not_heard_twice() -> None:
    speaker = Speaker()
    listener, packets = Listener(speaker), [speaker.packet() for _ in range(4)]
    listener.take([packets[0], packets[2], packets[1], packets[3], packets[3]])
    numbers = [each.sequence for each in listener.heard]
    assert len(numbers) == len(set(numbers)) == 4


def test_what_cannot_be_made_whole_stays_a_gap() -> None:
    speaker = Speaker()
    listener, packets = Listener(speaker), [speaker.packet() for _ in range(5)]
    listener.take([packets[0], packets[4]])
    assert [(each.sequence - listener.heard[0].sequence) & 0xFFFF for each in listener.heard] == [0, 3, 4]


def test_loss_is_still_reported_so_that_the_browser_protects_its_sound() -> None:
    """In-band FEC and bit rate follow what is reported."""
    speaker = Speaker()
    listener, packets = Listener(speaker), [speaker.packet() for _ in range(5)]
    listener.take([packets[0], packets[1], packets[3], packets[4]])
    block = speaker.source.report_block(1.0)
    assert block is not None
    assert block.lost == 1


def test_nothing_is_made_of_what_came_before_the_stream() -> None:
    speaker = Speaker()
    speaker.packet()
    listener = Listener(speaker)
    listener.take([speaker.packet()])
    assert len(listener.heard) == 1


def test_nine_frames_of_ten_are_heard_though_each_way_loses_a_fifth() -> None:
    """Without redundancy it would be 64 %; with Chromium's alone, not filled up by the relay, 87 %."""
    random, speaker = Random(5), Speaker()
    listener, spoken = Listener(speaker), 20_000
    for number in range(spoken):
        packet = speaker.packet()
        if random.random() >= 0.2:
            listener.take([packet], number * 0.02)
    arrived = [packet for packet in listener.heard if random.random() >= 0.2]
    assert len(frames(arrived)) / spoken > 0.91


def test_chromiums_first_packet_has_no_earlier_block() -> None:
    assert red.parse(bytes([OPUS]) + b"opus", OPUS) == red.Redundant(b"opus", ())


def test_blocks_come_apart_as_they_were_put_together() -> None:
    payload = red.build(b"now", red.Block(STEP, b"before"), OPUS)
    assert unpack_from("!I", payload)[0] == (0x80 | OPUS) << 24 | STEP << 10 | 6  # RFC 2198 §3
    assert red.parse(payload, OPUS) == red.Redundant(b"now", (red.Block(STEP, b"before"),))


@pytest.mark.parametrize("block", [red.Block(0, b"x"), red.Block(1 << 14, b"x"), red.Block(STEP, bytes(1024))])
def test_block_that_fits_no_header_is_left_out(block: red.Block) -> None:
    assert red.build(b"now", block, OPUS) == bytes([OPUS]) + b"now"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        bytes([OPUS | 0x80]),
        bytes([OPUS | 0x80, 0x0F, 0x00, 0x06]),
        bytes([OPUS | 0x80, 0x0F, 0x00, 0x06, OPUS]) + b"short",
        bytes([0]) + b"other codec",
        bytes([0x80, 0x0F, 0x00, 0x01, OPUS]) + b"another codec before",
        bytes([OPUS | 0x80, 0, 0, 0]) * 10 + bytes([OPUS]),
    ],
)
def test_broken_or_foreign_payload_is_dropped(payload: bytes) -> None:
    """Hazard H11."""
    assert red.parse(payload, OPUS) is None
    assert Speaker().source.redundant(rtp.Packet(RED, 0, 1, 0, payload, 0, b""), 0.0) == []


@given(st.binary(max_size=40), st.integers(0, 127))
def test_arbitrary_payloads_never_raise_and_never_grow(payload: bytes, codec: int) -> None:
    """Hazard H11."""
    blocks = red.parse(payload, codec)
    if blocks is not None:
        assert len(blocks.primary) + sum(len(block.data) for block in blocks.earlier) < len(payload)
