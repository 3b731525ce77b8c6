"""Offers that are taken, and the many that are not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.description import CHROMIUM, FIREFOX, Dialect, Track, Transport, call_offer
from calls.relay import rtp, sdp
from calls.relay.terms import Refusal

RECORDED = Path(__file__).parent / "offers"
TRACKS = [Track("0", 10, None), Track("1", 20, 21), Track("2", 30, 31)]
TRANSPORT = Transport("abcd", "p" * 22, "sha-256 " + ":".join(["AB"] * 32))
STREAMS = [sdp.Stream(100 + 2 * n, 101 + 2 * n, f"cname{n}", f"seat{n} track{n}") for n in range(7)]


def make_offer(dialect: Dialect = CHROMIUM) -> str:
    return call_offer(TRANSPORT, TRACKS, dialect)


def answer(offer: sdp.Offer) -> str:
    return sdp.build_answer(
        offer,
        session=5,
        version=1,
        ufrag="relay",
        password="q" * 22,
        fingerprint=("sha-256", "CD:EF"),
        candidates=[sdp.Candidate("192.0.2.1", 40000), sdp.Candidate("2001:db8::1", 40000)],
        streams=STREAMS,
    )


def section(text: str, mid: str) -> str:
    return next(part for part in re.split(r"(?=^m=)", text, flags=re.MULTILINE) if f"a=mid:{mid}\r\n" in part)


def refused(text: str) -> bool:
    """Whether it is refused as a bad offer; anything else raised goes through."""
    try:
        sdp.parse_offer(text)
    except Refusal as refusal:
        return refusal.code == "bad_offer"
    return False


@pytest.mark.parametrize("name", ["chromium", "firefox"])
def test_browsers_own_offer_is_taken_whole(name: str) -> None:
    offer = sdp.parse_offer((RECORDED / f"{name}.sdp").read_bytes().decode())
    assert [each.kind for each in offer.sections] == list(sdp.KINDS)
    assert [each.direction for each in offer.sections] == ["sendonly"] * 3 + ["recvonly"] * 7
    assert all(each.rtx_payload_type for each in offer.sections if each.kind == "video")
    assert all(
        each.feedback == ("goog-remb", "ccm fir", "nack", "nack pli") for each in offer.sections if each.rtx_ssrc
    )
    assert all(rtp.MID in each.extensions for each in offer.sections)
    assert all(rtp.ABS_SEND_TIME in each.extensions for each in offer.sections if each.kind == "video")


@pytest.mark.parametrize("dialect", [CHROMIUM, FIREFOX])
def test_numbers_of_the_browser_are_kept_in_the_answer(dialect: Dialect) -> None:
    text = answer(sdp.parse_offer(make_offer(dialect)))
    assert f"m=video 9 UDP/TLS/RTP/SAVPF {dialect.vp8} {dialect.rtx}\r\n" in text
    assert f"a=fmtp:{dialect.rtx} apt={dialect.vp8}\r\n" in text
    assert f"a=extmap:{dialect.mid} {rtp.MID}\r\n" in text
    assert "rtp-stream-id" not in text  # no simulcast is answered
    assert "transport-cc" not in text  # REMB works only without it


def test_answer_prefers_redundant_sound_where_the_browser_has_it() -> None:
    """RFC 2198; Chromium sends it only where it comes first. In-band FEC in any case (RFC 7587 §6.1)."""
    chromium, firefox = (section(answer(sdp.parse_offer(make_offer(each))), "3") for each in (CHROMIUM, FIREFOX))
    assert "m=audio 9 UDP/TLS/RTP/SAVPF 63 111\r\n" in chromium
    assert "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n" in chromium
    assert "m=audio 9 UDP/TLS/RTP/SAVPF 109\r\n" in firefox
    assert "red" not in firefox
    for text, opus in ((chromium, 111), (firefox, 109)):
        assert re.search(rf"a=fmtp:{opus} .*useinbandfec=1", text)


def test_redundancy_of_another_codec_is_not_agreed() -> None:
    text = answer(sdp.parse_offer(make_offer().replace("a=fmtp:63 111/111", "a=fmtp:63 0/0")))
    assert "red/48000" not in text


def test_repair_is_not_promised_where_the_browser_takes_no_retransmissions() -> None:
    offer = make_offer().replace("a=rtpmap:97 rtx/90000", "a=rtpmap:97 other/90000")
    text = answer(sdp.parse_offer(offer))
    assert "a=rtcp-fb:96 nack\r\n" not in section(text, "4")
    assert "a=rtcp-fb:96 nack pli\r\n" in section(text, "4")
    assert "a=rtcp-fb:96 nack\r\n" in section(text, "1")


def test_answer_sends_where_the_browser_receives() -> None:
    text = answer(sdp.parse_offer(make_offer()))
    assert [line for line in text.split("\r\n") if line in ("a=recvonly", "a=sendonly")] == (
        ["a=recvonly"] * 3 + ["a=sendonly"] * 7
    )
    assert "a=ssrc" not in section(text, "1")
    seat = section(text, "4")
    # Chromium takes the first SSRC line for the media itself.
    assert re.findall(r"a=ssrc:(\d+) ", seat) == ["102", "103"]
    assert "a=ssrc-group:FID 102 103" in seat
    assert "a=msid:seat1 track1" in seat


def test_answer_names_the_relays_port_on_the_tagged_line_alone() -> None:
    text = answer(sdp.parse_offer(make_offer()))
    assert re.findall(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", section(text, "0")) == [
        ("192.0.2.1", "40000"),
        ("2001:db8::1", "40000"),
    ]
    assert text.count("a=candidate") == 2
    assert text.count("a=ice-lite") == 1
    assert text.count("a=setup:active") == 10


def test_inactive_line_is_answered_inactive_without_streams() -> None:
    offer = make_offer().replace(section(make_offer(), "9"), section(make_offer(), "9").replace("recvonly", "inactive"))
    remote_screen = section(answer(sdp.parse_offer(offer)), "9")
    assert "a=inactive" in remote_screen
    assert "a=ssrc" not in remote_screen


def test_offer_without_ssrc_lines_goes_by_mid() -> None:
    offer = sdp.parse_offer(re.sub(r"a=ssrc.*\r\n", "", make_offer()))
    assert [each.ssrc for each in offer.sections] == [0] * 10
    assert refused(re.sub(rf"a=ssrc.*\r\n|a=extmap:\d+ {rtp.MID}\r\n", "", make_offer()))


LAYERED = "a=rid:l send\r\na=rid:h send\r\na=simulcast:send l;h\r\n"


def simulcast_offer(lines: str = LAYERED, *, mid: str = "1", dialect: Dialect = CHROMIUM) -> str:
    offer = make_offer(dialect)
    return offer.replace(section(offer, mid), section(offer, mid) + lines)


@pytest.mark.parametrize("dialect", [CHROMIUM, FIREFOX])
def test_camera_in_two_layers_is_taken_and_told_apart_by_rid(dialect: Dialect) -> None:
    offer = sdp.parse_offer(simulcast_offer(dialect=dialect))
    camera = offer.sections[sdp.CAMERA]
    assert camera.rids == ("l", "h")
    assert (camera.ssrc, camera.rtx_ssrc) == (0, 0)  # Firefox names them all the same: of one layer only
    text = section(answer(offer), "1")
    assert text.index("a=rid:l recv") < text.index("a=rid:h recv") < text.index("a=simulcast:recv l;h\r\n")
    assert f"a=extmap:{dialect.rtp_stream_id} {rtp.RID}\r\n" in text
    assert f" {rtp.REPAIRED_RID}\r\n" in text
    assert answer(offer).count("simulcast") == 1


def test_layer_that_is_not_sent_at_first_may_come_later() -> None:
    """Chromium writes a tilde for it, in an ICE restart no longer (RFC 8853 §5.1)."""
    paused, sent = (sdp.parse_offer(simulcast_offer(LAYERED.replace(";h", h))) for h in (";~h", ";h"))
    assert paused.sections == sent.sections
    assert "a=simulcast:recv l;h\r\n" in answer(paused)


@pytest.mark.parametrize(
    ("lines", "mid"),
    [
        (LAYERED, "2"),  # the screen is one stream
        (LAYERED.replace("send l;h", "send h;l"), "1"),
        (LAYERED.replace("send l;h", "send l;m;h"), "1"),
        (LAYERED.replace("send l;h", "recv l;h"), "1"),
        (LAYERED.replace("a=rid:l send\r\n", ""), "1"),
        (LAYERED + "a=rid:m send\r\n", "1"),
        (LAYERED + "a=simulcast:send l;h\r\n", "1"),
    ],
)
def test_simulcast_of_another_shape_is_refused(lines: str, mid: str) -> None:
    assert refused(simulcast_offer(lines, mid=mid))


def test_layers_without_the_extension_that_tells_them_apart_are_refused() -> None:
    assert refused(re.sub(r"a=extmap:\d+ \S+:rtp-stream-id\r\n", "", simulcast_offer()))


def test_offer_of_an_ice_restart_describes_the_same_media() -> None:
    """Chromium leaves out what was not agreed the first time."""
    first = (RECORDED / "chromium.sdp").read_bytes().decode()
    again = re.sub(
        r"a=extmap:\d+ \S*(stream-id|transport-wide-cc\S*|toffset)\r\n|a=rtcp-fb:96 transport-cc\r\n", "", first
    )
    assert again != first
    assert sdp.parse_offer(again).sections == sdp.parse_offer(first).sections


def test_line_that_waits_for_its_bundle_has_port_zero() -> None:
    screen = section(make_offer(), "2")
    waiting = screen.replace("m=video 9", "m=video 0")
    assert refused(make_offer().replace(screen, waiting))
    assert not refused(make_offer().replace(screen, waiting + "a=bundle-only\r\n"))


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (r"(?s)^.*$", ""),
        (r"\Av=0", "v=1"),
        (r"(?s)m=video(?!.*m=).*", ""),  # nine m-lines
        (r"m=audio 9", "m=application 9"),
        (r"UDP/TLS/RTP/SAVPF", "RTP/AVP"),
        (r"a=group:BUNDLE 0 1", "a=group:BUNDLE 1 0"),
        (r"a=group:BUNDLE .*\r\n", ""),
        (r"a=group:BUNDLE .*\r\n", "a=group:BUNDLE 0 1 2 3 4\r\na=group:BUNDLE 5 6 7 8 9\r\n"),
        (r"a=mid:1\r\n", "a=mid:0\r\n"),
        (r"a=mid:1\r\n", "a=mid:\r\n"),
        (r"a=mid:1\r\n", "a=mid:1\r\na=mid:1\r\n"),
        (r"a=sendonly", "a=sendrecv"),
        (r"a=recvonly", "a=sendonly"),
        (r"a=rtcp-mux\r\n", ""),
        (r"a=setup:actpass", "a=setup:active"),
        (r"a=ice-ufrag:abcd", "a=ice-ufrag:abc"),
        (r"a=ice-pwd:\S+", "a=ice-pwd:short"),
        (r"\Z", "a=ice-ufrag:other\r\n"),
        (r"\Z", "a=ice-lite\r\n"),
        (r"a=fingerprint:\S+ \S+\r\n", ""),
        (r"a=fingerprint:sha-256", "a=fingerprint:md5"),
        (r"a=fingerprint:sha-256 AB", "a=fingerprint:sha-256 GG"),
        (r"a=fingerprint:sha-256 AB:", "a=fingerprint:sha-256 "),
        (r"\Z", "a=fingerprint:sha-256 " + ":".join(["CD"] * 32) + "\r\n"),  # a second certificate
        (r"VP8/90000", "VP9/90000"),
        (r"opus/48000/2", "opus/8000/1"),
        (r"\b96\b", "72"),  # reads as RTCP with the marker bit
        (r"\b96\b", "128"),
        (r"\b20\b", "4294967296"),
        (r"\b(20|21|30)\b", "10"),
        (r"a=extmap:4 ", "a=extmap:2 "),
        (r"a=extmap:4 ", "a=extmap:0 "),
        (r"m=audio 9 ", "m=audio 99999 "),
        (r"m=audio 9 ", "m=audio -9 "),
        (r"m=audio 9 ", "m=audio \u0669 "),  # a digit, but not of ASCII
    ],
)
def test_offer_of_another_shape_is_refused(pattern: str, replacement: str) -> None:
    changed = re.sub(pattern, replacement, make_offer())
    assert changed != make_offer()
    assert refused(changed)


def test_offer_over_64_kib_is_refused() -> None:
    padding = "a=x:" + "y" * 1000 + "\r\n"
    short = sdp.MAX_OFFER - len(make_offer())
    assert not refused(make_offer() + padding * (short // len(padding)))
    assert refused(make_offer() + padding * (short // len(padding) + 1))
    assert refused(make_offer() + "é" * (short // 2 + 1))


@given(st.text(max_size=300))
def test_arbitrary_text_is_refused(text: str) -> None:
    """Hazard H11."""
    assert refused(text)


@pytest.mark.parametrize(
    "line", ["a=ssrc-group:", "a=ssrc:", "a=extmap:", "a=rtpmap:96", "a=fmtp:", "a=rtcp-fb:", "a=fingerprint:"]
)
def test_empty_attribute_never_raises(line: str) -> None:
    text = make_offer() + f"{line}\r\n"
    assert refused(text) is (line in ("a=extmap:", "a=ssrc:"))  # a number is missing


@settings(max_examples=300)
@given(st.data())
def test_damaged_offer_is_taken_or_refused_but_never_raises(data: st.DataObject) -> None:
    lines = make_offer().split("\r\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        damage = data.draw(st.sampled_from(["drop", "repeat", "cut", "text", "number"]))
        line = lines[at]
        if damage == "drop":
            del lines[at]
        elif damage == "repeat":
            lines.insert(data.draw(st.integers(0, len(lines))), line)
        elif damage == "cut":
            lines[at] = line[: data.draw(st.integers(0, len(line)))]
        elif damage == "text":
            lines[at] = line[:2] + data.draw(st.text(max_size=20))
        else:
            lines[at] = re.sub(r"\d+", str(data.draw(st.integers(-1, 1 << 70))), line, count=1)
    text = "\r\n".join(lines)
    if not refused(text):
        assert "\n" not in answer(sdp.parse_offer(text)).replace("\r\n", "")
