"""What somebody's device check found before they joined, as members read it beside the name (rule C8).

The page says it with Join, in one form field, and it is kept with the seat: codes in the order below, by spaces. It is
the page's own word: shown to members, never acted on. A code that is not in the list is dropped (hazard H3).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

MAX_LENGTH = 120  # characters of all codes that can stand together


class Tone(StrEnum):
    GOOD = "good"
    UNSURE = "unsure"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """`code` is "<what was tried>-<how it went>"."""

    code: str
    label: StrOrPromise
    tone: Tone


# Of each thing that was tried, its first word, one finding stands.
FINDINGS = (
    Finding("microphone-heard", _("Microphone tested"), Tone.GOOD),
    Finding("microphone-quiet", _("Microphone not heard yet"), Tone.UNSURE),
    Finding("microphone-off", _("Microphone off"), Tone.UNSURE),
    Finding("microphone-none", _("No microphone"), Tone.BAD),
    Finding("camera-working", _("Camera tested"), Tone.GOOD),
    Finding("camera-off", _("Camera off"), Tone.UNSURE),
    Finding("camera-none", _("No camera"), Tone.BAD),
    Finding("speaker-heard", _("Speaker tested"), Tone.GOOD),
    Finding("speaker-silent", _("Speaker not heard"), Tone.BAD),
    Finding("network-good", _("Good connection"), Tone.GOOD),
    Finding("network-slow", _("Slow connection"), Tone.UNSURE),
    Finding("network-poor", _("Weak connection"), Tone.BAD),
    Finding("network-blocked", _("Network blocks calls"), Tone.BAD),
)


def read_findings(text: str) -> tuple[Finding, ...]:
    """What a page or a stored row says, in the order of the list; anything else in it is nothing. Never raises."""
    said = set(text[:MAX_LENGTH].split(" "))
    found = {finding.code.partition("-")[0]: finding for finding in reversed(FINDINGS) if finding.code in said}
    return tuple(finding for finding in FINDINGS if found.get(finding.code.partition("-")[0]) is finding)


def clean_check(text: str) -> str:
    """The same as it is stored: known codes, each once, at most `MAX_LENGTH` characters."""
    return " ".join(finding.code for finding in read_findings(text))
