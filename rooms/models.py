"""Meeting rooms: permanent, shared, one call at a time (rule R3)."""

from __future__ import annotations

import uuid
from typing import Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Organisation, User
from core.links import Link, make_token
from core.versions import version_of

LINK_PURPOSE = "room"
PLACE_PREFIX = "room"


class MeetingRoomQuerySet(models.QuerySet["MeetingRoom"]):
    def standing(self) -> Self:
        return self.filter(deleted_at=None)

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """The scope of access: standing rooms of the organisations somebody works for. Outside it: 404."""
        return self.standing().ever_visible_to(user)

    def ever_visible_to(self, user: User | AnonymousUser) -> Self:
        """The same, with those that were deleted."""
        return self.filter(organisation__in=Organisation.objects.visible_to(user))

    def used_by(self, user: User | AnonymousUser) -> Self:
        """Those in the scope of which somebody is a member (rule R1)."""
        return self.standing().filter(memberships__in=RoomMembership.objects.valid().filter(user=user.pk))

    def of_place(self, place: str) -> Self:
        """The room of "room:<uuid>", deleted or not: a call that ended with its room still has a title."""
        return self.filter(pk=place.removeprefix(f"{PLACE_PREFIX}:"))

    def of_link(self, link: Link) -> Self:
        """The standing room whose link this still is."""
        return self.standing().filter(pk=link.subject, link_generation=link.generation)

    def named_like(self, text: str) -> Self:
        """Every word typed is somewhere in the name."""
        rooms = self
        for word in text.split():
            rooms = rooms.filter(name__icontains=word)
        return rooms


class MeetingRoom(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="meeting_rooms")
    name = models.CharField(_("name"), max_length=80)
    notice = models.TextField(_("notice for guests"), max_length=500, blank=True)
    link_generation = models.PositiveIntegerField(default=1)  # raised by Reset Meeting Room Link (rule R2)
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    members = models.ManyToManyField(User, through="RoomMembership", related_name="meeting_rooms")

    objects = MeetingRoomQuerySet.as_manager()

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
        return f"{PLACE_PREFIX}:{self.pk}"

    @property
    def properties_version(self) -> str:
        """Changes with what Meeting Room Properties shows."""
        return version_of(self.name, self.notice)

    @property
    def link(self) -> str:
        """The one address for all guests, inside or outside the organisation (rule R3)."""
        return f"{settings.PUBLIC_URL}{self.link_path}"

    @property
    def link_path(self) -> str:
        return reverse("rooms:join_room", args=[make_token(LINK_PURPOSE, self.pk, self.link_generation)])

    def membership_of(self, user: User | AnonymousUser) -> RoomMembership | None:
        """None also for a member who no longer works for the organisation."""
        if not user.is_authenticated:
            return None
        return RoomMembership.objects.valid().filter(room=self, user=user).first()


class RoomMembershipQuerySet(models.QuerySet["RoomMembership"]):
    def valid(self) -> Self:
        """Of people who may still sign in and still work for the room's organisation."""
        return self.filter(user__is_active=True, user__organisations=F("room__organisation"))

    def administrators(self) -> Self:
        return self.valid().filter(role=RoomMembership.Role.ADMINISTRATOR)


class RoomMembership(models.Model):
    class Role(models.TextChoices):
        MEMBER = "member", _("Member")
        ADMINISTRATOR = "administrator", _("Administrator")

    room = models.ForeignKey(MeetingRoom, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="room_memberships")
    role = models.CharField(max_length=20, choices=Role, default=Role.MEMBER)

    objects = RoomMembershipQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["room", "user"], name="rooms_membership_unique")]

    def __str__(self) -> str:
        return f"{self.user} · {self.room}"

    @property
    def is_administrator(self) -> bool:
        return self.role == self.Role.ADMINISTRATOR


class GuestPassQuerySet(models.QuerySet["GuestPass"]):
    def standing(self) -> Self:
        """By the link the room has now."""
        return self.filter(link_generation=F("room__link_generation"))


class GuestPass(models.Model):
    """By which generation of the room's link a guest came in: a reset link does not let them come back (rule R2)."""

    room = models.ForeignKey(MeetingRoom, on_delete=models.CASCADE, related_name="guest_passes")
    identity = models.CharField(max_length=80)  # "visitor:<uuid>", as in Seat
    link_generation = models.PositiveIntegerField()
    given_at = models.DateTimeField(default=timezone.now)

    objects = GuestPassQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "guest passes"
        constraints = [models.UniqueConstraint(fields=["room", "identity"], name="rooms_one_pass_a_guest")]

    def __str__(self) -> str:
        return f"{self.identity} · {self.room}"
