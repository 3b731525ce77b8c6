"""RTCP as it is read and built (RFC 3550 §6, RFC 4585, REMB), against aiortc's own reading where that has one."""

from __future__ import annotations

from struct import pack
from typing import Any

import pytest
from aiortc import rtp as aiortc_rtp
from hypothesis import example, given
from hypothesis import strategies as st

from calls.relay import rtcp

u32 = st.integers(0, 0xFFFFFFFF)
blocks = st.builds(rtcp.ReportBlock, u32, st.integers(0, 255), st.integers(-0x800000, 0x7FFFFF), u32, u32, u32, u32)


@given(st.binary(max_size=120))
@example(pack("!BBHI", 0x81, 206, 0, 0))
@example(b"\x8f\xce\x00\x04" + bytes(8) + b"REMB" + b"\xff\xff\xff\xff")
def test_arbitrary_bytes_never_raise(data: bytes) -> None:
    """Hazard H11."""
    list(rtcp.walk(data))


@given(st.sampled_from([200, 201, 202, 203, 205, 206]), st.integers(0, 31), st.binary(max_size=80))
def test_well_framed_nonsense_never_raises(kind: int, count: int, body: bytes) -> None:
    body += bytes(-len(body) % 4)
    list(rtcp.walk(pack("!BBH", 0x80 | count, kind, len(body) // 4) + body))


@given(u32, st.lists(blocks, max_size=31))
def test_receiver_report_is_read_as_written(ssrc: int, written: list[rtcp.ReportBlock]) -> None:
    assert list(rtcp.walk(rtcp.receiver_report(ssrc, written))) == [rtcp.ReceiverReport(ssrc, tuple(written))]


@given(u32, st.integers(0, (1 << 64) - 1), u32)
def test_sender_report_is_read_as_written(ssrc: int, ntp: int, timestamp: int) -> None:
    written = rtcp.sender_report(ssrc, ntp, timestamp, 10, 1 << 40)
    assert list(rtcp.walk(written)) == [rtcp.SenderReport(ssrc, ntp, timestamp, ())]


@given(u32, u32, st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=60))
def test_every_number_asked_for_is_read_again(ssrc: int, media: int, sequences: list[int]) -> None:
    (read,) = rtcp.walk(rtcp.nack(ssrc, media, sequences))
    assert isinstance(read, rtcp.Nack)
    assert read.media_ssrc == media
    assert set(read.sequences) == set(sequences)


def test_neighbours_share_a_nack_word_across_the_wrap() -> None:
    assert len(rtcp.nack(1, 2, [65535, 0, 1, 15])) == 16


@given(u32, st.integers(1, 1 << 40), st.lists(u32, max_size=8))
def test_estimate_is_read_within_its_precision(ssrc: int, bitrate: int, ssrcs: list[int]) -> None:
    (read,) = rtcp.walk(rtcp.remb(ssrc, bitrate, ssrcs))
    assert isinstance(read, rtcp.Remb)
    assert read.ssrcs == tuple(ssrcs)
    assert bitrate * (1 - 2**-17) <= read.bitrate <= bitrate


def test_another_implementation_reads_what_is_built() -> None:
    block = rtcp.ReportBlock(11, 25, -3, 70000, 9, 4, 5)
    compound = (
        rtcp.receiver_report(1, [block])
        + rtcp.source_description({1: "abcd"})
        + rtcp.remb(1, 2_500_000, [11])
        + rtcp.picture_loss(1, 11)
        + rtcp.nack(1, 11, [5, 7])
        + rtcp.sender_report(3, 1 << 40, 99, 4, 5)
    )
    read: list[Any] = list(aiortc_rtp.RtcpPacket.parse(compound))
    report, names, estimate, picture, nack, sender = read
    assert bytes(report.reports[0]) == bytes(aiortc_rtp.RtcpReceiverInfo(11, 25, -3, 70000, 9, 4, 5))
    assert [(chunk.ssrc, chunk.items) for chunk in names.chunks] == [(1, [(1, b"abcd")])]
    assert aiortc_rtp.unpack_remb_fci(estimate.fci) == (2_500_000, [11])
    assert (picture.fmt, picture.media_ssrc) == (1, 11)
    assert nack.lost == [5, 7]
    assert (sender.ssrc, sender.sender_info.rtp_timestamp) == (3, 99)


def test_each_name_stands_in_whole_words_behind_its_ssrc() -> None:
    """RFC 3550 §6.5: at least one zero byte ends a chunk."""
    assert rtcp.source_description({1: "ab", 2: "abcdef"}) == (
        b"\x82\xca\x00\x07" + b"\0\0\0\1\1\2ab\0\0\0\0" + b"\0\0\0\2\1\6abcdef\0\0\0\0"
    )


def test_both_keyframe_requests_are_the_same_wish() -> None:
    fir = pack("!BBHIIII", 0x84, 206, 4, 1, 0, 22, 1 << 24)
    assert list(rtcp.walk(rtcp.picture_loss(1, 22) + fir)) == [rtcp.KeyframeRequest(22), rtcp.KeyframeRequest(22)]


def test_walk_steps_over_what_it_does_not_know() -> None:
    application = pack("!BBHII", 0x80, 204, 2, 1, 0x41424344)
    assert list(rtcp.walk(application + rtcp.picture_loss(1, 2))) == [rtcp.KeyframeRequest(2)]


@pytest.mark.parametrize(
    ("second", "expected"), [(191, False), (192, True), (223, True), (224, False), (96 | 0x80, False)]
)
def test_rtcp_is_told_from_rtp(second: int, expected: bool) -> None:
    assert rtcp.is_rtcp(second) is expected
