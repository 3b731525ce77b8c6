from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.staticfiles import finders
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from calls import tickets
from calls.doors import visitor_identity
from calls.models import Call, Seat
from calls.places import Act
from calls.relay.terms import EndReason
from tests.accounts.factories import PASSWORD, make_organisation, make_user
from tests.calls.factories import HALL, make_call, make_lease, make_member_seat, make_place, make_seat

pytestmark = pytest.mark.django_db(transaction=True)

# What happened, why, the next step and where it leads (empty: to the door).
ENDS = {
    "member_ended": ("The call has ended", "Your host ended it for everybody.", "Join again", ""),
    "nobody_joined": ("The call has ended", "Your host did not join in time.", "Join again", ""),
    "time_up": ("The call has ended", "The time is up.", "Join again", ""),
    "empty": ("The call has ended", "Nobody was left in it.", "Join again", ""),
    "on_hold": ("The call is on hold", "It goes on as soon as somebody takes it up again.", "Join again", ""),
    "closed": ("The call has ended", "It was closed by the people who run this service.", "Join again", ""),
    "removed": ("You were removed from this call", "you cannot come back to it", "Go to the main page", "/"),
    "not_allowed": ("This page can no longer join", "Your place in this call is no longer yours", "main page", "/"),
}


@pytest.fixture(autouse=True)
def _nobody_is_barred() -> Iterator[None]:
    yield
    HALL.barred.clear()


def address(seat: Seat, verb: str = "show_call") -> str:
    return reverse(f"calls:{verb}", args=[seat.call_id])


def holding(client: Client, *seats: Seat) -> Client:
    """A browser that was given these seats at a door."""
    session = client.session
    session["seats"] = {str(seat.call_id): str(seat.pk) for seat in seats}
    session.save()
    return client


@pytest.mark.parametrize("method", ["get", "head"])
def test_opening_the_call_shows_it_and_changes_nothing(client: Client, method: str) -> None:
    """Rule C4, hazard H25."""
    seat = make_seat(display_name="<b>Ann</b>")
    answer = getattr(holding(client, seat), method)(address(seat))
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert Seat.objects.get().connection == 1
    if method == "get":
        data = answer.context["call_data"]
        assert tickets.read(answer.context["ticket"]) == tickets.Ticket(seat.pk, seat.call_id, 1)
        assert (data["connection"], data["title"], data["name"]) == (1, "The Hall", "<b>Ann</b>")
        assert data["returns"] is False
        assert b"<b>Ann</b>" not in answer.content


def test_blur_is_on_members_pages_alone(client: Client) -> None:
    """Rule C2: a guest's page carries neither the control nor a word of where the module is."""
    answer = holding(client, make_member_seat()).get(address(Seat.objects.get()))
    blur = answer.context["call_data"]["blur"]
    assert "Blur background" in answer.content.decode()
    for path in (blur["control"], blur["module"], blur["worker"], *blur["files"].values()):
        assert finders.find(path.removeprefix("/static/")), path
    guest = make_seat()
    page = holding(Client(), guest).get(address(guest)).content.decode().lower()
    assert "blur" not in page
    assert "mediapipe" not in page


def test_a_stranger_learns_nothing_of_a_call(client: Client) -> None:
    """One answer for a call that is, one that was, and one that never was."""
    seat, gone = make_seat(), make_call(ended_at=timezone.now())
    addresses = [address(seat), reverse("calls:show_call", args=[gone.pk]), f"/calls/{seat.pk}/"]
    assert {client.get(path).status_code for path in addresses} == {404}
    client.force_login(make_user(organisation=make_organisation()))
    assert {client.get(path).status_code for path in addresses} == {404}


def test_staff_without_a_seat_are_shown_to_the_door_or_refused(client: Client) -> None:
    organisation = make_organisation()
    call = make_call(organisation=organisation)
    colleague = make_user(organisation=organisation)
    client.force_login(colleague)
    answer = client.get(reverse("calls:show_call", args=[call.pk]))
    assert (answer.status_code, answer["Location"]) == (302, f"/doors/{call.place}/")
    HALL.barred.add((colleague.identity, Act.ENTER))
    assert client.get(reverse("calls:show_call", args=[call.pk])).status_code == 403


def test_an_ended_call_says_why_and_leads_to_the_door(client: Client) -> None:
    seat = make_seat()
    seat.call.organisation.support_phone = "01632 960000"
    seat.call.organisation.save(update_fields=["support_phone"])
    Call.objects.update(ended_at=timezone.now(), end_reason="nobody_joined")
    answer = holding(client, seat).get(address(seat))
    assert answer.status_code == 200
    assert f'href="/doors/{seat.call.place}/"' in answer.content.decode()
    assert "01632 960000" in answer.content.decode()
    assert f"<span>{seat.call.organisation}</span>" in answer.content.decode(), "whose call it was, at the top"


@pytest.mark.parametrize("reason", [*EndReason, "removed", "not_allowed"])
def test_the_page_of_each_end_says_what_happened_why_and_what_next(client: Client, reason: str) -> None:
    """Its title is what happened, and no two reasons read alike."""
    # A guest whose call is on hold goes back to where they wait (rule W9).
    seat = make_member_seat() if reason == EndReason.ON_HOLD else make_seat()
    match reason:
        case "removed":
            Seat.objects.update(removed_at=timezone.now())
        case "not_allowed":
            HALL.barred.add((seat.identity, Act.ENTER))
        case _:
            Call.objects.update(ended_at=timezone.now(), end_reason=reason)
    page = holding(client, seat).get(address(seat)).content.decode()
    happened, why, next_step, way = ENDS[reason]
    title = page.partition("<title>")[2].partition("</title>")[0].strip()
    assert title == happened
    assert f"{happened}</h2>" in page
    assert why in page
    assert f'href="{way or f"/doors/{seat.call.place}/"}"' in page
    assert next_step in page
    assert not [other for other in ENDS.values() if other[1] in page and other[1] != why]


