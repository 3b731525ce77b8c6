"""Waiting areas, who may do what in them, and the callers inside (rules W1 to W9)."""

from __future__ import annotations

import uuid
import zoneinfo
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Organisation, User
from core.links import Link, make_token
from core.versions import version_of
from messaging.numbers import write_number
from waiting_areas import hours
from waiting_areas.states import LeftReason

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase

LINK_PURPOSE = "waiting"
PLACE_PREFIX = "caller"
LEASE = timedelta(seconds=30)  # renewed every 10 s for as long as the caller's socket stands (rule W8)
RELOADED_WITHIN = timedelta(seconds=2.5)  # a page that closed and is back by then was only reloaded
# Fields of an area that its administrators set
SETTINGS = (
    "name",
    "time_zone",
    "notice",
    "waiting_message",
    "support_phone",
    "ask_date_of_birth",
    "ask_reason",
    "ask_reference",
    "shows_position",
    "reconnecting_for",
    "details_kept_for",
)


def validate_time_zone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError(_("This is not the name of a time zone. An example is Europe/London."))


class Asked(models.TextChoices):
    """Whether the entrance asks a caller for something beyond name and telephone."""

    NO = "no", _("Not asked")
    OPTIONAL = "optional", _("Optional")
    REQUIRED = "required", _("Required")


class WaitingAreaQuerySet(models.QuerySet["WaitingArea"]):
    def standing(self) -> Self:
        return self.filter(deleted_at=None)

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """The scope of access: standing areas in which somebody holds a role. Outside it: 404."""
        return self.standing().filter(roles__in=AreaRole.objects.valid().filter(user=user.pk))

    def watched_by(self, user: User | AnonymousUser) -> Self:
        """Those among them whose callers somebody may see (rules W3, W7)."""
        watching = AreaRole.objects.valid().exclude(role=AreaRole.Role.REFERRER)
        return self.standing().filter(roles__in=watching.filter(user=user.pk))

    def of_link(self, link: Link) -> Self:
        """The standing area whose link this still is."""
        return self.standing().filter(pk=link.subject, link_generation=link.generation)


class WaitingArea(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="waiting_areas")
    name = models.CharField(_("name"), max_length=80)
    time_zone = models.CharField(
        _("time zone"), max_length=60, default=settings.TIME_ZONE, validators=[validate_time_zone]
    )
    always_open = models.BooleanField(_("always open"), default=True, help_text=_("Otherwise by its opening hours."))
    notice = models.TextField(_("notice at the entrance"), max_length=2000, blank=True)
    waiting_message = models.TextField(_("message on the waiting page"), max_length=2000, blank=True)
    support_phone = models.CharField(
        _("support telephone"), max_length=40, blank=True, help_text=_("Blank: the organisation’s.")
    )
    ask_date_of_birth = models.CharField(_("date of birth"), max_length=10, choices=Asked, default=Asked.NO)
    ask_reason = models.CharField(_("reason"), max_length=10, choices=Asked, default=Asked.NO)
    ask_reference = models.CharField(_("reference"), max_length=10, choices=Asked, default=Asked.NO)
    shows_position = models.BooleanField(
        _("tell callers their position"), default=False, help_text=_("How many people are before them.")
    )
    reconnecting_for = models.DurationField(
        _("keep a lost place for"),
        default=timedelta(minutes=15),
        validators=[MinValueValidator(timedelta(minutes=1))],
        help_text=_("Hours:minutes:seconds."),
    )
    details_kept_for = models.DurationField(
        _("keep callers’ details for"),
        default=timedelta(days=30),
        validators=[MinValueValidator(timedelta(0))],
        help_text=_("Days hours:minutes:seconds after they left."),
    )
    suspended_at = models.DateTimeField(null=True, blank=True, editable=False)
    message_to_callers = models.TextField(max_length=2000, blank=True, editable=False)  # while suspended
    message_to_staff = models.TextField(max_length=2000, blank=True, editable=False)
    link_generation = models.PositiveIntegerField(default=1, editable=False)  # raised by a reset of the link
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    staff = models.ManyToManyField(User, through="AreaRole", related_name="waiting_areas")

    objects = WaitingAreaQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "name"],
                condition=Q(deleted_at=None),
                name="waiting_areas_name_unique_in_organisation",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def link(self) -> str:
        """The one public address for all callers (rule W1)."""
        return f"{settings.PUBLIC_URL}{self.link_path}"

    @property
    def link_path(self) -> str:
        return reverse("waiting_areas:enter_area", args=[make_token(LINK_PURPOSE, self.pk, self.link_generation)])

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @property
    def phone(self) -> str:
        """Whom to phone if nobody comes."""
        return self.support_phone or self.organisation.support_phone

    @property
    def is_suspended(self) -> bool:
        return self.suspended_at is not None

    def is_open(self, at: datetime) -> bool:
        """By its hours; whether it is suspended is another question (rule W2)."""
        return self.always_open or hours.is_open(self.blocks(), self.zone, at)

    def lets_in(self, at: datetime) -> bool:
        return not self.is_suspended and self.is_open(at)

    def next_opening(self, at: datetime) -> datetime | None:
        """In the area's own time zone."""
        opening = hours.next_opening(self.blocks(), self.zone, at)
        return opening.astimezone(self.zone) if opening else None

    def role_of(self, user: User | AnonymousUser) -> AreaRole | None:
        """None also for somebody who no longer works for the organisation."""
        if not user.is_authenticated:
            return None
        return AreaRole.objects.valid().filter(area=self, user=user).first()

    @property
    def properties_version(self) -> str:
        """Changes with what Waiting Area Properties shows."""
        return version_of(*(getattr(self, name) for name in SETTINGS))

    @property
    def hours_version(self) -> str:
        """Changes with what the page of the opening hours shows."""
        return version_of(self.always_open, self.blocks())

    def blocks(self) -> list[hours.Block]:
        """By weekday and opening."""
        return [block.as_block() for block in self.opening_hours.all()]


