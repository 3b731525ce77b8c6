"""The film is a film: pictures a decoder can begin with, at the rate the canned media have."""

from __future__ import annotations

import pytest

from bench.description import CHROMIUM
from bench.film import FilmCamera, FilmMicrophone, FilmSlot
from bench.latency import BUCKETS
from bench.receiver import begins_keyframe

SECOND = 10**9


def test_film_is_about_a_megabit_and_begins_with_a_keyframe_when_asked() -> None:
    camera = FilmCamera("1", 1, 2, 7, CHROMIUM, sequence=100, timestamp=5_000)
    frames = [camera.tick(number * SECOND // 30) for number in range(1, 61)]
    assert begins_keyframe(frames[0][0])
    assert not any(begins_keyframe(frame[0]) for frame in frames[1:])
    assert [packet[1] >> 7 for packet in frames[0]] == [0] * (len(frames[0]) - 1) + [1]
    assert sum(len(packet) for frame in frames for packet in frame) * 8 / 2 == pytest.approx(1_000_000, rel=0.35)
    camera.keyframe_wanted = True
    assert begins_keyframe(camera.tick(3 * SECOND)[0])


def test_slot_counts_pictures_and_sound_rather_than_packets() -> None:
    camera = FilmCamera("1", 1, 2, 7, CHROMIUM, sequence=100, timestamp=5_000)
    microphone = FilmMicrophone("0", 3, 7, CHROMIUM, sequence=1, timestamp=1)
    seen, heard = (FilmSlot(mid, kind, 1, [0] * BUCKETS) for mid, kind in (("4", "video"), ("3", "audio")))
    for number in range(10):
        for packet in camera.tick(number * SECOND // 30):
            seen.take(packet, SECOND)
        for packet in microphone.tick(number * SECOND // 50):
            heard.take(packet, SECOND)
    assert (seen.units, heard.units) == (camera.units, microphone.units) == (10, 10)
    assert seen.received > 20
