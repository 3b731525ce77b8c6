"""Who people are and which organisation they work for."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import AnonymousUser, PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class UserQuerySet(models.QuerySet["User"]):
    def visible_to(self, user: User | AnonymousUser) -> UserQuerySet:
        """Themselves and their colleagues: whoever shares an organisation."""
        if user.is_superuser:
            return self
        colleagues = OrganisationMembership.objects.visible_to(user).values("user")
        return self.filter(models.Q(pk=user.pk) | models.Q(pk__in=colleagues))


class UserManager(BaseUserManager["User"]):
    def get_queryset(self) -> UserQuerySet:
        return UserQuerySet(self.model, using=self._db)

    def visible_to(self, user: User | AnonymousUser) -> UserQuerySet:
        return self.get_queryset().visible_to(user)

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who signs in, by email. Guests have no account."""

    email = models.EmailField(_("email"), max_length=254, unique=True)
    name = models.CharField(_("name"), max_length=80)
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(_("may open the administration"), default=False)
    date_joined = models.DateTimeField(default=timezone.now)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(Lower("email"), name="accounts_user_email_unique")]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def identity(self) -> str:
        """How calls know whoever is signed in, whatever link was used (docs/architecture.md, "One way in")."""
        return f"user:{self.pk}"


class OrganisationQuerySet(models.QuerySet["Organisation"]):
    def visible_to(self, user: User | AnonymousUser) -> OrganisationQuerySet:
        """Those the user works for; all of them for a superuser."""
        return self if user.is_superuser else self.filter(pk__in=_memberships_of(user).values("organisation"))

    def administered_by(self, user: User | AnonymousUser) -> OrganisationQuerySet:
        if user.is_superuser:
            return self
        administered = _memberships_of(user).filter(role=OrganisationMembership.Role.ADMINISTRATOR)
        return self.filter(pk__in=administered.values("organisation"))


class Organisation(models.Model):
    """The unit of access for staff: a clinic or a school."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=120)
    slug = models.SlugField(unique=True)
    accent = models.CharField(
        _("colour"),
        max_length=7,
        blank=True,
        help_text=_("For example #0f766e"),
        validators=[RegexValidator(r"^#[0-9a-fA-F]{6}\Z", _("Write # and six digits or letters a-f."))],
    )
    support_phone = models.CharField(_("support telephone"), max_length=40, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    members = models.ManyToManyField(User, through="OrganisationMembership", related_name="organisations")

    objects = OrganisationQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class OrganisationMembershipQuerySet(models.QuerySet["OrganisationMembership"]):
    def visible_to(self, user: User | AnonymousUser) -> OrganisationMembershipQuerySet:
        """Every membership of the organisations the user works for."""
        return self.filter(organisation__in=Organisation.objects.visible_to(user))


class OrganisationMembership(models.Model):
    class Role(models.TextChoices):
        STAFF = "staff", _("Staff")
        ADMINISTRATOR = "administrator", _("Administrator")

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role, default=Role.STAFF)

    objects = OrganisationMembershipQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organisation", "user"], name="accounts_membership_unique")]

    def __str__(self) -> str:
        return f"{self.user} · {self.organisation}"


def _memberships_of(user: User | AnonymousUser) -> models.QuerySet[OrganisationMembership]:
    """None for somebody anonymous or no longer active."""
    memberships = OrganisationMembership.objects.all()
    return memberships.filter(user=user) if isinstance(user, User) and user.is_active else memberships.none()


class AccessRecordQuerySet(models.QuerySet["AccessRecord"]):
    def visible_to(self, user: User | AnonymousUser) -> AccessRecordQuerySet:
        """The log is for administrators of the organisation only."""
        return self.filter(organisation__in=Organisation.objects.administered_by(user))


class AccessRecord(models.Model):
    """The access log: who did what to whom, when. Append-only; names no guest by more than the place's own id."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="access_records")
    at = models.DateTimeField(default=timezone.now, db_index=True)
    actor = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL)
    act = models.CharField(max_length=60)  # "room.link_reset", "call.participant_removed", …
    place = models.CharField(max_length=80)
    detail = models.CharField(max_length=200, blank=True)

    objects = AccessRecordQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.act} {self.place}"
