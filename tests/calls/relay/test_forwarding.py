"""Sources and slots: whatever is put behind a slot, its browser sees one unbroken stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from struct import pack, unpack_from

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.relay import rtcp, rtp
from calls.relay.nack import ASK_STEP, ASKS, COPIES, KEEP, RESENDS, RING, TOO_MANY, Missing, Resent, RoundTrip
from calls.relay.slot import LATELY, Slot
from calls.relay.source import Source, Timeline

FRAME = 0.04  # seconds


def ignore(_: int) -> None:
    """Where a slot's packets go, when a test looks at them before they are sent."""


@dataclass
class Publisher:
    """Frames of VP8, two packets each, or of Opus, one."""

    kind: str = "video"
    sequence: int = 0
    timestamp: int = 0
    picture: int = 0
    mask: int = 0x7FFF
    layer: int = 0
    asked: list[float] = field(default_factory=list)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.source = Source(
            self.kind, 96, 97 if self.kind == "video" else 0, 77, lambda _: self.asked.append(self.now)
        )

    def frame(self, *, keyframe: bool = False) -> Iterator[rtp.Packet]:
        if self.kind == "audio":
            yield self._packet(b"\xfc opus")
            return
        number = pack("!H", 0x8000 | self.picture) if self.mask == 0x7FFF else bytes([self.picture])
        rest = b"\xc0" + number + bytes([self.layer])
        yield self._packet(b"\x90" + rest + (b"\x00" if keyframe else b"\x01"))
        yield self._packet(b"\x80" + rest + b"\x01", marker=0x80, last=True)

    def _packet(self, payload: bytes, *, marker: int = 0, last: bool = False) -> rtp.Packet:
        packet = rtp.Packet(96, marker, self.sequence, self.timestamp, payload, 0, b"")
        self.sequence = (self.sequence + 1) & 0xFFFF
        if last or self.kind == "audio":
            self.timestamp = (self.timestamp + 3600) & 0xFFFFFFFF
            self.picture = (self.picture + 1) & self.mask
            self.layer = (self.layer + 1) & 0xFF
        return packet


@dataclass
class Sent:
    """An outgoing packet, read again."""

    sequence: int
    timestamp: int
    ssrc: int
    payload_type: int
    payload: bytes
    vp8: rtp.Vp8 | None


def make_slot(kind: str = "video", **overrides: int) -> Slot:
    numbers = {
        "ssrc": 5,
        "payload_type": 120,
        "rtx_ssrc": 6,
        "rtx_payload_type": 121,
        "mid_id": 3,
        "abs_send_time_id": 2,
    }
    return Slot(kind, mid="4", **{**numbers, **overrides})


def read(out: memoryview, size: int) -> Sent:
    packet = rtp.parse(bytes(out[:size]))
    assert packet is not None
    vp8 = rtp.parse_vp8(packet.payload)
    ssrc = unpack_from("!I", out, 8)[0]
    return Sent(packet.sequence, packet.timestamp, ssrc, packet.payload_type, packet.payload, vp8)


def forward(publisher: Publisher, slot: Slot, now: float, packets: Iterator[rtp.Packet]) -> list[Sent]:
    out = memoryview(bytearray(2048))
    sent = []
    publisher.now = now
    for packet in packets:
        assert publisher.source.receive(packet, now)
        if size := slot.write(packet, 0, now, out):
            sent.append(read(out, size))
    return sent


def later(a: int, b: int, bits: int) -> bool:
    """`a` comes after `b` in numbers that wrap."""
    return 0 < (a - b) & ((1 << bits) - 1) < 1 << (bits - 1)


publishers = st.builds(
    Publisher,
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    picture=st.integers(0, 0x7F),
    layer=st.integers(0, 0xFF),
    mask=st.sampled_from([0x7F, 0x7FFF]),
)


@given(
    st.lists(publishers, min_size=2, max_size=3),
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 6), st.floats(0, 40)), min_size=1, max_size=12),
)
def test_a_slot_is_one_unbroken_stream_whoever_is_shown(
    cast: list[Publisher], script: list[tuple[int, int, float]]
) -> None:
    slot, now, sent = make_slot(), 100.0, list[Sent]()
    for who, frames, pause in script:
        publisher = cast[who % len(cast)]
        slot.show(publisher.source, ignore, now)
        now += pause
        for number in range(frames):
            now += FRAME
            sent += forward(publisher, slot, now, publisher.frame(keyframe=number == 1))
    masks = 0x7F if any(publisher.mask == 0x7F for publisher in cast) else 0x7FFF
    for before, after in pairwise(sent):
        assert after.sequence == (before.sequence + 1) & 0xFFFF
        assert after.timestamp == before.timestamp or later(after.timestamp, before.timestamp, 32)
        assert before.vp8 is not None
        assert after.vp8 is not None
        step = (after.vp8.picture_id - before.vp8.picture_id) & masks
        assert step == (after.timestamp != before.timestamp)
        assert (after.vp8.tl0_index - before.vp8.tl0_index) & 0xFF == (after.timestamp != before.timestamp)


