"""The names people give themselves: any script, nothing that could disguise the page around them."""

from __future__ import annotations

import unicodedata
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

MAX_NAME = 80  # characters, after NFC and trimming

# Control, surrogate, line and paragraph separators. Joiners stay: Persian, Indic scripts and emoji need them.
_REFUSED_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
# UAX #9 §2: embeddings, overrides, isolates and marks, which turn the text that follows the name around.
_BIDI_CONTROLS = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean_name(text: str) -> str:
    """NFC, trimmed, 1 to 80 characters with something to see in them. Raises ValidationError in plain words."""
    if any(unicodedata.category(letter) in _REFUSED_CATEGORIES or letter in _BIDI_CONTROLS for letter in text):
        raise ValidationError(_("This name has hidden characters in it. Type it again."), code="hidden")
    name = unicodedata.normalize("NFC", text).strip()
    if not any(unicodedata.category(letter)[0] in "LNPS" for letter in name):
        raise ValidationError(_("Enter a name."), code="required")
    if len(name) > MAX_NAME:
        raise ValidationError(_("This name is too long. Use up to 80 characters."), code="too_long")
    return name


class NameField(forms.CharField):
    """No `maxlength` on the input: browsers count UTF-16 units, and cut off what was typed."""

    default_error_messages = {"required": _("Enter a name.")}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strip=False, **kwargs)
        self.validators = []  # clean_name says all of it, in plain words

    def clean(self, value: Any) -> str:
        return clean_name(super().clean(value))
