"""What reads bytes of strangers (hazards H3, H11): each target takes any input, and raises only where there is a fault.

An input of a target that reads several packets is a row of frames, two bytes of length before each (RFC 4571 §2).
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from struct import pack
from types import SimpleNamespace

from aioice import stun
from OpenSSL import SSL

from bench import rtcp as builders
from bench.canned import Camera, Microphone
from bench.description import CHROMIUM, FIREFOX, Track, Transport, call_offer
from bench.peer import Peer
from calls import frames
from calls.relay import rtcp, rtp, sdp
from calls.relay.dtls import INBOUND, MAX_PLAIN, Certificate, Dtls, DtlsFailed
from calls.relay.ice import Checks
from calls.relay.leg import Leg, Traffic
from calls.relay.node import TICK
from calls.relay.ports import Ports
from calls.relay.sdp import Candidate, Stream, build_answer, parse_offer
from calls.relay.tcp import Oversized, cut_frames
from calls.relay.terms import Refusal

OFFERS = Path(__file__).parents[1] / "calls/relay/offers"
MILLISECOND = 1_000_000  # ns
MAX_FRAME = 1500  # bytes of a datagram


@dataclass(frozen=True, slots=True)
class Target:
    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]


def frame(packets: Iterable[bytes]) -> bytes:
    return b"".join(pack("!H", len(packet)) + packet for packet in packets)


def unframe(data: bytes) -> list[bytes]:
    """As far as it is a row of frames."""
    found, start = [], 0
    while start + 2 <= len(data) and len(found) < 64:
        size = min(int.from_bytes(data[start : start + 2], "big"), MAX_FRAME)
        found.append(data[start + 2 : start + 2 + size])
        start += 2 + size
    return found


# STUN


class _Nobody:
    heard_at = 0.0

    def may_check(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


def check(**attributes: object) -> bytes:
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, b"transaction!")
    request.attributes.update({"USERNAME": "ours:theirs", "PRIORITY": 1, **attributes})
    request.add_message_integrity(b"secret")
    return bytes(request)


def run_stun(data: bytes) -> None:
    checks = Checks(Counter())
    checks.expect(_Nobody(), ufrag="ours", password="secret")
    proven = checks.verify(data)
    if proven is not None:
        assert stun.parse_message(proven.response(("192.0.2.1", 7000))).transaction_id == data[8:20]


# DTLS

_certificate = Certificate()


def _flights() -> Iterator[bytes]:
    """What a browser answers to the relay's ClientHello, and what it sends once the keys are agreed."""

    async def meet() -> list[bytes]:
        said: list[bytes] = []
        peer = Peer(Random(1), lambda *_: None, lambda *_: None)
        peer._setup = "passive"
        peer._tls = peer._new_tls()
        dtls = Dtls(_certificate, lambda data: hear(data), lambda: None)

        def hear(data: bytes) -> None:
            assert peer._tls is not None
            peer._tls.bio_write(data)
            with suppress(SSL.Error):
                peer._tls.do_handshake()
            with suppress(SSL.Error):
                while True:
                    said.append(peer._tls.bio_read(MAX_FRAME))
                    dtls.receive(said[-1])

        await dtls.handshake([tuple(peer._fingerprint.split(" "))])  # type: ignore[list-item]
        with suppress(SSL.Error):
            peer._tls.shutdown()
        with suppress(SSL.Error):
            said.append(peer._tls.bio_read(MAX_FRAME))
        await dtls.close()
        return said

    said = asyncio.run(meet())
    yield frame(said)
    yield from (frame([each]) for each in said)


def run_dtls(data: bytes) -> None:
    """The relay is the client: whatever comes, the handshake goes on, fails or succeeds, and the goodbye is said."""

    async def hear() -> None:
        dtls = Dtls(_certificate, lambda _: None, lambda: None)
        handshake = asyncio.create_task(dtls.handshake([("sha-256", ":".join(["00"] * 32))]))
        for each in unframe(data):
            if each and 20 <= each[0] <= 63:
                dtls.receive(each)
            await asyncio.sleep(0)
        for _ in range(3):
            await asyncio.sleep(0)
        await dtls.close()
        with suppress(DtlsFailed):
            await handshake

    asyncio.run(hear())


