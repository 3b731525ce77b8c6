"""No word of a page is left out of its translation, and another language is a catalogue alone (issue 4, part 7).

Everything people name themselves is Greek here, and the language of the pages is one whose letters all have accents
(tests/house/pseudo.py): two plain letters side by side are a word that no catalogue can change.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import time, timedelta
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.conf import settings
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.test import Client, override_settings
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone, translation

from accounts.models import Organisation
from calls.models import Call, Seat
from calls.relay.terms import EndReason
from calls.services import admit, open_call
from invites.models import Invite
from messaging.delivery import reasons
from messaging.models import Message
from messaging.states import Status
from rooms.models import MeetingRoom, RoomMembership
from rooms.services import delete_room
from tests.accounts.factories import make_organisation, make_user
from tests.house.pseudo import HOUSE, LANGUAGE, make_catalogue, missing_tools, pseudo
from tests.invites.factories import make_invite
from tests.rooms.factories import make_room
from tests.waiting_areas.factories import go_live, make_area, make_caller
from waiting_areas.models import AreaRole, Asked, Caller, CallerEvent, OpeningHours, WaitingArea
from waiting_areas.states import LeftReason

pytestmark = pytest.mark.django_db

SAID_IN = ("aria-label", "aria-description", "aria-valuetext", "title", "placeholder", "alt", "label")
NO_WORDS = ("script", "style", "svg", "code")
# Names of ours, addresses, codes, and what the scripts fill in: no language has others.
_NAMES = re.compile(r"Anteroom|\b[A-Z]{4}-[A-Z]{4}\b|\{\w+\}|https?://\S+|\S+@\S+|Europe/London|UK\b")
_WORD = re.compile(r"[A-Za-z]{2,}")


class Said(HTMLParser):
    """What a page says to eye and ear: its text, and what its attributes say."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._within: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in NO_WORDS:
            self._within.append(tag)
        given = {name: value or "" for name, value in attributes}
        self.texts += [text for name, text in given.items() if name in SAID_IN]
        # A script's words: a sentence in data-copied, but no name of a thing in data-state.
        self.texts += [
            text for name, text in given.items() if name.startswith("data-") and re.search(r"[A-Za-z] [A-Za-z]", text)
        ]
        if tag == "input" and given.get("type") in ("submit", "button"):
            self.texts.append(given.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if self._within and self._within[-1] == tag:
            self._within.pop()

    def handle_data(self, text: str) -> None:
        if not self._within:
            self.texts.append(text)


def plain_words(page: str) -> set[str]:
    """Texts of the page in which a word is in plain letters."""
    said = (" ".join(text.split()) for text in Said(page).texts)
    return {text for text in said if _WORD.search(_NAMES.sub("", text))}


def test_a_word_in_plain_letters_is_noticed_wherever_it_stands() -> None:
    page = """<p>Ļéåṽé</p><img alt="Picture"><p title="Sit down">Stand</p><script>const name = 1;</script>
        <button aria-label="Close">×</button><div data-copied="Link copied" data-state="open"></div>"""
    assert plain_words(page) == {"Picture", "Sit down", "Stand", "Close", "Link copied"}
    assert (
        pseudo("Leave {name}’s <b>%(room)s</b> 100%% now")
        == "Ļéåṽé {name}’š <b>%(room)s</b> 100%% ñöŵ łöñĝ łöñĝ łöñĝ łöñĝ"
    )


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if missing := missing_tools():
        message = f"{missing} are not there: tests/ensure-gettext.sh (Debian: apt-get install gettext)"
        assert not os.environ.get("CI"), message
        pytest.skip(message)
    return make_catalogue(tmp_path_factory.mktemp("pseudo"))


@pytest.fixture
def _pseudo(catalogue: Path) -> Iterator[None]:
    languages = [*settings.LANGUAGES, (LANGUAGE, LANGUAGE)]
    with override_settings(LOCALE_PATHS=[catalogue], LANGUAGES=languages):
        yield


class World:
    """A clinic in which everything that people name is Greek."""

    def __init__(self) -> None:
        self.clinic: Organisation = make_organisation(name="Κλινική", support_phone="01632 960000")
        self.nina = make_user(organisation=self.clinic, administrator=True, name="Νίνα")
        self.omar = make_user(organisation=self.clinic, name="Ομάρ")
        self.room: MeetingRoom = make_room(organisation=self.clinic, name="Αίθουσα")
        self.membership = RoomMembership.objects.create(
            room=self.room, user=self.nina, role=RoomMembership.Role.ADMINISTRATOR
        )
        self.other = RoomMembership.objects.create(room=self.room, user=self.omar)
        asked = dict.fromkeys(("ask_date_of_birth", "ask_reason", "ask_reference"), Asked.REQUIRED)
        self.area: WaitingArea = make_area(organisation=self.clinic, name="Χώρος", notice="Καλημέρα.", **asked)
        self.second: WaitingArea = make_area(organisation=self.clinic, name="Άλλος")
        for area, user in product((self.area, self.second), (self.nina, self.omar)):
            AreaRole.objects.create(area=area, user=user, role=AreaRole.Role.ADMINISTRATOR)
        self.caller: Caller = make_caller(
            area=self.area, name="Γκέιλ", device_check="camera-working microphone-quiet network-tcp", reason="Γόνατο"
        )
        self.invite: Invite = make_invite(room=self.room, by=self.nina, name="Γκρέις")
        self.message: Message = Message.objects.about(self.invite.about).get()

    def enter(self, place: str, identity: str, name: str, role: str) -> Seat:
        return admit(call=open_call(place=place), identity=identity, display_name=name, role=role)

    def browser(self, who: str) -> Client:
        """Of nobody; of a caller or guest who sits in the calls; of Nina, who sits in them, too."""
        client = Client(headers={"accept-language": LANGUAGE})
        if who == "member":
            client.force_login(self.nina, backend="django.contrib.auth.backends.ModelBackend")
        session = client.session
        if who != "anybody":
            role = Seat.Role.MEMBER if who == "member" else Seat.Role.GUEST
            room = self.nina.identity if who == "member" else self.invite.identity
            area = self.nina.identity if who == "member" else self.caller.identity
            seats = [self.enter(self.room.place, room, "Ένας", role), self.enter(self.caller.place, area, "Ένας", role)]
            session["seats"] = {str(seat.call_id): str(seat.pk) for seat in seats}
            session["identities"] = [self.caller.identity]
        session.save()
        return client

    def arguments(self, name: str, route: str) -> Iterator[list[Any]]:
        """What can stand in an address of ours."""
        call = open_call(place=self.room.place).pk, open_call(place=self.caller.place).pk
        tokens = [
            path.rstrip("/").rpartition("/")[2]
            for path in (self.room.link_path, self.area.link_path, self.invite.link_path)
        ]
        known: dict[str, list[Any]] = {
            "room_id": [self.room.pk],
            "area_id": [self.area.pk],
            "caller_id": [self.caller.pk],
            "call_id": list(call),
            "membership_id": [self.other.pk],
            "role_id": list(AreaRole.objects.filter(area=self.area, user=self.omar).values_list("pk", flat=True)),
            "seat_id": list(Seat.objects.values_list("pk", flat=True)[:1]),
            "token": [*tokens, "nonsense"],
            "place": [self.room.place],
            "invite_id": [self.invite.pk],
            "message_id": [self.message.pk],
            "colour": ["11716a"],
            "provider": ["mailersend"],
            "key": ["nonsense"],
            "uidb36": ["1"],
            "pk": [1],
        }
        yield from (
            list(values) for values in product(*(known[field] for field in re.findall(r"<(?:\w+:)?(\w+)>", route)))
        )


def addresses() -> Iterator[str]:
    """The route of each page of ours but Django's own administration."""

    def walk(patterns: list[Any], before: str) -> Iterator[str]:
        for pattern in patterns:
            route = before + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, route)
            elif isinstance(pattern, URLPattern):
                yield route

    yield from (
        f"/{route}"
        for route in walk(get_resolver().url_patterns, "")
        if not route.startswith("admin/") and "^" not in route
    )


