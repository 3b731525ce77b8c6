"""Frames of a page, as docs/protocol.md writes them: `parse` turns one into a frozen dataclass, or says what is wrong.

Pure, and closed to surprises (hazards H3, H16): nothing but `FrameError` leaves it, whatever comes in, and no field
of a frame has a value that could not be stored, sent on or shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn
from uuid import UUID

from calls.relay.terms import Media

MAX_FRAME = 64 * 1024  # bytes of UTF-8
MAX_ID = 40
MAX_TICKET = 400
MAX_CHAT = 2_000
MAX_NUMBER = 2**31 - 1
MAX_HEARD = 3

# Categories Cc, but for tab and line breaks, and Cs.
_REFUSED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
# UAX #9 §2: embeddings, overrides and isolates turn the text around them, names included.
_BIDI_CONTROLS = dict.fromkeys(map(ord, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))


class FrameError(Exception):
    """`code` is "bad_frame" or "too_large"; `frame_id` is the frame's own `id`, if it had a usable one."""

    def __init__(self, code: str, message: str, frame_id: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.frame_id = frame_id


@dataclass(frozen=True, slots=True)
class Join:
    ticket: str
    offer: str
    media: Media
    id: str | None


@dataclass(frozen=True, slots=True)
class Resume:
    ticket: str
    connection: int
    version: int
    id: str | None


@dataclass(frozen=True, slots=True)
class Restart:
    offer: str
    id: str | None


@dataclass(frozen=True, slots=True)
class Candidate:
    id: str | None


@dataclass(frozen=True, slots=True)
class SetMedia:
    media: Media
    take_screen: bool
    id: str | None


@dataclass(frozen=True, slots=True)
class Prefer:
    low: bool
    id: str | None


@dataclass(frozen=True, slots=True)
class Hears:
    speakers: tuple[UUID, ...]
    id: str | None


@dataclass(frozen=True, slots=True)
class PostChat:
    text: str
    id: str | None


@dataclass(frozen=True, slots=True)
class Remove:
    participant: UUID
    id: str | None


@dataclass(frozen=True, slots=True)
class Extend:
    id: str | None


@dataclass(frozen=True, slots=True)
class End:
    revoke: bool
    id: str | None


@dataclass(frozen=True, slots=True)
class Leave:
    id: str | None


@dataclass(frozen=True, slots=True)
class Ping:
    id: str | None


@dataclass(frozen=True, slots=True)
class Pong:
    id: str | None


Frame = (
    Join | Resume | Restart | Candidate | SetMedia | Prefer | Hears | PostChat | Remove | Extend | End | Leave | Ping
    | Pong
)  # fmt: skip


def parse(text: str | None) -> Frame:
    """One text frame; None stands for a binary one. Raises FrameError, and nothing else."""
    if text is None:
        raise FrameError("bad_frame", "Frames are text.")
    if len(text) > MAX_FRAME or len(text.encode(errors="surrogatepass")) > MAX_FRAME:
        raise FrameError("too_large", "This frame is over 64 KiB.")
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise FrameError("bad_frame", "This is not JSON.") from error
    if not isinstance(value, dict):
        raise FrameError("bad_frame", "A frame is an object.")
    fields = _Fields(value)
    if "id" in value:
        fields.id = fields.text("id", MAX_ID)
    reader = _readers.get(fields.text("type", MAX_ID)) or fields.refuse("type")
    return reader(fields)


class _Fields:
    """The fields of one frame, taken by the shape they must have. Each raises FrameError."""

    def __init__(self, value: dict[str, object], frame_id: str | None = None) -> None:
        self._value = value
        self.id = frame_id

    def refuse(self, name: str) -> NoReturn:
        raise FrameError("bad_frame", f"The field {name} is missing or cannot be used.", self.id)

    def text(self, name: str, limit: int) -> str:
        """1 to `limit` characters that can be encoded, without controls other than line breaks and tabs."""
        value = self._value.get(name)
        if not isinstance(value, str) or not 0 < len(value) <= limit:
            self.refuse(name)
        if _REFUSED.search(value):
            self.refuse(name)
        return value

    def chat(self, name: str) -> str:
        value = self.text(name, MAX_CHAT).translate(_BIDI_CONTROLS).strip()
        return value or self.refuse(name)

    def number(self, name: str, least: int) -> int:
        value = self._value.get(name)
        if type(value) is not int or not least <= value <= MAX_NUMBER:
            self.refuse(name)
        return value

    def boolean(self, name: str, default: bool | None = None) -> bool:
        value = self._value.get(name, default)
        return value if isinstance(value, bool) else self.refuse(name)

    def one_of(self, name: str, *values: str) -> str:
        value = self._value.get(name)
        return value if isinstance(value, str) and value in values else self.refuse(name)

    def uuid(self, name: str) -> UUID:
        try:
            return UUID(self.text(name, 36))
        except ValueError:
            self.refuse(name)

    def uuids(self, name: str, limit: int) -> tuple[UUID, ...]:
        value = self._value.get(name)
        if not isinstance(value, list) or len(value) > limit:
            self.refuse(name)
        return tuple(_Fields({name: each}, self.id).uuid(name) for each in value)

    def media(self) -> Media:
        return Media(self.boolean("microphone"), self.boolean("camera"), self.boolean("screen"))

    def within(self, name: str) -> _Fields:
        value = self._value.get(name)
        if not isinstance(value, dict):
            self.refuse(name)
        return _Fields(value, self.id)


_readers: dict[str, Callable[[_Fields], Frame]] = {
    "join": lambda f: Join(f.text("ticket", MAX_TICKET), f.text("offer", MAX_FRAME), f.within("media").media(), f.id),
    "resume": lambda f: Resume(f.text("ticket", MAX_TICKET), f.number("connection", 1), f.number("version", 0), f.id),
    "restart": lambda f: Restart(f.text("offer", MAX_FRAME), f.id),
    "candidate": lambda f: Candidate(f.id),
    "media": lambda f: SetMedia(f.media(), f.boolean("take_screen", default=False), f.id),
    "prefer": lambda f: Prefer(f.one_of("mode", "normal", "low") == "low", f.id),
    "hears": lambda f: Hears(f.uuids("participants", MAX_HEARD), f.id),
    "chat": lambda f: PostChat(f.chat("text"), f.id),
    "remove": lambda f: Remove(f.uuid("participant"), f.id),
    "extend": lambda f: Extend(f.id),
    "end": lambda f: End(f.boolean("revoke", default=True), f.id),
    "leave": lambda f: Leave(f.id),
    "ping": lambda f: Ping(f.id),
    "pong": lambda f: Pong(f.id),
}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and the infinities: not JSON (RFC 8259 §6)
