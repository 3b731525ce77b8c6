"""What the call engine asks about a meeting room (calls.places): callbacks join the engine's transaction."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse

from accounts.models import Organisation
from calls.models import Attendance, Call
from calls.places import Act, Invitations, PlaceKind, register
from calls.relay.terms import Policy
from invites.models import door_of, may_enter
from rooms.models import PLACE_PREFIX, GuestPass, MeetingRoom, RoomMembership


def register_rooms() -> None:
    register(
        PlaceKind(
            prefix=PLACE_PREFIX,
            template="invites/call.html",
            policy=_policy,
            may=may,
            title=_title,
            organisation=_organisation,
            door=_door,
            on_end=_on_end,
            stands=_stands,
            hold=_hold,
            invitations=Invitations(shared_link=_shared_link, advice_template="rooms/_invite_advice.html"),
        )
    )


def may(place: str, identity: str, act: Act) -> bool:
    """Members may do everything; a guest may enter while the link they came by stands, or stay while live (rule R2)."""
    room = MeetingRoom.objects.of_place(place).standing().first()
    if room is None:
        return False
    kind, _, number = identity.partition(":")
    if kind == "user":
        return RoomMembership.objects.valid().filter(room=room, user=int(number)).exists()
    if kind == "invite":
        return act is Act.ENTER and may_enter(place, identity)
    return act is Act.ENTER and (
        GuestPass.objects.standing().filter(room=room, identity=identity).exists()
        or Attendance.objects.open_in(place).filter(seat__identity=identity).exists()
    )


def _policy(place: str) -> Policy:
    """The same for every meeting room (rules C1, C3, C9)."""
    return Policy(
        capacity=settings.CALL_CAPACITY,
        member_wait=settings.CALL_MEMBER_WAIT,
        empty_after=settings.CALL_EMPTY_AFTER,
    )


def _title(place: str) -> str:
    return MeetingRoom.objects.of_place(place).values_list("name", flat=True).get()


def _organisation(place: str) -> Organisation:
    return MeetingRoom.objects.select_related("organisation").of_place(place).get().organisation


def _door(place: str, identity: str) -> str:
    """No link of the room's in it: who may come back is asked there, so that a page that was open during a reset learns
    no new one."""
    return door_of(identity) or reverse("rooms:return_to_room", args=[place.removeprefix(f"{PLACE_PREFIX}:")])


def _shared_link(place: str) -> str:
    return MeetingRoom.objects.of_place(place).get().link


def _on_end(call: Call) -> None:
    """Nothing of a room ends with its call: the room is permanent (rule R3)."""


def _stands(place: str) -> bool:
    return MeetingRoom.objects.of_place(place).standing().exists()


def _hold(place: str) -> bool:
    """Against a deletion while somebody is let in."""
    return MeetingRoom.objects.of_place(place).standing().select_for_update(no_key=True).first() is not None
