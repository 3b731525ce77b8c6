"""The caller's pages: what is asked, who sees what, what a GET changes (rules W1, W2, W4, W8)."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from calls.models import Call, Seat
from calls.relay.terms import EndReason
from calls.services import store_end
from core.links import make_token
from tests.accounts.factories import make_user
from tests.waiting_areas.factories import go_live, make_area, make_caller, make_staff
from waiting_areas import services
from waiting_areas.models import AreaRole, Asked, Caller, CallerEvent, OpeningHours, WaitingArea
from waiting_areas.services.callers import REPLIES
from waiting_areas.states import LeftReason

pytestmark = pytest.mark.django_db(transaction=True)
DETAILS = {"name": "Gail Grey", "telephone": "01632 960 123"}


def arrive(client: Client, area: WaitingArea, **details: str) -> Any:
    return client.post(area.link_path, DETAILS | details)


def place_of(caller: Caller, page: str = "show_place") -> str:
    return reverse(f"waiting_areas:{page}", args=[caller.pk])


@pytest.fixture
def gail(client: Client) -> Caller:
    """Whose browser `client` is."""
    arrive(client, make_area(name="Dermatology"))
    return Caller.objects.get()


class TestEntrance:
    def test_a_caller_comes_in_by_the_link_and_waits(self, client: Client) -> None:
        area = make_area(notice="Have your medicines with you.")
        assert "Have your medicines with you." in client.get(area.link_path).content.decode()
        answer = arrive(client, area, device_check="camera-working <script>")
        caller = Caller.objects.get()
        assert answer["Location"] == place_of(caller)
        assert (caller.name, caller.telephone, caller.device_check) == ("Gail Grey", "+441632960123", "camera-working")

    def test_opening_a_link_changes_nothing(self, client: Client) -> None:
        """Hazard H25."""
        area = make_area()
        client.get(area.link_path)
        client.head(area.link_path)
        assert not Caller.objects.exists()
        assert not client.session.items()

    @pytest.mark.parametrize(
        ("details", "sentence"),
        [
            ({"name": ""}, "Enter a name."),
            ({"telephone": ""}, "Enter a telephone number."),
            ({"telephone": "phone me"}, "Use digits only"),
            ({"date_of_birth": ""}, "Enter your date of birth."),
            ({"date_of_birth": "2999-01-01"}, "Look at the year again."),
            ({"reference": " "}, "Enter your reference."),
        ],
    )
    def test_what_is_wrong_is_said_beside_the_field(
        self, client: Client, details: dict[str, str], sentence: str
    ) -> None:
        area = make_area(ask_date_of_birth=Asked.REQUIRED, ask_reason=Asked.OPTIONAL, ask_reference=Asked.REQUIRED)
        answer = arrive(client, area, **{"date_of_birth": "1980-02-01", "reference": "A 12"} | details)
        assert sentence in answer.content.decode()
        assert not Caller.objects.exists()

    @pytest.mark.parametrize("number", ["01632 960 123", "+33 1 23 45 67 89", "(020) 7946 0018", "07700 900123"])
    def test_any_telephone_number_will_do(self, client: Client, number: str) -> None:
        """Rule R5."""
        assert arrive(client, make_area(), telephone=number).status_code == 302

    def test_what_is_not_asked_is_not_kept(self, client: Client) -> None:
        arrive(client, make_area(), reason="a rash", date_of_birth="1980-02-01")
        caller = Caller.objects.get()
        assert (caller.reason, caller.date_of_birth) == ("", None)

    def test_nobody_names_the_caller_they_want_to_be(self, client: Client) -> None:
        other = make_caller()
        arrive(client, other.area, arrival=other.pk.hex)
        assert client.get(place_of(other)).status_code == 404
        assert Caller.objects.count() == 2

    def test_the_same_form_sent_twice_is_one_caller(self, client: Client) -> None:
        area = make_area()
        arrival = client.get(area.link_path).context["form"].fields["arrival"].initial
        first, second = Client(), client
        assert arrive(first, area, arrival=arrival)["Location"] == arrive(second, area, arrival=arrival)["Location"]
        assert Caller.objects.count() == 1

    def test_who_waits_already_goes_on_waiting(self, client: Client, gail: Caller) -> None:
        assert client.get(gail.area.link_path)["Location"] == place_of(gail)

    @pytest.mark.parametrize("purpose", ["room", "invite", "waiting"])
    def test_links_of_another_purpose_or_generation_open_nothing(self, client: Client, purpose: str) -> None:
        """Hazard H1: one page for all of them."""
        area = make_area()
        token = make_token(purpose, area.pk, 1 if purpose != "waiting" else 2)
        answer = client.get(reverse("waiting_areas:enter_area", args=[token]))
        assert answer.status_code == 404
        assert "This link does not work any more" in answer.content.decode()

    def test_a_suspended_area_says_what_its_coordinator_wrote(self, client: Client) -> None:
        area = make_area(suspended_at=timezone.now(), message_to_callers="Back on Monday.", support_phone="01632 1")
        for answer in (client.get(area.link_path), arrive(client, area)):
            assert "Back on Monday." in answer.content.decode()
            assert "01632 1" in answer.content.decode()
        assert not Caller.objects.exists()

    def test_a_closed_area_says_when_it_opens_in_its_own_time(self, client: Client) -> None:
        area = make_area(always_open=False, time_zone="America/New_York")
        soon = (timezone.now() + timedelta(days=2)).astimezone(area.zone)
        OpeningHours.objects.create(area=area, weekday=soon.weekday(), opens=time(9, 30), closes=time(12))
        said = client.get(area.link_path).content.decode()
        assert f"It opens on {soon:%A} {soon.day} {soon:%B} at 09:30." in said

    def test_a_provider_is_shown_to_the_caller_list_instead(self, client: Client) -> None:
        area = make_area()
        client.force_login(make_staff(area))
        assert "You are a service provider here" in client.get(area.link_path).content.decode()
        client.force_login(make_user(organisation=area.organisation))
        assert "Your telephone number" in client.get(area.link_path).content.decode()


class TestWaitingPage:
    def test_it_says_who_for_that_they_are_not_forgotten_and_what_to_do_if_nobody_comes(
        self, client: Client, gail: Caller
    ) -> None:
        WaitingArea.objects.update(waiting_message="We run late today.", support_phone="01632 960 001")
        said = client.get(place_of(gail)).content.decode()
        for part in (
            "You are waiting for Dermatology",
            "You have not been forgotten",
            "We run late today.",
            "Please phone me instead",
            "01632 960 001",
        ):
            assert part in said, part

    def test_callers_learn_nothing_of_one_another(self, client: Client, gail: Caller) -> None:
        """Rule W1."""
        make_caller(area=gail.area, name="Secret Person", telephone="07700900999", waited=timedelta(hours=1))
        said = client.get(place_of(gail)).content.decode()
        for part in ("Secret", "900999", "before you"):
            assert part not in said

    def test_the_position_is_told_only_where_the_area_says_so(self, client: Client, gail: Caller) -> None:
        make_caller(area=gail.area, waited=timedelta(hours=1))
        make_caller(area=gail.area)  # came later
        WaitingArea.objects.update(shows_position=True)
        assert "1 person is before you." in client.get(place_of(gail)).content.decode()

    @pytest.mark.parametrize("page", ["show_place", "send_reply", "ask_for_phone", "leave_place", "close_place"])
    def test_nobody_else_has_this_page(self, gail: Caller, page: str) -> None:
        """Hazard H8: another caller, staff, somebody anonymous: 404."""
        other, nina = Client(), Client()
        arrive(other, gail.area)
        nina.force_login(make_staff(gail.area))
        for stranger in (Client(), other, nina):
            ask = stranger.get if page == "show_place" else stranger.post
            assert ask(place_of(gail, page)).status_code == 404
        gail.refresh_from_db()
        assert (gail.is_inside, gail.closed_at) == (True, None)

    def test_opening_it_changes_nothing(self, client: Client, gail: Caller) -> None:
        before = Caller.objects.values().get()
        client.get(place_of(gail))
        assert Caller.objects.values().get() == before
        for page in ("send_reply", "ask_for_phone", "wait_again", "leave_place", "close_place"):
            assert client.get(place_of(gail, page)).status_code == 405

    def test_a_called_caller_finds_the_call_and_the_same_browser_may_enter_it(
        self, client: Client, gail: Caller
    ) -> None:
        """Hazard H4: by the seat that `admit` gave, and no other way."""
        seat = services.join_call(caller=gail, by=make_staff(gail.area))
        said = client.get(place_of(gail)).content.decode()
        assert f"/calls/{seat.call_id}/#connection=1" in said
        call_page = reverse("calls:show_call", args=[seat.call_id])
        assert client.get(call_page).context["seat"].identity == gail.identity
        assert Client().get(call_page).status_code == 404
        other = Client()
        arrive(other, gail.area)
        assert other.get(call_page).status_code == 404

    def test_on_hold_the_calls_address_leads_back_to_the_waiting_page(self, client: Client, gail: Caller) -> None:
        nina = make_staff(gail.area)
        seat = services.join_call(caller=gail, by=nina)
        go_live(seat)
        services.put_on_hold(caller=gail, by=nina)
        answer = client.get(reverse("calls:show_call", args=[seat.call_id]))
        assert answer["Location"] == place_of(gail)
        assert "You are on hold." in client.get(place_of(gail)).content.decode()

    def test_after_finish_the_calls_address_leads_to_the_end_page(self, client: Client, gail: Caller) -> None:
        """Rule W9; the page of the call goes there by itself, too."""
        nina = make_staff(gail.area)
        seat = services.join_call(caller=gail, by=nina)
        go_live(seat)
        call = reverse("calls:show_call", args=[seat.call_id])
        assert client.get(call).context["call_data"]["returns"] is True
        services.finish(caller=gail, by=nina)
        store_end(call_id=seat.call_id, node=Call.objects.get().node, reason=EndReason.CLOSED, at=timezone.now())
        answer = client.get(call, follow=True)
        assert answer.redirect_chain == [(place_of(gail), 302)]
        assert "Your visit is over" in answer.content.decode()

    def test_phone_me_instead_closes_kindly_with_the_number_and_may_be_taken_back(
        self, client: Client, gail: Caller
    ) -> None:
        answer = client.post(place_of(gail, "ask_for_phone"), follow=True)
        assert "will phone you on 01632 960123" in answer.content.decode()
        answer = client.post(place_of(gail, "wait_again"), follow=True)
        assert "You are waiting for Dermatology" in answer.content.decode()

    def test_a_reply_is_one_of_the_set_phrases(self, client: Client, gail: Caller) -> None:
        client.post(place_of(gail, "send_reply"), {"phrase": "<b>"})
        assert not gail.events.messages().exists()
        answer = client.post(place_of(gail, "send_reply"), {"phrase": "can_wait"}, follow=True)
        assert gail.events.messages().get().text == "Thank you, I can wait."
        assert answer.status_code == 200

    def test_after_the_end_they_may_rejoin_by_the_link_they_came_by(self, client: Client, gail: Caller) -> None:
        services.finish(caller=gail, by=make_staff(gail.area))
        said = client.get(place_of(gail)).content.decode()
        assert "Your visit is over" in said
        assert gail.area.link_path in said
        known = client.get(gail.area.link_path).content.decode()
        assert "Gail Grey" in known

    def test_a_page_from_before_a_reset_learns_no_new_link(self, client: Client, gail: Caller) -> None:
        nina = make_staff(gail.area)
        services.finish(caller=gail, by=nina)
        area = services.reset_link(area=gail.area, seen_generation=1, by=nina)
        said = client.get(place_of(gail)).content.decode()
        assert area.link_path not in said
        assert "Rejoin" not in said

    @pytest.mark.parametrize("act", ["send_reply", "ask_for_phone", "wait_again"])
    def test_what_is_pressed_after_the_end_changes_nothing_and_leads_to_rejoin(
        self, client: Client, gail: Caller, act: str
    ) -> None:
        """Also on a page that was left open while staff finished."""
        client.post(place_of(gail, "leave_place"))
        answer = client.post(place_of(gail, act), {"phrase": "can_wait"}, follow=True)
        said = answer.content.decode()
        assert answer.redirect_chain == [(place_of(gail), 302)]
        assert "You have left Dermatology" in said
        assert "Rejoin" in said
        assert "This person" not in said
        gail.refresh_from_db()
        assert (gail.left_reason, gail.phone_instead_at) == (LeftReason.LEFT, None)
        assert not gail.events.messages().exists()

    def test_one_reply_too_many_is_said_on_their_own_page(self, client: Client, gail: Caller) -> None:
        for _number in range(REPLIES):
            gail.events.create(what=CallerEvent.What.REPLY, text="Thank you, I can wait.")
        gail.events.create(what=CallerEvent.What.MESSAGE, text="Soon.")
        said = client.post(place_of(gail, "send_reply"), {"phrase": "can_wait"}, follow=True).content.decode()
        assert "Your messages have been sent. Please wait for an answer." in said
        assert "You are waiting for Dermatology" in said
        assert gail.events.filter(what=CallerEvent.What.REPLY).count() == REPLIES

    def test_a_place_lost_for_want_of_a_socket_comes_back_with_a_press(self, client: Client, gail: Caller) -> None:
        """Rule W8: a browser that runs no scripts is told to press this, and its page still says that it waits."""
        Caller.objects.update(left_at=timezone.now(), left_reason=LeftReason.LOST)
        assert "You are waiting for Dermatology" in client.get(place_of(gail)).content.decode()
        said = client.post(place_of(gail, "ask_for_phone"), follow=True).content.decode()
        assert "will phone you on 01632 960123" in said
        assert Caller.objects.inside().get() == gail


class TestStaffPages:
    """Hazard H8: each page and command × everybody it is not for."""

    COMMANDS = ("join_caller", "fetch_caller", "hold_caller", "finish_caller")

    @pytest.mark.parametrize("command", COMMANDS)
    def test_a_stranger_and_a_provider_of_another_area_find_nobody(self, command: str) -> None:
        caller = make_caller()
        address = reverse(f"waiting_areas:{command}", args=[caller.pk])
        elsewhere = make_staff(make_area(organisation=caller.area.organisation))
        for user in (make_staff(make_area()), elsewhere, make_user(organisation=caller.area.organisation)):
            client = Client()
            client.force_login(user)
            assert client.post(address).status_code == 404
        referrer = Client()
        referrer.force_login(make_staff(caller.area, AreaRole.Role.REFERRER))
        assert referrer.post(address).status_code == 404
        assert Client().post(address).status_code == 302  # to sign in
        assert not Seat.objects.exists()
        assert Caller.objects.inside().exists()

    def test_the_list_is_for_those_who_see_the_areas_callers(self, client: Client) -> None:
        caller = make_caller(name="Gail Grey")
        address = reverse("waiting_areas:show_callers", args=[caller.area_id])
        for user, status in (
            (make_staff(make_area(organisation=caller.area.organisation)), 404),
            (make_staff(make_area()), 404),
            (make_staff(caller.area, AreaRole.Role.REFERRER), 403),
            (make_staff(caller.area), 200),
        ):
            client.force_login(user)
            assert client.get(address).status_code == status
        assert "Gail Grey" in client.get(address).content.decode()

    def test_joining_leads_into_the_call_and_a_colleague_to_the_question(self, client: Client) -> None:
        caller = make_caller()
        address = reverse("waiting_areas:join_caller", args=[caller.pk])
        client.force_login(make_staff(caller.area))
        assert client.post(address)["Location"].startswith("/calls/")
        client.force_login(make_staff(caller.area))
        asked = client.post(address)
        assert asked.status_code == 409
        assert "This person is already in a video call with another service provider" in asked.content.decode()
        assert client.post(address, {"even_if_seen": "1"})["Location"].startswith("/calls/")
