"""What one participant sends: their streams told apart, what is missing of them, what they are told of it.

Pure: no socket, no key, monotonic `now` in seconds passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from . import rtcp, rtp, sdp
from .figures import SourceFigures
from .health import Health
from .source import Source, Timeline

CAMERA_RATE = SCREEN_RATE = 2_500_000  # bits/s a publisher may send of each
AUDIO_RATE = 128_000
SCREEN_SEEN = 2.0  # s since its last packet: a screen is being shared
UNKNOWN_SSRCS = 16  # tried a leg: each costs libsrtp a context


class Upstream:
    """The sources of one leg. `by_ssrc` knows media and retransmission streams, `told` is what they may send."""

    def __init__(self, offer: sdp.Offer, ask_keyframe: Callable[[Source], None], rate: float) -> None:
        """`rate`: bits/s that the browser is told to send at most, whatever its tracks are."""
        timeline = Timeline()
        published = [(section, rid) for section in offer.sections[: sdp.SCREEN + 1] for rid in section.rids or ("",)]
        self.sources = tuple(
            Source(
                section.kind,
                section.payload_type,
                section.rtx_payload_type,
                section.ssrc,
                ask_keyframe,
                level_id=section.extensions.get(rtp.AUDIO_LEVEL, 0),
                layer=rid,
                red_payload_type=section.red_payload_type,
                timeline=timeline,
            )
            for section, rid in published
        )
        self.microphone, self.screen = self.sources[0], self.sources[-1]
        self.camera = self.sources[1:-1]  # its layers, the smaller first
        self.by_ssrc = {
            ssrc: source
            for source, (section, _) in zip(self.sources, published, strict=True)
            for ssrc in (section.ssrc, section.rtx_ssrc)
            if ssrc
        }
        self.told = min(rate, AUDIO_RATE + CAMERA_RATE)  # bits/s
        names = ((section.mid.encode(), rid.encode()) for section, rid in published)
        self._by_name = dict(zip(names, self.sources, strict=True))  # MID and RID
        self._mid_id = offer.sections[sdp.MICROPHONE].extensions.get(rtp.MID, 0)
        layers = offer.sections[sdp.CAMERA].extensions
        self._rid_id, self._repaired_rid_id = layers.get(rtp.RID, 0), layers.get(rtp.REPAIRED_RID, 0)
        self._unknown = 0
        self._rate = rate
        self._counted = 0, 0  # packets received and lost of all, when last reported

    @property
    def takes_unknown(self) -> bool:
        """May a packet of an SSRC not known yet be looked at?"""
        return self._unknown < UNKNOWN_SSRCS

    def identify(self, ssrc: int, packet: rtp.Packet) -> Source | None:
        """By MID, where the offer gave no SSRC (RFC 8843 §9.2), and by RID among a camera's layers (RFC 8852 §3)."""
        self._unknown += 1
        mid = packet.value(self._mid_id) or b""
        rid = packet.value(self._rid_id) or packet.value(self._repaired_rid_id) or b""
        source = self._by_name.get((mid, rid))
        if source is None:
            return None
        if packet.payload_type in (source.payload_type, source.red_payload_type):
            if source.ssrc:
                self.by_ssrc.pop(source.ssrc, None)
            source.ssrc = ssrc
        elif packet.payload_type != source.rtx_payload_type:
            return None
        self.by_ssrc[ssrc] = source
        return source

    def reported(self, report: rtcp.SenderReport, now: float) -> None:
        source = self.by_ssrc.get(report.ssrc)
        if source is not None and source.ssrc == report.ssrc:
            source.reported(report, now)

    @property
    def is_missing(self) -> bool:
        """Is there a packet to ask for?"""
        return any(source.missing.asked for source in self.sources)

    def missing(self, now: float, round_trip: float) -> Iterator[tuple[int, list[int]]]:
        """The sequence numbers to ask for now, by SSRC."""
        for source in self.sources:
            if sequences := source.ask_missing(now, round_trip):
                yield source.ssrc, sequences

    def tick(self, now: float) -> None:
        """A few times a second."""
        for source in self.sources:
            source.ask_again(now)
            source.measure(now)

    def report(self, ssrc: int, cname: str, health: Health, now: float) -> bytes:
        """What arrived and how much may be sent (RFC 3550 §6.4), from this end's `ssrc`; each closes an interval."""
        received, lost = (sum(each) for each in zip(*(source.counted for source in self.sources), strict=True))
        more_lost = max(0, lost - self._counted[1])  # fewer: what was late has come
        health.up.counted(received - self._counted[0] + more_lost, more_lost, now)
        self._counted = received, lost
        if self.microphone.flows(now):
            health.up.shaken(self.microphone.ssrc, self.microphone.jitter, now)
        blocks = [block for source in self.sources if (block := source.report_block(now))]
        screen = SCREEN_RATE if now - self.screen.arrived_at < SCREEN_SEEN else 0
        self.told = min(self._rate, AUDIO_RATE + CAMERA_RATE + screen)
        ssrcs = [source.ssrc for source in self.sources if source.kind == "video" and source.ssrc]
        return (
            rtcp.receiver_report(ssrc, blocks)
            + rtcp.source_description({ssrc: cname})
            + rtcp.remb(ssrc, round(self.told), ssrcs)
        )

    def close(self, now: float) -> None:
        """Nobody is shown any of it any more."""
        for source in self.sources:
            for outlet, send in list(source.outlets):
                outlet.show(None, send, now)

    def figures(self) -> tuple[SourceFigures, ...]:
        names = ("microphone", *("camera" for _ in self.camera), "screen")
        return tuple(
            SourceFigures(
                name,
                source.layer,
                round(source.rate),
                *source.counted,
                source.repairs,
                source.asked_again,
                source.keyframes_asked,
            )
            for name, source in zip(names, self.sources, strict=True)
        )
