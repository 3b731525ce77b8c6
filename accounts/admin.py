"""Django admin for accounts, and the scope every other app's admin pages keep to."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from allauth.account.decorators import secure_admin_login
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.admin.filters import RelatedFieldListFilter
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.contrib.auth.models import AnonymousUser, Group
from django.core.exceptions import PermissionDenied
from django.db.models import ForeignKey, ManyToManyField, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.models import AccessRecord, Organisation, OrganisationMembership, User
from accounts.services import keep_email_address, record_access
from core.errors import DomainError

if TYPE_CHECKING:  # generic in django-stubs only
    ScopeBase = admin.options.BaseModelAdmin[Any]
    PageBase = admin.ModelAdmin[Any]
    InlineBase = admin.TabularInline[Any, Any]
    UserPageBase = DjangoUserAdmin[User]
    UserFormBase = AdminUserCreationForm[User]
else:
    ScopeBase, PageBase, InlineBase = object, admin.ModelAdmin, admin.TabularInline
    UserPageBase, UserFormBase = DjangoUserAdmin, AdminUserCreationForm

# Staff sign in at one door, with its limits and its second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.site_header = "Anteroom"
admin.site.site_title = "Anteroom"
admin.site.unregister(Group)  # what somebody may do follows from memberships, never from Django's permissions


class _Scope(ScopeBase):
    """What ScopedAdmin and ScopedInline share: superusers act everywhere, organisation administrators in their own."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _administers_anything(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._covers(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _administers_anything(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._covers(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._covers(request, obj)

    def _covers(self, request: HttpRequest, obj: Model | None) -> bool:
        return _administers_anything(request.user)

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> forms.ModelChoiceField[Any] | None:
        """Choices keep to the scope too, so that nothing is moved into, or shown from, another organisation."""
        kwargs.setdefault("queryset", _choices(db_field.remote_field.model, request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(
        self, db_field: ManyToManyField[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> forms.ModelMultipleChoiceField[Any] | None:
        kwargs.setdefault("queryset", _choices(db_field.remote_field.model, request))
        return super().formfield_for_manytomany(db_field, request, **kwargs)


class ScopedAdmin(_Scope, PageBase):
    """An admin page in which organisation administrators see and do what belongs to their organisations, and no more.

    `organisation_path` leads from the model to its organisation ("organisation", "room__organisation").
    """

    organisation_path: ClassVar[str] = "organisation"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        if request.user.is_superuser:
            return rows
        administered = Organisation.objects.administered_by(request.user)
        # A subquery instead of distinct(), after which nothing could be deleted.
        within = self.model._default_manager.filter(**{f"{self.organisation_path}__in": administered})
        return rows.filter(pk__in=within.values("pk"))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """A service refuses what somebody else was faster with: the form is read again, and now says so by itself."""
        with suppress(DomainError):
            return super().changeform_view(request, object_id, form_url, extra_context)
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as error:  # what no form can see
            self.message_user(request, error.message, messages.ERROR)
            return redirect(request.get_full_path())

    def act(self, request: HttpRequest, done: str, rows: QuerySet[Any], act: Callable[[Any, User], object]) -> None:
        """Does it row by row: one that is refused says why and does not keep the others from it."""
        by = staff(request)
        for row in rows:
            try:
                act(row, by)
            except DomainError as error:
                self.message_user(request, f"{row}: {error.message}", messages.ERROR)
            else:
                self.message_user(request, f"{row}: {done}", messages.SUCCESS)

    def _covers(self, request: HttpRequest, obj: Model | None) -> bool:
        if not _administers_anything(request.user):
            return False
        return obj is None or self.get_queryset(request).filter(pk=obj.pk).exists()


class ScopedInline(_Scope, InlineBase):
    """Rows under a page that was scoped already."""

    extra = 0


def staff(request: HttpRequest) -> User:
    """Whoever acts here, as services take them. Raises PermissionDenied for nobody."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


class ReadOnlyAdmin(ScopedAdmin):
    """For what is a record of what happened, and for states that only services may move: actions call those."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class AddableAdmin(ReadOnlyAdmin):
    """New rows by a service, then read-only."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_module_permission(request)


def _administers_anything(user: User | AnonymousUser) -> bool:
    if not (user.is_active and user.is_staff):
        return False
    return user.is_superuser or Organisation.objects.administered_by(user).exists()


def _choices(model: type[Model], request: HttpRequest) -> QuerySet[Any]:
    """The rows of a related model that the request may pick from: what its own admin page shows."""
    try:
        return admin.site.get_model_admin(model).get_queryset(request)
    except NotRegistered:
        rows = model._default_manager.all()
        return rows if request.user.is_superuser else rows.none()


class ScopedFilter(RelatedFieldListFilter):
    """A filter that offers related rows of the scope only: `list_filter = (("organisation", ScopedFilter),)`."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: PageBase) -> Any:
        within = {"pk__in": _choices(field.related_model, request)}
        ordering = self.field_admin_ordering(field, request, model_admin)
        return list(field.get_choices(include_blank=False, ordering=ordering, limit_choices_to=within))


class RecordsMemberships(PageBase):
    """Who was taken into an organisation, given another role in it or removed from it stands in its access log."""

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        super().save_formset(request, form, formset, change)
        if formset.model is OrganisationMembership:
            for membership in formset.new_objects:
                _record(request, "organisation.member_added", membership)
            for membership, _fields in formset.changed_objects:
                _record(request, "organisation.member_role_changed", membership)
            for membership in formset.deleted_objects:
                _record(request, "organisation.member_removed", membership)


def _record(request: HttpRequest, act: str, membership: OrganisationMembership) -> None:
    record_access(
        organisation=membership.organisation,
        actor=staff(request),
        act=act,
        place=f"organisation:{membership.organisation_id}",
        detail=f"user:{membership.user_id} {membership.role}",
    )


class MembershipInline(ScopedInline):
    model = OrganisationMembership
    autocomplete_fields = ("user",)


@admin.register(Organisation)
class OrganisationAdmin(RecordsMemberships, ScopedAdmin):
    organisation_path = "pk"
    list_display = ("name", "slug", "support_phone")
    search_fields = ("name", "slug")
    prepopulated_fields = {"slug": ("name",)}
    inlines = (MembershipInline,)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.is_superuser

    def get_prepopulated_fields(self, request: HttpRequest, obj: Model | None = None) -> dict[str, Any]:
        return {} if obj else dict(self.prepopulated_fields)


class StaffMembershipInline(ScopedInline):
    """Under an account: at least one organisation, or an organisation administrator could not see it afterwards."""

    model = OrganisationMembership
    extra = 1
    min_num = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrganisationMembership]:
        return OrganisationMembership.objects.filter(
            organisation__in=Organisation.objects.administered_by(request.user)
        )

    def get_min_num(self, request: HttpRequest, obj: Model | None = None, **kwargs: Any) -> int:
        return 0 if request.user.is_superuser else 1

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        return super().get_formset(request, obj, validate_min=not request.user.is_superuser, **kwargs)


class NewAccountForm(UserFormBase):
    """Without a password its owner signs in by emailed code."""

    class Meta:
        model = User
        fields = ("email", "name")

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


@admin.register(User)
class UserAdmin(RecordsMemberships, ScopedAdmin, UserPageBase):
    """Organisation administrators manage the accounts that belong wholly to them; nobody gives away what they lack."""

    organisation_path = "memberships__organisation"
    add_form = NewAccountForm
    add_fieldsets = ((None, {"fields": ("email", "name", "usable_password", "password1", "password2")}),)
    fieldsets = ((None, {"fields": ("email", "name", "password", "is_active", "is_staff", "is_superuser")}),)
    list_display = ("name", "email", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff", ("organisations", ScopedFilter))
    search_fields = ("name", "email")
    ordering = ("name",)
    filter_horizontal = ()
    inlines = (StaffMembershipInline,)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        return () if request.user.is_superuser else ("is_superuser",)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._covers(request, obj) and self._is_wholly_theirs(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._covers(request, obj) and self._is_wholly_theirs(request, obj) and obj != request.user

    def _is_wholly_theirs(self, request: HttpRequest, obj: Model | None) -> bool:
        """An account that also works elsewhere, or everywhere, would be a way out of the organisation."""
        if request.user.is_superuser or not isinstance(obj, User):
            return True
        elsewhere = obj.memberships.exclude(organisation__in=Organisation.objects.administered_by(request.user))
        return not obj.is_superuser and not elsewhere.exists()

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        keep_email_address(user=obj)
        if change and "is_active" in form.changed_data:
            for membership in obj.memberships.select_related("organisation"):
                _record(request, "account.opened" if obj.is_active else "account.closed", membership)


@admin.register(AccessRecord)
class AccessRecordAdmin(ReadOnlyAdmin):
    list_display = ("at", "organisation", "actor", "act", "place", "detail")
    list_filter = (("organisation", ScopedFilter), "act")
    list_select_related = ("organisation", "actor")
    search_fields = ("act", "place", "actor__name", "actor__email")
    date_hierarchy = "at"


@admin.register(OrganisationMembership)
class OrganisationMembershipAdmin(ScopedAdmin):
    list_display = ("user", "organisation", "role")
    list_filter = ("role", ("organisation", ScopedFilter))
    list_select_related = ("user", "organisation")
    search_fields = ("user__name", "user__email", "organisation__name")
    autocomplete_fields = ("user",)

    def save_model(self, request: HttpRequest, obj: OrganisationMembership, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        _record(request, "organisation.member_role_changed" if change else "organisation.member_added", obj)

    def delete_model(self, request: HttpRequest, obj: OrganisationMembership) -> None:
        _record(request, "organisation.member_removed", obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[OrganisationMembership]) -> None:
        for membership in queryset.select_related("organisation"):
            _record(request, "organisation.member_removed", membership)
        super().delete_queryset(request, queryset)
