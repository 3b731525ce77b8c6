from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from calls.forms import DeviceCheckForm
from core.names import NameField
from rooms.models import MeetingRoom, RoomMembership


class JoinForm(DeviceCheckForm):
    """What the room asks of a guest (rule R3)."""

    name = NameField(
        label=gettext_lazy("Your name"),
        widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True, "spellcheck": "false"}),
    )


class SearchForm(forms.Form):
    search = forms.CharField(required=False, max_length=80)


class PropertiesForm(forms.Form):
    name = NameField(label=gettext_lazy("Name"))
    notice = forms.CharField(
        label=gettext_lazy("Notice for guests (optional)"),
        help_text=gettext_lazy("Guests read it before they join."),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class ResetLinkForm(forms.Form):
    seen_generation = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    revoke_invites = forms.BooleanField(
        label=gettext_lazy("Also revoke the personal invitations that still work"), required=False
    )


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=RoomMembership.Role.choices)


class AddMemberForm(RoleForm):
    """`cleaned_data["user"]` is the colleague. Whoever works elsewhere and whoever has no account read the same."""

    email = forms.EmailField(label=gettext_lazy("Email"), widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    field_order = ["email", "role"]

    def __init__(self, *args: Any, room: MeetingRoom, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.room = room

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if email := cleaned.get("email"):
            colleagues = User.objects.filter(organisations=self.room.organisation, is_active=True)
            cleaned["user"] = colleagues.filter(email__iexact=email).first()
            if cleaned["user"] is None:
                nobody = _("Nobody at %(organisation)s has this email address.")
                self.add_error("email", nobody % {"organisation": self.room.organisation})
        return cleaned