def fill(route: str, values: list[Any]) -> str:
    given = iter(values)
    return re.sub(r"<[^>]+>", lambda _field: str(next(given)), route)


def said_in(answer: Any) -> Iterator[str]:
    """The pages and banners of an answer."""
    if "HX-Trigger" in answer:
        yield f"<p>{json.loads(answer['HX-Trigger'])['toast']['text']}</p>"
    if answer.headers.get("Content-Type", "").startswith("text/html"):
        yield answer.content.decode()
    elif answer.headers.get("Content-Type", "").startswith("application/json"):
        yield f"<p>{answer.json().get('message', '')}</p>"


class Reading:
    """What was found plain, and where."""

    def __init__(self) -> None:
        self.plain: dict[str, str] = {}

    def read(self, where: str, page: str) -> None:
        for text in plain_words(page):
            self.plain.setdefault(text, where)


@pytest.fixture
def reading() -> Reading:
    return Reading()


NOTHING = {"hours-TOTAL_FORMS": "1", "hours-INITIAL_FORMS": "0"}  # a list of forms says how many come
PEOPLE = ("anybody", "guest", "member")


@pytest.mark.usefixtures("_pseudo")
@pytest.mark.parametrize("who", PEOPLE)
def test_every_page_is_in_the_language_of_its_reader(who: str, reading: Reading) -> None:
    """Each address there is, opened and in part (htmx), by somebody with every right and by somebody with none."""
    world = World()
    browser = world.browser(who)
    for route in addresses():
        if "logout" in route:
            continue
        for values in world.arguments(who, route):
            for header in ({}, {"HX-Request": "true"}):
                answer = browser.get(fill(route, values), headers=header)
                for page in said_in(answer):
                    reading.read(f"GET {route} by {who}", page)
    assert reading.plain == {}


