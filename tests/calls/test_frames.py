from __future__ import annotations

import json
import sys
import unicodedata
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls import frames
from calls.frames import FrameError, parse
from calls.relay.terms import Media

ON = {"microphone": True, "camera": True, "screen": False}
WHO = "0b56f1a2-7f7c-4b1e-9a55-2f3f6b8f7f11"
GOOD: dict[str, tuple[dict[str, Any], frames.Frame]] = {
    "join": ({"ticket": "t", "offer": "v=0\r\n", "media": ON}, frames.Join("t", "v=0\r\n", Media(True, True), None)),
    "resume": ({"ticket": "t", "connection": 2, "version": 0}, frames.Resume("t", 2, 0, None)),
    "restart": ({"offer": "v=0\r\n"}, frames.Restart("v=0\r\n", None)),
    "candidate": ({"candidate": "anything"}, frames.Candidate(None)),
    "media": (ON, frames.SetMedia(Media(True, True), False, None)),
    "prefer": ({"mode": "low"}, frames.Prefer(True, None)),
    "hears": ({"participants": [WHO]}, frames.Hears((UUID(WHO),), None)),
    "chat": ({"text": "Hello"}, frames.PostChat("Hello", None)),
    "remove": ({"participant": WHO}, frames.Remove(UUID(WHO), None)),
    "extend": ({}, frames.Extend(None)),
    "end": ({}, frames.End(True, None)),
    "leave": ({}, frames.Leave(None)),
    "ping": ({}, frames.Ping(None)),
    "pong": ({}, frames.Pong(None)),
}
WRONG = [None, 0, -1, 2**31, 1.5, True, "", "x" * 70_000, "a\x00b", "\ud800", [], {}, {"__proto__": {}}]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=6),
    max_leaves=12,
)
field_names = st.sampled_from(["id", *sorted({name for fields, _ in GOOD.values() for name in fields})])


@pytest.mark.parametrize("kind", GOOD)
def test_each_frame_of_the_protocol_is_read(kind: str) -> None:
    fields, frame = GOOD[kind]
    assert parse(json.dumps({"type": kind, **fields})) == frame
    with_id = parse(json.dumps({"type": kind, "id": "7", "unknown": 1, "__proto__": {"id": "8"}, **fields}))
    assert with_id.id == "7"


@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind, (fields, _) in GOOD.items() for field in fields])
def test_a_field_that_is_missing_or_malformed_is_refused(kind: str, field: str) -> None:
    """Hazard H3."""
    if kind == "candidate":  # accepted and ignored
        return
    fields = GOOD[kind][0]
    without = {name: value for name, value in fields.items() if name != field}
    with pytest.raises(FrameError):
        parse(json.dumps({"type": kind, **without}))
    for wrong in WRONG:
        if wrong is True and fields[field] in (True, False):
            continue
        if (wrong == 0 and field == "version") or (wrong == [] and field == "participants"):
            continue
        with pytest.raises(FrameError):
            parse(json.dumps({"type": kind, **fields, field: wrong}))


def test_nobody_hears_more_people_than_there_are_seats() -> None:
    assert parse(json.dumps({"type": "hears", "participants": []})) == frames.Hears((), None)
    for wrong in ([WHO] * 4, ["somebody"], [[WHO]], WHO):
        with pytest.raises(FrameError):
            parse(json.dumps({"type": "hears", "participants": wrong}))


@given(st.text())
def test_any_text_is_a_frame_or_a_frame_error(text: str) -> None:
    _parse_or_refuse(text)


@given(json_values)
def test_any_json_is_a_frame_or_a_frame_error(value: Any) -> None:
    _parse_or_refuse(json.dumps(value))


@given(st.sampled_from(sorted(GOOD)), st.dictionaries(field_names, json_values, max_size=4))
def test_a_frame_with_any_values_is_a_frame_or_a_frame_error(kind: str, fields: dict[str, Any]) -> None:
    _parse_or_refuse(json.dumps({"type": kind, **GOOD[kind][0], **fields}))


@pytest.mark.parametrize(
    "text", ["[" * 60_000, '{"a":' * 10_000, "NaN", '{"type":"pong","id":NaN}', "1" * 5_000, "\ud800"]
)
def test_json_that_breaks_parsers_is_refused(text: str) -> None:
    """Hazard H16."""
    with pytest.raises(FrameError):
        parse(text)


def test_a_binary_frame_is_refused() -> None:
    with pytest.raises(FrameError):
        parse(None)


@pytest.mark.parametrize("letter", ["x", "é", "😀"])
def test_a_frame_over_64_kib_of_bytes_is_too_large_and_one_of_64_kib_is_not(letter: str) -> None:
    def code(size: int) -> str:
        head, tail = '{"type":"pong","x":"', '"}'
        room = size - len(head) - len(tail)
        letters = room // len(letter.encode())
        text = head + letter * letters + " " * (room - letters * len(letter.encode())) + tail
        assert len(text.encode()) == size
        try:
            parse(text)
        except FrameError as error:
            return error.code
        return ""

    assert (code(frames.MAX_FRAME), code(frames.MAX_FRAME + 1)) == ("", "too_large")


@pytest.mark.parametrize("text", ["\u202eevil", "a\u2066b\u2069"])
def test_text_cannot_turn_the_page_around_it(text: str) -> None:
    """Bidi controls go, the letters stay (UAX #9 §2)."""
    frame = parse(json.dumps({"type": "chat", "text": text}))
    assert isinstance(frame, frames.PostChat)
    assert frame.text == text.translate(dict.fromkeys(map(ord, "\u202e\u2066\u2069")))


def test_control_characters_and_lone_surrogates_are_refused_tabs_and_line_breaks_are_not() -> None:
    letters = [letter for letter in map(chr, range(sys.maxunicode + 1)) if unicodedata.category(letter) in ("Cc", "Cs")]
    for letter in letters:
        text = json.dumps({"type": "chat", "text": f"a{letter}b"})
        if letter in "\t\r\n":
            assert parse(text)
        else:
            with pytest.raises(FrameError):
                parse(text)


@pytest.mark.parametrize("text", [" ", "\n\n", "\u202e", "x" * 2_001])
def test_chat_has_something_in_it_and_an_end(text: str) -> None:
    with pytest.raises(FrameError):
        parse(json.dumps({"type": "chat", "text": text}))


def _parse_or_refuse(text: str) -> None:
    try:
        parse(text)
    except FrameError as refused:
        error = refused
    else:
        return
    assert error.code in ("bad_frame", "too_large")
    assert error.frame_id is None or 0 < len(error.frame_id) <= frames.MAX_ID