@given(publishers)
def test_video_opens_at_a_keyframe_and_drops_what_came_before(publisher: Publisher) -> None:
    slot = make_slot()
    slot.show(publisher.source, ignore, 0.0)
    assert forward(publisher, slot, 0.0, publisher.frame()) == []
    sent = forward(publisher, slot, FRAME, publisher.frame(keyframe=True))
    assert [packet.vp8.keyframe for packet in sent if packet.vp8] == [True, False]


@given(publishers, publishers, st.lists(st.integers(1, 6), min_size=1, max_size=8))
def test_another_layer_takes_over_at_its_keyframe_and_nobody_sees_a_gap(
    low: Publisher, high: Publisher, script: list[int]
) -> None:
    """Until then the old layer goes on; numbers are one stream, whatever the layers' own are."""
    slot, now, sent = make_slot(), 100.0, list[Sent]()
    slot.show(low.source, ignore, now)
    sent += forward(low, slot, now, low.frame(keyframe=True))
    for turn, frames in enumerate(script):
        wanted, other = (high, low) if turn % 2 == 0 else (low, high)
        slot.turn_to(wanted.source, ignore, now)
        for number in range(frames):
            now += FRAME
            assert slot.source is other.source
            sent += through(other, now, other.frame())
            dropped = through(wanted, now, wanted.frame()) if number else []
            assert dropped == []
        now += FRAME
        sent += through(wanted, now, wanted.frame(keyframe=True))
        assert slot.source is wanted.source
        assert through(other, now, other.frame()) == []
    masks = 0x7F if 0x7F in (low.mask, high.mask) else 0x7FFF
    for before, after in pairwise(sent):
        assert after.sequence == (before.sequence + 1) & 0xFFFF
        assert after.timestamp == before.timestamp or later(after.timestamp, before.timestamp, 32)
        assert before.vp8 is not None
        assert after.vp8 is not None
        is_new = after.timestamp != before.timestamp
        assert (after.vp8.picture_id - before.vp8.picture_id) & masks == is_new
        assert (after.vp8.tl0_index - before.vp8.tl0_index) & 0xFF == is_new


def through(publisher: Publisher, now: float, packets: Iterator[rtp.Packet]) -> list[Sent]:
    """What comes out when the publisher's packets go to everybody they are for."""
    out, sent = memoryview(bytearray(2048)), []
    publisher.now = now
    for packet in packets:
        assert publisher.source.receive(packet, now)
        sent += [read(out, size) for slot, _ in publisher.source.outlets if (size := slot.write(packet, 0, now, out))]
    return sent


def test_turn_given_up_in_time_changes_nothing() -> None:
    low, high, slot = Publisher(), Publisher(), make_slot()
    slot.show(low.source, ignore, 0.0)
    through(low, 0.0, low.frame(keyframe=True))
    slot.turn_to(high.source, ignore, 0.0)
    slot.turn_to(low.source, ignore, 0.0)
    assert through(high, FRAME, high.frame(keyframe=True)) == []
    assert len(through(low, FRAME, low.frame())) == 2
    slot.turn_to(high.source, ignore, 0.1)
    slot.show(None, ignore, 0.1)
    assert (low.source.outlets, high.source.outlets) == ([], [])


def test_turn_asks_for_the_keyframe_it_waits_for_until_it_is_here() -> None:
    low, high, slot = Publisher(), Publisher(), make_slot()
    slot.show(low.source, ignore, 0.0)
    through(low, 0.0, low.frame(keyframe=True))
    high.now = 10.0
    slot.turn_to(high.source, ignore, 10.0)
    for high.now in (10.5, 11.1, 12.2):
        through(high, high.now, high.frame())
        high.source.ask_again(high.now)
    assert high.asked == [10.0, 11.1, 12.2]
    through(high, 12.3, high.frame(keyframe=True))
    high.source.ask_again(20.0)
    assert len(high.asked) == 3


def test_turn_takes_a_repaired_keyframe_with_all_that_followed_it() -> None:
    low, high, slot = Publisher(), Publisher(), make_slot()
    slot.show(low.source, ignore, 0.0)
    through(low, 0.0, low.frame(keyframe=True))
    slot.turn_to(high.source, ignore, 0.0)
    out = memoryview(bytearray(2048))
    (outlet, _), *_ = high.source.outlets
    first, second = high.frame(keyframe=True)
    for packet in (first, second):
        high.source.receive(packet, FRAME)
    assert [bool(outlet.write(packet, 0, FRAME, out)) for packet in high.source.since(first, FRAME)] == [True, True]
    assert slot.source is high.source