@pytest.mark.usefixtures("_pseudo")
@pytest.mark.parametrize("who", PEOPLE)
def test_every_answer_to_a_form_is_in_the_language_of_its_reader(who: str, reading: Reading) -> None:
    """Sent with nothing in it, each in a world of its own: what is missing is said, what happens is told."""
    for route in addresses():
        world = World()
        for values in world.arguments(who, route):
            for header in ({}, {"HX-Request": "true"}):
                browser = world.browser(who)
                answer = browser.post(fill(route, values), NOTHING, headers=header)
                if answer.status_code == 302 and answer["Location"].startswith("/"):
                    answer = browser.get(answer["Location"])
                for page in said_in(answer):
                    reading.read(f"POST {route} by {who}", page)
    assert reading.plain == {}


def shown(browser: Client, reading: Reading, where: str, path: str) -> None:
    answer = browser.get(path, follow=True)
    for page in said_in(answer):
        reading.read(f"{where} ({answer.status_code})", page)


@pytest.mark.usefixtures("_pseudo")
def test_every_end_of_a_call_is_in_the_language_of_its_reader(reading: Reading) -> None:
    for reason, who in product([*EndReason, ""], ("guest", "member")):
        world = World()
        browser = world.browser(who)
        calls = Call.objects.filter(place__in=[world.room.place, world.caller.place])
        paths = [f"/calls/{call.pk}/" for call in calls]
        if reason:
            calls.update(ended_at=timezone.now(), end_reason=reason)
        else:
            Seat.objects.filter(call__in=calls).update(removed_at=timezone.now())
        for path in paths:
            shown(browser, reading, f"the end {reason or 'removed'} for a {who}", path)
    assert reading.plain == {}


