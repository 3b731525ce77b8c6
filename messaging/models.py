"""The outbox: every email and text that leaves the house is a row first (docs/architecture.md, "Messages out")."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Self

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Organisation, User
from messaging.states import Status


class MessageQuerySet(models.QuerySet["Message"]):
    def visible_to(self, user: User | AnonymousUser) -> Self:
        """Those of the organisations somebody works for. What belongs to none (sign-in codes) is for superusers."""
        if user.is_superuser:
            return self
        return self.filter(organisation__in=Organisation.objects.visible_to(user))

    def of_development(self) -> Self:
        """All of them under DEBUG, where everybody is at home; none otherwise."""
        return self.all() if settings.DEBUG else self.none()

    def saying(self, words: str) -> Self:
        """Every word is somewhere in the address, the subject or the text."""
        found = self.all()
        for word in words.split():
            found = found.filter(Q(recipient__icontains=word) | Q(subject__icontains=word) | Q(text__icontains=word))
        return found

    def about(self, subject: str) -> Self:
        """What was sent about "invite:<uuid>", or whatever the floor above calls it."""
        return self.filter(about=subject)

    def due(self, *, at: datetime) -> Self:
        """To be sent now: those whose turn has come, and those whose worker has not been heard of since its lease."""
        return self.filter(
            Q(status=Status.QUEUED, next_try_at__lte=at) | Q(status=Status.SENDING, claimed_until__lte=at)
        )

    def to_redact(self, *, at: datetime) -> Self:
        return self.filter(redact_at__lte=at)


class Message(models.Model):
    class Kind(models.TextChoices):
        EMAIL = "email", _("Email")
        SMS = "sms", _("Text message")

    Status = Status

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # None: from nobody in particular, as a code to sign in.
    organisation = models.ForeignKey(
        Organisation, null=True, blank=True, on_delete=models.CASCADE, related_name="messages"
    )
    kind = models.CharField(max_length=10, choices=Kind)
    recipient = models.CharField(max_length=254)  # an email address, or a number in E.164
    subject = models.CharField(max_length=200, blank=True)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    about = models.CharField(
        max_length=80, blank=True, db_index=True, validators=[RegexValidator(r"^[a-z_]+:[A-Za-z0-9_.-]+\Z")]
    )
    # Given by the caller: whoever sends twice under one key has sent once.
    key = models.CharField(max_length=120, null=True, blank=True, unique=True)

    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    failure = models.CharField(max_length=200, blank=True)  # a sentence of ours in English: see failure_words
    provider_id = models.CharField(max_length=200, blank=True, db_index=True)
    tries = models.PositiveSmallIntegerField(default=0)
    # Nobody knows how an earlier try ended: its worker died, or the provider did not answer.
    in_doubt = models.BooleanField(default=False)
    claim = models.UUIDField(null=True, blank=True)  # of the worker that is sending it now
    claimed_until = models.DateTimeField(null=True, blank=True)

    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    next_try_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)  # of no use to anybody afterwards: not sent any more
    sent_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    redact_at = models.DateTimeField(null=True, blank=True, db_index=True)  # None once the bodies are gone

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["next_try_at"], condition=Q(status=Status.QUEUED), name="messaging_queued"),
            models.Index(fields=["claimed_until"], condition=Q(status=Status.SENDING), name="messaging_sending"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=Status.values), name="messaging_status_known"),
            models.CheckConstraint(
                condition=Q(status=Status.SENDING, claim__isnull=False, claimed_until__isnull=False)
                | (~Q(status=Status.SENDING) & Q(claim=None, claimed_until=None)),
                name="messaging_claimed_while_sending",
            ),
        ]

    def __str__(self) -> str:
        """Names nobody: this is what logs and error pages show (hazard H23)."""
        return f"{self.get_kind_display()} {self.pk}"

    @property
    def is_redacted(self) -> bool:
        return self.redact_at is None

    @property
    def failure_words(self) -> str:
        """For whoever sent it, in their language: the worker, or the provider's news, wrote it down in nobody's."""
        return gettext(self.failure) if self.failure else ""

    @property
    def written_recipient(self) -> str:
        """As people write it."""
        from messaging.numbers import write_number

        return write_number(self.recipient) if self.kind == self.Kind.SMS else self.recipient
