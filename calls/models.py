"""A call of a place, the seats given in it, and who was live when.

Who writes what (docs/architecture.md): web processes write Call (opening), Seat and `ends_at`; only
calls.relay_worker writes Attendance, `member_deadline` and `ended_at`; RelayLease belongs to its node.
"""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Organisation


class Call(models.Model):
    """One conversation in one place. A place has at most one open call."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    place = models.CharField(max_length=80)  # "room:<uuid>": opaque here, see calls.places
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="calls")
    opened_at = models.DateTimeField(default=timezone.now)
    member_deadline = models.DateTimeField(null=True, blank=True)  # rule C3
    ends_at = models.DateTimeField(null=True, blank=True)  # the scheduled end
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=20, blank=True)  # calls.relay.terms.EndReason
    node = models.CharField(max_length=40, blank=True)  # the relay node it lives on

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(fields=["place"], condition=Q(ended_at=None), name="calls_one_open_call_a_place"),
        ]
        indexes = [models.Index(fields=["node"], condition=Q(ended_at=None), name="calls_open_by_node")]

    def __str__(self) -> str:
        return f"{self.place} {self.opened_at:%Y-%m-%d %H:%M}"


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
    removed_at = models.DateTimeField(null=True, blank=True)  # removed by a member: the ticket does not return

    class Meta:
        constraints = [models.UniqueConstraint(fields=["call", "identity"], name="calls_one_seat_an_identity")]

    def __str__(self) -> str:
        return f"{self.display_name} ({self.role})"


class Attendance(models.Model):
    """One stay: from first media to gone. Kept when the chat and the pictures are not (rule C6)."""

    seat = models.ForeignKey(Seat, on_delete=models.CASCADE, related_name="attendances")
    joined_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=20, blank=True)  # calls.relay.terms.GoneReason
    node = models.CharField(max_length=40)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["seat"], condition=Q(left_at=None), name="calls_one_open_attendance_a_seat"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.seat} {self.joined_at:%H:%M}"


class RelayLease(models.Model):
    """A relay node that is alive: renewed each 0.5 s, dead after 2 s, by the database's clock."""

    node = models.CharField(primary_key=True, max_length=40)
    expires_at = models.DateTimeField(db_index=True)
    started_at = models.DateTimeField(default=timezone.now)
    live = models.PositiveIntegerField(default=0)  # participants, for choosing the least loaded
    draining = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.node