@pytest.mark.usefixtures("_pseudo")
def test_every_door_of_a_personal_link_is_in_the_language_of_its_reader(reading: Reading) -> None:
    now = timezone.now()
    states: dict[str, dict[str, Any]] = {
        "open": {},
        "revoked": {"revoked_at": now},
        "expired": {"expires_at": now - timedelta(days=1)},
    }
    for state, fields in states.items():
        world = World()
        Invite.objects.filter(pk=world.invite.pk).update(**fields)
        shown(world.browser("anybody"), reading, f"a link that is {state}", world.invite.link_path)
    world = World()
    of_call = make_invite(room=world.room, by=world.nina, name="Ρόζα", in_call=True)
    Call.objects.filter(place=world.room.place).update(ended_at=now)
    shown(world.browser("anybody"), reading, "a link whose call is over", of_call.link_path)
    delete_room(room=world.room, by=world.nina)
    shown(world.browser("anybody"), reading, "a link to a room that is gone", world.invite.link_path)
    world = World()
    seat = world.enter(world.room.place, world.invite.identity, "Ένας", Seat.Role.GUEST)
    go_live(seat)
    shown(world.browser("anybody"), reading, "a link that is in use", world.invite.link_path)
    Seat.objects.filter(pk=seat.pk).update(removed_at=now)
    answer = world.browser("anybody").post(world.invite.link_path, {"name": "Ρόζα"})
    reading.read("somebody who was removed comes back", answer.content.decode())
    assert reading.plain == {}


@pytest.mark.usefixtures("_pseudo")
def test_every_state_of_a_waiting_area_is_in_the_language_of_its_reader(reading: Reading) -> None:
    now = timezone.now()
    areas: dict[str, dict[str, Any]] = {
        "suspended": {"suspended_at": now},
        "telling the position": {"shows_position": True},
        "deleted": {"deleted_at": now},
    }
    for state, fields in areas.items():
        world = World()
        WaitingArea.objects.filter(pk=world.area.pk).update(**fields)
        shown(world.browser("anybody"), reading, f"an area that is {state}", world.area.link_path)
        shown(
            world.browser("guest"), reading, f"a place in an area that is {state}", f"/waiting/place/{world.caller.pk}/"
        )
        shown(
            world.browser("member"), reading, f"a list of an area that is {state}", f"/waiting-areas/{world.area.pk}/"
        )
    closed = World()
    tomorrow = (now + timedelta(days=2)).isoweekday() - 1
    OpeningHours.objects.create(area=closed.area, weekday=tomorrow, opens=time(9), closes=time(10))
    shown(closed.browser("anybody"), reading, "an area that is closed", closed.area.link_path)
    for reason in ["", *LeftReason]:
        world = World()
        fields = {"left_at": now - timedelta(hours=1), "left_reason": reason} if reason else {"phone_instead_at": now}
        Caller.objects.filter(pk=world.caller.pk).update(**fields)
        CallerEvent.objects.bulk_create(CallerEvent(caller=world.caller, what=what) for what in CallerEvent.What)
        shown(
            world.browser("guest"),
            reading,
            f"a place left by {reason or 'asking for the phone'}",
            f"/waiting/place/{world.caller.pk}/",
        )
        shown(world.browser("member"), reading, "the activity", f"/waiting-areas/callers/{world.caller.pk}/activity/")
    assert reading.plain == {}


