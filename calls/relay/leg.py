"""One participant's connection: where its packets come from and go to, its keys, its beginning and its end.

What is sent over it is read and answered here; what is known of it stands in `relay.upstream` and `relay.downstream`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

from . import rtcp, rtp, sdp
from .budget import PACKET, Budget
from .downstream import PAD_EVERY, Downstream
from .dtls import INBOUND, OUTBOUND, Certificate, Dtls, DtlsFailed
from .figures import LegFigures
from .health import Health
from .ice import CHECKED_WITHIN, Path
from .nack import ASK_STEP, FIRST_ASK, RoundTrip
from .ports import Ports
from .quality import View
from .slot import Slot
from .source import Source
from .terms import Answer, Refusal
from .upstream import Upstream

CONNECT_WITHIN = 15.0  # s for ICE and DTLS
SILENT_FOR = 0.3  # s after the keys are agreed: who has nothing to send is up without a packet
PATH_HELD = 10.0  # s since its last check (RFC 7675 asks for one each 5 s): then any other path that is checked will do
REPORT_EVERY = 1.0  # s
ROUND_TRIP = 0.05  # s, until measured
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
        self._pad_timer: asyncio.TimerHandle | None = None
        self._reported_at = 0.0
        self._round_trip = RoundTrip(ROUND_TRIP)
        self._opened: list[Slot] = []  # since the last look: their clocks are to be told
        self._closed = False
        self._ssrc = secrets.randbits(31) + 1  # of this end's reports
        self._cname = secrets.token_hex(8)
        self._session, self._version = secrets.randbits(62), 0
        self._ufrags: list[str] = []  # the newest last: of each answer its own, then the spare one
        self._ufrag = ""  # by which the browser came to where it is

        self._health = Health()
        self.upstream = Upstream(offer, self._ask_keyframe, rate)
        self._by_ssrc = self.upstream.by_ssrc
        self.downstream = Downstream(
            offer,
            cname=self._cname,
            taken={self._ssrc, *self._by_ssrc},
            send=self.send_rtp,
            on_open=self._on_open,
            health=self._health,
            round_trip=self._round_trip,
        )
        self._budget = Budget(self.upstream.told, self.opened_at)

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
                streams=self.downstream.streams,
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
        """Pictures were dropped meanwhile."""
        if path == self._path:
            self.downstream.restart_pictures(now)

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
        if source is None and not (self.upstream.takes_unknown and budget.strays.take()):
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
            source = self.upstream.identify(ssrc, packet)
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
                case rtcp.SenderReport(blocks=blocks):
                    self.upstream.reported(message, now)
                    self.downstream.measure(blocks, now)
                case rtcp.ReceiverReport(blocks=blocks):
                    self.downstream.measure(blocks, now)
                case rtcp.Remb(bitrate=bitrate):
                    self.downstream.estimated(bitrate, now)
                case rtcp.KeyframeRequest(media_ssrc=ssrc):
                    self.downstream.want_keyframe(ssrc, now)
                case rtcp.Nack():
                    if not self.downstream.repair(message, self._budget.repairs.take, now):
                        self._dropped["budget"] += 1

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
        if path.clogged and self.downstream.is_video(int.from_bytes(OUTBOUND[8:12], "big")):
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

    def _send_rtcp(self, data: bytes) -> None:
        protected = self._dtls.protect_rtcp(data)
        if protected is not None:
            self._send(protected)

    def _ask_keyframe(self, source: Source) -> None:
        self._send_rtcp(rtcp.receiver_report(self._ssrc) + rtcp.picture_loss(self._ssrc, source.ssrc))

    def _ask_missing(self) -> None:
        now = self._clock()
        for ssrc, sequences in self.upstream.missing(now, self._round_trip.usual):
            self._send_rtcp(rtcp.receiver_report(self._ssrc) + rtcp.nack(self._ssrc, ssrc, sequences))
        waiting = self.upstream.is_missing
        self._nack_timer = asyncio.get_running_loop().call_later(ASK_STEP, self._ask_missing) if waiting else None

    def _report(self, now: float) -> None:
        """Upstream what arrived and how much may be sent, downstream the clocks of what is shown (RFC 3550 §6.4)."""
        self._reported_at = now
        self._send_rtcp(self.upstream.report(self._ssrc, self._cname, self._health, now))
        self._report_slots(self.downstream.slots, now)

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
        if reports := self.downstream.reports(slots, now):
            self._send_rtcp(reports)

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
        if not self._budget.tick(self.upstream.told, now):
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
        self.upstream.tick(now)
        if now - self._reported_at >= REPORT_EVERY:
            self._report(now)
        elif untold := self.downstream.untold:
            self._report_slots(untold, now)
        self.downstream.fill(now)
        self._pad_if_wanted(now)

    def show(self, seats: Sequence[Leg | None], screen: Leg | None, now: float) -> None:
        """Put these people in the three remote seats, and that one's screen on the remote screen."""
        people = [leg.upstream if leg else None for leg in seats]
        self.downstream.show(people, screen.upstream if screen else None, now)
        self._pad_if_wanted(now)

    def view(self, now: float) -> View:
        return self.downstream.view(now)

    def _pad_if_wanted(self, now: float) -> None:
        if self.downstream.wants_padding and self._pad_timer is None:
            self.downstream.begin_padding(now)
            self._pad_timer = asyncio.get_running_loop().call_later(PAD_EVERY, self._pad)

    def _pad(self) -> None:
        wanted = self.downstream.pad(self._clock())
        self._pad_timer = asyncio.get_running_loop().call_later(PAD_EVERY, self._pad) if wanted else None

    def figures(self, participant_id: str) -> LegFigures:
        return LegFigures(
            participant_id,
            self.connected,
            self._round_trip.usual,
            self.upstream.figures(),
            self.downstream.figures(),
        )

    def close(self) -> asyncio.Task[None] | None:
        """Stop at once; the goodbye is said by the task returned. A second call does nothing."""
        if self._closed:
            return None
        self._closed = True
        self.connected = False
        now = self._clock()
        self.show((None, None, None), None, now)
        self.upstream.close(now)
        for timer in (self._up_timer, self._nack_timer, self._pad_timer):
            if timer is not None:
                timer.cancel()
        if self._handshake is not None:
            self._handshake.cancel()
        self._ports.forget(self)
        return asyncio.get_running_loop().create_task(self._dtls.close())
