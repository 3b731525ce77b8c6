"""What a device check found, from the form of a door to the people who read it (rule C8, hazard H3)."""

from __future__ import annotations

import pytest
from django import forms
from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from calls import services
from calls.device_check import FINDINGS, MAX_LENGTH, clean_check, read_findings
from calls.forms import DeviceCheckForm
from calls.models import Seat
from calls.tickets import Ticket
from tests.calls.factories import make_call, make_lease

TESTED = "microphone-heard camera-working speaker-heard network-good"
WORST = "microphone-quiet camera-working speaker-silent network-blocked"
codes = st.sampled_from([finding.code for finding in FINDINGS])


@given(st.lists(codes | st.text(max_size=30)).map(" ".join) | st.text())
def test_whatever_a_page_says_nothing_but_known_findings_is_kept(text: str) -> None:
    cleaned = clean_check(text)
    kept = cleaned.split()
    assert set(kept) <= {finding.code for finding in FINDINGS}
    assert len({code.partition("-")[0] for code in kept}) == len(kept)
    assert clean_check(cleaned) == cleaned


def test_the_longest_check_fits_where_it_is_stored() -> None:
    things = {finding.code.partition("-")[0] for finding in FINDINGS}
    longest = [max((f.code for f in FINDINGS if f.code.startswith(f"{thing}-")), key=len) for thing in sorted(things)]
    assert len(" ".join(longest)) <= MAX_LENGTH
    assert clean_check(WORST) == WORST


def test_findings_stand_in_one_order_each_thing_once() -> None:
    assert clean_check("network-good microphone-heard microphone-none") == "microphone-heard network-good"


@pytest.mark.parametrize("value", ["<img src=x onerror=alert(1)>", "microphone-heard\x00", "__proto__", "x" * 100_000])
def test_a_hostile_field_keeps_nobody_out(value: str) -> None:
    form = DeviceCheckForm({"device_check": value})
    assert form.is_valid()
    assert form.cleaned_data["device_check"] == ""


def test_a_form_that_says_nothing_is_told_from_one_that_found_nothing() -> None:
    silent, empty = DeviceCheckForm({}), DeviceCheckForm({"device_check": ""})
    assert silent.is_valid()
    assert empty.is_valid()
    assert (silent.cleaned_data["device_check"], empty.cleaned_data["device_check"]) == (None, "")


def test_a_doors_form_carries_it_beside_its_own_fields() -> None:
    class Door(DeviceCheckForm):
        name = forms.CharField()

    door = Door({"name": "Gail", "device_check": f"{TESTED} <b>"})
    assert door.is_valid()
    assert door.cleaned_data == {"name": "Gail", "device_check": TESTED}


@pytest.mark.django_db
def test_seat_keeps_the_check_of_the_last_join_and_its_page_comes_back_with_it() -> None:
    make_lease()
    call = make_call()

    def join(device_check: str | None) -> Seat:
        return services.admit(
            call=call, identity="visitor:1", display_name="Gail", role=Seat.Role.GUEST, device_check=device_check
        )

    join(TESTED)
    seat = join(None)  # "Join" on the call's own page, which has no preview
    assert seat.device_check == TESTED
    entry = services.enter(ticket=Ticket(seat.pk, call.pk, seat.connection))
    assert entry.device_check == TESTED
    assert join("microphone-none").device_check == "microphone-none"


def test_members_read_it_in_words() -> None:
    html = render_to_string("calls/_device_check.html", {"check": "microphone-heard network-slow camera-<b>"})
    words = " ".join(html.split())
    assert "Microphone tested" in words
    assert "Slow connection" in words
    assert "<b>" not in words
    assert render_to_string("calls/_device_check.html", {"check": ""}).strip() == ""


def test_a_reader_of_the_list_finds_one_label_for_each_code() -> None:
    assert len({finding.code for finding in FINDINGS}) == len(FINDINGS)
    assert [str(finding.label) for finding in read_findings("speaker-silent")] == ["Speaker not heard"]