# RTP, VP8, RTCP


def run_rtp(data: bytes) -> None:
    packet = rtp.parse(data)
    if packet is not None:
        assert len(packet.payload) + 12 <= len(data)
        for identifier in range(16):
            value = packet.value(identifier)
            assert value is None or value in packet.extension


def run_vp8(data: bytes) -> None:
    vp8 = rtp.parse_vp8(data)
    if vp8 is not None:
        assert -1 <= vp8.picture_at < len(data) - (vp8.picture_mask == 0x7FFF)
        assert -1 <= vp8.tl0_at < len(data)


def run_rtcp(data: bytes) -> None:
    for message in rtcp.walk(data):
        if isinstance(message, rtcp.Nack):
            assert len(message.sequences) <= 17 * len(data)


# A whole leg: everything behind the keys


class _Clear:
    """A Dtls whose keys are agreed and leave packets as they are."""

    def unprotect(self, size: int) -> int:
        return size

    def protect(self, size: int) -> int:
        assert size >= 12
        return size if size <= MAX_PLAIN else -1

    def unprotect_rtcp(self, data: bytes) -> bytes:
        return data

    def protect_rtcp(self, data: bytes) -> bytes:
        assert len(data) % 4 == 0
        return data


_TRANSPORT = Transport("ufrag", "p" * 24, "sha-256 " + ":".join(["AB"] * 32))
_TRACKS = [Track("0", 11, None), Track("1", 12, 22), Track("2", 13, 23)]


def _sources() -> tuple[Microphone, Camera, Camera]:
    make = {"sequence": 65530, "timestamp": 7}  # soon to wrap
    return (
        Microphone("0", 11, 1, CHROMIUM, **make),
        Camera("1", 12, 22, 2, CHROMIUM, **make),
        Camera("2", 13, 23, 3, CHROMIUM, **make),
    )


def _conversation() -> Iterator[bytes]:
    """Some pictures and sound of one publisher; then repairs, reports and requests."""
    microphone, camera, screen = _sources()
    moments = range(0, 160 * MILLISECOND, 20 * MILLISECOND)
    media = [packet for at in moments for each in (microphone, camera) for packet in each.tick(at)]
    yield frame(media)
    yield frame(packet for n, packet in enumerate(media) if n % 5)  # with gaps
    yield frame(reversed(media))
    yield frame(screen.tick(0))
    lost = [repaired for sequence in list(camera.history)[1:4] if (repaired := camera.again(sequence))]
    yield frame([*media[:3], *lost])
    yield frame([media[0], builders.sender_report(11, builders.ntp(1.0), 7, 1, 100)])
    yield frame([builders.picture_loss(5, 12), builders.nack(5, 12, [1, 2, 3]), builders.remb(5, 300_000, [12, 13])])
    yield frame([builders.receiver_report(5, []) + builders.source_description(5, "name")])
    yield frame([b"\x80\x61" + media[1][2:8] + (22).to_bytes(4, "big") + b"\xff"])  # a probe


