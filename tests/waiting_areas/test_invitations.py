"""Invite guest in a consultation: an interpreter, a relative, by the one engine of invitations (rules R4, C2, C4)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AccessRecord, User
from calls.models import Attendance, Call, Seat
from calls.relay.terms import EndReason, GoneReason
from calls.services import close_attendance, end_call_as_member, open_attendance, store_end
from core.errors import Conflict, NotAllowed
from invites.errors import DeadInvite
from invites.models import OUTLIVES_CALL, Invite
from invites.services import admit_guest, create_link, resend_invite, revoke_invite, send_invite
from messaging.models import Message
from tests.accounts.factories import make_user
from tests.waiting_areas.factories import make_area, make_caller, make_staff
from waiting_areas import services
from waiting_areas.activity import list_activity
from waiting_areas.listing import list_callers
from waiting_areas.models import AreaRole, Caller, WaitingArea

NODE = "node"

pytestmark = pytest.mark.django_db


@pytest.fixture
def area() -> WaitingArea:
    return make_area(name="Dermatology")


@pytest.fixture
def nina(area: WaitingArea) -> User:
    return make_staff(area, name="Nina Hart")


@pytest.fixture
def caller(area: WaitingArea) -> Caller:
    return make_caller(area=area, name="Amal Khan")


@pytest.fixture
def call(caller: Caller, nina: User) -> Call:
    """Nina and the caller, both live."""
    seat = services.join_call(caller=caller, by=nina)
    go_live(seat)
    go_live(Seat.objects.get(identity=caller.identity))
    return seat.call


def go_live(seat: Seat) -> None:
    Call.objects.filter(pk=seat.call_id).update(node=NODE)
    open_attendance(seat_id=seat.pk, node=NODE, at=timezone.now())


def end(call: Call, reason: EndReason) -> None:
    store_end(call_id=call.pk, node=NODE, reason=reason, at=timezone.now())


def invite_into(call: Call, by: User, **overrides: str) -> Invite:
    given = {"kind": Invite.Kind.EMAIL, "recipient": "ines@example.org", "name": "Ines"} | overrides
    return send_invite(place=call.place, by=by, call=call, **given)


def panel(call: Call, *, within: bool = True) -> str:
    address = reverse("invites:invite_guest", args=[call.place])
    return f"{address}?call={call.pk}" if within else address


class TestInTheCall:
    def test_an_email_goes_out_and_its_link_leads_into_the_consultation(
        self, client: Client, call: Call, nina: User, caller: Caller
    ) -> None:
        client.force_login(nina)
        sent = client.post(
            panel(call), {"kind": "email", "email": "ines@example.org", "name": "Ines", "call": str(call.pk)}
        )
        assert sent.status_code == 302
        message = Message.objects.get()
        assert "Dermatology" in message.text
        assert "Amal" not in message.subject + message.text + message.html  # who is seen is nobody else's to read
        invite = Invite.objects.get()
        assert invite.link in message.text
        guest = Client()
        assert "Nina Hart has invited you to this video call." in guest.get(invite.link_path).content.decode()
        answer = guest.post(invite.link_path, {"name": "Ines"})
        seat = Seat.objects.get(identity=invite.identity)
        assert (seat.call, seat.role) == (call, "guest")
        assert answer["Location"].startswith(f"/calls/{call.pk}/")
        acts = AccessRecord.objects.filter(place=caller.place, act__startswith="invite.").order_by("pk")
        assert [(record.act, record.actor) for record in acts] == [("invite.sent", nina), ("invite.used", None)]

    def test_a_text_goes_to_a_mobile_number(self, client: Client, call: Call, nina: User) -> None:
        client.force_login(nina)
        client.post(panel(call), {"kind": "sms", "phone": "07700 900123", "call": str(call.pk)})
        assert Message.objects.get().recipient == "+447700900123"
        refused = client.post(panel(call), {"kind": "sms", "phone": "020 7946 0000", "call": str(call.pk)})
        assert refused.status_code == 200
        assert Message.objects.count() == 1

    def test_whoever_came_by_a_link_is_in_the_list_and_in_the_activity(
        self, call: Call, nina: User, caller: Caller
    ) -> None:
        invite = invite_into(call, nina)
        go_live(admit_guest(invite=invite, generation=1, name="Ines"))
        (line,) = list_callers([caller.area], now=timezone.now())
        assert sorted(line.people) == ["Amal Khan", "Ines", "Nina Hart"]
        assert "Ines was connected" in [entry.text for entry in list_activity(caller)]

    def test_a_guest_who_leaves_ends_nothing(self, call: Call, nina: User, caller: Caller) -> None:
        seat = admit_guest(invite=invite_into(call, nina), generation=1, name="Ines")
        go_live(seat)
        close_attendance(seat_id=seat.pk, node=NODE, at=timezone.now(), reason=GoneReason.LEFT)
        caller.refresh_from_db()
        assert caller.is_inside
        assert Call.objects.open().filter(pk=call.pk).exists()

    def test_members_have_the_panel_and_guests_do_not(
        self, client: Client, call: Call, nina: User, caller: Caller
    ) -> None:
        """Rule C2."""
        invite = invite_into(call, nina)
        guest = Client()
        guest.post(invite.link_path, {"name": "Ines"})
        page = guest.get(f"/calls/{call.pk}/")
        assert page.status_code == 200
        assert "Invite guest" not in page.content.decode()
        client.force_login(nina)
        client.post(reverse("waiting_areas:join_caller", args=[caller.pk]))
        assert "Invite guest" in client.get(f"/calls/{call.pk}/").content.decode()

    def test_copy_link_is_for_one_person_and_dies_with_the_call(self, client: Client, call: Call, nina: User) -> None:
        client.force_login(nina)
        page = client.post(reverse("invites:make_link", args=[call.place]), {"call": str(call.pk)}).content.decode()
        invite = Invite.objects.get()
        assert invite.kind == Invite.Kind.LINK
        assert invite.link in page
        end(call, EndReason.ON_HOLD)
        current = Invite.objects.select_related("call").get()
        assert not current.stands(at=timezone.now() + timedelta(seconds=1))
        assert not Invite.objects.standing(at=timezone.now() + timedelta(seconds=1)).exists()
        assert Client().get(invite.link_path).status_code == 404


class TestRefusals:
    @pytest.mark.parametrize(
        ("who", "status"),
        [
            ("provider", 200),
            ("coordinator", 200),
            ("administrator", 200),
            ("referrer", 403),
            ("of another area", 403),
            ("without a role", 403),
            ("of another organisation", 404),
            ("caller", 302),
            ("anonymous", 302),
        ],
    )
    def test_who_may_open_the_panel(self, client: Client, call: Call, who: str, status: int) -> None:
        """Hazard H8: asked on the server, whatever a page carries."""
        area = Caller.objects.get().area
        match who:
            case "of another area":
                client.force_login(make_staff(make_area(organisation=area.organisation)))
            case "without a role":
                client.force_login(make_user(organisation=area.organisation))
            case "of another organisation":
                client.force_login(make_staff(make_area()))
            case "caller":
                session = client.session
                session["identities"] = [Caller.objects.get().identity]
                session.save()
            case "anonymous":
                pass
            case _:
                client.force_login(make_staff(area, AreaRole.Role(who)))
        assert client.get(panel(call)).status_code == status
        posted = client.post(panel(call), {"kind": "email", "email": "ines@example.org", "call": str(call.pk)})
        assert posted.status_code == (302 if status == 200 else status)
        assert Message.objects.exists() == (status == 200)

    @pytest.mark.parametrize("role", [AreaRole.Role.REFERRER, None])
    def test_the_service_asks_again(self, call: Call, role: str | None) -> None:
        area = Caller.objects.get().area
        by = make_staff(area, role) if role else make_user(organisation=area.organisation)
        with pytest.raises(NotAllowed):
            invite_into(call, by)
        with pytest.raises(NotAllowed):
            create_link(place=call.place, by=by, call=call)

    def test_nobody_is_invited_to_somebody_who_is_in_no_call(self, client: Client, call: Call, nina: User) -> None:
        client.force_login(nina)
        assert client.get(panel(call, within=False)).status_code == 404
        end(call, EndReason.ON_HOLD)
        assert client.get(panel(call)).status_code == 404
        with pytest.raises(Conflict) as refused:
            send_invite(
                place=call.place,
                kind=Invite.Kind.EMAIL,
                recipient="ines@example.org",
                name="",
                by=nina,
                until=timezone.now() + timedelta(days=1),
            )
        assert refused.value.code == "no_call"
        assert not Invite.objects.exists()

    def test_nor_by_another_callers_call(self, client: Client, call: Call, nina: User, area: WaitingArea) -> None:
        """Hazard H6."""
        other = make_caller(area=area)
        address = reverse("invites:invite_guest", args=[other.place])
        client.force_login(nina)
        assert client.get(f"{address}?call={call.pk}").status_code == 404


class TestTheLinkEnds:
    """Then it says so in one page, and lets nobody in."""

    def is_dead(self, invite: Invite, words: str) -> None:
        answer = Client().get(invite.link_path)
        assert answer.status_code == 404
        assert words in answer.content.decode()
        with pytest.raises(DeadInvite):
            admit_guest(invite=invite, generation=1, name="Ines")

    def test_with_finish(self, call: Call, nina: User, caller: Caller) -> None:
        invite = invite_into(call, nina)
        services.finish(caller=caller, by=nina)
        self.is_dead(invite, "The call has ended")

    def test_with_the_caller_who_leaves(self, call: Call, nina: User, caller: Caller) -> None:
        invite = invite_into(call, nina)
        services.leave(caller=caller, now=timezone.now())
        self.is_dead(invite, "The call has ended")

    def test_with_end_call_for_all(self, call: Call, nina: User) -> None:
        """Rule C9."""
        invite = invite_into(call, nina)
        end_call_as_member(seat_id=Seat.objects.get(identity=nina.identity).pk)
        assert Invite.objects.get().revoked_at is not None
        self.is_dead(invite, "The call has ended")

    def test_with_revoke_and_whoever_is_in_by_it_is_put_out(self, call: Call, nina: User) -> None:
        """Rule C4, hazard H18."""
        invite = invite_into(call, nina)
        go_live(admit_guest(invite=invite, generation=1, name="Ines"))
        revoke_invite(invite=invite, by=nina)
        assert Seat.objects.get(identity=invite.identity).removed_at is not None
        self.is_dead(invite, "taken back")

    def test_two_hours_after_a_call_that_was_put_on_hold(self, call: Call, nina: User) -> None:
        """Until then whoever was cut off comes back, into the next call of the same caller."""
        invite = invite_into(call, nina)
        end(call, EndReason.ON_HOLD)
        seat = admit_guest(invite=invite, generation=1, name="Ines")
        assert seat.call != call
        assert seat.call.place == call.place
        with pytest.raises(DeadInvite) as dead:
            admit_guest(invite=invite, generation=1, name="Ines", now=timezone.now() + OUTLIVES_CALL)
        assert dead.value.code in ("call_ended", "expired")

    def test_a_guest_who_is_early_in_it_calls_nobody_in(self, call: Call, nina: User, caller: Caller) -> None:
        """The caller goes on waiting, and the provider who joins finds both in one call (rule C3, shielded)."""
        invite = invite_into(call, nina)
        end(call, EndReason.ON_HOLD)
        seat = admit_guest(invite=invite, generation=1, name="Ines")
        go_live(seat)
        (line,) = list_callers([caller.area], now=timezone.now())
        assert not line.whereabouts.is_called
        assert services.join_call(caller=caller, by=nina).call == seat.call
        assert Seat.objects.get(call=seat.call, identity=caller.identity)

    def test_resend_gives_the_same_link_and_none_once_it_has_run_out(self, call: Call, nina: User) -> None:
        invite = invite_into(call, nina)
        assert resend_invite(invite=invite, by=nina, call=call).link == invite.link
        end(call, EndReason.ON_HOLD)
        with pytest.raises(Conflict):
            resend_invite(invite=invite, by=nina, now=timezone.now() + OUTLIVES_CALL + timedelta(hours=1))


def test_a_get_changes_nothing(call: Call, nina: User) -> None:
    """Hazard H25."""
    invite = invite_into(call, nina)
    before = (Seat.objects.count(), Attendance.objects.count(), Invite.objects.values().get())
    Client().get(invite.link_path)
    Client().head(invite.link_path)
    assert before == (Seat.objects.count(), Attendance.objects.count(), Invite.objects.values().get())
