"""Telephone numbers, as people type them, and E.164 as they are kept (rule R5)."""

from __future__ import annotations

import re
import unicodedata

import phonenumbers
from django.utils.translation import gettext as _
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

from core.errors import DomainError
from messaging.delivery import is_kept_locally
from messaging.models import Message

REGIONS = ("GB", "GG", "JE", "IM")
_HOME = "GB"
_LONGEST_TYPED = 40  # characters
_TYPED = re.compile(r"\+?[0-9 ().\-]+\Z")
_DRAMA = re.compile(r"\+447700900[0-9]{3}\Z")  # Ofcom keeps these for television and radio
_LIKE_A_LANDLINE = re.compile(r"[12][0-9]{8,9}\Z")  # those of films are in no area's plan
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")


class NumberRefused(DomainError):
    """Said beside the field."""

    status = 422


def parse_uk_mobile(text: str) -> str:
    """E.164 of what somebody typed: type MOBILE in the UK, Guernsey, Jersey or Man, and nothing else (rule R5).

    Raises NumberRefused. Numbers of films and plays pass only while nothing is really sent.
    """
    number = _parse(text, required=_("Enter a UK mobile number."))
    if number.country_code != phonenumbers.country_code_for_region(_HOME):
        raise NumberRefused("foreign", _("This number is outside the UK. Texts go to UK mobile numbers only."))
    written = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if _DRAMA.match(written):
        if is_kept_locally(Message.Kind.SMS):
            return written
        raise NumberRefused("invented", _("This number is one made up for films and examples. Enter a real one."))
    kind = phonenumbers.number_type(number)
    if kind == PhoneNumberType.MOBILE and phonenumbers.region_code_for_number(number) in REGIONS:
        return written
    raise _not_a_mobile(number, kind)


def parse_telephone(text: str) -> str:
    """E.164 of any number by which somebody can be called back, foreign ones with their +. Raises NumberRefused."""
    number = _parse(text, required=_("Enter a telephone number."))
    reason = phonenumbers.is_possible_number_with_reason(number)
    if reason in (phonenumbers.ValidationResult.TOO_SHORT, phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY):
        raise NumberRefused("too_short", _("This number is too short. Enter it with its area code."))
    if reason == phonenumbers.ValidationResult.TOO_LONG:
        raise NumberRefused("too_long", _("This number is too long. Check each digit."))
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise NumberRefused("unknown", _("This number does not exist. Check each digit."))
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def write_number(number: str) -> str:
    """E.164 as people at home write it: "07400 123456", foreign ones "+33 6 12 34 56 78"."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    is_home = parsed.country_code == phonenumbers.country_code_for_region(_HOME)
    return phonenumbers.format_number(
        parsed, PhoneNumberFormat.NATIONAL if is_home else PhoneNumberFormat.INTERNATIONAL
    )


def _parse(text: str, *, required: str) -> PhoneNumber:
    """Digits and what people put between them; phonenumbers itself would also find one in a sentence, or two."""
    plain = unicodedata.normalize("NFKC", text[: 2 * _LONGEST_TYPED]).translate(_DASHES)
    # A number copied from a telephone's contacts carries marks that turn text around.
    plain = "".join(letter for letter in plain if unicodedata.category(letter) != "Cf")
    plain = " ".join(plain.split())
    if not plain:
        raise NumberRefused("required", required)
    if not plain.isascii() or not _TYPED.match(plain):
        raise NumberRefused("not_digits", _("Use digits only, for example 07400 123456."))
    if len(plain) > _LONGEST_TYPED:
        raise NumberRefused("too_long", _("This number is too long. Check each digit."))
    try:
        return phonenumbers.parse(plain, _HOME)
    except phonenumbers.NumberParseException as error:
        if error.error_type == phonenumbers.NumberParseException.TOO_LONG:
            raise NumberRefused("too_long", _("This number is too long. Check each digit.")) from error
        if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE:
            raise NumberRefused("unknown", _("This number does not exist. Check each digit.")) from error
        raise NumberRefused("too_short", _("This number is too short. Check each digit.")) from error


def _not_a_mobile(number: PhoneNumber, kind: int) -> NumberRefused:
    national = str(number.national_number)
    if kind == PhoneNumberType.PERSONAL_NUMBER or national.startswith("70"):
        return NumberRefused(
            "personal", _("Numbers that start with 070 are not mobile numbers and cannot receive texts.")
        )
    if kind == PhoneNumberType.PAGER:
        return NumberRefused("pager", _("Numbers that start with 076 are pagers and cannot receive texts."))
    if kind == PhoneNumberType.FIXED_LINE or (kind == PhoneNumberType.UNKNOWN and _LIKE_A_LANDLINE.match(national)):
        return NumberRefused("landline", _("This is a landline. Enter a mobile number: it starts with 07."))
    if kind != PhoneNumberType.UNKNOWN:
        return NumberRefused("service", _("This is a service number. Enter a mobile number: it starts with 07."))
    if len(national) < 10:
        return NumberRefused("too_short", _("This number is too short. UK mobile numbers have 11 digits."))
    if len(national) > 10:
        return NumberRefused("too_long", _("This number is too long. UK mobile numbers have 11 digits."))
    return NumberRefused("unknown", _("This number does not exist. Check each digit."))
