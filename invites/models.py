"""A personal link to a place: for whom, by whom, until when. What became of it is derived (invites.status)."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Organisation, User
from calls.models import Attendance, Call
from core.links import Link, make_token

LINK_PURPOSE = "invite"
IDENTITY_PREFIX = "invite"
OUTLIVES_CALL = timedelta(hours=2)  # an invitation made in a call, so that whoever was cut off can come back
LISTED_AFTER_END = timedelta(hours=24)


class InviteQuerySet(models.QuerySet["Invite"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """The scope of access for staff: those of the organisations somebody works for. Outside it: 404."""
        return self.filter(organisation__in=Organisation.objects.visible_to(user))

    def of_link(self, link: Link) -> Self:
        """The one whose link this is, or once was: its door says what became of it."""
        return self.filter(pk=link.subject, generation__gte=link.generation)

    def open(self) -> Self:
        """Not revoked: at most one for each place and recipient."""
        return self.filter(revoked_at=None)

    def standing(self, *, at: datetime) -> Self:
        """Those whose link lets somebody in."""
        outlives = ~Q(kind=Invite.Kind.LINK) & Q(call__ended_at__gt=at - OUTLIVES_CALL)
        made_in_a_call = Q(call__ended_at=None, call__isnull=False) | outlives
        return self.open().filter(Q(expires_at__gt=at) | Q(made_in_a_call, expires_at=None))

    def listed(self, place: str, *, at: datetime) -> Self:
        """What the panel of a place shows: those that stand, and what happened lately; the newest first."""
        lately = Q(sent_at__gt=at - LISTED_AFTER_END) | Q(revoked_at__gt=at - LISTED_AFTER_END)
        stands = Q(pk__in=Invite.objects.filter(place=place).standing(at=at).values("pk"))
        return self.filter(Q(place=place), stands | lately).order_by("-sent_at", "-pk")

    def lapsed(self, *, before: datetime) -> Self:
        """Those that let nobody in any more since then."""
        dated = Q(expires_at__lte=before)
        of_a_call = Q(expires_at=None) & (Q(call__ended_at__lte=before - OUTLIVES_CALL) | Q(call=None))
        return self.filter(Q(revoked_at__lte=before) | Q(Q(revoked_at=None), dated | of_a_call, sent_at__lte=before))


class Invite(models.Model):
    class Kind(models.TextChoices):
        EMAIL = "email", _("Email")
        SMS = "sms", _("Text message")
        LINK = "link", _("Copied link")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    place = models.CharField(max_length=80, db_index=True)  # "room:<uuid>": opaque here, see calls.places
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="invites")
    kind = models.CharField(max_length=10, choices=Kind)
    recipient = models.CharField(max_length=254, blank=True)  # an email address, a number in E.164; "" for a link
    name = models.CharField(max_length=80, blank=True)  # the guest's, as the member wrote it
    invited_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="invites")
    generation = models.PositiveIntegerField(default=1)  # raised when it is revoked: the link is dead
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(default=timezone.now)  # lately: sending again renews it
    # Until when. None: made in a call, and good until OUTLIVES_CALL after its end; one that was copied, until its end.
    expires_at = models.DateTimeField(null=True, blank=True)
    call = models.ForeignKey(Call, null=True, blank=True, on_delete=models.SET_NULL, related_name="invites")
    revoked_at = models.DateTimeField(null=True, blank=True)
    # When the guest's page, touched by a person, last said that it is open (rule R4).
    at_door_at = models.DateTimeField(null=True, blank=True)

    objects = InviteQuerySet.as_manager()

    class Meta:
        ordering = ["-sent_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["place", "recipient"],
                condition=Q(revoked_at=None) & ~Q(recipient=""),
                name="invites_one_open_a_place_and_recipient",
            ),
            models.CheckConstraint(
                condition=Q(kind="link", recipient="") | (~Q(kind="link") & ~Q(recipient="")),
                name="invites_link_without_recipient",
            ),
        ]

    def __str__(self) -> str:
        """Names nobody: this is what logs show (hazard H23)."""
        return f"{self.get_kind_display()} {self.pk}"

    @property
    def identity(self) -> str:
        """A personal link is one person, whoever opens it (docs/architecture.md, "One way in")."""
        return f"{IDENTITY_PREFIX}:{self.pk}"

    @property
    def about(self) -> str:
        """How the outbox knows what it sends (messaging.models)."""
        return self.identity

    @property
    def link(self) -> str:
        """Derived, never stored: sending again gives the same one, revoking kills it."""
        return f"{settings.PUBLIC_URL}{self.link_path}"

    @property
    def link_path(self) -> str:
        return reverse("invites:open_door", args=[make_token(LINK_PURPOSE, self.pk, self.generation)])

    @property
    def ends_at(self) -> datetime | None:
        """Until when the link works, as far as it is known: not while the call it was made in goes on."""
        if self.expires_at is not None:
            return self.expires_at
        if self.call is None:  # the call is gone from the database
            return self.sent_at
        if self.call.ended_at is None:
            return None
        return self.call.ended_at + (timedelta(0) if self.kind == self.Kind.LINK else OUTLIVES_CALL)

    def stands(self, *, at: datetime) -> bool:
        """The link lets somebody in. The same as `standing`, of a row in hand."""
        return self.revoked_at is None and (self.ends_at is None or self.ends_at > at)


def may_enter(place: str, identity: str) -> bool:
    """For `PlaceKind.may`: whether somebody with a personal link may enter the place, or come back to it.

    Who is live when the link runs out may stay. So may who is live when it is revoked with the place's link (rule R2);
    the seat of one whose own link is revoked is removed with it (invites.services.revoke_invite).
    """
    kind, _colon, number = identity.partition(":")
    if kind != IDENTITY_PREFIX:
        return False
    return (
        Invite.objects.filter(pk=number, place=place).standing(at=timezone.now()).exists()
        or Attendance.objects.open_in(place).filter(seat__identity=identity).exists()
    )


def door_of(identity: str) -> str | None:
    """For `PlaceKind.door`: where somebody with a personal link comes in again. None for anybody else."""
    kind, _colon, number = identity.partition(":")
    invite = Invite.objects.filter(pk=number).first() if kind == IDENTITY_PREFIX else None
    return invite.link_path if invite else None
