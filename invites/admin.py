"""Invitations in Django admin: read-only; actions call the services that the site's own pages call."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin import ReadOnlyAdmin, ScopedFilter
from accounts.models import User
from core.errors import DomainError
from invites import services
from invites.models import Invite


class StandingFilter(admin.SimpleListFilter):
    title = gettext_lazy("link")
    parameter_name = "link"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("works", _("Works")), ("revoked", _("Revoked")), ("expired", _("Expired"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Invite]) -> QuerySet[Invite]:
        standing = Invite.objects.standing(at=timezone.now()).values("pk")
        match self.value():
            case "works":
                return queryset.filter(pk__in=standing)
            case "revoked":
                return queryset.exclude(revoked_at=None)
            case "expired":
                return queryset.filter(revoked_at=None).exclude(pk__in=standing)
        return queryset


@admin.register(Invite)
class InviteAdmin(ReadOnlyAdmin):
    """The link is not shown: whoever reads it could use it."""

    list_display = ("__str__", "recipient", "name", "organisation", "place", "invited_by", "sent_at", "works")
    list_filter = (("organisation", ScopedFilter), "kind", StandingFilter, "sent_at")
    list_select_related = ("organisation", "invited_by", "call")
    search_fields = ("recipient", "name", "place", "invited_by__name", "invited_by__email")
    date_hierarchy = "sent_at"
    exclude = ("generation",)
    actions = ("revoke_invites", "resend_invites")

    @admin.display(description=gettext_lazy("works"), boolean=True)
    def works(self, invite: Invite) -> bool:
        return invite.stands(at=timezone.now())

    @admin.action(description=gettext_lazy("Revoke the chosen invitations"))
    def revoke_invites(self, request: HttpRequest, invites: QuerySet[Invite]) -> None:
        self._act(request, invites, _("revoked."), lambda invite, by: services.revoke_invite(invite=invite, by=by))

    @admin.action(description=gettext_lazy("Send the chosen invitations again"))
    def resend_invites(self, request: HttpRequest, invites: QuerySet[Invite]) -> None:
        self._act(request, invites, _("sent again."), lambda invite, by: services.resend_invite(invite=invite, by=by))

    def _act(
        self, request: HttpRequest, invites: QuerySet[Invite], done: str, act: Callable[[Invite, User], object]
    ) -> None:
        """Row by row: one that is refused says why and does not keep the others from it."""
        if not isinstance(request.user, User):
            raise PermissionDenied
        for invite in invites:
            try:
                act(invite, request.user)
            except DomainError as error:
                self.message_user(request, f"{invite}: {error.message}", messages.ERROR)
            else:
                self.message_user(request, f"{invite}: {done}", messages.SUCCESS)