@pytest.mark.usefixtures("_pseudo")
def test_every_state_of_an_invitation_is_in_the_language_of_its_reader(reading: Reading) -> None:
    world = World()
    browser = world.browser("member")
    with translation.override(None):
        failures = [str(reasons.of_twilio(code, otherwise=reasons.TEXT_LOST)) for code in reasons._TWILIO]
    for status, failure in [*product(Status, [""]), *product([Status.FAILED], failures)]:
        now = timezone.now()
        waits = (
            {"claim": uuid4(), "claimed_until": now}
            if status == Status.SENDING
            else {"claim": None, "claimed_until": None}
        )
        Message.objects.filter(pk=world.message.pk).update(status=status, failure=failure, **waits)
        shown(browser, reading, f"an invitation {status}", f"/invites/{world.room.place}/list/")
        shown(browser, reading, f"a message {status}", f"/dev/messages/{world.message.pk}/")
    assert reading.plain == {}


@pytest.mark.usefixtures("_pseudo")
def test_emails_and_texts_are_in_the_language_of_whoever_sends_them(reading: Reading) -> None:
    world = World()
    browser = world.browser("member")
    address = f"/invites/{world.room.place}/"
    for kind, field, recipient in (("email", "email", "rosa@example.org"), ("sms", "phone", "07700 900001")):
        for in_call in ({}, {"call": str(open_call(place=world.room.place).pk)}):
            until = {} if in_call else {"until": f"{timezone.localdate() + timedelta(days=3)}"}
            browser.post(address, {"kind": kind, "name": "Ρόζα", field: recipient} | in_call | until)
            message = Message.objects.order_by("created_at").last()
            assert message is not None
            assert message.recipient != world.invite.recipient, "it was not sent"
            for part in (message.subject, message.text, message.html):
                reading.read(f"{kind} {'in a call' if in_call else 'before'}", part)
    for email in (world.nina.email, "nobody@example.org"):
        Client(headers={"accept-language": LANGUAGE}).post("/accounts/login/code/", {"email": email})
    assert len(mail.outbox) == 2
    for written in mail.outbox:
        assert isinstance(written, EmailMultiAlternatives)
        for part in (written.subject, written.body, *(str(html) for html, _type in written.alternatives)):
            reading.read("signing in by email", part)
    assert reading.plain == {}


@pytest.mark.usefixtures("_pseudo")
@pytest.mark.parametrize("status", ["400", "403", "403_csrf", "404", "405", "429", "500"])
def test_every_error_page_is_in_the_language_of_its_reader(status: str, reading: Reading) -> None:
    with translation.override(LANGUAGE):
        reading.read(status, render_to_string(f"{status}.html"))
    assert reading.plain == {}


@pytest.mark.usefixtures("_pseudo")
def test_every_choice_is_in_the_language_of_its_reader(reading: Reading) -> None:
    with translation.override(LANGUAGE):
        for model in apps.get_models():
            if model.__module__.split(".")[0] not in HOUSE:
                continue
            for field in model._meta.get_fields():
                for _value, label in getattr(field, "flatchoices", None) or ():
                    reading.read(f"{model.__name__}.{field.name}", f"<p>{label}</p>")
    assert reading.plain == {}


@pytest.mark.usefixtures("_pseudo")
def test_a_reader_of_english_and_one_of_a_language_without_a_catalogue_read_english() -> None:
    for wanted in ("en-GB", "cy"):
        page = Client(headers={"accept-language": wanted}).get("/").content.decode()
        assert "Test your camera and microphone" in page
        assert '<html lang="en-gb">' in page


def test_a_catalogue_is_all_that_another_language_needs(tmp_path: Path) -> None:
    catalogue = tmp_path / "locale" / "pt_BR" / "LC_MESSAGES" / "django.mo"
    catalogue.parent.mkdir(parents=True)
    catalogue.touch()
    command = [sys.executable, "-c", "from config.settings import LANGUAGES; print(LANGUAGES)"]
    around = {
        "PATH": os.environ["PATH"],
        "DEBUG": "1",
        "DATA_DIR": str(tmp_path),
        "LOCALE_PATH": str(tmp_path / "locale"),
    }
    said = subprocess.run(command, cwd=settings.BASE_DIR, env=around, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[('en-gb', 'English'), ('pt-br', 'pt-br')]"