def test_a_page_comes_back_after_its_person_signed_in_in_another_tab() -> None:
    """Signing in voids the token that the page was made with; the cookie has the new one (call-page.js)."""
    seat = make_seat()
    browser = holding(Client(enforce_csrf_checks=True), seat)
    user = make_user()
    login = browser.get(reverse("account_login"))
    token = login.context["csrf_token"]
    browser.post(reverse("account_login"), {"login": user.email, "password": PASSWORD, "csrfmiddlewaretoken": token})
    for sent, status in ((str(token), 403), (browser.cookies["csrftoken"].value, 200)):
        form = {"connection": "1", "csrfmiddlewaretoken": sent}
        assert browser.post(address(seat, "issue_ticket"), form).status_code == status


def test_whoever_was_removed_is_not_led_back(client: Client) -> None:
    seat = make_seat(removed_at=timezone.now())
    answer = holding(client, seat).get(address(seat))
    assert answer.status_code == 403
    assert "/doors/" not in answer.content.decode()


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ("", 200, None),
        ("removed", 403, "removed"),
        ("barred", 403, "not_allowed"),
        ("newer join", 409, "taken_over"),
        ("ended", 410, "ended"),
        ("stranger", 404, None),
        ("seat of another call", 404, None),
    ],
)
def test_a_ticket_is_renewed_while_the_seat_stands(client: Client, change: str, status: int, code: str | None) -> None:
    """docs/protocol.md, "Opening"."""
    seat = make_seat()
    holding(client, seat) if change != "stranger" else None
    match change:
        case "removed":
            Seat.objects.update(removed_at=timezone.now())
        case "barred":
            HALL.barred.add((seat.identity, Act.ENTER))
        case "newer join":
            Seat.objects.update(connection=2)
        case "ended":
            Call.objects.update(ended_at=timezone.now())
        case "seat of another call":
            session = client.session
            session["seats"] = {str(seat.call_id): str(make_seat().pk)}
            session.save()
    answer = client.post(address(seat, "issue_ticket"), {"connection": "1"})
    assert answer.status_code == status
    if code:
        assert answer.json() == {"code": code}
    if status == 200:
        assert tickets.read(answer.json()["ticket"]) == tickets.Ticket(seat.pk, seat.call_id, 1)


def test_pressing_join_takes_over_and_this_page_holds_the_new_number(client: Client) -> None:
    """Rule C4."""
    seat = make_seat()
    answer = holding(client, seat).post(address(seat, "take_over"))
    assert answer["Location"] == f"{address(seat)}#connection=2"
    assert client.post(address(seat, "issue_ticket"), {"connection": "1"}).status_code == 409
    assert client.post(address(seat, "issue_ticket"), {"connection": "2"}).status_code == 200


def test_a_member_in_another_call_is_asked_at_the_door(client: Client) -> None:
    there, here = make_member_seat(), make_member_seat()
    Seat.objects.filter(pk=here.pk).update(identity=there.identity)
    make_lease("n1")
    Call.objects.filter(pk=there.call_id).update(node="n1")
    there.attendances.create(joined_at=timezone.now(), node="n1")
    answer = holding(client, here).post(address(here, "take_over"))
    assert answer["Location"] == f"/doors/{here.call.place}/"
    here.refresh_from_db()
    assert here.connection == 1


@pytest.mark.parametrize("verb", ["issue_ticket", "take_over"])
def test_only_a_post_with_a_token_of_the_page_does_something(verb: str) -> None:
    seat = make_seat()
    client = holding(Client(enforce_csrf_checks=True), seat)
    assert client.get(address(seat, verb)).status_code == 405
    assert client.post(address(seat, verb), {"connection": "1"}).status_code == 403
    assert Seat.objects.get().connection == 1


def test_a_browser_is_the_same_visitor_each_time_and_a_forged_cookie_is_nobody() -> None:
    from django.http import HttpResponse

    request = RequestFactory().get("/")
    identity, set_cookie = visitor_identity(request)
    response = HttpResponse()
    set_cookie(response)
    cookie = response.cookies["visitor"]
    assert cookie["httponly"]
    again = RequestFactory().get("/", headers={"cookie": f"visitor={cookie.value}"})
    assert visitor_identity(again)[0] == identity
    forged = RequestFactory().get("/", headers={"cookie": f"visitor={identity.partition(':')[2]}:x:y"})
    assert visitor_identity(forged)[0] != identity


def test_a_seat_given_at_a_door_is_remembered_among_the_latest(client: Client) -> None:
    from calls.doors import remember

    request = RequestFactory().get("/")
    request.session = client.session
    first = make_seat()
    assert remember(request, first) == f"/calls/{first.call_id}/#connection=1"
    for _ in range(20):
        remember(request, make_seat(call=make_call(place=make_place())))
    remembered = Seat.objects.remembered(request.session, first.call_id)
    assert not remembered.exists()