class OpeningHours(models.Model):
    """One block of one weekday; a day may have several."""

    class Weekday(models.IntegerChoices):
        MONDAY = 0, _("Monday")
        TUESDAY = 1, _("Tuesday")
        WEDNESDAY = 2, _("Wednesday")
        THURSDAY = 3, _("Thursday")
        FRIDAY = 4, _("Friday")
        SATURDAY = 5, _("Saturday")
        SUNDAY = 6, _("Sunday")

    area = models.ForeignKey(WaitingArea, on_delete=models.CASCADE, related_name="opening_hours")
    weekday = models.PositiveSmallIntegerField(_("day"), choices=Weekday)
    opens = models.TimeField(_("opens"))
    closes = models.TimeField(_("closes"), help_text=_("At or before the opening: on the next day."))

    class Meta:
        verbose_name_plural = "opening hours"
        ordering = ["weekday", "opens"]
        constraints = [
            models.UniqueConstraint(fields=["area", "weekday", "opens"], name="waiting_areas_one_block_an_opening"),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="waiting_areas_weekday_is_one"),
        ]

    def __str__(self) -> str:
        return f"{self.Weekday(self.weekday).label} {self.opens:%H:%M}–{self.closes:%H:%M}"

    def as_block(self) -> hours.Block:
        return hours.Block(self.weekday, self.opens, self.closes)


class AreaRoleQuerySet(models.QuerySet["AreaRole"]):
    def valid(self) -> Self:
        """Of people who may still sign in and still work for the area's organisation."""
        return self.filter(user__is_active=True, user__organisations=F("area__organisation"))

    def administrators(self) -> Self:
        return self.valid().filter(role=AreaRole.Role.ADMINISTRATOR)


class AreaRole(models.Model):
    """What somebody may do in an area: waiting_areas.access says what each role includes (rule W7)."""

    class Role(models.TextChoices):
        PROVIDER = "provider", _("Service provider")
        COORDINATOR = "coordinator", _("Coordinator")
        REFERRER = "referrer", _("Referrer")
        ADMINISTRATOR = "administrator", _("Administrator")

    area = models.ForeignKey(WaitingArea, on_delete=models.CASCADE, related_name="roles")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="area_roles")
    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.PROVIDER)

    objects = AreaRoleQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["area", "user"], name="waiting_areas_one_role_a_person")]

    def __str__(self) -> str:
        return f"{self.user} · {self.area}"


class CallerQuerySet(models.QuerySet["Caller"]):
    def inside(self) -> Self:
        """Who waits, or is being seen: whom staff see (hazard H5). By arrival."""
        return self.filter(left_at=None).order_by("arrived_at", "pk")

    def in_line(self, area_id: uuid.UUID) -> Self:
        """Who comes before whoever arrived later: not somebody who is to be phoned."""
        return self.inside().filter(area=area_id, phone_instead_at=None)

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """The scope of access for staff: callers of the areas they watch. Outside it: 404."""
        return self.filter(area__in=WaitingArea.objects.watched_by(user))

    def remembered(self, session: SessionBase) -> Self:
        """Those this browser is (calls.doors.remember_identity)."""
        identities = [identity for identity in session.get("identities", []) if identity.startswith(f"{PLACE_PREFIX}:")]
        return self.filter(pk__in=[identity.partition(":")[2] for identity in identities])

    def of_place(self, place: str) -> Self:
        """The caller of "caller:<uuid>": identity and place are one word."""
        return self.filter(pk=place.removeprefix(f"{PLACE_PREFIX}:"))

    def closed(self, *, before: datetime) -> Self:
        """Whose page said that it closes, and was not back by then."""
        return self.inside().filter(closed_at__lte=before, phone_instead_at=None)

    def unheard_of(self, *, since: datetime) -> Self:
        return self.inside().filter(last_seen_at__lte=since, phone_instead_at=None)


