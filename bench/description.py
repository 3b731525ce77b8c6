"""Session descriptions as browsers write them: the ten-m-line offer of relay.md, "Shape", and a reader of answers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Dialect:
    """The payload types and header extension ids of one browser."""

    opus: int
    red: int
    vp8: int
    rtx: int
    audio_level: int
    abs_send_time: int
    mid: int
    rtp_stream_id: int
    repaired_rtp_stream_id: int


CHROMIUM = Dialect(
    opus=111, red=63, vp8=96, rtx=97, audio_level=1, abs_send_time=2, mid=4, rtp_stream_id=10, repaired_rtp_stream_id=11
)
FIREFOX = Dialect(
    opus=109, red=0, vp8=120, rtx=124, audio_level=1, abs_send_time=5, mid=3, rtp_stream_id=6, repaired_rtp_stream_id=7
)

MICROPHONE, CAMERA, SCREEN = "0", "1", "2"
SEATS = (("3", "4"), ("5", "6"), ("7", "8"))  # audio and video of the three remote seats
REMOTE_SCREEN = "9"
AUDIO_MIDS = frozenset({MICROPHONE, *(audio for audio, _ in SEATS)})
RECEIVED_MIDS = (*(mid for seat in SEATS for mid in seat), REMOTE_SCREEN)

_EXTENSIONS = {
    "audio_level": "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "abs_send_time": "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "mid": "urn:ietf:params:rtp-hdrext:sdes:mid",
    "rtp_stream_id": "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    "repaired_rtp_stream_id": "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
}


@dataclass(frozen=True, slots=True)
class Track:
    """What the offer says of one thing sent: `rtx` is None for audio; with `rids`, its layers, no SSRC is named."""

    mid: str
    ssrc: int
    rtx: int | None
    rids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Transport:
    """One side's ICE and DTLS parameters, and the candidates it can be reached at as (ip, port), best first."""

    ufrag: str
    password: str
    fingerprint: str  # "sha-256 AB:CD:…"
    setup: str = "actpass"
    candidates: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """One m-line of a description: the SSRCs it names and, for each, its RTX SSRC (RFC 5576 §4.2, RFC 4588)."""

    mid: str
    kind: str
    direction: str
    ssrcs: tuple[int, ...] = ()
    rtx: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Description:
    transport: Transport
    sections: tuple[Section, ...]


def _codecs(kind: str, dialect: Dialect) -> tuple[list[int], list[str]]:
    if kind == "video":
        return [dialect.vp8, dialect.rtx], [
            f"a=rtpmap:{dialect.vp8} VP8/90000",
            f"a=rtcp-fb:{dialect.vp8} goog-remb",
            f"a=rtcp-fb:{dialect.vp8} ccm fir",
            f"a=rtcp-fb:{dialect.vp8} nack",
            f"a=rtcp-fb:{dialect.vp8} nack pli",
            f"a=rtpmap:{dialect.rtx} rtx/90000",
            f"a=fmtp:{dialect.rtx} apt={dialect.vp8}",
        ]
    lines = [f"a=rtpmap:{dialect.opus} opus/48000/2", f"a=fmtp:{dialect.opus} minptime=10;useinbandfec=1"]
    if not dialect.red:
        return [dialect.opus], lines
    red = [f"a=rtpmap:{dialect.red} red/48000/2", f"a=fmtp:{dialect.red} {dialect.opus}/{dialect.opus}"]
    return [dialect.opus, dialect.red], lines + red


