"""Email addresses: checked, normalised, and looked at for slips of the finger (rule R5)."""

from __future__ import annotations

import unicodedata

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from core.errors import DomainError

# Where guests of clinics and schools have their mail; a domain that is nearly one of these is probably meant as it.
_COMMON = (
    *("gmail.com", "googlemail.com", "hotmail.com", "hotmail.co.uk", "outlook.com", "live.com", "live.co.uk"),
    *("yahoo.com", "yahoo.co.uk", "icloud.com", "aol.com", "msn.com", "protonmail.com", "nhs.net"),
    *("btinternet.com", "talktalk.net", "virginmedia.com", "blueyonder.co.uk", "ntlworld.com", "tiscali.co.uk"),
)
# Real ones that happen to be near: never corrected.
_REAL = {
    *("mail.com", "email.com", "ymail.com", "ail.com", "mail.ru", "gmx.com", "gmx.net", "gmx.co.uk", "fastmail.com"),
    *("mac.com", "me.com", "sky.com", "aol.co.uk", "msn.co.uk", "outlook.co.uk", "outlook.ie", "proton.me", "pm.me"),
    *("live.ie", "live.nl", "life.com", "love.com", "yahoo.ie", "yahoo.ca", "yahoo.fr", "nhs.uk"),
    *("hotmail.fr", "hotmail.it", "hotmail.es", "hotmail.de"),
}
_ENDINGS = {
    ".con": ".com",
    ".cmo": ".com",
    ".ocm": ".com",
    ".vom": ".com",
    ".xom": ".com",
    ".comm": ".com",
    ".co.ku": ".co.uk",
    ".co.ik": ".co.uk",
    ".co.uj": ".co.uk",
    ".couk": ".co.uk",
    ".ac.ku": ".ac.uk",
    ".nhs.ku": ".nhs.uk",
    ".sch.ku": ".sch.uk",
    ".gov.ku": ".gov.uk",
    ".ogr": ".org",
    ".ent": ".net",
}
_LONGEST = 254  # characters, RFC 5321 §4.5.3.1.3


class AddressRefused(DomainError):
    """Said beside the field."""

    status = 422


def clean_email(text: str) -> str:
    """The address in lower case, so that one person is one recipient. Raises AddressRefused in plain words."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKC", text) if unicodedata.category(letter) != "Cf")
    address = plain.strip().removeprefix("mailto:").lower()
    if not address:
        raise AddressRefused("required", _("Enter an email address."))
    if "@" not in address:
        raise AddressRefused("no_at", _("An email address has an @ in it, for example name@example.org."))
    if any(sign in address for sign in ",; \t\n"):
        raise AddressRefused("several", _("Enter one email address, without spaces."))
    try:
        validate_email(address)
    except ValidationError:
        raise AddressRefused(
            "malformed", _("This is not an email address. Check it, for example name@example.org.")
        ) from None
    if len(address) > _LONGEST:
        raise AddressRefused("too_long", _("This email address is too long."))
    return address


def suggest(address: str) -> str | None:
    """The address that was probably meant, for a clean one with a likely typo; None for one that looks right."""
    name, _at, domain = address.rpartition("@")
    if domain in _COMMON or domain in _REAL:
        return None
    likely = min(_COMMON, key=lambda common: distance(domain, common))
    if distance(domain, likely) <= (1 if len(likely) < 9 else 2):
        return f"{name}@{likely}"
    for wrong, right in _ENDINGS.items():
        if domain.endswith(wrong):
            return f"{name}@{domain.removesuffix(wrong)}{right}"
    return None


def distance(one: str, other: str) -> int:
    """Slips between two words: a letter left out, put in, mistaken, or two swapped (optimal string alignment)."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        here = [row]
        for column, sign in enumerate(other, start=1):
            cost = min(last[column] + 1, here[-1] + 1, last[column - 1] + (letter != sign))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == sign:
                cost = min(cost, before[column - 2] + 1)
            here.append(cost)
        before, last = last, here
    return last[-1]
