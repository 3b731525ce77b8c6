"""SDP as the relay speaks it: a browser's offer in, a validated frozen description out; description in, answer out.

Pure. The offer is always the same ten m-lines in one BUNDLE (docs: relay.md "Shape"): own microphone, camera and
screen, then three remote seats of audio and video, then the remote screen. Numbers in an offer (payload types,
extension ids) are that browser's own and are kept for its leg. The camera may come as two simulcast layers. RFC 8866,
8843 (BUNDLE), 8839 (ICE), 8122 (fingerprint), 8851 (RID), 8853 (simulcast).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from . import rtp
from .terms import Refusal

MAX_OFFER = 64 * 1024  # bytes
MICROPHONE, CAMERA, SCREEN = 0, 1, 2
REMOTE_SCREEN = 9
SEATS = ((3, 4), (5, 6), (7, 8))  # the m-lines of each remote seat: audio, video
KINDS = ("audio", "video", "video", *("audio", "video") * 3, "video")
OUTGOING = range(3, 10)  # m-lines the relay sends on
LAYERS = ("l", "h")  # the camera's simulcast layers by their RID, the smaller first

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,16}")
_ICE_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_ICE_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_FINGERPRINT = re.compile(r"([0-9A-F]{2}:)*[0-9A-F]{2}")
_DIGEST_SIZES = {"sha-256": 32, "sha-384": 48, "sha-512": 64}
_WANTED_EXTENSIONS = (rtp.MID, rtp.ABS_SEND_TIME, rtp.AUDIO_LEVEL)
_LAYER_EXTENSIONS = (rtp.RID, rtp.REPAIRED_RID)
_WANTED_FEEDBACK = ("goog-remb", "ccm fir", "nack", "nack pli")
_DIRECTIONS = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}


@dataclass(frozen=True, slots=True)
class Section:
    """One m-line of an offer, as far as the relay agrees to it; equal in the offer of an ICE restart.

    Payload types, ids and SSRCs are 0 where there is none.
    """

    kind: str  # "audio" or "video"
    mid: str
    direction: str  # the browser's
    payload_type: int  # Opus or VP8
    rtx_payload_type: int
    red_payload_type: int  # Opus with redundancy (RFC 2198)
    extensions: dict[str, int]  # URI: id, 1 to 14
    feedback: tuple[str, ...]
    ssrc: int
    rtx_ssrc: int
    rids: tuple[str, ...] = ()  # `LAYERS` of a camera in simulcast: packets name their layer, there is no SSRC


@dataclass(frozen=True, slots=True)
class Offer:
    ufrag: str
    password: str
    fingerprints: tuple[tuple[str, str], ...]  # (algorithm, upper-case hexadecimal with colons)
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """What the relay sends on one m-line, for the whole life of the leg."""

    ssrc: int
    rtx_ssrc: int
    cname: str
    msid: str  # "<stream> <track>"


@dataclass(frozen=True, slots=True)
class Candidate:
    host: str
    port: int
    tcp: bool = False


def _bad(message: str) -> Refusal:
    return Refusal("bad_offer", message)


class _Lines:
    """The attributes of one part of a description: `a=name:value`, in order, by name."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._values: dict[str, list[str]] = {}
        for line in lines:
            if line.startswith("a="):
                name, _, value = line[2:].partition(":")
                self._values.setdefault(name, []).append(value)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def all(self, name: str) -> list[str]:
        return self._values.get(name, [])


def parse_offer(text: str) -> Offer:
    """Validate an offer whole. Raises `Refusal("bad_offer")` for anything else than relay.md agrees."""
    if len(text) > MAX_OFFER or len(text.encode(errors="replace")) > MAX_OFFER:
        raise _bad("The offer is larger than 64 KiB.")
    parts: list[list[str]] = [[]]
    for line in text.replace("\r\n", "\n").split("\n"):
        if line.startswith("m="):
            parts.append([])
        parts[-1].append(line)
    if not text.startswith("v=0") or len(parts) != 1 + len(KINDS):
        raise _bad(f"An offer has {len(KINDS)} m-lines.")
    session = _Lines(parts[0])
    described = [(lines[0], _Lines(lines)) for lines in parts[1:]]
    sections = tuple(_section(n, line, attributes) for n, (line, attributes) in enumerate(described))
    mids = [section.mid for section in sections]
    if len(set(mids)) != len(mids) or [group.split() for group in session.all("group")] != [["BUNDLE", *mids]]:
        raise _bad("All m-lines belong to one BUNDLE, in their order.")
    _check_shared_numbers(sections)
    every = [session, *(attributes for _, attributes in described)]
    if any("ice-lite" in part for part in every):
        raise _bad("The relay is the ICE-lite side.")
    return Offer(
        ufrag=_one(every, "ice-ufrag", _ICE_UFRAG),
        password=_one(every, "ice-pwd", _ICE_PASSWORD),
        fingerprints=_fingerprints(every),
        sections=sections,
    )


