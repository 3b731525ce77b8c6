"""docs/protocol.md, through the real application: every refusal and close code, and what pages are told."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from channels.exceptions import ChannelFull
from channels.layers import get_channel_layer
from django.apps import apps
from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.utils import timezone
from pytest_django.fixtures import Settings
from redis.exceptions import ConnectionError as RedisConnectionError

from calls import events, places, services, tickets
from calls.models import Attendance, Call, Seat
from calls.places import Act
from calls.relay.terms import Policy, Quality
from tests.calls.conftest import Beats, House, Page, eventually, in_database
from tests.calls.factories import HALL, HALL_POLICY, make_call, make_member_seat, make_seat
from tests.calls.fake_node import BAD_OFFER

MEDIA = {"microphone": True, "camera": True, "screen": False}


# Opening


@pytest.mark.parametrize(
    "origin",
    [None, "https://evil.example", "http://testserver.evil.example", "null", "http://testserver:81", "http://["],
)
async def test_a_page_of_another_origin_is_refused_before_accept(house: House, origin: str | None) -> None:
    page = await house.page(uuid4(), origin=origin)
    assert not await page.open()


async def test_an_address_that_is_no_socket_is_refused(house: House) -> None:
    page = await house.page("not-a-call")
    assert not await page.open()


async def test_a_join_is_welcomed_and_answered_and_everybody_gets_the_roster(house: House) -> None:
    member = await in_database(make_member_seat, display_name="Nina")
    guest = await in_database(make_seat, call=member.call, display_name="Ann")
    first = await house.joined(member)
    page = await house.first_frame(guest)
    welcome = await page.hear("welcome", "answer", "roster")
    assert welcome["type"] == "welcome"
    assert {key: welcome[key] for key in ("participant", "connection", "role", "name", "title")} == {
        "participant": str(guest.pk),
        "connection": 1,
        "role": "guest",
        "name": "Ann",
        "title": "The Hall",
    }
    assert welcome["policy"] == {"capacity": 4, "member_wait": 600.0}
    assert (await page.hear("answer", "roster"))["sdp"] == f"answer {guest.pk} 1"
    roster = await first.hear_roster(lambda roster: len(roster["participants"]) == 2)
    assert [person["name"] for person in roster["participants"]] == ["Nina", "Ann"]
    assert roster["slots"] == [str(guest.pk), None, None]


@pytest.mark.parametrize(
    ("case", "code", "close"),
    [
        ("not a first frame", "bad_frame", 4400),
        ("not JSON", "bad_frame", 4400),
        ("no offer", "bad_frame", 4400),
        ("bad offer", "bad_offer", 4400),
        ("altered ticket", "ticket", 4401),
        ("expired ticket", "ticket", 4401),
        ("ticket of another call", "ticket", 4401),
        ("barred", "not_allowed", 4403),
        ("removed", "removed", 4403),
        ("ended", "no_such_call", 4404),
        ("older number", "taken_over", 4409),
        ("too large", "too_large", 4413),
        ("no relay", "unavailable", 4503),
    ],
)
async def test_a_first_frame_is_refused_by_name(house: House, case: str, code: str, close: int) -> None:
    seat = await in_database(make_seat)
    page = await house.page(seat.call_id)
    await page.open()
    fields: dict[str, Any] = {"ticket": tickets.issue(seat, 1), "offer": "an offer", "media": MEDIA}
    text = ""
    match case:
        case "not a first frame":
            text = '{"type": "pong"}'
        case "not JSON":
            text = "{"
        case "no offer":
            del fields["offer"]
        case "bad offer":
            fields["offer"] = BAD_OFFER
        case "altered ticket":
            fields["ticket"] += "x"
        case "expired ticket":
            with time_machine.travel(timezone.now() - timedelta(seconds=61)):
                fields["ticket"] = tickets.issue(seat, 1)
        case "ticket of another call":
            fields["ticket"] = tickets.issue(await in_database(make_seat), 1)
        case "removed":
            await in_database(Seat.objects.update, removed_at=timezone.now())
        case "ended":
            await in_database(Call.objects.update, ended_at=timezone.now())
        case "older number":
            await in_database(Seat.objects.update, connection=2)
        case "too large":
            fields["offer"] = "x" * (64 * 1024)
        case "no relay":
            await in_database(services.release_node, node=house.worker.id, now=timezone.now())
    if case == "barred":
        HALL.barred.add((seat.identity, Act.ENTER))
    await page.socket.send_to(text_data=text or json.dumps({"type": "join", **fields}))
    error = await page.hear("error")
    HALL.barred.clear()
    assert (error["code"], await page.hear_close()) == (code, close)
    assert not house.node.snapshot().calls or house.node.snapshot().calls[0].live == 0


async def test_a_page_that_says_nothing_is_closed(house: House, beats: Beats) -> None:
    page = await house.page(uuid4())
    await page.open()
    await beats.strike()
    assert (await page.hear("error"))["code"] == "too_slow"
    assert await page.hear_close() == 4408


async def test_a_relay_that_does_not_answer_is_unavailable(
    house: House, beats: Beats, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()
    monkeypatch.setitem(house.worker._commands, "join", lambda command: asked.set())
    page = await house.first_frame(await in_database(make_seat))
    await asyncio.wait_for(asked.wait(), 5)
    await beats.strike(2)
    assert (await page.hear("error"))["code"] == "unavailable"
    assert await page.hear_close() == 4503


@pytest.mark.parametrize("away", [OperationalError, InterfaceError])
async def test_while_the_database_is_away_nobody_comes_in_and_nobody_falls_out(
    house: House, monkeypatch: pytest.MonkeyPatch, away: type[Exception]
) -> None:
    """Hazard H22: whoever comes is told to try again, whoever is in stays, and is told what could not be done."""

    def fail(**values: object) -> None:
        raise away

    seat = await in_database(make_member_seat)
    page = await house.joined(seat)
    for name in ("enter", "end_call_as_member", "remove_participant_as_member"):
        monkeypatch.setattr(services, name, fail)
    late = await house.first_frame(await in_database(make_seat, call=seat.call))
    assert (await late.hear("error"))["code"] == "unavailable"
    assert await late.hear_close() == 4503
    for command in ({"type": "end"}, {"type": "remove", "participant": str(seat.pk)}):
        await page.say(command.pop("type"), id="c", **command)
        error = await page.hear("error")
        assert (error["code"], error["id"]) == ("unavailable", "c")
    await page.say("chat", text="Still here")
    assert (await page.hear("chat"))["text"] == "Still here"


async def test_too_many_frames_close_the_socket_and_nobody_elses(house: House) -> None:
    """Hazard H16."""
    seat = await in_database(make_member_seat)
    other = await house.joined(await in_database(make_seat, call=seat.call))
    page = await house.joined(seat)
    for _ in range(300):
        await page.say("pong")
    assert (await page.hear("error"))["code"] == "too_fast"
    assert await page.hear_close() == 4429
    await other.say("chat", text="Still here")
    assert (await other.hear("chat"))["text"] == "Still here"


async def test_a_bad_frame_later_is_told_by_its_id_and_changes_nothing(house: House) -> None:
    page = await house.joined(await in_database(make_seat))
    await page.say("chat", id="7", text=7)
    error = await page.hear("error")
    assert (error["code"], error["id"]) == ("bad_frame", "7")
    await page.say("join", ticket="t", offer="o", media=MEDIA)
    assert (await page.hear("error"))["code"] == "bad_frame"
    await page.say("chat", text="Still here")
    assert (await page.hear("chat"))["text"] == "Still here"


# Coming back


async def test_a_socket_that_comes_back_gets_the_whole_state_and_no_new_answer(house: House) -> None:
    seat = await in_database(make_seat)
    page = await house.joined(seat)
    await page.say("chat", text="Hello")
    await page.hear("chat")
    await page.lose()
    assert house.node.snapshot().calls[0].live == 1
    back = await house.first_frame(seat, "resume")
    welcome = await back.hear("welcome", "answer")
    assert [message["text"] for message in welcome["chat"]] == ["Hello"]
    roster = await back.hear("roster", "answer")
    assert house.state_in(roster, seat) == "connected"


async def test_a_resume_of_a_seat_the_relay_gave_up_is_told_to_rejoin(house: House) -> None:
    seat = await in_database(make_seat)
    page = await house.joined(seat)
    await page.lose()
    house.node.pass_time(21)
    back = await house.first_frame(seat, "resume")
    assert (await back.hear("rejoin", "welcome"))["type"] == "rejoin"


async def test_a_newer_join_takes_over_and_the_old_page_is_told_so(house: House) -> None:
    """Rule C4."""
    seat = await in_database(make_seat)
    old = await house.joined(seat)
    newer = await in_database(services.take_over, seat=seat)
    new = await house.first_frame(newer)
    assert (await old.hear("taken_over", "error"))["type"] == "taken_over"
    assert await old.hear_close() == 4409
    assert (await new.hear("answer"))["sdp"].endswith(" 2")
    returning = await house.first_frame(seat, connection=1)
    assert (await returning.hear("error"))["code"] == "taken_over"
    assert await returning.hear_close() == 4409


async def test_a_copy_of_the_page_leaves_only_the_latest_speaking(house: House) -> None:
    """A duplicated tab carries the same number: two pages must not push each other out for ever."""
    seat = await in_database(make_seat)
    page = await house.joined(seat)
    copy = await house.first_frame(seat)
    await copy.hear("answer")
    assert (await page.hear("taken_over"))["type"] == "taken_over"


# Full


async def test_whoever_finds_no_seat_waits_and_is_let_in_by_itself(house: House) -> None:
    """Rule C1: without a member, guests take three seats at most. Who waits is told nothing of those inside."""
    call = await in_database(make_call)
    pages = [await house.joined(await in_database(make_seat, call=call)) for _ in range(3)]
    await pages[1].say("chat", text="Before")
    await pages[1].hear("chat")
    fourth = await in_database(make_seat, call=call)
    waiting = await house.first_frame(fourth)
    welcome = await waiting.hear("welcome", "full")
    assert (welcome["type"], welcome["chat"]) == ("welcome", [])
    assert (await waiting.hear("full", "answer"))["type"] == "full"
    roster = await waiting.hear("roster")
    assert (roster["participants"], roster["slots"], roster["screen"]) == ([], [None, None, None], None)
    await pages[1].say("chat", text="Meanwhile")
    await pages[1].hear("chat")
    await pages[0].say("leave")
    assert await pages[0].hear_close() == 1000
    assert (await waiting.hear("answer", "chat"))["sdp"] == f"answer {fourth.pk} 1"
    assert [(await waiting.hear("chat"))["text"] for _ in range(2)] == ["Before", "Meanwhile"]
    await waiting.hear_roster(lambda roster: len(roster["participants"]) == 3)


def is_good_for(seat: Seat, server: dict[str, Any]) -> bool:
    """As coturn reckons it, for the five minutes from now."""
    until_moment, _, name = server["username"].partition(":")
    signature = hmac.digest(b"shared with coturn", server["username"].encode(), "sha1")
    is_signed = server["credential"] == base64.b64encode(signature).decode()
    return is_signed and name == seat.pk.hex and 290 < int(until_moment) - time.time() <= 300


async def test_turn_credentials_go_to_who_has_a_seat_and_to_nobody_who_waits(house: House, settings: Settings) -> None:
    """Hazard H17."""
    settings.TURN_URLS, settings.TURN_SECRET = ["turns:turn.example.org:443?transport=tcp"], "shared with coturn"
    call = await in_database(make_call)
    seats = [await in_database(make_seat, call=call) for _ in range(4)]
    pages, servers = [], []
    for seat in seats:  # one after the other: the fourth waits (rule C1)
        pages.append(await house.first_frame(seat))
        servers.append((await pages[-1].hear("welcome"))["ice_servers"])
    assert [len(each) for each in servers] == [1, 1, 1, 0]
    assert servers[0][0]["urls"] == settings.TURN_URLS
    assert is_good_for(seats[0], servers[0][0])
    await pages[0].say("leave")
    (server,) = (await pages[3].hear("answer"))["ice_servers"]
    assert is_good_for(seats[3], server)
    await pages[3].say("restart", offer="another offer")
    (server,) = (await pages[3].hear("answer"))["ice_servers"]
    assert is_good_for(seats[3], server)


async def test_a_page_that_waits_keeps_its_place_while_its_socket_stands(
    house: House, beats: Beats, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewed = asyncio.Event()
    monkeypatch.setattr(house.node, "renew", lambda *_seat: renewed.set())
    call = await in_database(make_call)
    for _ in range(3):
        await house.joined(await in_database(make_seat, call=call))
    waiting = await house.first_frame(await in_database(make_seat, call=call))
    await waiting.hear("full")
    await beats.strike()
    await asyncio.wait_for(renewed.wait(), 5)
    await waiting.lose()
    house.node.pass_time(16)
    assert house.node.snapshot().calls[0].waiting == 0


# In the call


async def test_guests_without_a_member_are_told_of_nobody_and_write_to_nobody(house: House) -> None:
    """Rule C3."""
    HALL.policy = Policy()
    try:
        first = await in_database(make_seat)
        page = await house.joined(first)
        other = await house.joined(await in_database(make_seat, call=first.call))
    finally:
        HALL.policy = HALL_POLICY
    await other.say("media", microphone=False, camera=True, screen=False)
    roster = await other.hear_roster(lambda roster: not roster["participants"][0]["microphone"])
    assert str(first.pk) not in json.dumps(roster)
    await page.say("chat", id="c", text="Hello")
    assert (await page.hear("error"))["code"] == "not_allowed"


async def test_chat_goes_to_everybody_and_only_as_safe_text(house: House) -> None:
    """Hazard H3."""
    first = await in_database(make_seat)
    page = await house.joined(first)
    other = await house.joined(await in_database(make_seat, call=first.call))
    await page.say("chat", text="<img src=x onerror=alert(1)>\u202e")
    assert (await other.hear("chat"))["text"] == "<img src=x onerror=alert(1)>"


async def test_nothing_of_what_was_said_is_kept_but_who_came_and_went_when_and_why(house: House) -> None:
    """Rule C6: neither while the call goes on nor after it, and whoever comes to the next one reads nothing."""
    member = await in_database(make_member_seat)
    guest_seat = await in_database(make_seat, call=member.call)
    page, guest = await house.joined(member), await house.joined(guest_seat)
    secret = "the results are back"
    await page.say("chat", text=secret)
    assert (await guest.hear("chat"))["text"] == secret

    def rows() -> str:
        return repr([list(model.objects.values()) for model in apps.get_models() if hasattr(model, "objects")])

    assert secret not in await in_database(rows)
    await page.say("end")
    assert (await guest.hear("ended"))["reason"] == "member_ended"
    await house.written()
    assert secret not in await in_database(rows)
    stays = await in_database(lambda: list(Attendance.objects.order_by("joined_at").select_related("seat")))
    assert [(stay.seat, stay.reason, stay.left_at is not None) for stay in stays] == [
        (member, "ended", True),
        (guest_seat, "ended", True),
    ]
    again = await house.first_frame(await in_database(make_seat, call=await in_database(_next_call, member.call)))
    assert (await again.hear("welcome"))["chat"] == []


def _next_call(call: Call) -> Call:
    return services.open_call(place=call.place)


@pytest.mark.parametrize("way", ["MediaRecorder", "aiortc.contrib", "av.open"])
def test_no_way_to_record_is_in_the_house(way: str) -> None:
    """Rule C6: no recording path exists, in the pages or in the relay."""
    root = Path(settings.BASE_DIR)
    sources = [*root.glob("static/**/*.js"), *(root / "calls").rglob("*.py")]
    assert len(sources) > 80
    assert [path for path in sources if way in path.read_text()] == []


async def test_what_is_muted_is_in_the_roster(house: House) -> None:
    seat = await in_database(make_seat)
    page = await house.joined(seat)
    await page.say("media", microphone=False, camera=True, screen=False)
    await page.hear_roster(lambda roster: not roster["participants"][0]["microphone"])


async def test_a_restart_is_answered_and_a_bad_one_refused(house: House) -> None:
    page = await house.joined(await in_database(make_seat))
    await page.say("restart", offer="another offer")
    assert (await page.hear("answer"))["sdp"].startswith("restarted")
    await page.say("restart", id="r", offer=BAD_OFFER)
    error = await page.hear("error")
    assert (error["code"], error["id"]) == ("bad_offer", "r")


async def test_a_second_screen_is_refused_unless_taken(house: House) -> None:
    """Rule C7."""
    first = await in_database(make_seat)
    page = await house.joined(first)
    other = await house.joined(await in_database(make_seat, call=first.call))
    await page.say("media", microphone=True, camera=True, screen=True)
    await other.hear_roster(lambda roster: roster["screen"] == str(first.pk))
    await other.say("media", id="s", microphone=True, camera=True, screen=True)
    assert (await other.hear("error"))["code"] == "not_allowed"


async def test_leaving_frees_the_seat_at_once_and_is_stored(house: House) -> None:
    seat = await in_database(make_seat)
    page = await house.joined(seat)
    await page.say("leave")
    assert await page.hear_close() == 1000
    await house.written()
    assert (await in_database(Attendance.objects.get)).reason == "left"


async def test_a_member_ends_the_call_for_everybody(house: House) -> None:
    member = await in_database(make_member_seat)
    guest = await house.joined(await in_database(make_seat, call=member.call))
    page = await house.joined(member)
    await page.say("end")
    for each in (page, guest):
        assert (await each.hear("ended"))["reason"] == "member_ended"
        assert await each.hear_close() == 1000
    await house.written()
    call = await in_database(Call.objects.get)
    assert call.ended_at is not None
    assert HALL.ended[-1] == call


@pytest.mark.parametrize("revoke", [True, False])
async def test_the_ways_into_a_call_are_taken_back_unless_the_member_keeps_them(
    house: House, monkeypatch: pytest.MonkeyPatch, revoke: bool
) -> None:
    """Rule C9."""
    taken_back: list[tuple[Call, str]] = []
    monkeypatch.setattr(places, "_revokers", [lambda call, by: taken_back.append((call, by))])
    member = await in_database(make_member_seat)
    page = await house.joined(member)
    await page.say("end", revoke=revoke)
    await page.hear("ended")
    assert taken_back == ([(member.call, member.identity)] if revoke else [])


async def test_members_alone_are_told_that_something_of_theirs_changed(house: House) -> None:
    member = await in_database(make_member_seat)
    page = await house.joined(member)
    guest = await house.joined(await in_database(make_seat, call=member.call))
    await in_database(events.tell_call, member.call_id, events.call_changed("invites"))
    assert await page.hear("changed") == {"type": "changed", "what": "invites"}
    await guest.say("chat", text="Hello")
    assert (await guest.hear("changed", "chat"))["type"] == "chat"


async def test_a_removed_person_is_told_and_the_same_ticket_does_not_return(house: House) -> None:
    """Hazard H18."""
    member = await in_database(make_member_seat)
    guest = await in_database(make_seat, call=member.call)
    put_out = await house.joined(guest)
    page = await house.joined(member)
    await page.say("remove", participant=str(guest.pk))
    assert (await put_out.hear("removed"))["type"] == "removed"
    assert await put_out.hear_close() == 4403
    again = await house.first_frame(guest)
    assert (await again.hear("error"))["code"] == "removed"
    assert await again.hear_close() == 4403


@pytest.mark.parametrize("command", ["remove", "end"])
@pytest.mark.parametrize("trouble", [RedisConnectionError(), OSError(), ChannelFull(), TimeoutError()])
async def test_what_did_not_reach_the_relay_is_not_said_to_be_done_and_a_second_press_does_it(
    house: House, monkeypatch: pytest.MonkeyPatch, command: str, trouble: Exception
) -> None:
    """Hazard H18: nobody is told that somebody has been put out who still hears them."""
    member = await in_database(make_member_seat)
    guest = await in_database(make_seat, call=member.call)
    page, guests = await house.joined(member), await house.joined(guest)
    fields = {"participant": str(guest.pk)} if command == "remove" else {}

    async def fail(*_: object) -> None:
        raise trouble

    with monkeypatch.context() as away:
        away.setattr(get_channel_layer(), "send", fail)
        await page.say(command, id="7", **fields)
        error = await page.hear("error")
    assert (error["code"], error["id"]) == ("unavailable", "7")
    await page.say(command, id="8", **fields)
    await guests.hear("removed" if command == "remove" else "ended")


@pytest.mark.parametrize("who", ["guest", "member of another call"])
@pytest.mark.parametrize("command", ["remove", "end"])
async def test_a_forged_command_over_the_socket_is_refused(house: House, who: str, command: str) -> None:
    """Hazard H6."""
    target = await in_database(make_seat)
    bystander = await house.joined(target)
    seat = await in_database(make_seat, call=target.call) if who == "guest" else await in_database(make_member_seat)
    page = await house.joined(seat)
    await page.say(command, id="f", **({"participant": str(target.pk)} if command == "remove" else {}))
    if (who, command) == ("member of another call", "end"):
        await page.hear("ended")
    else:
        error = await page.hear("error")
        assert (error["code"], error["id"]) == ("not_allowed" if who == "guest" else "not_here", "f")
    await bystander.say("chat", text="Still here")
    assert (await bystander.hear("chat", "ended", "removed"))["type"] == "chat"


async def test_a_page_that_was_taken_over_changes_nothing_any_more(house: House) -> None:
    seat = await in_database(make_seat)
    old = await house.joined(seat)
    key = (str(seat.call_id), str(seat.pk))
    newer = await in_database(services.take_over, seat=seat)
    new = await house.first_frame(newer)
    await new.hear("answer")
    stale = dict.fromkeys(["type"], "relay.leave") | {
        "call": key[0],
        "participant": key[1],
        "connection": 1,
        "reply_to": "gone",
    }
    house.worker._handle(stale)
    assert house.node.calls[key[0]].connection(key[1]) == 2
    await old.hear("taken_over")


async def test_somebody_silent_for_too_long_is_told_to_rejoin(house: House) -> None:
    page = await house.joined(await in_database(make_seat))
    house.node.pass_time(21)
    assert (await page.hear("rejoin"))["reason"] == "lost"


async def test_low_data_mode_is_asked_for_by_the_page_that_holds_the_seat(house: House) -> None:
    seat = await in_database(make_seat)
    page = await house.joined(seat)
    await page.say("prefer", mode="low")
    await eventually(lambda: house.node.low_data == {str(seat.pk): True})
    await page.say("prefer", mode="normal")
    await eventually(lambda: house.node.low_data == {str(seat.pk): False})


async def test_whom_a_page_hears_is_told_to_its_relay_by_the_page_that_holds_the_seat(house: House) -> None:
    seat, other = await in_database(make_seat), str(uuid4())
    former = await house.joined(seat)
    page = await house.first_frame(seat, "resume")
    await page.hear("welcome")
    await page.say("hears", participants=[other])
    await eventually(lambda: house.node.hears == {str(seat.pk): (other,)})
    await former.hear("taken_over")
    await page.say("hears", participants=[])
    await eventually(lambda: house.node.hears == {str(seat.pk): ()})


async def test_paused_pictures_are_told_to_the_page_they_are_about_also_when_it_resumes(house: House) -> None:
    member = await in_database(make_member_seat)
    other = await in_database(make_seat, call=member.call)
    page, beside = await house.joined(member), await house.joined(other)
    said = Quality(str(member.call_id), str(member.pk), paused=(str(other.pk),), weak=(str(member.pk),))
    house.node.qualities[str(member.pk)] = said
    house.node.events(said)
    while not (quality := await page.hear("quality"))["paused"]:
        pass
    assert quality == {
        "type": "quality",
        "paused": [str(other.pk)],
        "unseen": [],
        "weak": [str(member.pk)],
        "unheard": [],
        "screen_paused": False,
    }
    returning = await house.first_frame(member, "resume")
    assert (await returning.hear("quality"))["paused"] == [str(other.pk)]
    house.node.events(Quality(str(member.call_id), str(other.pk), unseen=(str(member.pk),)))
    while not (quality := await beside.hear("quality"))["unseen"]:
        assert quality["paused"] == []  # not what the other page was told


async def test_a_countdown_runs_for_a_guest_alone_and_its_deadline_is_stored(house: House) -> None:
    """Rule C3."""
    seat = await in_database(make_seat)
    page = await house.first_frame(seat)
    await page.hear("answer")
    await house.go_live(seat)
    while (countdown := await page.hear("countdown"))["kind"] != "member":
        pass
    assert 590 < countdown["ends_at"] - countdown["now"] <= 600
    call = await in_database(Call.objects.get)
    assert call.member_deadline is not None
    assert abs(call.member_deadline.timestamp() - countdown["ends_at"]) < 0.01


async def test_the_member_deadline_ends_the_call(house: House) -> None:
    HALL.policy = Policy(member_wait=30)
    try:
        seat = await in_database(make_seat)
        page = await house.joined(seat)
        for _ in range(3):
            house.node.calls[str(seat.call_id)].heard(str(seat.pk), house.node._now())
            house.node.pass_time(10.1)
    finally:
        HALL.policy = HALL_POLICY
    assert (await page.hear("ended", "rejoin"))["reason"] == "nobody_joined"


async def test_a_member_who_joins_another_call_leaves_this_one(house: House) -> None:
    """Rule C4."""
    seat = await in_database(make_member_seat)
    page = await house.joined(seat)
    other = await in_database(make_call)
    await in_database(
        services.admit, call=other, identity=seat.identity, display_name="N", role="member", leave_other=True
    )
    await page.hear("taken_over")
    assert await page.hear_close() == 4409
    await house.written()
    assert not await in_database(Attendance.objects.open().exists)


async def test_pings_come_and_a_page_that_does_not_answer_is_closed(house: House, beats: Beats) -> None:
    page = await house.joined(await in_database(make_seat))
    for _ in range(3):
        await beats.strike(2)
        assert (await page.hear("ping"))["now"] > 0
        await page.say("pong")
    await beats.strike(6)
    await page.hear("ping")
    await page.hear("ping")
    assert await page.hear_close() == 4408


async def test_page_that_asks_whether_its_socket_stands_is_answered_at_once(house: House) -> None:
    page = await house.joined(await in_database(make_seat))
    await page.say("ping")
    assert await page.hear("pong") == {"type": "pong"}


# The relay


async def test_pages_of_a_relay_that_stops_rejoin_and_their_call_goes_on(house: House) -> None:
    seat = await in_database(make_seat)
    page = await house.joined(seat)
    house.stop.set()
    assert (await page.hear("rejoin"))["reason"] == "relay_lost"
    call = await in_database(Call.objects.get)
    assert (call.node, call.ended_at) == ("", None)
    assert (await in_database(Attendance.objects.get)).reason == "lost"


async def test_a_join_to_a_call_that_just_ended_does_not_open_it_again(house: House) -> None:
    """The page asked while the end was on its way to the database."""
    seat = await in_database(make_seat)
    await house.joined(seat)
    house.worker._writes.join = lambda: asyncio.sleep(0)  # type: ignore[method-assign]
    house.node.end(str(seat.call_id), services.EndReason.EMPTY)
    late = await house.first_frame(await in_database(make_seat, call=seat.call))
    assert (await late.hear("error"))["code"] == "no_such_call"
    assert str(seat.call_id) not in house.node.calls


async def test_frames_of_a_page_without_a_seat_reach_nobody(house: House) -> None:
    seat = await in_database(make_seat)
    page = await house.joined(seat)
    stranger = Page(seat.call_id)
    house.pages.append(stranger)
    await stranger.open()
    await stranger.say("chat", text="Hello")
    assert (await stranger.hear("error"))["code"] == "bad_frame"
    await page.say("chat", text="Mine")
    assert (await page.hear("chat"))["text"] == "Mine"
