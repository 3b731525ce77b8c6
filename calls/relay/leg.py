"""One participant's connection: where its packets come from and go to, its keys, its sources and its slots."""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

from . import rtcp, rtp, sdp
from .bandwidth import Downlink, Picture
from .budget import PACKET, Budget
from .dtls import INBOUND, OUTBOUND, Certificate, Dtls, DtlsFailed
from .figures import LegFigures, SlotFigures, SourceFigures
from .forwarding import CLOCK_RATES, PADDING, Slot, Source, Timeline
from .health import Health
from .ice import CHECKED_WITHIN, Path
from .nack import ASK_STEP, FIRST_ASK, RoundTrip
from .ports import Ports
from .quality import View
from .terms import Answer, Refusal

CONNECT_WITHIN = 15.0  # s for ICE and DTLS
SILENT_FOR = 0.3  # s after the keys are agreed: who has nothing to send is up without a packet
PATH_HELD = 10.0  # s since its last check (RFC 7675 asks for one each 5 s): then any other path that is checked will do
REPORT_EVERY = 1.0  # s
CAMERA_RATE = SCREEN_RATE = 2_500_000  # bits/s a publisher may send of each
AUDIO_RATE = 128_000
SCREEN_SEEN = 2.0  # s since its last packet: a screen is being shared
UNKNOWN_SSRCS = 16  # tried a leg: each costs libsrtp a context
ROUND_TRIP = 0.05  # s, until measured
PAD_EVERY = 0.02  # s
NACKED = 256  # packets of one NACK that are looked for
MAX_PAYLOAD = 1400  # bytes; nothing a browser sends is larger


@dataclass(slots=True)
class Traffic:
    """Counters of a node since its start. `packets_out` are forwarded media, repairs included."""

    packets_in: int = 0
    packets_out: int = 0