def _section(n: int, line: str, attributes: _Lines) -> Section:
    fields = line[2:].split(" ")
    if len(fields) < 4 or fields[0] != KINDS[n] or fields[2] != "UDP/TLS/RTP/SAVPF":
        raise _bad(f"m-line {n} is {KINDS[n]} over UDP/TLS/RTP/SAVPF.")
    if _number(fields[1], 0, 65535) == 0 and "bundle-only" not in attributes:
        raise _bad(f"m-line {n} is rejected in the offer.")
    if "rtcp-mux" not in attributes:
        raise _bad(f"m-line {n} lacks rtcp-mux.")
    if not set(attributes.all("setup")) <= {"actpass", "passive"}:
        raise _bad("The relay is the DTLS client.")
    directions = [direction for direction in (*_DIRECTIONS, "sendrecv") if direction in attributes]
    if directions not in (["recvonly" if n in OUTGOING else "sendonly"], ["inactive"]):
        raise _bad(f"m-line {n} has the wrong direction.")
    mids = attributes.all("mid")
    if len(mids) != 1 or not _TOKEN.fullmatch(mids[0]):
        raise _bad(f"m-line {n} has no usable mid.")
    offered = [_number(value, 0, 127) for value in fields[3:]]
    payload_type = _codec(n, offered, attributes)
    rtx_payload_type = _retransmission(payload_type, offered, attributes)
    rids = _layers(n, attributes)
    ssrc, rtx_ssrc = (0, 0) if rids else _ssrcs(attributes)
    return Section(
        kind=KINDS[n],
        mid=mids[0],
        direction=directions[0],
        payload_type=payload_type,
        rtx_payload_type=rtx_payload_type,
        red_payload_type=_redundancy(payload_type, offered, attributes) if KINDS[n] == "audio" else 0,
        extensions=_extensions(attributes, _WANTED_EXTENSIONS + (_LAYER_EXTENSIONS if rids else ())),
        feedback=_feedback(payload_type, attributes, is_repaired=bool(rtx_payload_type) or n not in OUTGOING),
        ssrc=ssrc,
        rtx_ssrc=rtx_ssrc if rtx_payload_type else 0,
        rids=rids,
    )


def _number(text: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and low <= int(text) <= high):
        raise _bad("A number in the offer is out of range.")
    return int(text)


def _maps(attributes: _Lines, name: str) -> list[tuple[int, str]]:
    """`a=<name>:<payload type> <rest>` lines; those of a wildcard or an odd shape left out."""
    pairs = (value.partition(" ") for value in attributes.all(name))
    return [(int(head), rest) for head, _, rest in pairs if head.isascii() and head.isdigit() and len(head) <= 3]


def _codec(n: int, offered: Sequence[int], attributes: _Lines) -> int:
    wanted = "opus/48000/2" if KINDS[n] == "audio" else "vp8/90000"
    for payload_type, codec in _maps(attributes, "rtpmap"):
        # 64 to 95 would read as RTCP once the marker bit is set (RFC 5761 §4).
        if codec.lower() == wanted and payload_type in offered and not 64 <= payload_type <= 95:
            return payload_type
    raise _bad(f"m-line {n} does not offer {wanted}.")


def _retransmission(payload_type: int, offered: Sequence[int], attributes: _Lines) -> int:
    """RFC 4588 §8: the payload type whose `apt` is the codec's, 0 if there is none."""
    rtx = {number for number, codec in _maps(attributes, "rtpmap") if codec.lower() == "rtx/90000"}
    for number, parameters in _maps(attributes, "fmtp"):
        if number in rtx and number in offered and f"apt={payload_type}" in parameters.replace(" ", "").split(";"):
            return number if not 64 <= number <= 95 else 0
    return 0


