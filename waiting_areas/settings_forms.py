"""What administrators of an area set: its properties, and who may do what in it (rules W1, W7, W8)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from core.names import NameField
from waiting_areas.models import SETTINGS, AreaRole, WaitingArea

if TYPE_CHECKING:  # generic in django-stubs only
    FormBase = forms.ModelForm[WaitingArea]
else:
    FormBase = forms.ModelForm


class SpanField(forms.IntegerField):
    """A span of time as a whole number of `unit`, in `cleaned_data` a timedelta."""

    def __init__(self, *, unit: timedelta, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.unit = unit

    def prepare_value(self, value: Any) -> Any:
        return value // self.unit if isinstance(value, timedelta) else value

    def clean(self, value: Any) -> timedelta:
        return int(super().clean(value)) * self.unit


class PropertiesForm(FormBase):
    """It validates; `services.update_settings` saves."""

    name = NameField(label=gettext_lazy("Name"))
    reconnecting_for = SpanField(
        unit=timedelta(minutes=1),
        label=gettext_lazy("Keep the place of a caller whose connection is lost for (minutes)"),
        min_value=1,
        max_value=24 * 60,
    )
    details_kept_for = SpanField(
        unit=timedelta(days=1),
        label=gettext_lazy("Delete callers’ details after (days)"),
        help_text=gettext_lazy("Counted from when they left. That somebody came and went is kept for reports."),
        min_value=0,
        max_value=3650,
    )

    class Meta:
        model = WaitingArea
        fields = SETTINGS
        labels = {
            "time_zone": gettext_lazy("Time zone"),
            "notice": gettext_lazy("Notice at the entrance"),
            "waiting_message": gettext_lazy("Message on the waiting page"),
            "support_phone": gettext_lazy("Support telephone"),
            "ask_date_of_birth": gettext_lazy("Ask callers for their date of birth"),
            "ask_reason": gettext_lazy("Ask callers what it is about"),
            "ask_reference": gettext_lazy("Ask callers for a reference"),
            "shows_position": gettext_lazy("Tell callers how many people are before them"),
        }
        help_texts = {
            "time_zone": gettext_lazy("Of the opening hours, for example Europe/London."),
            "notice": gettext_lazy("Callers read it before they give their details."),
            "shows_position": "",
        }
        widgets = {
            "notice": forms.Textarea(attrs={"rows": 3}),
            "waiting_message": forms.Textarea(attrs={"rows": 3}),
        }

    def settings(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in SETTINGS}

    def differences(self, area: WaitingArea) -> list[tuple[str, str]]:
        """Label and value of what the area says now and this form says otherwise."""
        return [
            (str(self.fields[name].label), self._read(area, name))
            for name, typed in self.settings().items()
            if getattr(area, name) != typed
        ]

    def _read(self, area: WaitingArea, name: str) -> str:
        value = getattr(area, name)
        if isinstance(value, bool):
            return _("Yes") if value else _("No")
        if as_chosen := getattr(area, f"get_{name}_display", None):
            return str(as_chosen())
        return str(self.fields[name].prepare_value(value))


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=AreaRole.Role.choices)


class AddUserForm(RoleForm):
    """`cleaned_data["user"]` is the colleague. Whoever works elsewhere and whoever has no account read the same."""

    email = forms.EmailField(label=gettext_lazy("Email"), widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    field_order = ["email", "role"]

    def __init__(self, *args: Any, area: WaitingArea, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.area = area

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not (email := cleaned.get("email")):
            return cleaned
        colleagues = User.objects.filter(organisations=self.area.organisation, is_active=True)
        user = cleaned["user"] = colleagues.filter(email__iexact=email).first()
        if user is None:
            nobody = _("Nobody at %(organisation)s has this email address.")
            self.add_error("email", nobody % {"organisation": self.area.organisation})
        elif AreaRole.objects.filter(area=self.area, user=user).exists():
            self.add_error("email", _("This person has a role here already. Change it in the list above."))
        return cleaned
