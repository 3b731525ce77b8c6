"""What one participant is shown: the streams of their leg, who is behind each, and what their link has room for.

Pure but for `send`, which takes the packet in `dtls.OUTBOUND[:size]`; monotonic `now` in seconds passed in.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from math import inf

from . import rtcp, rtp, sdp
from .bandwidth import Downlink, Picture
from .dtls import OUTBOUND
from .figures import SlotFigures
from .health import Health
from .nack import RoundTrip
from .quality import View
from .slot import PADDING, Slot
from .source import CLOCK_RATES, Send, Source
from .upstream import Upstream

PAD_EVERY = 0.02  # s
NACKED = 256  # packets of one NACK that are looked for


class Downstream:
    """The slots of one leg, three remote seats and a remote screen. `low_data` is the participant's own choice."""

    def __init__(
        self,
        offer: sdp.Offer,
        *,
        cname: str,
        taken: Collection[int],
        send: Send,
        on_open: Callable[[Slot], None],
        health: Health,
        round_trip: RoundTrip,
    ) -> None:
        """`taken`: SSRCs of others on this leg. `on_open` as of a `Slot`."""
        self.low_data = False
        self.streams = _make_streams(cname, taken)
        self.slots = [
            _make_slot(offer.sections[mline], stream, on_open)
            for mline, stream in zip(sdp.OUTGOING, self.streams, strict=True)
        ]
        self.by_ssrc = {slot.ssrc: slot for slot in self.slots}
        self._send = send
        self._health = health
        self._round_trip = round_trip
        self._seats = tuple(tuple(self.slots[n - sdp.OUTGOING.start] for n in seat) for seat in sdp.SEATS)
        self._screen = self.slots[sdp.REMOTE_SCREEN - sdp.OUTGOING.start]
        self._places = (*(video for _, video in self._seats), self._screen)
        self._shown: tuple[tuple[Source, ...], ...] = ((),) * len(self._places)  # the layers to choose from, in each
        self._downlink = Downlink()
        self._paused = (False, False, False), False  # what is sent to this relay, and not on to this subscriber
        self._padded = 0  # octets
        self._padded_at = 0.0

    # Who is shown

    def show(self, seats: Sequence[Upstream | None], screen: Upstream | None, now: float) -> None:
        """Put these people in the three remote seats, and that one's screen on the remote screen."""
        for (audio, _), seat in zip(self._seats, seats, strict=True):
            audio.show(seat.microphone if seat else None, self._send, now)
        shown = (*(seat.camera if seat else () for seat in seats), (screen.screen,) if screen else ())
        if shown != self._shown:  # otherwise the next tick is soon enough
            self._shown = shown
            self.fill(now)

    def fill(self, now: float) -> None:
        """Put into each place for a picture the layer that this link has room for, or none."""
        flowing = [
            [layer for layer in layers if layer.is_steady(now) or (layer is place.source and layer.flows(now))]
            for place, layers in zip(self._places, self._shown, strict=True)
        ]
        counts = self._downlink.decide(
            self._padded + sum(slot.octets for slot in self.slots),
            sum(audio.source.rate for audio, _ in self._seats if audio.source is not None),
            [
                Picture(tuple(layer.rate for layer in layers), is_screen=place is self._screen)
                for place, layers in zip(self._places, flowing, strict=True)
            ],
            now,
            low_data=self.low_data,
        )
        for place, layers, sent, count in zip(self._places, self._shown, flowing, counts, strict=True):
            if count:
                layer: Source | None = sent[count - 1]
            else:  # what is sent is paused; where nothing is, browsers begin with the smaller layer
                layer = layers[0] if layers and not sent else None
            if layer is None or place.source not in layers:
                place.show(layer, self._send, now)
            else:
                place.turn_to(layer, self._send, now)
        first, second, third, screen = (bool(sent) and not count for sent, count in zip(flowing, counts, strict=True))
        self._paused = (first, second, third), screen

    def view(self, now: float) -> View:
        seats, screen = self._paused
        return View(seats, screen, weak=self._health.is_poor(now, limited=self._downlink.limit < inf))

    def restart_pictures(self, now: float) -> None:
        """What was not sent meanwhile is a hole: go on behind it, at a keyframe."""
        for slot in self.slots:
            if slot.kind == "video" and slot.source is not None:
                slot.restart()
                slot.source.want_keyframe(now)

    # Padding, as a probe: what the link is to prove it carries; on a retransmission stream, as browsers' own probes

    @property
    def wants_padding(self) -> bool:
        return self._downlink.padding > 0

    def begin_padding(self, now: float) -> None:
        """To be followed by `pad` each `PAD_EVERY`."""
        self._padded_at = now

    def pad(self, now: float) -> bool:
        """Send what is due. False: no more is wanted."""
        place = next((place for place in self._places if place.rtx_payload_type), None)
        if not self._downlink.padding or place is None:
            return False
        due = self._downlink.padding / 8 * min(now - self._padded_at, 2 * PAD_EVERY)
        self._padded_at = now
        send_time = rtp.abs_send_time(now)
        while due > 0:
            self._send(place.pad(send_time, OUTBOUND))
            due -= PADDING
            self._padded += PADDING
        return True

    # What the subscriber's browser says

    def measure(self, blocks: Sequence[rtcp.ReportBlock], now: float) -> None:
        """A receiver report: loss, jitter and round trip of the way down."""
        for block in blocks:
            slot = self.by_ssrc.get(block.ssrc)
            if slot is None:
                continue
            expected, lost = slot.heard(block)
            self._downlink.reported(expected, lost, now)
            self._health.down.counted(expected, lost, now)
            if slot.kind == "audio" and slot.source is not None:
                shaken = block.jitter / CLOCK_RATES["audio"] - slot.source.jitter
                self._health.down.shaken(slot.ssrc, max(0.0, shaken), now)
            measured = slot.round_trip(block, now)
            if measured is not None:
                self._round_trip.measured(measured)

    def estimated(self, bitrate: int, now: float) -> None:
        """A REMB."""
        self._downlink.estimated(bitrate, now)

    def want_keyframe(self, ssrc: int, now: float) -> None:
        slot = self.by_ssrc.get(ssrc)
        if slot is not None and slot.source is not None:
            slot.source.want_keyframe(now)

    def repair(self, nack: rtcp.Nack, may_repair: Callable[[], bool], now: float) -> bool:
        """Send again what is asked for and may be. False: `may_repair`, asked for each packet, ended it."""
        slot = self.by_ssrc.get(nack.media_ssrc)
        if slot is None:
            return True
        send_time = rtp.abs_send_time(now)
        for sequence in nack.sequences[:NACKED]:
            if not may_repair():
                return False
            packet, copies = slot.asked(sequence, now, self._round_trip.least)
            if packet is not None:
                for _ in range(copies):
                    self._send(slot.resend(packet, send_time, now, OUTBOUND))
        return True

    # What it is told

    def reports(self, slots: Sequence[Slot], now: float) -> bytes:
        """The clocks that these slots follow (RFC 3550 §6.4.1); empty where none is known."""
        names: dict[int, str] = {}
        reports = b""
        for slot in slots:
            if report := slot.sender_report(now):
                reports += report
                names[slot.ssrc] = self.streams[self.slots.index(slot)].cname
        return reports + rtcp.source_description(names) if reports else b""

    @property
    def untold(self) -> list[Slot]:
        """Whose clock was not told since they opened."""
        return [slot for slot in self.slots if slot.is_open and not slot.reports_sent]

    def is_video(self, ssrc: int) -> bool:
        slot = self.by_ssrc.get(ssrc)
        return slot is None or slot.kind == "video"  # only video has a retransmission SSRC

    def figures(self) -> tuple[SlotFigures, ...]:
        return tuple(
            SlotFigures(
                mline,
                slot.source.layer if slot.source else "",
                round(slot.source.rate) if slot.source and slot.is_open else 0,
                slot.packets,
                slot.repairs,
            )
            for mline, slot in zip(sdp.OUTGOING, self.slots, strict=True)
        )


