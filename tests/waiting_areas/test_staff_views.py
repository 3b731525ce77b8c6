"""The staff's side: who sees which list, and what the action menu of a caller does (rules W3 to W7)."""

from __future__ import annotations

import re
from datetime import time, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import AccessRecord, User
from calls.models import Call, Seat
from calls.services import admit, open_call
from core.errors import DomainError
from tests.house.qr import says
from tests.waiting_areas.factories import go_live, make_area, make_caller, make_staff
from waiting_areas import services
from waiting_areas.activity import list_activity
from waiting_areas.listing import Sort, list_callers, narrow
from waiting_areas.models import AreaRole, Caller, CallerEvent, OpeningHours, WaitingArea
from waiting_areas.states import LeftReason, Status

HTMX = {"HX-Request": "true"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def area() -> WaitingArea:
    return make_area(name="Dermatology")


@pytest.fixture
def nina(area: WaitingArea, client: Client) -> User:
    """Signed in; service provider."""
    user = make_staff(area, name="Nina Hart")
    client.force_login(user)
    return user


def read(html: str) -> str:
    """The words of a page, as they are read."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def words_at(client: Client, address: str, **query: str) -> str:
    response = client.get(address, query)
    assert response.status_code == 200
    return read(response.content.decode())


def callers_at(area: WaitingArea) -> str:
    return reverse("waiting_areas:show_callers", args=[area.pk])


def deed(name: str, caller: Caller) -> str:
    return reverse(f"waiting_areas:{name}", args=[caller.pk])


def seen_by(caller: Caller, user: User) -> Call:
    """In a call with this provider, both live."""
    call = open_call(place=caller.place)
    for identity, role in ((user.identity, Seat.Role.MEMBER), (caller.identity, Seat.Role.GUEST)):
        go_live(admit(call=call, identity=identity, display_name=identity, role=role))
    return call


class TestAreas:
    def test_shows_mine_with_who_waits_and_no_others(self, client: Client, area: WaitingArea, nina: User) -> None:
        make_area(organisation=area.organisation, name="Podiatry")
        for waited in (timedelta(minutes=3), timedelta(minutes=12)):
            make_caller(area=area, waited=waited)
        words = words_at(client, "/waiting-areas/")
        assert "Dermatology" in words
        assert "2 waiting" in words
        assert "12 minutes" in words
        assert "Podiatry" not in words

    def test_somebody_being_seen_does_not_wait(self, client: Client, area: WaitingArea, nina: User) -> None:
        seen_by(make_caller(area=area), nina)
        words = words_at(client, "/waiting-areas/")
        assert "0 waiting" in words
        assert "1 being seen" in words

    def test_open_page_reads_again_only_what_changed(self, client: Client, area: WaitingArea, nina: User) -> None:
        html = client.get("/waiting-areas/").content.decode()
        version = re.search(r"seen=(\w+)", html)
        assert version
        again = {"path": "/waiting-areas/", "data": {"seen": version[1]}, "headers": HTMX}
        assert client.get(**again).status_code == 204  # type: ignore[arg-type]
        make_caller(area=area)
        answer = client.get(**again)  # type: ignore[arg-type]
        assert answer.status_code == 200
        assert "<html" not in answer.content.decode()

    def test_referrer_sees_no_callers(self, client: Client, area: WaitingArea) -> None:
        client.force_login(make_staff(area, AreaRole.Role.REFERRER))
        assert "Dermatology" not in words_at(client, "/waiting-areas/")
        assert client.get(callers_at(area)).status_code == 403


class TestCallerList:
    def test_lists_everybody_inside_by_arrival(self, client: Client, area: WaitingArea, nina: User) -> None:
        for name, minutes in (("Late", 1), ("Early", 9)):
            make_caller(area=area, name=name, waited=timedelta(minutes=minutes))
        gone = make_caller(area=area, name="Gone")
        Caller.objects.filter(pk=gone.pk).update(left_at=timezone.now(), left_reason=LeftReason.LEFT)
        words = words_at(client, callers_at(area))
        assert words.index("Early") < words.index("Late")
        assert "Gone" not in words

    def test_facts_of_a_caller(self, client: Client, area: WaitingArea, nina: User) -> None:
        caller = make_caller(
            area=area, name="Zoë <b>", reference="AB 12", device_check="microphone-heard", telephone="01632 960123"
        )
        Caller.objects.filter(pk=caller.pk).update(phone_instead_at=timezone.now())
        html = client.get(callers_at(area)).content.decode()
        assert "Zoë &lt;b&gt;" in html
        words = read(html)
        for fact in ("Waiting", "01632 960", "AB 12", "Microphone tested", "Please phone me instead"):
            assert fact in words

    @pytest.mark.parametrize(
        ("search", "found"),
        [("amal", {"Amal Khan"}), ("khan", {"Amal Khan", "Bo Khan"}), ("960123", {"Bo Khan"}), ("AB", {"Amal Khan"})],
    )
    def test_search_is_by_name_number_and_reference(self, area: WaitingArea, search: str, found: set[str]) -> None:
        make_caller(area=area, name="Amal Khan", reference="AB-12", telephone="+441632111222")
        make_caller(area=area, name="Bo Khan", telephone="01632 960123")
        lines = narrow(list_callers([area], now=timezone.now()), search=search)
        assert {line.caller.name for line in lines} == found

    def test_order_and_status_can_be_chosen(self, area: WaitingArea, nina: User) -> None:
        first = make_caller(area=area, name="Zed", waited=timedelta(minutes=5))
        make_caller(area=area, name="ann")
        seen_by(first, nina)
        lines = list_callers([area], now=timezone.now())
        assert [line.caller.name for line in narrow(lines)] == ["Zed", "ann"]
        assert [line.caller.name for line in narrow(lines, sort=Sort.LATEST)] == ["ann", "Zed"]
        assert [line.caller.name for line in narrow(lines, sort=Sort.NAME)] == ["ann", "Zed"]
        assert [line.caller.name for line in narrow(lines, status=Status.BEING_SEEN)] == ["Zed"]

    def test_nonsense_in_the_address_is_the_list_as_always(self, client: Client, area: WaitingArea, nina: User) -> None:
        make_caller(area=area, name="Amal")
        assert "Amal" in words_at(client, callers_at(area), sort="<script>", status="dancing")

    def test_find_a_caller_looks_into_all_my_areas_and_no_others(
        self, client: Client, area: WaitingArea, nina: User
    ) -> None:
        other = make_area(organisation=area.organisation, name="Physiotherapy")
        AreaRole.objects.create(area=other, user=nina, role=AreaRole.Role.PROVIDER)
        make_caller(area=other, name="Amal")
        make_caller(area=make_area(name="Elsewhere"), name="Amalia")
        words = words_at(client, "/waiting-areas/find/", search="ama")
        assert "Amal Physiotherapy" in words.replace("›", "")
        assert "Amalia" not in words

    def test_queries_do_not_grow_with_callers(
        self, client: Client, area: WaitingArea, nina: User, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        for _number in range(30):
            make_caller(area=area)
        with django_assert_max_num_queries(14):
            client.get(callers_at(area))


class TestAccess:
    """Hazards H6, H8: every address of the menus for everybody who may not."""

    DEEDS = (
        ("join_caller", "post"),
        ("fetch_caller", "post"),
        ("hold_caller", "post"),
        ("finish_caller", "post"),
        ("finish_caller", "get"),
        ("transfer_caller", "post"),
        ("transfer_caller", "get"),
        ("write_message", "post"),
        ("write_message", "get"),
        ("show_activity", "get"),
        ("list_participants", "get"),
    )

    @pytest.mark.parametrize(("name", "method"), DEEDS)
    @pytest.mark.parametrize("who", ["other_area", "other_organisation", "referrer", "no_role"])
    def test_nobody_else_knows_the_caller(
        self, client: Client, area: WaitingArea, name: str, method: str, who: str
    ) -> None:
        strangers = {
            "other_area": lambda: make_staff(make_area(organisation=area.organisation)),
            "other_organisation": lambda: make_staff(make_area()),
            "referrer": lambda: make_staff(area, AreaRole.Role.REFERRER),
            "no_role": lambda: make_staff(make_area(organisation=area.organisation), AreaRole.Role.REFERRER),
        }
        client.force_login(strangers[who]())
        caller = make_caller(area=area)
        before = Caller.objects.values().get(pk=caller.pk)
        assert getattr(client, method)(deed(name, caller), {"text": "x"}).status_code == 404
        assert Caller.objects.values().get(pk=caller.pk) == before
        assert not CallerEvent.objects.filter(caller=caller).exists()

    @pytest.mark.parametrize(("name", "method"), DEEDS)
    def test_signing_in_comes_first(self, client: Client, area: WaitingArea, name: str, method: str) -> None:
        answer = getattr(client, method)(deed(name, make_caller(area=area)))
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/")

    @pytest.mark.parametrize("name", ["join_caller", "fetch_caller", "hold_caller"])
    def test_looking_changes_nothing(self, client: Client, area: WaitingArea, nina: User, name: str) -> None:
        assert client.get(deed(name, make_caller(area=area))).status_code == 405

    @pytest.mark.parametrize(
        ("name", "roles"),
        [
            ("suspend_area", {"coordinator", "administrator"}),
            ("edit_hours", {"coordinator", "administrator"}),
            ("write_to_all", {"coordinator", "administrator"}),
            ("reset_link", {"administrator"}),
            ("show_link", {"provider", "coordinator", "administrator"}),
        ],
    )
    def test_each_role_runs_what_it_may(self, client: Client, area: WaitingArea, name: str, roles: set[str]) -> None:
        address = reverse(f"waiting_areas:{name}", args=[area.pk])
        for role in AreaRole.Role:
            client.force_login(make_staff(area, role))
            assert client.get(address).status_code == (200 if role in roles else 403)
        client.force_login(make_staff(make_area()))
        assert client.get(address).status_code == 404


class TestMenu:
    def test_joining_leads_into_the_call(self, client: Client, area: WaitingArea, nina: User) -> None:
        answer = client.post(deed("join_caller", make_caller(area=area)))
        assert answer.status_code == 302
        assert answer["Location"].startswith("/calls/")

    def test_joining_somebody_a_colleague_sees_asks_first(self, client: Client, area: WaitingArea, nina: User) -> None:
        """Rule W5."""
        caller = make_caller(area=area)
        seen_by(caller, make_staff(area, name="Omar"))
        answer = client.post(deed("join_caller", caller))
        assert answer.status_code == 409
        words = read(answer.content.decode())
        assert "This person is already in a video call with another service provider" in words
        assert 'name="even_if_seen"' in answer.content.decode()
        assert client.post(deed("join_caller", caller), {"even_if_seen": "1"}).status_code == 302

    def test_add_to_current_call_needs_a_call(self, client: Client, area: WaitingArea, nina: User) -> None:
        caller = make_caller(area=area)
        html = client.get(callers_at(area)).content.decode()
        assert "Add to current video call" not in html
        answer = client.post(deed("fetch_caller", caller))
        assert answer.status_code == 409
        assert "Join a call first" in read(answer.content.decode())

    def test_add_to_current_call_is_offered_in_a_call(self, client: Client, area: WaitingArea, nina: User) -> None:
        seen_by(make_caller(area=area), nina)
        make_caller(area=area)
        assert "Add to current video call" in words_at(client, callers_at(area))

    def test_added_caller_is_said_to_be_on_the_way(
        self, client: Client, area: WaitingArea, nina: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[Caller] = []
        monkeypatch.setattr(services, "fetch_into_call", lambda *, caller, by, **_: asked.append(caller))
        caller = make_caller(area=area, name="Amal")
        answer = client.post(deed("fetch_caller", caller), follow=True)
        assert asked == [caller]
        assert "Amal is on the way into your call." in read(answer.content.decode())

    def test_full_call_is_said_and_nothing_changes(
        self, client: Client, area: WaitingArea, nina: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(**_given: object) -> None:
            raise DomainError("full", "This call is full.")

        monkeypatch.setattr(services, "fetch_into_call", refuse)
        answer = client.post(deed("fetch_caller", make_caller(area=area)))
        assert answer.status_code == 409
        assert "This call is full." in read(answer.content.decode())

    def test_put_on_hold_and_finish(self, client: Client, area: WaitingArea, nina: User) -> None:
        caller = make_caller(area=area, name="Amal")
        assert "Nobody is in a call with this person." in words_after(client, deed("hold_caller", caller))
        seen_by(caller, nina)
        assert "Amal is on hold" in words_after(client, deed("hold_caller", caller))
        assert "They leave the list" in words_at(client, deed("finish_caller", caller))
        assert "The visit of Amal is finished." in words_after(client, deed("finish_caller", caller))
        assert "This person has left the waiting area." in words_after(client, deed("finish_caller", caller))

    def test_transfer_offers_the_areas_i_may_send_to(self, client: Client, area: WaitingArea, nina: User) -> None:
        target = make_area(organisation=area.organisation, name="Physiotherapy")
        AreaRole.objects.create(area=target, user=nina, role=AreaRole.Role.REFERRER)
        hidden = make_area(organisation=area.organisation, name="Podiatry")
        caller = make_caller(area=area, waited=timedelta(minutes=20))
        words = words_at(client, deed("transfer_caller", caller))
        assert "Physiotherapy" in words
        assert "Podiatry" not in words
        refused = client.post(deed("transfer_caller", caller), {"to": str(hidden.pk)})
        assert refused.status_code == 200
        caller.refresh_from_db()
        assert caller.area == area
        assert client.post(deed("transfer_caller", caller), {"to": str(target.pk)}).status_code == 302
        caller.refresh_from_db()
        assert caller.area == target
        assert timezone.now() - caller.arrived_at > timedelta(minutes=19)

    def test_messages_both_ways(self, client: Client, area: WaitingArea, nina: User) -> None:
        caller = make_caller(area=area, name="Amal")
        address = deed("write_message", caller)
        empty = client.post(address, {"text": "  "})
        assert "Write a message, or press one of the phrases." in read(empty.content.decode())
        client.post(address, {"text": "We are running <late>"})
        services.reply(caller=caller, phrase=services.Phrase.CAN_WAIT)
        html = client.get(address).content.decode()
        assert "We are running &lt;late&gt;" in html
        assert "Thank you, I can wait." in html
        assert "Thank you, I can wait." in words_at(client, callers_at(area))
        client.post(address, {"text": "Good"})
        assert "Thank you, I can wait." not in words_at(client, callers_at(area))

    def test_participants_can_be_disconnected(self, client: Client, area: WaitingArea, nina: User) -> None:
        caller = make_caller(area=area, name="Amal")
        call = seen_by(caller, nina)
        seat = Seat.objects.get(call=call, identity=caller.identity)
        assert f"Disconnect {seat.display_name}" in client.get(deed("list_participants", caller)).content.decode()
        address = reverse("waiting_areas:disconnect_participant", args=[caller.pk, seat.pk])
        assert "has been disconnected." in words_after(client, address)
        seat.refresh_from_db()
        assert seat.removed_at

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.usefixtures("relay_away")
    def test_what_is_stored_though_the_relay_cannot_be_told_is_said_as_it_stands(
        self, client: Client, area: WaitingArea, nina: User
    ) -> None:
        """Rules C7 and W9, hazard H22: calls.sweep goes on trying."""
        caller = make_caller(area=area, name="Amal")
        seat = Seat.objects.get(call=seen_by(caller, nina), identity=caller.identity)
        Call.objects.update(node="node")
        address = reverse("waiting_areas:disconnect_participant", args=[caller.pk, seat.pk])
        assert f"{seat.display_name} is still in the call. We go on trying" in words_after(client, address)
        seat.refresh_from_db()
        assert seat.removed_at
        said = words_after(client, deed("finish_caller", caller))
        assert "The visit of Amal is finished, but their call is still open. We go on trying to end it." in said
        assert "Not now." not in said
        caller.refresh_from_db()
        assert caller.left_reason == LeftReason.FINISHED
        assert Call.objects.to_end().exists()

    def test_participant_of_another_call_is_not_there(self, client: Client, area: WaitingArea, nina: User) -> None:
        """Hazard H6."""
        caller = make_caller(area=area)
        seen_by(caller, nina)
        other = seen_by(make_caller(area=make_area()), make_staff(make_area()))
        seat = Seat.objects.filter(call=other).first()
        assert seat
        address = reverse("waiting_areas:disconnect_participant", args=[caller.pk, seat.pk])
        assert client.post(address).status_code == 404

    def test_activity_tells_of_a_call_they_were_brought_into_only_about_themselves(
        self, area: WaitingArea, nina: User
    ) -> None:
        caller = make_caller(area=area)
        meeting = seen_by(make_caller(area=make_area()), nina)
        go_live(admit(call=meeting, identity=caller.identity, display_name="Amal", role=Seat.Role.GUEST))
        texts = [entry.text for entry in list_activity(caller)]
        assert texts == ["Amal was connected"]


def words_after(client: Client, address: str, **fields: str) -> str:
    return read(client.post(address, {"pressed": "1"} | fields, follow=True).content.decode())


class TestRunning:
    @pytest.fixture
    def coordinator(self, area: WaitingArea, client: Client) -> User:
        user = make_staff(area, AreaRole.Role.COORDINATOR)
        client.force_login(user)
        return user

    def test_suspend_and_restore(self, client: Client, area: WaitingArea, coordinator: User) -> None:
        suspend, restore = (reverse(f"waiting_areas:{name}_area", args=[area.pk]) for name in ("suspend", "restore"))
        client.post(suspend, {"message_to_callers": "Phone us", "message_to_staff": "Back on Monday"})
        assert "Suspended Back on Monday" in words_at(client, callers_at(area))
        assert "suspended already" in words_after(client, suspend)
        assert "takes callers again" in words_after(client, restore)
        assert "is not suspended" in words_after(client, restore)

    def test_two_who_suspend_at_once_keep_what_they_typed(
        self, client: Client, area: WaitingArea, coordinator: User
    ) -> None:
        """Rule W2: the second reads what the first wrote, and can still copy their own words."""
        services.suspend(area=area, message_to_callers="Phone <us>", message_to_staff="Power cut", by=coordinator)
        address = reverse("waiting_areas:suspend_area", args=[area.pk])
        html = client.post(
            address, {"message_to_callers": "Come tomorrow", "message_to_staff": "Fire"}
        ).content.decode()
        said = read(html)
        assert "This waiting area is suspended already." in said
        assert "Message to callers Phone &lt;us&gt;" in said
        assert "Message to staff Power cut" in said
        assert re.search(r"<textarea[^>]*>\s*Come tomorrow</textarea>", html)
        assert re.search(r"<textarea[^>]*>\s*Fire</textarea>", html)
        area.refresh_from_db()
        assert (area.message_to_callers, area.message_to_staff) == ("Phone <us>", "Power cut")

    def test_word_to_everybody(self, client: Client, area: WaitingArea, coordinator: User) -> None:
        address = reverse("waiting_areas:write_to_all", args=[area.pk])
        nobody = client.post(address, {"text": "Late"}, follow=True)
        assert "Nobody is in Dermatology now." in read(nobody.content.decode())
        callers = [make_caller(area=area) for _number in range(2)]
        client.post(address, {"text": "Late"})
        for caller in callers:
            assert caller.events.messages().get().text == "Late"

    def test_opening_hours(self, client: Client, area: WaitingArea, coordinator: User) -> None:
        address = reverse("waiting_areas:edit_hours", args=[area.pk])
        rows = {"hours-TOTAL_FORMS": "2", "hours-INITIAL_FORMS": "0"}
        half = rows | {"hours-0-weekday": "0", "hours-0-opens": "09:00"}
        assert "Say the day, when it opens and when it closes" in read(client.post(address, half).content.decode())
        assert not OpeningHours.objects.exists()
        whole = half | {"hours-0-closes": "17:00"}
        assert client.post(address, whole).status_code == 302
        block = OpeningHours.objects.get(area=area)
        assert (block.weekday, block.opens, block.closes) == (0, time(9), time(17))
        area.refresh_from_db()
        assert not area.always_open
        twice = whole | {"hours-1-weekday": "0", "hours-1-opens": "09:00", "hours-1-closes": "12:00"}
        assert "same opening" in read(client.post(address, twice).content.decode())

    def test_opening_hours_that_a_colleague_saved_meanwhile_are_not_overwritten_unseen(
        self, client: Client, area: WaitingArea, coordinator: User
    ) -> None:
        """Rule W2: two coordinators, or one in two tabs; what was typed is kept."""
        address = reverse("waiting_areas:edit_hours", args=[area.pk])
        seen = re.search(r'name="seen_version" value="([^"]+)"', client.get(address).content.decode())
        assert seen
        mine = {"hours-TOTAL_FORMS": "1", "hours-INITIAL_FORMS": "0", "seen_version": seen[1]}
        mine |= {"hours-0-weekday": "0", "hours-0-opens": "09:00", "hours-0-closes": "17:00"}
        OpeningHours.objects.create(area=area, weekday=4, opens=time(10), closes=time(12))
        WaitingArea.objects.update(always_open=False)
        html = client.post(address, mine).content.decode()
        assert "Somebody else has just changed this." in html
        assert "Opening hours Friday 10:00–12:00" in read(html)
        assert 'value="17:00"' in html
        assert [block.weekday for block in OpeningHours.objects.all()] == [4]
        now_seen = re.search(r'name="seen_version" value="([^"]+)"', html)
        assert now_seen
        mine["seen_version"] = now_seen[1]
        for _press in range(2):
            assert client.post(address, mine).status_code == 302
        assert [block.weekday for block in OpeningHours.objects.all()] == [0]
        assert AccessRecord.objects.filter(act="area.hours_changed").count() == 1

    def test_card_has_the_link_as_text_and_as_a_code(self, client: Client, area: WaitingArea) -> None:
        client.force_login(make_staff(area))
        html = client.get(reverse("waiting_areas:show_link", args=[area.pk])).content.decode()
        assert area.link in read(html)
        assert says(html, area.link)
        assert not says(html, make_area().link)

    def test_reset_link(self, client: Client, area: WaitingArea) -> None:
        client.force_login(make_staff(area, AreaRole.Role.ADMINISTRATOR))
        address = reverse("waiting_areas:reset_link", args=[area.pk])
        old = area.link
        form = {"seen_generation": str(area.link_generation)}
        answer = client.post(address, form, follow=True)
        area.refresh_from_db()
        assert area.link != old
        assert area.link in answer.content.decode()
        again = client.post(address, form, follow=True)
        assert "reset already" in read(again.content.decode())