def _redundancy(payload_type: int, offered: Sequence[int], attributes: _Lines) -> int:
    """RFC 2198 §5: the RED payload type whose blocks are all of the codec, 0 if there is none."""
    red = {number for number, codec in _maps(attributes, "rtpmap") if codec.lower() == "red/48000/2"}
    for number, parameters in _maps(attributes, "fmtp"):
        if number in red and number in offered and set(parameters.strip().split("/")) == {str(payload_type)}:
            return number if not 64 <= number <= 95 else 0
    return 0


def _feedback(payload_type: int, attributes: _Lines, *, is_repaired: bool) -> tuple[str, ...]:
    """What is agreed of RFC 4585. The relay sends nothing twice under one number, so it repairs by RTX alone."""
    offered = {
        value.partition(" ")[2]
        for value in attributes.all("rtcp-fb")
        if value.split(" ")[0] in (str(payload_type), "*")
    }
    return tuple(
        feedback for feedback in _WANTED_FEEDBACK if feedback in offered and (is_repaired or feedback != "nack")
    )


def _layers(n: int, attributes: _Lines) -> tuple[str, ...]:
    """The RIDs of the camera's two layers, none for a plain track; any other simulcast is refused.

    A layer that is not sent at first has a tilde (RFC 8853 §5.1), and may come all the same.
    """
    if "simulcast" not in attributes:
        return ()
    offered = sorted(attributes.all("rid"))
    described = [value.replace("~", "") for value in attributes.all("simulcast")]
    if n != CAMERA or described != ["send l;h"] or offered != ["h send", "l send"]:
        raise _bad("Simulcast is for the camera, in the layers l and h.")
    return LAYERS


def _extensions(attributes: _Lines, wanted: Sequence[str]) -> dict[str, int]:
    """Ids of the one-byte form only (RFC 8285 §4.2): what does not fit is not agreed."""
    found: dict[str, int] = {}
    for value in attributes.all("extmap"):
        head, _, rest = value.partition(" ")
        number, uri = _number(head.partition("/")[0], 1, 65535), rest.split(" ")[0]
        if uri in wanted and number <= 14 and found.setdefault(uri, number) != number:
            raise _bad("A header extension has two ids.")
    return found


def _ssrcs(attributes: _Lines) -> tuple[int, int]:
    """The m-line's SSRC and its retransmission SSRC; 0 where the offer leaves them to MID (RFC 8843 §9.2)."""
    for group in attributes.all("ssrc-group"):
        match group.split():
            case ["FID", media, repair]:
                return _number(media, 1, 0xFFFFFFFF), _number(repair, 1, 0xFFFFFFFF)
    first = next(iter(attributes.all("ssrc")), "0").split(" ")[0]
    return _number(first, 0, 0xFFFFFFFF), 0


def _check_shared_numbers(sections: Sequence[Section]) -> None:
    """In a BUNDLE a number means one thing (RFC 8843 §9.1), and an SSRC belongs to one m-line."""
    meanings: dict[int, str] = {}
    for section in sections:
        for uri, number in section.extensions.items():
            if meanings.setdefault(number, uri) != uri:
                raise _bad("A header extension id means two things.")
    ssrcs = [ssrc for section in sections for ssrc in (section.ssrc, section.rtx_ssrc) if ssrc]
    if len(set(ssrcs)) != len(ssrcs):
        raise _bad("An SSRC is used twice.")
    if any(section.rids and rtp.RID not in section.extensions for section in sections):
        raise _bad("Simulcast layers are told apart by their RID.")
    if any(section.ssrc == 0 and rtp.MID not in section.extensions for section in sections[: SCREEN + 1]):
        raise _bad("Without SSRC lines the MID extension is needed.")


def _one(parts: Sequence[_Lines], name: str, shape: re.Pattern[str]) -> str:
    values = {value for part in parts for value in part.all(name)}
    if len(values) != 1 or not shape.fullmatch(value := values.pop()):
        raise _bad(f"One {name} for the whole BUNDLE.")
    return value


def _fingerprints(parts: Sequence[_Lines]) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for value in (value for part in parts for value in part.all("fingerprint")):
        algorithm, _, digest = value.partition(" ")
        algorithm, digest = algorithm.lower(), digest.upper()
        if algorithm not in _DIGEST_SIZES:
            continue
        if len(digest) != 3 * _DIGEST_SIZES[algorithm] - 1 or not _FINGERPRINT.fullmatch(digest):
            raise _bad("A fingerprint has the wrong shape.")
        if found.setdefault(algorithm, digest) != digest:
            raise _bad("One certificate for the whole BUNDLE.")
    if not found:
        raise _bad("No fingerprint the relay can check.")
    return tuple(found.items())