def test_subscribers_loss_is_of_its_own_link_not_of_the_publishers() -> None:
    """One weak publisher must not look like three weak subscribers."""
    publisher, slot = Publisher(), make_slot()
    slot.show(publisher.source, ignore, 0.0)
    sent = forward(publisher, slot, 0.0, publisher.frame(keyframe=True))
    first = sent[0].sequence
    assert slot.heard(rtcp.ReportBlock(5, 0, 0, first + 1, 0, 0, 0)) == (0, 0)  # something to compare with
    for number in range(50):
        kept, lost = publisher.frame()
        forward(publisher, slot, number * FRAME, iter([kept, lost] if number % 2 else [kept]))
    # 25 never came from the publisher; the subscriber misses them and 5 more.
    expected, missed = slot.heard(rtcp.ReportBlock(5, 0, 30, first + 101, 0, 0, 0))
    assert (expected, missed) == (100, 5)
    assert slot.heard(rtcp.ReportBlock(5, 0, 30, first + 101, 0, 0, 0)) == (0, 0)


def test_packet_repaired_upstream_while_its_report_is_on_the_way_is_not_lost_each_time() -> None:
    publisher, slot = Publisher(), make_slot()
    slot.show(publisher.source, ignore, 0.0)
    first = forward(publisher, slot, 0.0, publisher.frame(keyframe=True))[0].sequence
    assert slot.heard(rtcp.ReportBlock(5, 0, 0, first + 1, 0, 0, 0)) == (0, 0)
    counted = 0
    for number in range(1, 41):
        late, kept = publisher.frame()
        forward(publisher, slot, number * FRAME, iter([kept]))
        forward(publisher, slot, number * FRAME, iter([late]))  # asked for again, and here
        highest = first + 1 + 2 * number
        for missed in (1, 0):  # as the subscriber saw it before, and after
            counted += slot.heard(rtcp.ReportBlock(5, 0, missed, highest - missed, 0, 0, 0))[1]
    assert counted == 1
    assert slot.heard(rtcp.ReportBlock(5, 0, 12, highest + 2, 0, 0, 0)) == (2, 2)  # and what really is lost counts


def test_loss_from_before_a_pause_is_not_counted_when_the_picture_comes_back() -> None:
    """The last packets before a pause have nothing behind them to show that they are missing: the next ones do."""
    publisher, slot = Publisher(), make_slot()
    slot.show(publisher.source, ignore, 0.0)
    first = forward(publisher, slot, 0.0, publisher.frame(keyframe=True))[0].sequence
    assert slot.heard(rtcp.ReportBlock(5, 0, 0, first + 1, 0, 0, 0)) == (0, 0)
    for _ in range(20):
        forward(publisher, slot, FRAME, publisher.frame())
    slot.show(None, ignore, 1.0)
    slot.show(publisher.source, ignore, 2.0)
    forward(publisher, slot, 2.0, publisher.frame(keyframe=True))
    assert slot.heard(rtcp.ReportBlock(5, 0, 40, first + 43, 0, 0, 0)) == (0, 0)
    forward(publisher, slot, 2.0, publisher.frame())
    assert slot.heard(rtcp.ReportBlock(5, 0, 41, first + 45, 0, 0, 0)) == (2, 1)


def test_padding_is_nothing_to_decode() -> None:
    slot, out = make_slot(rtx_payload_type=97), memoryview(bytearray(2048))
    packet = rtp.parse(bytes(out[: slot.pad(0, out)]))
    assert packet is not None
    assert (packet.payload, packet.payload_type, unpack_from("!I", out, 8)[0]) == (b"", 97, 6)
    following = rtp.parse(bytes(out[: slot.pad(0, out)]))
    assert following is not None
    assert following.sequence == packet.sequence + 1


def test_packet_older_than_the_opening_keyframe_is_not_sent() -> None:
    publisher, slot = Publisher(), make_slot()
    slot.show(publisher.source, ignore, 0.0)
    late, *rest = publisher.frame()
    forward(publisher, slot, 0.0, iter(rest))
    forward(publisher, slot, 0.0, publisher.frame(keyframe=True))
    assert forward(publisher, slot, 0.0, iter([late])) == []


