"""RTCP as browsers write it, checked against what the RFCs draw."""

from __future__ import annotations

import pytest

from bench import rtcp


def test_a_compound_packet_is_read_back_in_its_parts() -> None:
    report = rtcp.Report(ssrc=9, fraction=64, lost=25, highest=70_000, jitter=3, last=5, delay=6)
    compound = rtcp.receiver_report(1, [report]) + rtcp.source_description(1, "synthetic") + rtcp.picture_loss(1, 2)
    assert [(each.kind, each.subtype) for each in rtcp.packets(compound)] == [(201, 1), (202, 1), (206, 1)]
    assert all(len(each.body) % 4 == 0 for each in rtcp.packets(compound))


def test_a_packet_cut_short_ends_the_reading() -> None:
    whole = rtcp.picture_loss(1, 2)
    assert len(list(rtcp.packets(whole + whole[:-4]))) == 1


@pytest.mark.parametrize("rate", [0, 1, 262_143, 262_144, 1_000_000, 2_500_000, 50_000_000])
def test_estimates_survive_their_floating_form(rate: int) -> None:
    (packet,) = rtcp.packets(rtcp.remb(1, rate, [2, 3]))
    assert rtcp.remb_rate(packet.body) == pytest.approx(rate, rel=2**-17)


def test_nacks_name_each_packet() -> None:
    (packet,) = rtcp.packets(rtcp.nack(1, 2, [65_535, 4]))
    assert list(rtcp.nacked(packet.body)) == [65_535, 4]
    masked = packet.body[:8] + (65_535).to_bytes(2, "big") + (0b101).to_bytes(2, "big")
    assert list(rtcp.nacked(masked)) == [65_535, 0, 2]


def test_ntp_counts_from_1900() -> None:
    assert rtcp.ntp(0.5) == (2_208_988_800 << 32) + (1 << 31)
