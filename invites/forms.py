from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from calls.forms import DeviceCheckForm
from core.errors import DomainError
from core.names import NameField, clean_name
from invites.models import Invite
from messaging import addresses, numbers


class JoinForm(DeviceCheckForm):
    """What a personal link asks of the guest: the name is filled in from the invitation."""

    name = NameField(
        label=gettext_lazy("Your name"),
        widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True, "spellcheck": "false"}),
    )


class GuestNameField(forms.CharField):
    """A name that may be left out."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, strip=False, **kwargs)
        self.validators = []

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        return clean_name(text) if text.strip() else ""


class InviteForm(forms.Form):
    """One guest, by email or by text (rules R4, R5). `kind` says which button was pressed: "" for the Enter key, which
    means whichever of the two was filled in.

    `cleaned_data["recipient"]` and `["kind"]` say to whom and how; `["until"]` is a moment, or None in a call.
    """

    name = GuestNameField(
        label=gettext_lazy("Guest’s name (optional)"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    until = forms.DateField(
        label=gettext_lazy("The link works until the end of"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={
            "required": gettext_lazy("Choose a day."),
            "invalid": gettext_lazy("Write the day as 2026-12-31."),
        },
    )
    email = forms.CharField(
        label=gettext_lazy("Email address"),
        required=False,
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    phone = forms.CharField(
        label=gettext_lazy("UK mobile phone number"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off", "inputmode": "tel"}),
    )
    kind = forms.ChoiceField(
        choices=[("", ""), (Invite.Kind.EMAIL, ""), (Invite.Kind.SMS, "")], required=False, widget=forms.HiddenInput
    )
    # The address that was asked about and is meant all the same: typed twice is not a typing error.
    meant = forms.CharField(required=False, max_length=254, widget=forms.HiddenInput)

    def __init__(self, *args: Any, in_call: bool, valid_for: timedelta, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.suggestion = ""  # what the address may have been meant to be
        self.refusal = ""  # a code, where what was typed is refused: administrators read it
        self.usual_until: datetime | None = None
        if in_call:
            del self.fields["until"]
        else:
            today = timezone.localdate()
            self.fields["until"].widget.attrs["min"] = today.isoformat()
            self.fields["until"].initial = today + valid_for
            self.usual_until = _end_of(today + valid_for)

    def clean_until(self) -> datetime:
        return _end_of(self.cleaned_data["until"])

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        cleaned.setdefault("until", None)
        email, phone, pressed = (cleaned.get(field, "") for field in ("email", "phone", "kind"))
        if email and phone and not pressed:
            self.add_error(None, _("Choose “Send email” or “Send text message”."))
            return cleaned
        cleaned["kind"] = pressed or (Invite.Kind.SMS if phone else Invite.Kind.EMAIL)
        if cleaned["kind"] == Invite.Kind.SMS:
            cleaned["recipient"] = self._clean_recipient("phone", phone, numbers.parse_uk_mobile)
        else:
            cleaned["recipient"] = self._clean_recipient("email", email, addresses.clean_email)
            self._suggest(cleaned["recipient"], cleaned.get("meant", ""))
        return cleaned

    def _clean_recipient(self, field: str, text: str, clean: Callable[[str], str]) -> str:
        if field in self.errors:
            return ""
        if not text.strip():
            needed = {"email": _("Enter an email address."), "phone": _("Enter a UK mobile phone number.")}
            self.add_error(field, needed[field])
            return ""
        try:
            return clean(text)
        except DomainError as error:
            self.refusal = f"{field} {error.code}"
            self.add_error(field, error.message)
            return ""

    def _suggest(self, recipient: str, meant: str) -> None:
        """Asked once (rule R5): sent all the same when Send email is pressed again."""
        suggestion = addresses.suggest(recipient) if recipient else None
        if suggestion and meant != recipient:
            self.suggestion = suggestion
            self.add_error("email", _("Did you mean %(address)s?") % {"address": suggestion})


def _end_of(day: date) -> datetime:
    """In the house's time zone."""
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time()))
