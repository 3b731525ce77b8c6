"""A call of a place, the seats given in it, and who was live when.

Who writes what (docs/architecture.md): web processes write Call (opening), Seat and `ends_at`; only
calls.relay_worker writes Attendance, `member_deadline` and `ended_at`; RelayLease belongs to its node.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Organisation, User
from calls.device_check import MAX_LENGTH as DEVICE_CHECK_LENGTH

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser
    from django.contrib.sessions.backends.base import SessionBase

    from calls.tickets import Ticket


class CallQuerySet(models.QuerySet["Call"]):
    def open(self) -> CallQuerySet:
        return self.filter(ended_at=None)

    def visible_to(self, user: User | AnonymousUser) -> CallQuerySet:
        """The scope of access for staff: the calls of the organisations somebody works for. Outside it: 404."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(organisation__in=user.organisations.all())

    def without_relay(self, *, lapsed: timedelta) -> CallQuerySet:
        """On no node, or on one whose lease ran out `lapsed` ago or is gone (database clock)."""
        fresh = RelayLease.objects.filter(node=OuterRef("node"), expires_at__gt=Now() - lapsed)
        return self.filter(~Exists(fresh))

    def with_relay(self) -> CallQuerySet:
        """On a node that holds its lease."""
        return self.filter(Exists(RelayLease.objects.live().filter(node=OuterRef("node"))))

    def to_end(self) -> CallQuerySet:
        """Open, and somebody has asked for the end."""
        return self.open().exclude(end_reason="")

    def with_nobody_live(self) -> CallQuerySet:
        return self.filter(~Exists(Attendance.objects.open().filter(seat__call=OuterRef("pk"))))


class Call(models.Model):
    """One conversation in one place. A place has at most one open call."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    place = models.CharField(max_length=80)  # "room:<uuid>": opaque here, see calls.places
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="calls")
    opened_at = models.DateTimeField(default=timezone.now)
    member_deadline = models.DateTimeField(null=True, blank=True)  # rule C3
    ends_at = models.DateTimeField(null=True, blank=True)  # the scheduled end
    ended_at = models.DateTimeField(null=True, blank=True)
    # calls.relay.terms.EndReason. Of an open call: why it is to end, as its relay was told.
    end_reason = models.CharField(max_length=20, blank=True)
    node = models.CharField(max_length=40, blank=True)  # the relay node it lives on

    objects = CallQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(fields=["place"], condition=Q(ended_at=None), name="calls_one_open_call_a_place"),
        ]
        indexes = [models.Index(fields=["node"], condition=Q(ended_at=None), name="calls_open_by_node")]

    def __str__(self) -> str:
        return f"{self.place} {self.opened_at:%Y-%m-%d %H:%M}"

    @property
    def is_over(self) -> bool:
        """Has it ended, or does its relay end it now?"""
        return self.ended_at is not None or self.end_reason != ""


class SeatQuerySet(models.QuerySet["Seat"]):
    def remembered(self, session: SessionBase, call_id: uuid.UUID) -> SeatQuerySet:
        """The seat this browser was given in the call, through its session; nobody else's (calls.doors).

        Or one that was given to somebody this browser is: whoever waits is brought into a call by others (rule W6).
        """
        given = Q(pk=session.get("seats", {}).get(str(call_id))) | Q(identity__in=session.get("identities", []))
        return self.filter(given, call_id=call_id).select_related("call").order_by("created_at")

    def of_ticket(self, ticket: Ticket) -> SeatQuerySet:
        return self.filter(pk=ticket.seat_id, call_id=ticket.call_id).select_related("call")

    def beside(self, seat: Seat) -> SeatQuerySet:
        """The seats of the same call, and of no other (hazard H6)."""
        return self.filter(call_id=seat.call_id)

    def of_member(self, identity: str) -> SeatQuerySet:
        """Where this person has a seat as a member, in calls that are open."""
        return self.filter(identity=identity, role=Seat.Role.MEMBER, call__ended_at=None)

    def standing(self) -> SeatQuerySet:
        """Not put out, in calls that are open."""
        return self.filter(removed_at=None, call__ended_at=None)

    def live(self) -> SeatQuerySet:
        return self.filter(Exists(Attendance.objects.filter(seat=OuterRef("pk"), left_at=None)))


class Seat(models.Model):
    """The right of one identity to be in one call. Its id is the participant's id."""

    class Role(models.TextChoices):
        MEMBER = "member", _("Member")
        GUEST = "guest", _("Guest")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    call = models.ForeignKey(Call, on_delete=models.CASCADE, related_name="seats")
    identity = models.CharField(max_length=80)  # "user:<id>", "visitor:<uuid>", "invite:<uuid>", …
    role = models.CharField(max_length=10, choices=Role)
    display_name = models.CharField(max_length=80)
    connection = models.PositiveIntegerField(default=1)  # rises with each press of Join (rule C4)
    created_at = models.DateTimeField(default=timezone.now)
    pressed_at = models.DateTimeField(default=timezone.now)  # the latest Join
    removed_at = models.DateTimeField(null=True, blank=True)  # removed by a member: the ticket does not return
    device_check = models.CharField(max_length=DEVICE_CHECK_LENGTH, blank=True)  # calls.device_check, of the last Join
    # The place a member brought this person from (rule W6). The seat is then their right to be here, and that place's
    # door is the one they go back to.
    brought_from = models.CharField(max_length=80, blank=True)

    objects = SeatQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["call", "identity"], name="calls_one_seat_an_identity")]

    def __str__(self) -> str:
        return f"{self.display_name} ({self.role})"


class AttendanceQuerySet(models.QuerySet["Attendance"]):
    def open(self) -> AttendanceQuerySet:
        return self.filter(left_at=None)

    def open_in(self, place: str) -> AttendanceQuerySet:
        """Who is in a place now, by arrival."""
        return (
            self.open()
            .filter(seat__call__place=place, seat__call__ended_at=None)
            .select_related("seat")
            .order_by("joined_at", "pk")
        )


class Attendance(models.Model):
    """One stay: from first media to gone. Kept when the chat and the pictures are not (rule C6)."""

    seat = models.ForeignKey(Seat, on_delete=models.CASCADE, related_name="attendances")
    joined_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=20, blank=True)  # calls.relay.terms.GoneReason
    node = models.CharField(max_length=40)

    objects = AttendanceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["seat"], condition=Q(left_at=None), name="calls_one_open_attendance_a_seat"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.seat} {self.joined_at:%H:%M}"


class RelayLeaseQuerySet(models.QuerySet["RelayLease"]):
    def live(self) -> RelayLeaseQuerySet:
        return self.filter(expires_at__gt=Now())

    def taking(self) -> RelayLeaseQuerySet:
        """Who takes new calls, the least loaded first."""
        return self.live().filter(draining=False).order_by("live", "node")

    def expired(self) -> RelayLeaseQuerySet:
        return self.filter(expires_at__lte=Now())


class RelayLease(models.Model):
    """A relay node that is alive: renewed each 0.5 s, dead after 2 s, by the database's clock."""

    node = models.CharField(primary_key=True, max_length=40)
    expires_at = models.DateTimeField(db_index=True)
    started_at = models.DateTimeField(default=timezone.now)
    live = models.PositiveIntegerField(default=0)  # participants, for choosing the least loaded
    draining = models.BooleanField(default=False)

    objects = RelayLeaseQuerySet.as_manager()

    def __str__(self) -> str:
        return self.node
