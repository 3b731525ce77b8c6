"""Rule R5: which numbers a text may go to."""

from __future__ import annotations

from contextlib import suppress

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from messaging.numbers import REGIONS, NumberRefused, parse_telephone, parse_uk_mobile, write_number

ACCEPTED = {
    "07400123456": "+447400123456",
    "07400 123456": "+447400123456",
    "07400 123 456": "+447400123456",
    "074 0012 3456": "+447400123456",
    "(07400) 123456": "+447400123456",
    "07400-123-456": "+447400123456",
    "07400.123.456": "+447400123456",
    "07400–123–456": "+447400123456",
    "  07400 123456\n": "+447400123456",
    "07400\u00a0123456": "+447400123456",
    "\u202d07400 123456\u202c": "+447400123456",
    "０７４００１２３４５６": "+447400123456",
    "+447400123456": "+447400123456",
    "+44 7400 123456": "+447400123456",
    "+44 (0)7400 123456": "+447400123456",
    "+44(0) 7400 123456": "+447400123456",
    "+44 07400 123456": "+447400123456",
    "0044 7400 123456": "+447400123456",
    "00447400123456": "+447400123456",
    "0044 (0) 7400 123456": "+447400123456",
    "447400123456": "+447400123456",
    "7400 123456": "+447400123456",
    "07912 345678": "+447912345678",
    "07781 123456": "+447781123456",  # Guernsey
    "07797 712345": "+447797712345",  # Jersey
    "07624 123456": "+447624123456",  # Man: not a pager, for all its 076
    "07700 900123": "+447700900123",  # Ofcom's drama range, while messages are kept locally
    "+44 7700 900999": "+447700900999",
}
REFUSED = {
    "": "required",
    "   ": "required",
    "\u200b": "required",
    "Grace": "not_digits",
    "07400 CALLME": "not_digits",
    "07400 123456 or 07400 123457": "not_digits",
    "07400123456/07400123457": "not_digits",
    "07400 123456 x12": "not_digits",
    "07400 123456;ext=12": "not_digits",
    "tel:+447400123456": "not_digits",
    "++447400123456": "not_digits",
    "07400' OR 1=1": "not_digits",
    "<img onerror>": "not_digits",
    "٠٧٤٠٠١٢٣٤٥٦": "not_digits",
    "999": "too_short",
    "111": "too_short",
    "60500": "too_short",
    "0740012345": "too_short",
    "07400 1234567": "too_long",
    "07400 123456 07400 123457": "too_long",
    "1" * 41: "too_long",
    "020 7946 0018": "landline",
    "01632 960123": "landline",
    "+44 141 496 0123": "landline",
    "01534 456789": "landline",
    "0800 123 4567": "service",
    "0345 678 1234": "service",
    "0909 8790000": "service",
    "0300 123 1234": "service",
    "056 1234 5678": "service",
    "070 1234 5678": "personal",
    "+44 70 1234 5678": "personal",
    "076 0012 3456": "pager",
    "+33 6 12 34 56 78": "foreign",
    "0033 6 12 34 56 78": "foreign",
    "+1 202 555 0123": "foreign",
    "+353 85 012 3456": "foreign",
    "+999 123456789": "unknown",
    "0440 012 3456": "unknown",
    "(": "too_short",
}


@pytest.mark.parametrize("typed", ACCEPTED)
def test_usual_forms_are_accepted_and_kept_as_one(typed: str) -> None:
    assert parse_uk_mobile(typed) == ACCEPTED[typed]


@pytest.mark.parametrize("typed", REFUSED)
def test_what_cannot_receive_a_text_is_refused_with_its_own_sentence(typed: str) -> None:
    with pytest.raises(NumberRefused) as refusal:
        parse_uk_mobile(typed)
    assert refusal.value.code == REFUSED[typed]
    assert refusal.value.message.endswith(".")


def test_the_table_is_as_long_as_was_promised() -> None:
    assert len(ACCEPTED) + len(REFUSED) >= 60


def test_numbers_of_films_are_refused_once_texts_are_really_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("messaging.numbers.is_kept_locally", lambda kind: False)
    with pytest.raises(NumberRefused) as refusal:
        parse_uk_mobile("07700 900123")
    assert refusal.value.code == "invented"
    assert parse_uk_mobile("07400 123456") == "+447400123456"


@given(st.one_of(st.text(alphabet="0123456789+ ()-.", max_size=20), st.from_regex(r"(\+44|0044|0)7[0-9 ]{8,12}\Z")))
@example("07400123456")
def test_whatever_is_accepted_is_a_mobile_of_the_islands_in_e164(typed: str) -> None:
    try:
        number = parse_uk_mobile(typed)
    except NumberRefused:
        return
    parsed = phonenumbers.parse(number)
    assert phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) == number
    if number.startswith("+447700900"):
        return
    assert phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.MOBILE
    assert phonenumbers.region_code_for_number(parsed) in REGIONS
    assert parse_uk_mobile(number) == parse_uk_mobile(write_number(number)) == number


@given(st.text(max_size=60))
def test_nothing_that_can_be_typed_is_an_error_of_ours(typed: str) -> None:
    for parse in (parse_uk_mobile, parse_telephone):
        with suppress(NumberRefused):
            assert parse(typed).startswith("+")


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        ("020 7946 0018", "+442079460018"),
        ("01632 960123", "+441632960123"),
        ("07700 900123", "+447700900123"),
        ("070 1234 5678", "+447012345678"),
        ("+33 6 12 34 56 78", "+33612345678"),
        ("0800 1111", "+448001111"),
    ],
)
def test_a_callers_telephone_may_be_any_number(typed: str, number: str) -> None:
    assert parse_telephone(typed) == number


@pytest.mark.parametrize(
    ("typed", "code"),
    [("", "required"), ("999", "too_short"), ("07400 12345678901", "too_long"), ("Ann", "not_digits")],
)
def test_a_callers_telephone_that_leads_nowhere_is_refused(typed: str, code: str) -> None:
    with pytest.raises(NumberRefused) as refusal:
        parse_telephone(typed)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("number", "written"),
    [("+447400123456", "07400 123456"), ("+33612345678", "+33 6 12 34 56 78"), ("nonsense", "nonsense")],
)
def test_a_number_is_shown_as_people_write_it(number: str, written: str) -> None:
    assert write_number(number) == written