def _make_streams(cname: str, taken: Collection[int]) -> tuple[sdp.Stream, ...]:
    ssrcs: list[int] = []
    while len(ssrcs) < 2 * len(sdp.OUTGOING):
        ssrc = secrets.randbits(32)
        if ssrc and ssrc not in taken and ssrc not in ssrcs:
            ssrcs.append(ssrc)
    names = [f"seat{seat}" for seat in (1, 1, 2, 2, 3, 3)] + ["screen"]
    return tuple(
        sdp.Stream(ssrcs[2 * n], ssrcs[2 * n + 1], f"{cname}-{name}", f"{name} {name}-{sdp.KINDS[mline]}")
        for n, (mline, name) in enumerate(zip(sdp.OUTGOING, names, strict=True))
    )


def _make_slot(section: sdp.Section, stream: sdp.Stream, on_open: Callable[[Slot], None]) -> Slot:
    return Slot(
        section.kind,
        ssrc=stream.ssrc,
        payload_type=section.payload_type,
        rtx_ssrc=stream.rtx_ssrc,
        rtx_payload_type=section.rtx_payload_type,
        mid=section.mid,
        mid_id=section.extensions.get(rtp.MID, 0),
        abs_send_time_id=section.extensions.get(rtp.ABS_SEND_TIME, 0),
        red_payload_type=section.red_payload_type,
        on_open=on_open,
    )
