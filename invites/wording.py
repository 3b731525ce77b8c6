"""What an invitation says, as an email or as a text."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from math import ceil
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from calls.places import Invitations, kind_of
from invites.models import Invite
from messaging.emails import render

TEXT_SEGMENTS = 2  # at most: more cost more, and arrive in pieces
SUBJECT_LENGTH = 200

# 3GPP TS 23.038 §6.2.1: the default alphabet, and what takes two places in it.
_GSM_7 = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_7_EXTENSION = set("^{}\\[~]|€")
# What a name is likely to hold, and would make a text of 160 characters one of 70.
_PLAIN = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "\u00a0": " "})


@dataclass(frozen=True, slots=True)
class Wording:
    subject: str  # "" for a text
    text: str
    html: str  # "" for a text


def segments_of(text: str) -> int:
    """In how many pieces a text is sent (3GPP TS 23.040 §9.2.3.24): 7 bits a character, or 16 if one needs them."""
    if all(letter in _GSM_7 or letter in _GSM_7_EXTENSION for letter in text):
        places, alone, joined = sum(1 + (letter in _GSM_7_EXTENSION) for letter in text), 160, 153
    else:
        places, alone, joined = len(text.encode("utf-16-be")) // 2, 70, 67
    return 1 if places <= alone else ceil(places / joined)


def write(invite: Invite) -> Wording:
    """The exact message."""
    kind = kind_of(invite.place)
    template = (kind.invitations or Invitations()).message_template
    words = {
        "name": invite.name,
        "inviter": invite.invited_by,
        "organisation": invite.organisation,
        "title": kind.title(invite.place),
        "until": invite.expires_at and invite.expires_at - timedelta(seconds=1),  # the end of a day is still that day
        "link": invite.link,
        "test_link": f"{settings.PUBLIC_URL}{reverse('calls:show_device_test')}",
    }
    if invite.kind == Invite.Kind.SMS:
        return Wording("", _write_text(template, words), "")
    email = render(template, words, organisation=invite.organisation)
    return Wording(email.subject[:SUBJECT_LENGTH], _tidy(email.text), email.html)


def preview(invite: Invite) -> Wording:
    """What would be sent to somebody who has no invitation yet: the same, with dots for what is secret in the link."""
    wording = write(invite)
    shown = f"{invite.link.removesuffix(invite.link_path)}{reverse('invites:open_door', args=['…'])}"
    return replace(wording, text=wording.text.replace(invite.link, unquote(shown)))


def _write_text(template: str, words: dict[str, Any]) -> str:
    """Who invites, or without the name where that is too long."""
    for is_short in (False, True):
        text = _one_line(render_to_string(f"{template}_sms.txt", words | {"is_short": is_short})).translate(_PLAIN)
        if segments_of(text) <= TEXT_SEGMENTS:
            break
    return text


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _tidy(text: str) -> str:
    """No more than one empty line in a row, wherever a template left a sentence out."""
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