class Leg:
    """A connection from its offer to its end. Closed by `close` alone; `on_up` and `on_down(hostile)` tell the node."""

    def __init__(
        self,
        *,
        connection: int,
        offer: sdp.Offer,
        ports: Ports,
        certificate: Certificate,
        traffic: Traffic,
        dropped: Counter[str],
        clock: Callable[[], float],
        on_up: Callable[[Leg], None],
        on_down: Callable[[Leg, bool], None],
        rate: float = inf,
    ) -> None:
        """`rate`: bits/s that the browser is told to send at most, whatever its tracks are."""
        self.connection = connection
        self.offer = offer
        self.connected = False
        self.opened_at = self.heard_at = self.checked_at = clock()
        self._ports = ports
        self._certificate = certificate
        self._traffic = traffic
        self._dropped = dropped
        self._clock = clock
        self._on_up = on_up
        self._on_down = on_down
        self._path: Path | None = None
        self._path_checked_at = 0.0
        self._dtls = Dtls(certificate, self._send, self._on_goodbye)
        self._handshake: asyncio.Task[None] | None = None
        self._up_timer: asyncio.TimerHandle | None = None
        self._nack_timer: asyncio.TimerHandle | None = None
        self._reported_at = 0.0
        self._round_trip = RoundTrip(ROUND_TRIP)
        self._opened: list[Slot] = []  # since the last look: their clocks are to be told
        self._closed = False
        self._ssrc = secrets.randbits(31) + 1  # of this end's reports
        self._cname = secrets.token_hex(8)
        self._session, self._version = secrets.randbits(62), 0
        self._ufrags: list[str] = []  # the newest last: of each answer its own, then the spare one
        self._ufrag = ""  # by which the browser came to where it is

        timeline = Timeline()
        published = [(section, rid) for section in offer.sections[: sdp.SCREEN + 1] for rid in section.rids or ("",)]
        self.sources = tuple(
            Source(
                section.kind,
                section.payload_type,
                section.rtx_payload_type,
                section.ssrc,
                self._ask_keyframe,
                level_id=section.extensions.get(rtp.AUDIO_LEVEL, 0),
                layer=rid,
                red_payload_type=section.red_payload_type,
                timeline=timeline,
            )
            for section, rid in published
        )
        self.microphone, self.screen = self.sources[0], self.sources[-1]
        self.camera = self.sources[1:-1]  # its layers, the smaller first
        self._by_ssrc = {
            ssrc: source
            for source, (section, _) in zip(self.sources, published, strict=True)
            for ssrc in (section.ssrc, section.rtx_ssrc)
            if ssrc
        }
        names = ((section.mid.encode(), rid.encode()) for section, rid in published)
        self._by_name = dict(zip(names, self.sources, strict=True))  # MID and RID
        self._mid_id = offer.sections[sdp.MICROPHONE].extensions.get(rtp.MID, 0)
        layers = offer.sections[sdp.CAMERA].extensions
        self._rid_id, self._repaired_rid_id = layers.get(rtp.RID, 0), layers.get(rtp.REPAIRED_RID, 0)
        self._unknown = 0
        self._rate = rate
        self._told = min(rate, AUDIO_RATE + CAMERA_RATE)  # bits/s this publisher may send
        self._budget = Budget(self._told, self.opened_at)

        self._streams = self._make_streams()
        self._slots = [self._make_slot(n) for n in sdp.OUTGOING]
        self.seats = tuple(tuple(self._slots[n - sdp.OUTGOING.start] for n in seat) for seat in sdp.SEATS)
        self.remote_screen = self._slots[sdp.REMOTE_SCREEN - sdp.OUTGOING.start]
        self._slot_by_ssrc = {slot.ssrc: slot for slot in self._slots}
        self._places = (*(video for _, video in self.seats), self.remote_screen)
        self._shown: tuple[tuple[Source, ...], ...] = ((),) * len(self._places)  # the layers to choose from, in each
        self._downlink = Downlink()
        self._health = Health()
        self._counted = 0, 0  # packets received and lost of all this leg sends, when last reported
        self._padded = 0  # octets
        self._padded_at = 0.0
        self._pad_timer: asyncio.TimerHandle | None = None
        self._paused = (False, False, False), False  # what is sent to this relay, and not on to this subscriber
        self.low_data = False

    def _make_streams(self) -> tuple[sdp.Stream, ...]:
        taken = set(self._by_ssrc) | {self._ssrc}
        ssrcs: list[int] = []
        while len(ssrcs) < 2 * len(sdp.OUTGOING):
            ssrc = secrets.randbits(32)
            if ssrc and ssrc not in taken:
                taken.add(ssrc)
                ssrcs.append(ssrc)
        names = [f"seat{seat}" for seat in (1, 1, 2, 2, 3, 3)] + ["screen"]
        return tuple(
            sdp.Stream(ssrcs[2 * n], ssrcs[2 * n + 1], f"{self._cname}-{name}", f"{name} {name}-{sdp.KINDS[mline]}")
            for n, (mline, name) in enumerate(zip(sdp.OUTGOING, names, strict=True))
        )

    def _make_slot(self, mline: int) -> Slot:
        section, stream = self.offer.sections[mline], self._streams[mline - sdp.OUTGOING.start]
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
            on_open=self._on_open,
        )

    # Agreeing

    def answer(self) -> Answer:
        """Answer the offer with credentials of its own, and expect the browser's checks from now on; also with the
        spare ones, by which a page that lost its network comes back before it can ask for a restart."""
        (ufrag, password), spare = self._new_credentials(), self._new_credentials()
        self._version += 1
        return Answer(
            sdp.build_answer(
                self.offer,
                session=self._session,
                version=self._version,
                ufrag=ufrag,
                password=password,
                fingerprint=self._certificate.fingerprint,
                candidates=self._ports.candidates,
                streams=self._streams,
                spare=spare,
            )
        )

    def _new_credentials(self) -> tuple[str, str]:
        ufrag, password = secrets.token_hex(8), secrets.token_hex(16)
        self._ufrags.append(ufrag)
        self._ports.expect(self, ufrag=ufrag, password=password)
        return ufrag, password

    def restart(self, offer: sdp.Offer) -> Answer:
        """ICE restart: the same media on new credentials. Raises `Refusal("bad_offer")` if anything else changed."""
        if (offer.sections, offer.fingerprints) != (self.offer.sections, self.offer.fingerprints):
            raise Refusal("bad_offer", "An ICE restart changes nothing but ICE.")
        self.offer = offer
        while len(self._ufrags) > 2:
            self._ports.retire(self._ufrags.pop(0))
        return self.answer()

    # Arriving: called from the socket

    def may_check(self) -> bool:
        return self._budget.controls.take()

    def on_checked(self, path: Path, ufrag: str, nominated: bool, now: float) -> None:
        """A NAT that moves a browser to a new port shows in its checks of consent alone, which need not nominate."""
        self.heard_at = self.checked_at = now
        if path != self._path:
            nominated = nominated and (self._path is None or self._is_as_new(ufrag))
            abandoned = self._path is not None and now - self._path_checked_at > PATH_HELD
            if not nominated and not abandoned:
                return
            self._path = path
        if self._is_as_new(ufrag):
            self._ufrag = ufrag
        self._path_checked_at = now
        if self._handshake is None:
            self._handshake = asyncio.get_running_loop().create_task(self._connect())

    def _is_as_new(self, ufrag: str) -> bool:
        """A late check of before a restart brings nothing back to the old address."""
        known = self._ufrags
        return self._ufrag not in known or (ufrag in known and known.index(ufrag) >= known.index(self._ufrag))

    def on_dtls(self, data: bytes) -> None:
        if self._budget.controls.take():
            self._dtls.receive(data)
        else:
            self._dropped["budget"] += 1

    def on_drained(self, path: Path, now: float) -> None:
        """The pictures dropped meanwhile are a hole: go on behind it, at a keyframe."""
        for slot in self._slots:
            if path == self._path and slot.kind == "video" and slot.source is not None:
                slot.restart()
                slot.source.want_keyframe(now)

    def on_path_lost(self, path: Path, *, stalled: bool) -> None:
        """The browser finds another way, or comes back (rule C5); one that stopped reading starts anew."""
        if path != self._path or self._closed:
            return
        self._path = None
        if stalled:
            self._on_down(self, False)

    def on_srtp(self, size: int, now: float) -> None:
        if size < 12:
            self._dropped["rtp"] += 1
            return
        budget = self._budget
        _, second, _, _, ssrc = rtp.HEADER.unpack_from(INBOUND)  # SRTP leaves headers readable
        if rtcp.is_rtcp(second):
            if budget.take(size) and budget.reports.take():
                self._on_rtcp(bytes(INBOUND[:size]), now)
            else:
                self._dropped["budget"] += 1
            return
        source = self._by_ssrc.get(ssrc)
        if source is None and (self._unknown >= UNKNOWN_SSRCS or not budget.strays.take()):
            self._dropped["ssrc"] += 1
            return
        if not budget.take(size):
            self._dropped["budget"] += 1
            return
        size = self._dtls.unprotect(size)
        if size < 0:
            self._dropped["srtp"] += 1
            return
        budget.proven += size + PACKET
        self.heard_at = now
        if not self.connected:
            self._come_up()
        packet = rtp.parse(INBOUND, size)
        if packet is None or len(packet.payload) > MAX_PAYLOAD:
            self._dropped["rtp"] += 1
            return
        if source is None:
            source = self._identify(ssrc, packet)
            if source is None:
                self._dropped["ssrc"] += 1
                return
        self._traffic.packets_in += 1
        if packet.payload_type == source.payload_type:
            if source.receive(packet, now):
                self._pass_on(source, packet, now)
        elif packet.payload_type == source.red_payload_type:
            for each in source.redundant(packet, now):
                self._pass_on(source, each, now)
        elif packet.payload_type == source.rtx_payload_type and source.repaired(packet, now):
            self._pass_on_repaired(source, packet, now)
        if source.missing.asked and self._nack_timer is None:
            self._nack_timer = asyncio.get_running_loop().call_later(FIRST_ASK, self._ask_missing)

    def _pass_on(self, source: Source, packet: rtp.Packet, now: float) -> None:
        send_time = rtp.abs_send_time(now)
        for slot, send in source.outlets:
            if size := slot.write(packet, send_time, now, OUTBOUND):
                send(size)

    def _pass_on_repaired(self, source: Source, packet: rtp.Packet, now: float) -> None:
        """A slot that waits for a keyframe opens at its repaired first packet, and has missed what followed that. What
        comes this late is sent twice where the way down is lossy too: there is no time for another round of asking."""
        send_time = rtp.abs_send_time(now)
        begins_keyframe = packet.vp8 is not None and packet.vp8.keyframe
        for slot, send in source.outlets:
            for each in source.since(packet, now) if begins_keyframe and not slot.is_open else [packet]:
                if size := slot.write(each, send_time, now, OUTBOUND):
                    send(size)
            if slot.wants_twice(packet, now):
                send(slot.resend(packet, send_time, now, OUTBOUND))

    def _identify(self, ssrc: int, packet: rtp.Packet) -> Source | None:
        """By MID, where the offer gave no SSRC (RFC 8843 §9.2), and by RID among a camera's layers (RFC 8852 §3)."""
        self._unknown += 1
        mid = packet.value(self._mid_id) or b""
        rid = packet.value(self._rid_id) or packet.value(self._repaired_rid_id) or b""
        source = self._by_name.get((mid, rid))
        if source is None:
            return None
        if packet.payload_type in (source.payload_type, source.red_payload_type):
            if source.ssrc:
                self._by_ssrc.pop(source.ssrc, None)
            source.ssrc = ssrc
        elif packet.payload_type != source.rtx_payload_type:
            return None
        self._by_ssrc[ssrc] = source
        return source

    def _on_rtcp(self, data: bytes, now: float) -> None:
        plain = self._dtls.unprotect_rtcp(data)
        if plain is None:
            self._dropped["srtcp"] += 1
            return
        self._budget.proven += len(data) + PACKET
        self.heard_at = now
        if not self.connected:
            self._come_up()
        for message in rtcp.walk(plain):
            match message:
                case rtcp.SenderReport(ssrc=ssrc, blocks=blocks):
                    if (source := self._by_ssrc.get(ssrc)) and source.ssrc == ssrc:
                        source.reported(message, now)
                    self._measure(blocks, now)
                case rtcp.ReceiverReport(blocks=blocks):
                    self._measure(blocks, now)
                case rtcp.Remb(bitrate=bitrate):
                    self._downlink.estimated(bitrate, now)
                case rtcp.KeyframeRequest(media_ssrc=ssrc):
                    if (slot := self._slot_by_ssrc.get(ssrc)) and slot.source:
                        slot.source.want_keyframe(now)
                case rtcp.Nack(media_ssrc=ssrc, sequences=sequences):
                    if slot := self._slot_by_ssrc.get(ssrc):
                        send_time = rtp.abs_send_time(now)
                        for sequence in sequences[:NACKED]:
                            if not self._budget.repairs.take():
                                self._dropped["budget"] += 1
                                break
                            packet, copies = slot.asked(sequence, now, self._round_trip.least)
                            if packet is not None:
                                for _ in range(copies):
                                    self.send_rtp(slot.resend(packet, send_time, now, OUTBOUND))

    def _measure(self, blocks: tuple[rtcp.ReportBlock, ...], now: float) -> None:
        for block in blocks:
            slot = self._slot_by_ssrc.get(block.ssrc)
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

    # Sending

    def _send(self, data: bytes | memoryview) -> None:
        if self._path is None:
            return
        try:
            self._path.send(data)
        except OSError:
            self._dropped["send"] += 1

    def send_rtp(self, size: int) -> None:
        """Protect and send the packet in `OUTBOUND[:size]`. Sound goes first on a way that is clogged."""
        path = self._path
        if path is None:
            self._dropped["protect"] += 1
            return
        if path.clogged and self._is_video(int.from_bytes(OUTBOUND[8:12], "big")):
            self._dropped["clogged"] += 1
            return
        size = self._dtls.protect(size)
        if size < 0:
            self._dropped["protect"] += 1
            return
        try:
            path.send(OUTBOUND[:size])
        except OSError:
            self._dropped["send"] += 1
        else:
            self._traffic.packets_out += 1

    def _is_video(self, ssrc: int) -> bool:
        slot = self._slot_by_ssrc.get(ssrc)
        return slot is None or slot.kind == "video"  # only video has a retransmission SSRC

    def _send_rtcp(self, data: bytes) -> None:
        protected = self._dtls.protect_rtcp(data)
        if protected is not None:
            self._send(protected)

    def _ask_keyframe(self, source: Source) -> None:
        self._send_rtcp(rtcp.receiver_report(self._ssrc) + rtcp.picture_loss(self._ssrc, source.ssrc))

    def _ask_missing(self) -> None:
        now = self._clock()
        for source in self.sources:
            if sequences := source.ask_missing(now, self._round_trip.usual):
                self._send_rtcp(rtcp.receiver_report(self._ssrc) + rtcp.nack(self._ssrc, source.ssrc, sequences))
        waiting = any(source.missing.asked for source in self.sources)
        self._nack_timer = asyncio.get_running_loop().call_later(ASK_STEP, self._ask_missing) if waiting else None

    def _report(self, now: float) -> None:
        """Upstream what arrived and how much may be sent, downstream the clocks of what is shown (RFC 3550 §6.4)."""
        self._reported_at = now
        received, lost = (sum(each) for each in zip(*(source.counted for source in self.sources), strict=True))
        more_lost = max(0, lost - self._counted[1])  # fewer: what was late has come
        self._health.up.counted(received - self._counted[0] + more_lost, more_lost, now)
        self._counted = received, lost
        if self.microphone.flows(now):
            self._health.up.shaken(self.microphone.ssrc, self.microphone.jitter, now)
        blocks = [block for source in self.sources if (block := source.report_block(now))]
        screen = SCREEN_RATE if now - self.screen.arrived_at < SCREEN_SEEN else 0
        self._told = min(self._rate, AUDIO_RATE + CAMERA_RATE + screen)
        ssrcs = [source.ssrc for source in self.sources if source.kind == "video" and source.ssrc]
        self._send_rtcp(
            rtcp.receiver_report(self._ssrc, blocks)
            + rtcp.source_description({self._ssrc: self._cname})
            + rtcp.remb(self._ssrc, round(self._told), ssrcs)
        )
        self._report_slots(self._slots, now)

    def _on_open(self, slot: Slot) -> None:
        if not self._opened:
            asyncio.get_running_loop().call_soon(self._report_opened)
        self._opened.append(slot)

    def _report_opened(self) -> None:
        """Whose clock a slot follows is told with its first packet, so that lips match from then on."""
        opened, self._opened = self._opened, []
        if not self._closed:
            self._report_slots([slot for slot in opened if slot.is_open], self._clock())

    def _report_slots(self, slots: list[Slot], now: float) -> None:
        names: dict[int, str] = {}
        reports = b""
        for slot in slots:
            if report := slot.sender_report(now):
                reports += report
                names[slot.ssrc] = self._streams[self._slots.index(slot)].cname
        if reports:
            self._send_rtcp(reports + rtcp.source_description(names))

    # Coming up, going on, going down

    async def _connect(self) -> None:
        try:
            await self._dtls.handshake(self.offer.fingerprints)
        except DtlsFailed:
            self._on_down(self, True)
            return
        self._up_timer = asyncio.get_running_loop().call_later(SILENT_FOR, self._come_up)

    def _come_up(self) -> None:
        """With the browser's first packet: Firefox drops for 0.3 s after the handshake what comes, a keyframe too."""
        if self.connected or self._closed:
            return
        self.connected = True
        self._on_up(self)
        self._report(self._clock())

    def _on_goodbye(self) -> None:
        if not self._closed:
            self._on_down(self, False)

    def tick(self, now: float) -> None:
        """Four times a second: reports, keyframes still wanted, the end of a leg that never came up or fell silent."""
        if not self._budget.tick(self._told, now):
            self._dropped["flooding_leg"] += 1
            self._on_down(self, True)
            return
        if not self.connected:
            if now - self.opened_at > CONNECT_WITHIN:
                self._on_down(self, False)
            return
        if now - self.checked_at > CHECKED_WITHIN:
            self._on_down(self, False)
            return
        for source in self.sources:
            source.ask_again(now)
            source.measure(now)
        if now - self._reported_at >= REPORT_EVERY:
            self._report(now)
        elif switched := [slot for slot in self._slots if slot.is_open and not slot.reports_sent]:
            self._report_slots(switched, now)
        self._fill(now)

    def show(self, seats: Sequence[Leg | None], screen: Leg | None, now: float) -> None:
        """Put these people in the three remote seats, and that one's screen on the remote screen."""
        for (audio, _), leg in zip(self.seats, seats, strict=True):
            audio.show(leg.microphone if leg else None, self.send_rtp, now)
        shown = (*(leg.camera if leg else () for leg in seats), (screen.screen,) if screen else ())
        if shown != self._shown:  # otherwise the next tick is soon enough
            self._shown = shown
            self._fill(now)

    def _fill(self, now: float) -> None:
        """Put into each place for a picture the layer that this link has room for, or none."""
        flowing = [
            [layer for layer in layers if layer.is_steady(now) or (layer is place.source and layer.flows(now))]
            for place, layers in zip(self._places, self._shown, strict=True)
        ]
        counts = self._downlink.decide(
            self._padded + sum(slot.octets for slot in self._slots),
            sum(audio.source.rate for audio, _ in self.seats if audio.source is not None),
            [
                Picture(tuple(layer.rate for layer in layers), is_screen=place is self.remote_screen)
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
                place.show(layer, self.send_rtp, now)
            else:
                place.turn_to(layer, self.send_rtp, now)
        first, second, third, screen = (bool(sent) and not count for sent, count in zip(flowing, counts, strict=True))
        self._paused = (first, second, third), screen
        if self._downlink.padding and self._pad_timer is None:
            self._padded_at = now
            self._pad_timer = asyncio.get_running_loop().call_later(PAD_EVERY, self._pad)

    def view(self, now: float) -> View:
        seats, screen = self._paused
        return View(seats, screen, weak=self._health.is_poor(now, limited=self._downlink.limit < inf))

    def _pad(self) -> None:
        """What the link is to prove it carries, as padding on a retransmission stream: browsers' own probes look so."""
        now, self._pad_timer = self._clock(), None
        place = next((place for place in self._places if place.rtx_payload_type), None)
        if not self._downlink.padding or place is None:
            return
        due = self._downlink.padding / 8 * min(now - self._padded_at, 2 * PAD_EVERY)
        self._padded_at = now
        send_time = rtp.abs_send_time(now)
        while due > 0:
            self.send_rtp(place.pad(send_time, OUTBOUND))
            due -= PADDING
            self._padded += PADDING
        self._pad_timer = asyncio.get_running_loop().call_later(PAD_EVERY, self._pad)

    def figures(self, participant_id: str) -> LegFigures:
        tracks = (
            ("microphone", self.microphone),
            *(("camera", layer) for layer in self.camera),
            ("screen", self.screen),
        )
        return LegFigures(
            participant_id,
            self.connected,
            self._round_trip.usual,
            tuple(
                SourceFigures(
                    name,
                    source.layer,
                    round(source.rate),
                    *source.counted,
                    source.repairs,
                    source.asked_again,
                    source.keyframes_asked,
                )
                for name, source in tracks
            ),
            tuple(
                SlotFigures(
                    mline,
                    slot.source.layer if slot.source else "",
                    round(slot.source.rate) if slot.source and slot.is_open else 0,
                    slot.packets,
                    slot.repairs,
                )
                for mline, slot in zip(sdp.OUTGOING, self._slots, strict=True)
            ),
        )

    def close(self) -> asyncio.Task[None] | None:
        """Stop at once; the goodbye is said by the task returned. A second call does nothing."""
        if self._closed:
            return None
        self._closed = True
        self.connected = False
        now = self._clock()
        self.show((None, None, None), None, now)
        for source in self.sources:
            for outlet, send in list(source.outlets):
                outlet.show(None, send, now)
        for timer in (self._up_timer, self._nack_timer, self._pad_timer):
            if timer is not None:
                timer.cancel()
        if self._handshake is not None:
            self._handshake.cancel()
        self._ports.forget(self)
        return asyncio.get_running_loop().create_task(self._dtls.close())
