"""Meeting rooms: permanent, shared, one call at a time (rule R3)."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Organisation, User


class MeetingRoom(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="meeting_rooms")
    name = models.CharField(_("name"), max_length=80)
    notice = models.TextField(_("notice for guests"), max_length=500, blank=True)
    link_generation = models.PositiveIntegerField(default=1)  # raised by Reset Meeting Room Link (rule R2)
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    members = models.ManyToManyField(User, through="RoomMembership", related_name="meeting_rooms")

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "name"], condition=Q(deleted_at=None), name="rooms_name_unique_in_organisation"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def place(self) -> str:
        return f"room:{self.pk}"


class RoomMembership(models.Model):
    class Role(models.TextChoices):
        MEMBER = "member", _("Member")
        ADMINISTRATOR = "administrator", _("Administrator")

    room = models.ForeignKey(MeetingRoom, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="room_memberships")
    role = models.CharField(max_length=20, choices=Role, default=Role.MEMBER)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["room", "user"], name="rooms_membership_unique")]

    def __str__(self) -> str:
        return f"{self.user} · {self.room}"