SPARE = "x-spare-ice"  # a session-level attribute of our own


def build_answer(
    offer: Offer,
    *,
    session: int,
    version: int,
    ufrag: str,
    password: str,
    fingerprint: tuple[str, str],
    candidates: Sequence[Candidate],
    streams: Sequence[Stream],
    spare: tuple[str, str] | None = None,
) -> str:
    """The answer to `offer`. `streams`: one for each m-line of `OUTGOING`; `version` rises with each restart. `spare`:
    ufrag and password of a restart that the page may make without asking, told in a line that browsers pass over."""
    lines = [
        "v=0",
        f"o=- {session} {version} IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        "a=group:BUNDLE " + " ".join(section.mid for section in offer.sections),
        "a=msid-semantic:WMS *",
    ]
    if spare is not None:
        lines.append(f"a={SPARE}:{spare[0]} {spare[1]}")
    transport = [
        f"a=ice-ufrag:{ufrag}",
        f"a=ice-pwd:{password}",
        f"a=fingerprint:{fingerprint[0]} {fingerprint[1]}",
        "a=setup:active",
    ]
    for n, section in enumerate(offer.sections):
        lines += _media_lines(section)
        lines += transport
        if n in OUTGOING and section.direction == "recvonly":
            lines += _stream_lines(section, streams[n - OUTGOING.start])
        if n == 0:  # the BUNDLE's tagged m-line carries the transport's candidates (RFC 8843 §7.3.1)
            lines += [_candidate_line(number, candidate) for number, candidate in enumerate(candidates)]
            lines.append("a=end-of-candidates")
    return "\r\n".join([*lines, ""])


def _media_lines(section: Section) -> list[str]:
    codec, rtx, red = section.payload_type, section.rtx_payload_type, section.red_payload_type
    # RED comes first: a browser sends it only where it is preferred.
    payload_types = [number for number in (red, codec, rtx) if number]
    lines = [
        f"m={section.kind} 9 UDP/TLS/RTP/SAVPF {' '.join(map(str, payload_types))}",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{section.mid}",
        f"a={_DIRECTIONS[section.direction]}",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        f"a=rtpmap:{codec} " + ("opus/48000/2" if section.kind == "audio" else "VP8/90000"),
    ]
    if section.kind == "audio":
        lines.append(f"a=fmtp:{codec} minptime=10;useinbandfec=1")
    if red:
        lines += [f"a=rtpmap:{red} red/48000/2", f"a=fmtp:{red} {codec}/{codec}"]
    lines += [f"a=rtcp-fb:{codec} {feedback}" for feedback in section.feedback]
    if rtx:
        lines += [f"a=rtpmap:{rtx} rtx/90000", f"a=fmtp:{rtx} apt={codec}"]
    lines += [f"a=extmap:{number} {uri}" for uri, number in section.extensions.items()]
    if section.rids:
        lines += [f"a=rid:{rid} recv" for rid in section.rids]
        lines.append(f"a=simulcast:recv {';'.join(section.rids)}")
    return lines


def _stream_lines(section: Section, stream: Stream) -> list[str]:
    """The media's own SSRC first: Chromium takes the first line for it."""
    lines = [f"a=msid:{stream.msid}"]
    if section.rtx_payload_type:
        lines.append(f"a=ssrc-group:FID {stream.ssrc} {stream.rtx_ssrc}")
    lines.append(f"a=ssrc:{stream.ssrc} cname:{stream.cname}")
    if section.rtx_payload_type:
        lines.append(f"a=ssrc:{stream.rtx_ssrc} cname:{stream.cname}")
    return lines


def _candidate_line(number: int, candidate: Candidate) -> str:
    # RFC 8445 §5.1.2.1: type preference 126 (host), a local preference that keeps the order given, component 1.
    # RFC 6544 §4.2: UDP before TCP, by the type; of TCP's local preference the upper three bits say passive (4).
    if candidate.tcp:
        priority = 90 << 24 | (4 << 13 | 8191 - number) << 8 | 255
        return f"a=candidate:{number + 1} 1 tcp {priority} {candidate.host} {candidate.port} typ host tcptype passive"
    priority = 126 << 24 | (65535 - number) << 8 | 255
    return f"a=candidate:{number + 1} 1 udp {priority} {candidate.host} {candidate.port} typ host"