def media_lines(
    mid: str, direction: str, transport: Transport, dialect: Dialect, *, audio: bool, track: Track | None = None
) -> list[str]:
    """One bundled m-section with its line for a mid, its codecs, extensions and, when it sends, its SSRCs."""
    kind = "audio" if audio else "video"
    payload_types, codecs = _codecs(kind, dialect)
    streams = ("rtp_stream_id", "repaired_rtp_stream_id")
    names = ("audio_level", "abs_send_time", "mid") if audio else ("abs_send_time", "mid", *streams)
    lines = [
        f"m={kind} 9 UDP/TLS/RTP/SAVPF {' '.join(map(str, payload_types))}",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        *(f"a=candidate:1 1 udp 2130706431 {ip} {port} typ host generation 0" for ip, port in transport.candidates),
        f"a=ice-ufrag:{transport.ufrag}",
        f"a=ice-pwd:{transport.password}",
        "a=ice-options:trickle",
        f"a=fingerprint:{transport.fingerprint}",
        f"a=setup:{transport.setup}",
        f"a=mid:{mid}",
        *(f"a=extmap:{getattr(dialect, name)} {_EXTENSIONS[name]}" for name in names),
        f"a={direction}",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        *codecs,
    ]
    if track is not None:
        lines.append(f"a=msid:- track-{mid}")
        if track.rids:
            return [*lines, *(f"a=rid:{rid} send" for rid in track.rids), f"a=simulcast:send {';'.join(track.rids)}"]
        if track.rtx is not None:
            lines.append(f"a=ssrc-group:FID {track.ssrc} {track.rtx}")
        for ssrc in (track.ssrc, track.rtx):
            if ssrc is not None:
                lines += [f"a=ssrc:{ssrc} cname:synthetic", f"a=ssrc:{ssrc} msid:- track-{mid}"]
    return lines


def description(mids: Sequence[str], sections: Sequence[list[str]], *, version: int = 2) -> str:
    """Sections under one session with one BUNDLE group; `version` rises with each renewed offer (RFC 8829 §5.2.2)."""
    session = [
        "v=0",
        f"o=- 4611731400430051336 {version} IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        f"a=group:BUNDLE {' '.join(mids)}",
        "a=extmap-allow-mixed",
        "a=msid-semantic: WMS",
    ]
    return "".join(line + "\r\n" for lines in (session, *sections) for line in lines)


def call_offer(transport: Transport, tracks: Sequence[Track], dialect: Dialect, *, version: int = 2) -> str:
    """The one offer of a call: own microphone, camera, screen, three seats, remote screen (relay.md, "Shape")."""
    sent = {track.mid: track for track in tracks}
    mids = [*sent, *RECEIVED_MIDS]
    return description(
        mids,
        [
            media_lines(
                mid,
                "sendonly" if mid in sent else "recvonly",
                transport,
                dialect,
                audio=mid in AUDIO_MIDS,
                track=sent.get(mid),
            )
            for mid in mids
        ],
        version=version,
    )


def parse(sdp: str) -> Description:
    """What a description says of its transport and sections. Raises ValueError when it lacks ICE or DTLS parameters."""

    def first(pattern: str, text: str = sdp) -> str:
        found = re.search(pattern, text, re.MULTILINE)
        if found is None:
            raise ValueError(f"The description has no line like {pattern}")
        return found.group(1).strip()

    candidates = re.findall(r"^a=candidate:\S+ 1 udp (\d+) (\S+) (\d+) typ", sdp, re.MULTILINE | re.IGNORECASE)
    best = sorted(candidates, key=lambda each: (":" in each[1], -int(each[0])))  # IPv4 before IPv6, then by priority
    transport = Transport(
        ufrag=first(r"^a=ice-ufrag:(\S+)"),
        password=first(r"^a=ice-pwd:(\S+)"),
        fingerprint=first(r"^a=fingerprint:(sha-256 \S+)"),
        setup=first(r"^a=setup:(\S+)"),
        candidates=tuple(dict.fromkeys((ip, int(port)) for _, ip, port in best)),
    )
    sections = []
    for text in re.split(r"^(?=m=)", sdp, flags=re.MULTILINE)[1:]:
        pairs = re.findall(r"^a=ssrc-group:FID (\d+) (\d+)", text, re.MULTILINE)
        rtx = {int(media): int(repair) for media, repair in pairs}
        named = dict.fromkeys(int(ssrc) for ssrc in re.findall(r"^a=ssrc:(\d+) ", text, re.MULTILINE))
        sections.append(
            Section(
                mid=first(r"^a=mid:(\S+)", text),
                kind=first(r"^m=(\w+)", text),
                direction=first(r"^a=(sendrecv|sendonly|recvonly|inactive)", text),
                ssrcs=tuple(ssrc for ssrc in named if ssrc not in rtx.values()),
                rtx=rtx,
            )
        )
    return Description(transport, tuple(sections))
