"""Rule R5: emails are checked, and likely typos suggested."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.addresses import AddressRefused, clean_email, distance, suggest


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("grace@example.org", "grace@example.org"),
        (" Grace.O'Neil+clinic@Example.ORG\n", "grace.o'neil+clinic@example.org"),
        ("mailto:grace@example.org", "grace@example.org"),
        ("\u202agrace@example.org\u202c", "grace@example.org"),
        ("grace@bücher.example", "grace@bücher.example"),
    ],
)
def test_an_address_is_kept_in_one_form(typed: str, address: str) -> None:
    assert clean_email(typed) == address


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "required"),
        ("  ", "required"),
        ("grace", "no_at"),
        ("grace.example.org", "no_at"),
        ("grace@", "malformed"),
        ("@example.org", "malformed"),
        ("grace@example", "malformed"),
        ("grace@@example.org", "malformed"),
        ("grace@example..org", "malformed"),
        ("grace@exa_mple.org", "malformed"),
        ("grace@example.org, ben@example.org", "several"),
        ("grace@example.org;ben@example.org", "several"),
        ("gr ace@example.org", "several"),
        ("Grace <grace@example.org>", "several"),
        ("grace@example.org\r\nBcc: all@example.org", "several"),
        ("g" * 250 + "@example.org", "too_long"),
    ],
)
def test_what_is_no_address_is_refused_in_plain_words(typed: str, code: str) -> None:
    with pytest.raises(AddressRefused) as refusal:
        clean_email(typed)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("domain", "meant"),
    [
        ("gmial.com", "gmail.com"),
        ("gamil.com", "gmail.com"),
        ("gmail.con", "gmail.com"),
        ("gmail.co", "gmail.com"),
        ("gmaill.com", "gmail.com"),
        ("gnail.com", "gmail.com"),
        ("hotmial.com", "hotmail.com"),
        ("hotmail.co.ku", "hotmail.co.uk"),
        ("hotmail.couk", "hotmail.co.uk"),
        ("outlok.com", "outlook.com"),
        ("yaho.co.uk", "yahoo.co.uk"),
        ("iclould.com", "icloud.com"),
        ("btintenet.com", "btinternet.com"),
        ("nhs.ent", "nhs.net"),
        ("nhs.nett", "nhs.net"),
        ("riverside.con", "riverside.com"),
        ("abbey.sch.ku", "abbey.sch.uk"),
        ("leeds.ac.ku", "leeds.ac.uk"),
    ],
)
def test_a_likely_typo_is_noticed(domain: str, meant: str) -> None:
    assert suggest(f"grace@{domain}") == f"grace@{meant}"


@pytest.mark.parametrize(
    "domain",
    [
        *("gmail.com", "nhs.net", "nhs.uk", "mail.com", "ymail.com", "me.com", "sky.com", "gmx.com", "live.ie"),
        *("outlook.co.uk", "hotmail.fr", "proton.me", "bbc.co.uk", "example.org", "riverside.example"),
        *("abbey.sch.uk", "leeds.ac.uk", "riversideclinic.nhs.uk"),
    ],
)
def test_a_right_address_is_left_in_peace(domain: str) -> None:
    assert suggest(f"grace@{domain}") is None


@given(st.text(max_size=8), st.text(max_size=8))
def test_the_distance_is_one(one: str, other: str) -> None:
    assert distance(one, other) == distance(other, one) <= max(len(one), len(other))
    assert (distance(one, other) == 0) == (one == other)
    assert abs(len(one) - len(other)) <= distance(one, other)


def test_a_swap_is_one_slip() -> None:
    assert distance("gmial", "gmail") == 1


@given(st.text(max_size=60))
def test_nothing_that_can_be_typed_is_an_error_of_ours(typed: str) -> None:
    try:
        address = clean_email(typed)
    except AddressRefused:
        return
    assert clean_email(address) == address
    suggest(address)
