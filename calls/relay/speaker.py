"""Who speaks: from the level each microphone's packets carry (RFC 6464), without looking at a sound.

Pure, monotonic `now` in seconds passed in. A level is in -dBov, 0 the loudest and 127 silence: louder is lower.
"""

from __future__ import annotations

from collections.abc import Mapping

SMOOTHED = 0.4  # s of sound behind the level
QUIET = 60.0  # -dBov: what is quieter counts as this, so that speech after silence is soon heard
LOUD = 40.0  # -dBov: under it somebody speaks
BEGINS = 0.2  # s it takes to be believed
ENDS = 0.6  # s between words
LOUDER = 6.0  # dB by which another takes the first place
SWITCH = 0.6  # s for which they must be
TELL_EACH = 0.5  # s


class Voice:
    """One microphone's level: an exponential mean that weighs sound as a window of `SMOOTHED` does, whatever the
    length of a packet."""

    __slots__ = ("_heard_at", "_is_loud", "_since", "_speaks", "level")

    def __init__(self) -> None:
        self.level = QUIET
        self._heard_at = 0.0
        self._is_loud = False
        self._since = 0.0  # it has been so
        self._speaks = False

    def hear(self, level: int, now: float) -> None:
        """The level of one packet. Called for each."""
        weight = (now - self._heard_at) * (2 / SMOOTHED)  # the window's mean age is half its length
        self._heard_at = now
        self.level += ((level if level < QUIET else QUIET) - self.level) * (weight if weight < 1.0 else 1.0)
        if (self.level < LOUD) != self._is_loud:
            self._is_loud = not self._is_loud
            self._since = now

    def speaks(self, now: float) -> bool:
        """Begins after `BEGINS` loud, ends after `ENDS` that are not: quiet, or without a packet."""
        if now - self._heard_at >= ENDS:
            self._speaks = False
        elif self._is_loud != self._speaks and now - self._since >= (BEGINS if self._is_loud else ENDS):
            self._speaks = self._is_loud
        return self._speaks


class Speakers:
    """Those of one call who speak, the active speaker first."""

    def __init__(self) -> None:
        self._told: tuple[str, ...] = ()
        self._told_at = -TELL_EACH
        self._active: str | None = None
        self._rival: str | None = None
        self._rival_since = 0.0

    def update(self, voices: Mapping[str, Voice], now: float) -> tuple[str, ...] | None:
        """Look at the voices that may be heard now, by participant. What is to be told: `None` when nothing has
        changed, or the last word is not `TELL_EACH` old."""
        speaking = [name for name, voice in voices.items() if voice.speaks(now)]
        self._choose(speaking, voices, now)
        speaking.sort(key=lambda name: (name != self._active, name))
        if tuple(speaking) == self._told or now - self._told_at < TELL_EACH:
            return None
        self._told, self._told_at = tuple(speaking), now
        return self._told

    def _choose(self, speaking: list[str], voices: Mapping[str, Voice], now: float) -> None:
        """The active speaker stays so while they speak, until another has been `LOUDER` for `SWITCH`."""
        loudest = min(speaking, key=lambda name: voices[name].level, default=None)
        active = self._active
        if loudest is None or active not in speaking:
            self._active, self._rival = loudest, None
        elif voices[loudest].level > voices[active].level - LOUDER:
            self._rival = None
        elif loudest != self._rival:
            self._rival, self._rival_since = loudest, now
        elif now - self._rival_since >= SWITCH:
            self._active, self._rival = loudest, None
