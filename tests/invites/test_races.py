"""Races that lose: two at once, each in its own thread and connection. On SQLite writers queue; PostgreSQL does not."""

from __future__ import annotations

from contextlib import suppress

import pytest
from django.utils import timezone

from calls.models import Seat
from core.errors import DomainError
from invites import services
from invites.models import Invite
from messaging.models import Message
from messaging.states import Status
from rooms.services import delete_room
from tests.calls.test_races import ROUNDS, at_once
from tests.invites.factories import make_invite
from tests.rooms.factories import make_administrator, make_member, make_room

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_two_submissions_at_once_are_one_invitation_with_one_link(_round: int) -> None:
    """Rule R4: one open invitation for each room and recipient."""
    room = make_room()
    members = [make_member(room) for _ in range(4)]
    links = at_once(lambda number: make_invite(room=room, by=members[number], recipient="g@example.org").link)
    assert len(set(links)) == 1
    invite = Invite.objects.get()
    waiting = Message.objects.about(invite.about).filter(status=Status.QUEUED)
    assert invite.link in waiting.get().text  # the others were taken back


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_an_invitation_is_revoked_once_and_lets_nobody_stay(_round: int) -> None:
    """Whoever joins while it is revoked is not in, or is put out (hazard H18)."""
    room = make_room()
    invite, by = make_invite(room=room), make_member(room)

    def act(number: int) -> None:
        if number % 2:
            services.revoke_invite(invite=invite, by=by)
        else:
            with suppress(DomainError):
                services.admit_guest(invite=invite, generation=1, name="Grace")

    at_once(act)
    invite.refresh_from_db()
    assert invite.generation == 2
    assert not Seat.objects.filter(removed_at=None).exists()


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_nobody_is_let_into_a_room_while_it_is_deleted(_round: int) -> None:
    room = make_room()
    invite, by = make_invite(room=room), make_administrator(room)

    def act(number: int) -> None:
        if number:
            with suppress(DomainError):
                services.admit_guest(invite=invite, generation=1, name="Grace")
        else:
            delete_room(room=room, by=by)

    at_once(act, people=2)
    assert not Seat.objects.filter(call__ended_at=None).exists()


@pytest.mark.parametrize("_round", range(ROUNDS))
def test_sending_again_while_it_is_revoked_leaves_one_open_invitation_or_none(_round: int) -> None:
    room = make_room()
    invite, by = make_invite(room=room, recipient="g@example.org"), make_member(room)

    def act(number: int) -> None:
        if number:
            with suppress(DomainError):
                make_invite(room=room, by=by, recipient="g@example.org")
        else:
            services.revoke_invite(invite=invite, by=by)

    at_once(act, people=2)
    for still_open in Invite.objects.open():
        assert still_open.stands(at=timezone.now())
        assert Message.objects.about(still_open.about).filter(status=Status.QUEUED).count() == 1
    revoked = Invite.objects.exclude(revoked_at=None).get()
    assert not Message.objects.about(revoked.about).filter(status=Status.QUEUED).exists()