def run_leg(data: bytes) -> None:
    """Frames arrive in turn at two legs that show each other; each fourth a tick later."""

    async def hear() -> None:
        now, dropped = [100.0], Counter[str]()
        certificate = SimpleNamespace(rtc=_certificate.rtc, fingerprint=_certificate.fingerprint)
        ports = Ports([], [], lambda: now[0], dropped, lambda: None)
        offer = parse_offer(call_offer(_TRANSPORT, _TRACKS, CHROMIUM))
        legs = [
            Leg(
                connection=1, offer=offer, ports=ports, certificate=certificate, traffic=Traffic(), dropped=dropped,
                clock=lambda: now[0], on_up=lambda _: None, on_down=lambda *_: None,
            )
            for _ in range(2)
        ]  # fmt: skip
        for leg, other in zip(legs, reversed(legs), strict=True):
            leg.answer()
            leg._dtls = _Clear()  # type: ignore[assignment]
            leg._path = SimpleNamespace(send=lambda data: None, clogged=False)  # type: ignore[assignment]
            leg._come_up()
            leg.show((other, None, None), other, now[0])
        for number, packet in enumerate(unframe(data)):
            INBOUND[: len(packet)] = packet
            legs[number % 3 == 2].on_srtp(len(packet), now[0])
            now[0] += 0.005
            if number % 4 == 3:
                now[0] += TICK
                for leg in legs:
                    leg.tick(now[0])
                    leg._ask_missing()
        for leg in legs:
            leg._dtls = Dtls(_certificate, lambda _: None, lambda: None)
            leg.close()

    asyncio.run(hear())


# Signalling


def run_offer(data: bytes) -> None:
    with suppress(Refusal):
        offer = parse_offer(data.decode(errors="replace"))
        names = [Stream(2 * n + 1, 2 * n + 2, "cname", "stream track") for n in sdp.OUTGOING]
        answer = build_answer(
            offer, session=1, version=1, ufrag="u" * 4, password="p" * 22, fingerprint=("sha-256", "AB"),
            candidates=[Candidate("192.0.2.1", 7000)], streams=names,
        )  # fmt: skip
        assert answer.count("\r\nm=") == len(sdp.KINDS)
        assert answer.isascii()
        assert "\n" not in answer.replace("\r\n", "")


def run_frame(data: bytes) -> None:
    with suppress(frames.FrameError):
        frames.parse(data.decode(errors="surrogateescape"))


def _pages() -> Iterator[bytes]:
    media = {"microphone": True, "camera": False, "screen": False}
    for fields in (
        {"type": "join", "ticket": "t", "offer": "v=0", "media": media, "id": "1"},
        {"type": "resume", "ticket": "t", "connection": 2, "version": 3},
        {"type": "restart", "offer": "v=0"},
        {"type": "candidate", "candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host"},
        {"type": "media", **media, "take_screen": True},
        {"type": "prefer", "mode": "low"},
        {"type": "hears", "participants": ["00000000-0000-4000-8000-000000000000"]},
        {"type": "chat", "text": "Grüße 👋"},
        {"type": "remove", "participant": "00000000-0000-4000-8000-000000000000"},
        {"type": "end", "revoke": False},
        {"type": "pong"},
    ):
        yield json.dumps(fields, ensure_ascii=False).encode()


def run_tcp(data: bytes) -> None:
    with suppress(Oversized):
        found, rest = cut_frames(data)
        assert frame(found) + rest == data


def _offers() -> Sequence[bytes]:
    made = [call_offer(_TRANSPORT, _TRACKS, dialect).encode() for dialect in (CHROMIUM, FIREFOX)]
    return [*made, *(path.read_bytes() for path in sorted(OFFERS.glob("*.sdp")))]


def _bytes(seeds: Iterable[bytes]) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(seeds))


_talk = _bytes(_conversation())
_packets = _bytes(packet for each in _talk for packet in unframe(each))

TARGETS: dict[str, Target] = {
    "stun": Target(run_stun, (check(), check(**{"USE-CANDIDATE": None}), check(**{"ICE-CONTROLLING": 1}))),
    "dtls": Target(run_dtls, _bytes(_flights())),
    "rtp": Target(run_rtp, _packets[:12]),
    "vp8": Target(run_vp8, _bytes(found.payload[:20] for each in _packets if (found := rtp.parse(each)))),
    "rtcp": Target(run_rtcp, _bytes(each for each in _packets if rtcp.is_rtcp(each[1]))),
    "leg": Target(run_leg, _talk),
    "offer": Target(run_offer, _bytes(_offers())),
    "frame": Target(run_frame, _bytes(_pages())),
    "tcp": Target(run_tcp, (frame([check(), b"\x16\xfe\xfd", b"\x80\x60"]), b"\x00\x00", b"\xff\xff")),
}