def test_audio_opens_at_once_with_the_legs_own_numbers() -> None:
    publisher, slot = Publisher("audio", sequence=65535), make_slot("audio", ssrc=0xCAFE, payload_type=109)
    slot.show(publisher.source, ignore, 0.0)
    first, second = (forward(publisher, slot, now, publisher.frame())[0] for now in (0.0, 0.02))
    assert (first.ssrc, first.payload_type, first.payload) == (0xCAFE, 109, b"\xfc opus")
    assert later(second.sequence, first.sequence, 16)


def test_timestamps_go_on_with_the_clock_over_a_switch() -> None:
    first, second, slot = Publisher(timestamp=5), Publisher(timestamp=4_000_000_000), make_slot()
    slot.show(first.source, ignore, 0.0)
    before = forward(first, slot, 0.0, first.frame(keyframe=True))[-1]
    slot.show(second.source, ignore, 10.0)
    after = forward(second, slot, 10.0, second.frame(keyframe=True))[0]
    assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == 10 * 90000


def test_resent_last_packet_does_not_set_the_timeline_back() -> None:
    first, second, slot = Publisher(), Publisher(timestamp=7), make_slot()
    slot.show(first.source, ignore, 0.0)
    before = forward(first, slot, 0.0, first.frame(keyframe=True))[-1]
    assert resend(slot, before.sequence, 0.9)
    slot.show(second.source, ignore, 1.0)
    after = forward(second, slot, 1.0, second.frame(keyframe=True))[0]
    assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == 90000


def test_outgoing_packet_carries_mid_and_send_time() -> None:
    publisher, slot, out = Publisher("audio"), make_slot("audio"), memoryview(bytearray(2048))
    slot.show(publisher.source, ignore, 0.0)
    (packet,) = publisher.frame()
    publisher.source.receive(packet, 0.0)
    sent = rtp.parse(bytes(out[: slot.write(packet, 0x123456, 0.0, out)]))
    assert sent is not None
    assert (sent.value(3), sent.value(2)) == (b"4", b"\x12\x34\x56")


def test_leg_without_extensions_gets_none() -> None:
    publisher, slot, out = (
        Publisher("audio"),
        make_slot("audio", mid_id=0, abs_send_time_id=0),
        memoryview(bytearray(99)),
    )
    slot.show(publisher.source, ignore, 0.0)
    (packet,) = publisher.frame()
    publisher.source.receive(packet, 0.0)
    sent = rtp.parse(bytes(out[: slot.write(packet, 0x123456, 0.0, out)]))
    assert sent is not None
    assert not any(sent.extension)


def test_gap_upstream_stays_a_gap_and_a_late_packet_fills_it() -> None:
    publisher, slot = Publisher(), make_slot()
    slot.show(publisher.source, ignore, 0.0)
    forward(publisher, slot, 0.0, publisher.frame(keyframe=True))
    late, *_ = lost = list(publisher.frame())
    after = forward(publisher, slot, 0.1, publisher.frame())[0]
    filled = forward(publisher, slot, 0.2, iter([late]))[0]
    assert (after.sequence - filled.sequence) & 0xFFFF == len(lost)
    assert filled.vp8 is not None
    assert after.vp8 is not None
    assert (after.vp8.picture_id - filled.vp8.picture_id) & 0x7FFF == 1


def test_source_that_starts_anew_is_shown_from_its_next_keyframe() -> None:
    publisher, slot = Publisher(), make_slot()
    slot.show(publisher.source, ignore, 0.0)
    before = forward(publisher, slot, 0.0, publisher.frame(keyframe=True))[-1]
    publisher.sequence += 5000
    assert forward(publisher, slot, 0.1, publisher.frame()) == []
    after = forward(publisher, slot, 0.2, publisher.frame(keyframe=True))[0]
    assert (after.sequence - before.sequence) & 0xFFFF == 1


def test_nobody_behind_a_slot_leaves_the_source_alone() -> None:
    publisher, slot = Publisher(), make_slot()
    assert slot.show(publisher.source, ignore, 0.0)
    assert not slot.show(publisher.source, ignore, 0.0)
    assert [shown for shown, _ in publisher.source.outlets] == [slot]
    slot.show(None, ignore, 0.0)
    assert publisher.source.outlets == []


# Keyframe requests


def test_keyframe_requests_of_many_are_one_and_repeated_until_it_comes() -> None:
    publisher = Publisher()
    for now in (10.0, 10.1, 10.4):
        publisher.now = now
        publisher.source.want_keyframe(now)
    for step in range(1, 15):
        publisher.now = 10.4 + step * 0.25
        publisher.source.ask_again(publisher.now)
    assert publisher.asked == [10.0, 10.65, 11.65, 12.65, 13.65]
    publisher.source.receive(next(publisher.frame(keyframe=True)), 14.0)
    publisher.source.ask_again(20.0)
    assert len(publisher.asked) == 5