class Caller(models.Model):
    """Somebody in a waiting area. Each has a private call, whose place is "caller:<uuid>" (rule W1).

    Details are blanked after the area's time (`details_deleted_at`); that somebody came and went stays for reports.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    area = models.ForeignKey(WaitingArea, on_delete=models.CASCADE, related_name="callers")
    link_generation = models.PositiveIntegerField()  # of the link they came by

    name = models.CharField(_("name"), max_length=80)
    telephone = models.CharField(_("telephone"), max_length=40)
    date_of_birth = models.DateField(_("date of birth"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    reference = models.CharField(_("reference"), max_length=80, blank=True)
    device_check = models.CharField(_("device check"), max_length=120, blank=True)
    details_deleted_at = models.DateTimeField(null=True, blank=True)

    arrived_at = models.DateTimeField(default=timezone.now)  # also through reloads, losses and transfers
    last_seen_at = models.DateTimeField(default=timezone.now)  # the lease
    closed_at = models.DateTimeField(null=True, blank=True)  # the page said that it closes: perhaps only a reload
    phone_instead_at = models.DateTimeField(null=True, blank=True)  # they asked to be phoned, and closed the page
    left_at = models.DateTimeField(null=True, blank=True)
    left_reason = models.CharField(max_length=20, choices=LeftReason, blank=True)

    transferred_at = models.DateTimeField(null=True, blank=True)
    transferred_from = models.ForeignKey(
        WaitingArea, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    transferred_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    objects = CallerQuerySet.as_manager()

    class Meta:
        ordering = ["arrived_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(left_at=None, left_reason="") | (Q(left_at__isnull=False) & ~Q(left_reason="")),
                name="waiting_areas_left_for_a_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["area", "arrived_at"], condition=Q(left_at=None), name="waiting_areas_inside"),
            models.Index(fields=["left_at"], condition=Q(details_deleted_at=None), name="waiting_areas_details_kept"),
        ]

    def __str__(self) -> str:
        return self.name or f"{PLACE_PREFIX}:{self.pk}"

    @property
    def place(self) -> str:
        """Also their identity in every call (docs/architecture.md, "One way in")."""
        return f"{PLACE_PREFIX}:{self.pk}"

    identity = place

    @property
    def telephone_as_written(self) -> str:
        """As people here write it."""
        return write_number(self.telephone)

    @property
    def is_inside(self) -> bool:
        return self.left_at is None

    def may_come_back(self, at: datetime) -> bool:
        """A reload that took its time, or a network that was away: the same place and arrival time (rule W8)."""
        went_by_itself = self.left_reason in (LeftReason.CLOSED, LeftReason.LOST)
        return went_by_itself and self.left_at is not None and at - self.left_at < self.area.reconnecting_for


class CallerEventQuerySet(models.QuerySet["CallerEvent"]):
    def messages(self) -> Self:
        return self.filter(what__in=CallerEvent.MESSAGES).order_by("at", "pk")


class CallerEvent(models.Model):
    """What happened to a caller, when and by whom: append-only. Who was in their calls is with the calls."""

    class What(models.TextChoices):
        ARRIVED = "arrived", _("Arrived")
        RETURNED = "returned", _("Came back")
        JOINED = "joined", _("Joined the call")
        HELD = "held", _("Put on hold")
        FETCHED = "fetched", _("Taken into another call")
        TRANSFERRED = "transferred", _("Transferred")
        MESSAGE = "message", _("Message from staff")
        REPLY = "reply", _("Reply")
        PHONE_INSTEAD = "phone_instead", _("Asked to be phoned")
        LEFT = "left", _("Left")

    MESSAGES = (What.MESSAGE, What.REPLY)

    caller = models.ForeignKey(Caller, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(default=timezone.now)
    what = models.CharField(max_length=20, choices=What)
    by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    text = models.CharField(max_length=500, blank=True)  # of a message; blanked with the caller's details
    detail = models.CharField(max_length=80, blank=True)  # a reason, a place: nothing personal

    objects = CallerEventQuerySet.as_manager()

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.at:%H:%M} {self.what}"
