"""What a slot counts, packet by packet."""

from __future__ import annotations

import pytest

from bench.canned import Camera, Microphone
from bench.description import CHROMIUM, FIREFOX, Dialect
from bench.latency import BUCKETS
from bench.receiver import Slot, Whim, begins_keyframe, extension, payload_at

SECOND = 10**9


def make_camera(source: int = 7, sequence: int = 100) -> Camera:
    return Camera("1", ssrc=1, rtx=2, source=source, dialect=CHROMIUM, sequence=sequence, timestamp=5_000)


def frames(camera: Camera, count: int) -> list[bytes]:
    return [packet for index in range(count) for packet in camera.tick((index + 1) * SECOND // 30)]


def make_slot() -> Slot:
    return Slot("4", "video", ssrc=1, latency=[0] * BUCKETS)


def test_canned_video_is_vp8_that_begins_with_a_keyframe() -> None:
    camera = make_camera()
    key, inter = camera.tick(SECOND), camera.tick(SECOND)
    assert [begins_keyframe(packet) for packet in key] == [True] + [False] * 7
    assert not any(begins_keyframe(packet) for packet in inter)
    assert [packet[1] >> 7 for packet in key] == [0] * 7 + [1], "the marker ends the frame"
    assert max(map(len, key + inter)) <= 1200


def test_canned_video_is_about_a_megabit_and_a_hundred_packets_a_second() -> None:
    packets = frames(make_camera(), 300)
    assert len(packets) == pytest.approx(1_000, rel=0.02)
    assert sum(map(len, packets)) * 8 / 10 == pytest.approx(1_000_000, rel=0.1)


@pytest.mark.parametrize("dialect", [CHROMIUM, FIREFOX])
def test_extensions_carry_the_mid_and_the_level(dialect: Dialect) -> None:
    packet = Microphone("0", 1, 7, dialect, sequence=1, timestamp=1, level=30).tick(SECOND)[0]
    assert extension(packet, dialect.mid) == b"0"
    assert extension(packet, dialect.audio_level) == bytes([0x80 | 30])
    assert len(extension(packet, dialect.abs_send_time) or b"") == 3


def test_missing_packets_are_lost_until_they_come() -> None:
    slot, packets = make_slot(), frames(make_camera(), 3)
    for packet in packets[:4] + packets[7:]:
        slot.take(packet, SECOND)
    assert (slot.lost, slot.gaps, slot.late) == (3, 3, 0)
    for packet in packets[4:7]:
        slot.take(packet, SECOND)
    assert (slot.lost, slot.gaps, slot.late) == (0, 0, 3)


def test_a_retransmission_fills_the_gap_it_is_for_and_no_other() -> None:
    camera, slot = make_camera(), make_slot()
    packets = frames(camera, 3)
    for packet in packets[:4] + packets[5:]:
        slot.take(packet, SECOND)
    slot.take_again(camera.again(102) or b"", SECOND)  # arrived before
    assert slot.lost == 1
    slot.take_again(camera.again(104) or b"", SECOND)
    assert (slot.lost, slot.repaired) == (0, 2)


def test_packet_of_the_picture_before_that_is_overtaken_by_the_next_ones_keyframe_changes_nothing_back() -> None:
    slot, before, after = make_slot(), make_camera(source=7), make_camera(source=8, sequence=108)
    *first, overtaken = frames(before, 1)
    for packet in (*first, *frames(after, 2), overtaken):
        slot.take(packet, SECOND)
    assert (slot.source, slot.switches, slot.blind_switches, slot.late) == (8, 1, 0, 1)
    assert (slot.lost, slot.gaps) == (0, 0)


def test_sequence_numbers_wrap_without_loss() -> None:
    slot = make_slot()
    for packet in frames(make_camera(sequence=65_530), 10):
        slot.take(packet, SECOND)
    assert (slot.lost, slot.gaps) == (0, 0)
    assert slot.sequence > 65_536


def test_another_source_is_a_switch_and_only_a_keyframe_may_begin_it() -> None:
    slot, first, second = make_slot(), make_camera(source=7), make_camera(source=8, sequence=111)
    for packet in frames(first, 2):
        slot.take(packet, SECOND)
    later = frames(second, 2)
    for packet in later[2:]:
        slot.take(packet, SECOND)
    assert (slot.switches, slot.blind_switches, slot.source) == (1, 1, 8)
    assert slot.lost == 0, "what was sent before the switch was for others"


def test_latency_is_from_the_senders_clock_to_the_receivers() -> None:
    slot = make_slot()
    for packet in make_camera().tick(SECOND):
        slot.take(packet, SECOND + 2_000_000)
    assert slot.latency[2_000_000 // 50_000] == 8


def test_a_probe_without_media_is_not_counted_as_media() -> None:
    slot = make_slot()
    probe = bytearray(make_camera().tick(SECOND)[0])
    probe[0] |= 0x20
    assert slot.take(bytes(probe), SECOND) is None
    assert (slot.received, slot.padding) == (0, 1)


def test_reports_tell_the_loss_since_the_last_one() -> None:
    slot, packets = make_slot(), frames(make_camera(), 40)
    for packet in packets[:50] + packets[75:100]:
        slot.take(packet, SECOND)
    first = slot.report(1.0)
    for packet in packets[100:130]:
        slot.take(packet, SECOND)
    second = slot.report(2.0)
    assert first is not None
    assert second is not None
    assert (first.fraction, first.lost, first.highest) == (64, 25, 199)
    assert (second.fraction, second.lost, second.highest) == (0, 25, 229)


def test_a_repaired_packet_carries_its_number_before_its_payload() -> None:
    camera = make_camera()
    packet = camera.tick(SECOND)[2]
    again = camera.again(102)
    assert again is not None
    at = payload_at(again)
    assert again[at : at + 2] == (102).to_bytes(2, "big")
    assert again[at + 2 :] == packet[payload_at(packet) :]
    assert camera.again(4_000) is None


def test_whims_are_seeded_and_as_frequent_as_asked() -> None:
    strikes = [Whim(3, 0.05).strikes() for _ in range(2)]
    assert strikes[0] == strikes[1]
    whim = Whim(3, 0.05)
    assert 60 <= sum(whim.strikes() for _ in range(2_000)) <= 140
    quiet = Whim(3, 0.0)
    assert not any(quiet.strikes() for _ in range(1_000))