def test_somebody_new_on_screen_asks_for_a_keyframe_at_once() -> None:
    publisher = Publisher(now=3.0)
    make_slot().show(publisher.source, ignore, 3.0)
    assert publisher.asked == [3.0]


def test_nobody_is_asked_before_the_stream_has_a_name() -> None:
    asked: list[Source] = []
    source = Source("video", 96, 97, 0, asked.append)
    source.want_keyframe(1.0)
    assert asked == []
    source.ssrc = 9
    source.ask_again(1.25)
    assert asked == [source]


# Reports


def test_report_tells_real_loss_of_the_interval_and_in_all() -> None:
    publisher = Publisher(sequence=65530)
    packets = [packet for _ in range(8) for packet in publisher.frame()]
    for packet in packets[:4] + packets[8:]:
        publisher.source.receive(packet, 0.0)
    block = publisher.source.report_block(1.0)
    assert block is not None
    assert (block.lost, block.fraction_lost) == (4, 4 * 256 // 16)
    assert block.highest == 0x10000 + (65530 + 15) % 0x10000
    again = publisher.source.report_block(2.0)
    assert again is not None
    assert (again.lost, again.fraction_lost) == (4, 0)


def test_report_names_the_publishers_last_report_and_its_age() -> None:
    publisher = Publisher()
    publisher.source.receive(next(publisher.frame()), 0.0)
    publisher.source.reported(rtcp.SenderReport(77, 0x0123_4567_89AB_CDEF, 0, ()), 1.0)
    block = publisher.source.report_block(1.5)
    assert block is not None
    assert (block.lsr, block.dlsr) == (0x4567_89AB, 0x8000)


def test_steady_stream_has_no_jitter_and_an_uneven_one_has() -> None:
    steady, uneven = Publisher("audio"), Publisher("audio")
    for number in range(50):
        for publisher, shift in ((steady, 0.0), (uneven, 0.01 * (number % 2))):
            (packet,) = publisher.frame()
            publisher.source.receive(packet, number * 0.075 + shift)
    jitters = [block.jitter for each in (steady, uneven) if (block := each.source.report_block(9.0))]
    assert jitters[0] <= 1
    assert 300 < jitters[1] < 600  # 10 ms are 480 ticks of 48 kHz


def test_silent_source_is_not_reported() -> None:
    assert Publisher().source.report_block(1.0) is None


def test_sender_report_puts_the_publishers_clock_on_the_slots_timeline() -> None:
    publisher, slot = Publisher(timestamp=1000), make_slot()
    slot.show(publisher.source, ignore, 0.0)
    first = forward(publisher, slot, 0.0, publisher.frame(keyframe=True))[0]
    assert slot.sender_report(0.0) is None  # nothing is known of the publisher's clock yet
    publisher.source.reported(rtcp.SenderReport(77, 5 << 32, 1000, ()), 0.0)
    report = slot.sender_report(2.0)
    assert report is not None
    (told,) = rtcp.walk(report)
    assert isinstance(told, rtcp.SenderReport)
    assert told.ssrc == slot.ssrc
    assert told.ntp == 2 << 32  # on the relay's own clock, which its first report met at 0
    assert (told.timestamp - first.timestamp) & 0xFFFFFFFF == 2 * 90000


def test_round_trip_comes_from_the_answer_to_a_sender_report() -> None:
    publisher, slot = Publisher(), make_slot()
    slot.show(publisher.source, ignore, 0.0)
    forward(publisher, slot, 0.0, publisher.frame(keyframe=True))
    publisher.source.reported(rtcp.SenderReport(77, 5 << 32, 0, ()), 0.0)
    slot.sender_report(1.0)
    lsr = 1 << 16
    block = rtcp.ReportBlock(slot.ssrc, 0, 0, 0, 0, lsr, 0x8000)
    assert slot.round_trip(block, 1.6) == pytest.approx(0.1)
    assert slot.round_trip(rtcp.ReportBlock(slot.ssrc, 0, 0, 0, 0, 1, 0), 1.6) is None


def test_whoever_is_shown_next_goes_on_on_the_same_clock() -> None:
    """Clocks of two publishers differ by minutes; a browser that draws one line through both reports loses lips."""
    first, second, slot = Publisher(), Publisher(), make_slot()
    told = []
    for publisher, ntp, at in ((first, 5_000 << 32, 10.0), (second, 900 << 32, 20.0)):
        slot.show(publisher.source, ignore, at)
        forward(publisher, slot, at, publisher.frame(keyframe=True))
        publisher.source.reported(rtcp.SenderReport(77, ntp, publisher.timestamp, ()), at)
        told += rtcp.walk(slot.sender_report(at + 1) or b"")
    before, after = told
    assert isinstance(before, rtcp.SenderReport)
    assert isinstance(after, rtcp.SenderReport)
    assert after.ntp - before.ntp == 10 << 32
    assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == pytest.approx(10 * 90000, abs=3600)


def test_lips_match_though_sound_and_picture_report_at_different_times() -> None:
    shared = Timeline()
    clocks = []
    for kind, at, rate in (("audio", 3.0, 48000), ("video", 3.7, 90000)):
        source = Source(kind, 96, 0, 77, lambda _: None, timeline=shared)
        source.reported(rtcp.SenderReport(77, int((100 + at) * (1 << 32)), int(at * rate), ()), at + 0.05)
        clocks.append((source.clock(5.0), rate))
    moments = []
    for clock, rate in clocks:
        assert clock is not None
        moments.append(clock[0] / (1 << 32) - clock[1] / rate)
    assert moments[0] == pytest.approx(moments[1], abs=0.001)


def test_slot_tells_when_it_opens_once_for_each_source() -> None:
    opened: list[Slot] = []
    slot = Slot("video", ssrc=5, payload_type=120, on_open=opened.append)
    for publisher in (Publisher(), Publisher()):
        slot.show(publisher.source, ignore, 0.0)
        forward(publisher, slot, 0.0, publisher.frame(keyframe=True))
        forward(publisher, slot, 0.1, publisher.frame())
    assert opened == [slot, slot]


# Loss repair


def resend(slot: Slot, sequence: int, now: float, out: memoryview = memoryview(bytearray(2048))) -> int:  # noqa: B008
    """A NACK, over a round trip of 20 ms: the size of its answer."""
    packet, copies = slot.asked(sequence, now, 0.02)
    return slot.resend(packet, 0, now, out) if packet is not None and copies else 0


@given(
    publishers,
    st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=1, max_size=120),
)
def test_no_number_is_ever_sent_twice(publisher: Publisher, script: list[tuple[int, bool]]) -> None:
    """RFC 3711 §9.1: whatever comes twice, late, or repaired and then late, a browser gets each number once."""
    slot, out, numbers = make_slot(), memoryview(bytearray(2048)), []
    slot.show(publisher.source, ignore, 0.0)
    packets = [packet for number in range(20) for packet in publisher.frame(keyframe=number % 7 == 0)]
    for step, (which, repair) in enumerate(script):
        original = packets[which % len(packets)]
        payload = pack("!H", original.sequence) + original.payload if repair else original.payload
        packet = rtp.Packet(96, 0, original.sequence, original.timestamp, payload, 0, b"")
        take = publisher.source.repaired if repair else publisher.source.receive
        if take(packet, step / 100) and (size := slot.write(packet, 0, step / 100, out)):
            numbers.append(read(out, size).sequence)
    assert len(numbers) == len(set(numbers))


