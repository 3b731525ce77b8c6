"""RTP packets as they are read (RFC 3550, 8285, 7741)."""

from __future__ import annotations

from struct import pack

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from calls.relay import rtp


def packet(
    payload: bytes = b"payload",
    *,
    first: int = 0x80,
    extension: bytes = b"",
    padding: bytes = b"",
    sources: int = 0,
) -> bytes:
    head = pack("!BBHII", first | sources, 0xE0, 7, 1000, 0xABCD) + bytes(4 * sources)
    return head + extension + payload + padding


def test_plain_packet_is_read() -> None:
    read = rtp.parse(packet())
    assert read is not None
    assert (read.payload_type, read.marker, read.sequence, read.timestamp) == (96, 0x80, 7, 1000)
    assert read.payload == b"payload"


def test_contributing_sources_and_padding_are_left_behind() -> None:
    read = rtp.parse(packet(first=0xA0, sources=2, padding=b"\0\0\3"))
    assert read is not None
    assert read.payload == b"payload"


@pytest.mark.parametrize(
    "broken",
    [
        packet()[:11],
        packet(first=0x40),  # version 1
        packet(b"", sources=3)[:20],  # fewer contributing sources than said
        packet(b"", first=0x90),  # an extension that is not there
        packet(b"", first=0x90, extension=b"\xbe\xde\x00\x02\x10\x01"),  # shorter than it says
        packet(first=0xA0, padding=b"\0"),  # padding of no bytes
        packet(b"", first=0xA0, padding=b"\x09"),  # more padding than packet
    ],
)
def test_broken_packet_is_not_read(broken: bytes) -> None:
    assert rtp.parse(broken) is None


def test_header_extension_is_found_in_both_forms() -> None:
    one_byte = b"\xbe\xde\x00\x02" + b"\x10\x8f" + b"\0" + b"\x42abc" + b"\0"
    two_bytes = b"\x10\x00\x00\x02" + b"\x01\x01\x8f" + b"\x04\x03abc"
    for extension in (one_byte, two_bytes):
        read = rtp.parse(packet(first=0x90, extension=extension))
        assert read is not None
        assert (read.value(1), read.value(4), read.value(5)) == (b"\x8f", b"abc", None)


def test_extension_that_was_not_agreed_is_never_found() -> None:
    read = rtp.parse(packet(first=0x90, extension=b"\xbe\xde\x00\x01\0\0\0\0"))
    assert read is not None
    assert read.value(0) is None


@given(st.integers(1, 14), st.binary(min_size=1, max_size=16))
def test_element_written_is_the_element_read(identifier: int, value: bytes) -> None:
    element = rtp.extension_element(identifier, value)
    assert len(element) % 4 == 0
    assert rtp.find_extension(rtp.ONE_BYTE, element, identifier) == value


@given(st.binary(max_size=80))
@example(b"\x90\x60" + bytes(10) + b"\xbe\xde\xff\xff")
def test_arbitrary_bytes_are_read_or_not_but_never_raise(data: bytes) -> None:
    """Hazard H11."""
    read = rtp.parse(data)
    if read is not None:
        read.value(1)
        rtp.parse_vp8(read.payload)


@given(st.sampled_from([rtp.ONE_BYTE, rtp.TWO_BYTE, 0]), st.binary(max_size=40), st.integers(0, 255))
def test_arbitrary_extension_blocks_never_raise(profile: int, block: bytes, identifier: int) -> None:
    found = rtp.find_extension(profile, block, identifier)
    assert found is None or found in block


@given(st.binary(max_size=12))
def test_vp8_descriptor_points_into_its_payload_or_is_not_read(payload: bytes) -> None:
    vp8 = rtp.parse_vp8(payload)
    if vp8 is not None:
        assert max(vp8.picture_at, vp8.tl0_at) < len(payload)
        assert vp8.picture_id <= max(vp8.picture_mask, -1 if vp8.picture_at < 0 else 0x7FFF)


@pytest.mark.parametrize(
    ("payload", "keyframe"),
    [
        (b"\x10\x00", True),  # start of partition 0, P = 0
        (b"\x10\x01", False),  # an inter frame
        (b"\x00\x00", False),  # not the first packet
        (b"\x11\x00", False),  # partition 1
        (b"\x90\xe0\x81\x23\x07\x20\x00", True),  # with PictureID, TL0PICIDX and TID
    ],
)
def test_keyframe_is_known_by_its_first_packet(payload: bytes, keyframe: bool) -> None:
    vp8 = rtp.parse_vp8(payload)
    assert vp8 is not None
    assert vp8.keyframe is keyframe


def test_picture_numbers_are_read_in_both_widths() -> None:
    wide, narrow = rtp.parse_vp8(b"\x90\xc0\x81\x23\x07\x00"), rtp.parse_vp8(b"\x90\xc0\x23\x07\x00")
    assert wide is not None
    assert narrow is not None
    assert (wide.picture_id, wide.picture_at, wide.picture_mask, wide.tl0_index, wide.tl0_at) == (
        0x123,
        2,
        0x7FFF,
        7,
        4,
    )
    assert (narrow.picture_id, narrow.picture_mask, narrow.tl0_index, narrow.tl0_at) == (0x23, 0x7F, 7, 3)


@given(st.integers(0, 1 << 40), st.integers(-0x7FFF, 0x7FFF))
def test_sequence_number_unwraps_to_the_nearest(near: int, apart: int) -> None:
    assert rtp.unwrap((near + apart) & 0xFFFF, near) == near + apart


def test_send_time_counts_in_quarter_million_parts_and_wraps() -> None:
    assert rtp.abs_send_time(1.0) == 1 << 18
    assert rtp.abs_send_time(64.5) == 1 << 17