def test_nack_is_answered_with_the_same_packet_and_not_without_end() -> None:
    publisher, slot, out = Publisher(), make_slot(), memoryview(bytearray(2048))
    slot.show(publisher.source, ignore, 0.0)
    first = forward(publisher, slot, 0.0, publisher.frame(keyframe=True))[0]
    forward(publisher, slot, 0.01, publisher.frame())
    answers = [resend(slot, first.sequence, 0.1 + 0.05 * n, out) for n in range(RESENDS + 3)]
    assert [bool(size) for size in answers] == [True] * RESENDS + [False] * 3


def test_what_is_asked_for_again_is_sent_twice() -> None:
    publisher, slot = Publisher(), make_slot()
    slot.show(publisher.source, ignore, 0.0)
    first = forward(publisher, slot, 0.0, publisher.frame(keyframe=True))[0]
    assert [slot.asked(first.sequence, now, 0.1)[1] for now in (0.1, 0.2, 0.25, 0.3)] == [1, COPIES, 0, COPIES]


def test_request_that_jitter_brings_a_little_early_is_answered() -> None:
    """It was sent a round trip after the last one; the next would come a round trip later."""
    publisher, slot = Publisher(), make_slot()
    slot.show(publisher.source, ignore, 0.0)
    first = forward(publisher, slot, 0.0, publisher.frame(keyframe=True))[0]
    assert [slot.asked(first.sequence, now, 0.1)[1] for now in (0.1, 0.18)] == [1, COPIES]


def test_what_cannot_be_repaired_any_more_is_given_up_for_a_keyframe_at_once() -> None:
    publisher, slot = Publisher(), make_slot()
    slot.show(publisher.source, ignore, 0.0)
    publisher.asked.clear()
    forward(publisher, slot, 0.0, publisher.frame(keyframe=True))
    lost = forward(publisher, slot, 0.9, publisher.frame())[0]
    for number in range(RESENDS):
        assert slot.asked(lost.sequence, 1.0 + number / 20, 0.02)[1]
    assert publisher.asked == []
    publisher.now = 1.5
    assert slot.asked(lost.sequence, 1.5, 0.02) == (None, 0)
    assert publisher.asked == [1.5]

    publisher.now = 2.5
    forward(publisher, slot, 2.5, publisher.frame(keyframe=True))
    assert slot.asked(lost.sequence, 2.6, 0.02) == (None, 0)
    assert not publisher.source.keyframe_wanted  # the picture goes on at that keyframe


def test_what_is_missing_here_as_well_is_waited_for() -> None:
    publisher, slot = Publisher(), make_slot()
    slot.show(publisher.source, ignore, 0.0)
    before = forward(publisher, slot, 0.0, publisher.frame(keyframe=True))[-1]
    publisher.asked.clear()
    publisher.sequence += 1
    forward(publisher, slot, 0.1, publisher.frame())
    assert slot.asked(before.sequence + 1 & 0xFFFF, 0.2, 0.02) == (None, 0)
    assert publisher.asked == []


def test_late_repair_is_sent_twice_only_where_the_way_down_lost_something_lately() -> None:
    publisher, slot = Publisher(), make_slot()
    slot.show(publisher.source, ignore, 0.0)
    first = forward(publisher, slot, 0.0, publisher.frame(keyframe=True))[0]
    packet = publisher.source.ring.find(publisher.source.keyframe_index, 0.0)
    assert packet is not None
    assert not slot.wants_twice(packet, 0.1)
    assert resend(slot, first.sequence, 0.1)
    assert slot.wants_twice(packet, 0.2)
    assert not slot.wants_twice(packet, 0.2 + LATELY)
    slot.restart()
    assert not slot.wants_twice(packet, 0.2)


def test_nack_is_answered_with_the_original_number_first() -> None:
    """RFC 4588 §4: own SSRC, own sequence numbers."""
    publisher, slot, out = Publisher(), make_slot(), memoryview(bytearray(2048))
    slot.show(publisher.source, ignore, 0.0)
    first = forward(publisher, slot, 0.0, publisher.frame(keyframe=True))[0]
    once, again = (read(out, resend(slot, first.sequence, now, out)) for now in (0.1, 0.2))
    assert (again.ssrc, again.payload_type, again.timestamp) == (6, 121, first.timestamp)
    assert again.payload == pack("!H", first.sequence) + first.payload
    assert (again.sequence - once.sequence) & 0xFFFF == 1


def test_leg_without_retransmissions_gets_no_number_twice() -> None:
    """RFC 3711 §9.1: two packets under one number would share a key stream."""
    publisher, slot, out = Publisher(), make_slot(rtx_payload_type=0), memoryview(bytearray(2048))
    slot.show(publisher.source, ignore, 0.0)
    first = forward(publisher, slot, 0.0, publisher.frame(keyframe=True))[0]
    assert resend(slot, first.sequence, 0.1, out) == 0


@pytest.mark.parametrize("sequence", [-1, 1000])
def test_nack_of_what_was_never_sent_is_not_answered(sequence: int) -> None:
    publisher, slot, out = Publisher(), make_slot(), memoryview(bytearray(2048))
    slot.show(publisher.source, ignore, 0.0)
    first = forward(publisher, slot, 0.0, publisher.frame(keyframe=True))[0]
    assert resend(slot, (first.sequence + sequence) & 0xFFFF, 0.1, out) == 0


def test_old_packet_is_not_sent_again() -> None:
    publisher, slot, out = Publisher(), make_slot(), memoryview(bytearray(2048))
    slot.show(publisher.source, ignore, 0.0)
    first = forward(publisher, slot, 0.0, publisher.frame(keyframe=True))[0]
    assert resend(slot, first.sequence, KEEP + 0.1, out) == 0


def test_retransmission_upstream_is_the_original_packet_once() -> None:
    publisher = Publisher()
    lost = next(publisher.frame())
    publisher.source.receive(next(publisher.frame(keyframe=True)), 0.0)

    def again() -> rtp.Packet:
        return rtp.Packet(97, lost.marker, 9, lost.timestamp, pack("!H", lost.sequence) + lost.payload, 0, b"")

    # The stream began behind it, yet it is close enough to be of use.
    assert publisher.source.repaired(repaired := again(), 0.1)
    assert (repaired.index & 0xFFFF, repaired.payload) == (lost.sequence, lost.payload)
    assert not publisher.source.repaired(again(), 0.2)
    block = publisher.source.report_block(1.0)
    assert block is not None
    assert block.lost == 0


def test_what_followed_a_repaired_packet_is_still_there_in_order() -> None:
    publisher = Publisher()
    publisher.source.receive(next(publisher.frame()), 0.0)
    lost, *rest = [*publisher.frame(keyframe=True), *publisher.frame()]
    for packet in rest:
        publisher.source.receive(packet, 0.1)
    repaired = rtp.Packet(97, 0, 9, lost.timestamp, pack("!H", lost.sequence) + lost.payload, 0, b"")
    assert publisher.source.repaired(repaired, 0.2)
    assert publisher.source.since(repaired, 0.2) == [repaired, *rest]
    assert publisher.source.since(repaired, 0.2 + KEEP) == [repaired]


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\x40\x00early"])
def test_probe_or_stray_retransmission_is_dropped(payload: bytes) -> None:
    publisher = Publisher()
    publisher.source.receive(next(publisher.frame(keyframe=True)), 0.0)
    assert not publisher.source.repaired(rtp.Packet(97, 0, 9, 0, payload, 0, b""), 0.1)


def test_gap_is_asked_for_soon_then_again_then_no_more() -> None:
    missing = Missing()
    missing.arrived(10, 0.0)
    missing.arrived(13, 0.0)
    assert missing.due(0.01, 0.02) == []
    asked = [now / 100 for now in range(3, 200) if missing.due(now / 100, 0.1)]
    assert len(asked) == ASKS
    pauses = [later - earlier for earlier, later in pairwise(asked)]
    assert pauses[::2] == [pytest.approx(0.1, abs=0.011)] * (ASKS // 2)
    assert pauses[1] == pytest.approx(ASK_STEP, abs=0.001)  # in pairs: one of the two arrives
    assert not missing.asked


def test_packet_asked_for_in_vain_is_given_up_for_a_keyframe() -> None:
    publisher = Publisher()
    publisher.source.receive(next(publisher.frame(keyframe=True)), 0.0)
    publisher.sequence += 1
    publisher.source.receive(next(publisher.frame()), 0.0)
    asked = 0
    for step in range(1, 200):
        publisher.now = step / 100
        asked += len(publisher.source.ask_missing(publisher.now, 0.1))
    assert asked == ASKS
    assert publisher.asked == [pytest.approx(0.59, abs=0.02)]


def test_first_round_trip_measured_counts_whole_and_the_least_one_rises_slowly() -> None:
    trip = RoundTrip(0.05)
    trip.measured(0.2)
    assert (trip.usual, trip.least) == (0.2, 0.2)
    trip.measured(0.12)
    assert (trip.usual, trip.least) == (pytest.approx(0.19), 0.12)
    for _ in range(100):
        trip.measured(0.2)
    assert trip.usual == pytest.approx(0.2, abs=0.001)
    assert trip.least == pytest.approx(0.2, abs=0.001)


def test_packet_that_came_late_is_not_asked_for() -> None:
    missing = Missing()
    for index in (10, 13, 11):
        missing.arrived(index, 0.0)
    assert missing.due(1.0, 0.02) == [12]


def test_too_many_gaps_are_given_up_for_a_keyframe() -> None:
    publisher = Publisher()
    publisher.source.receive(next(publisher.frame(keyframe=True)), 0.0)
    publisher.sequence += TOO_MANY + 1
    publisher.now = 1.0
    publisher.source.receive(next(publisher.frame()), 1.0)
    assert not publisher.source.missing.asked
    assert publisher.asked == [1.0]


@given(st.lists(st.integers(0, 5000), max_size=2000))
def test_what_a_subscriber_may_ask_for_again_takes_bounded_memory(indices: list[int]) -> None:
    resent = Resent()
    allowed = sum(resent.copies(index, 0.0, 0.02) for index in indices)
    assert allowed == min(len(set(indices)), RING)


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=12), st.booleans()), max_size=60))
def test_arbitrary_packets_never_raise(packets: list[tuple[int, bytes, bool]]) -> None:
    """Hazard H11: payloads, jumps and retransmissions of any kind."""
    publisher, slot, out = Publisher(), make_slot(), memoryview(bytearray(2048))
    slot.show(publisher.source, ignore, 0.0)
    for number, (sequence, payload, repair) in enumerate(packets):
        packet = rtp.Packet(96, 0, sequence, 0, payload, 0, b"")
        take = publisher.source.repaired if repair else publisher.source.receive
        if take(packet, number / 50):
            slot.write(packet, 0, number / 50, out)
        resend(slot, sequence, number / 50, out)
        publisher.source.report_block(number / 50)
