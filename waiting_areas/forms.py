"""What the entrance asks a caller (rule W1), and what staff write."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID, uuid4

from django import forms
from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, Signer
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from calls.forms import DeviceCheckForm
from core.names import NameField
from messaging.numbers import NumberRefused, parse_telephone
from waiting_areas.models import Asked, WaitingArea
from waiting_areas.services import Details, Phrase

_OLDEST = 130  # years


class TelephoneField(forms.CharField):
    """Any number that somebody can be phoned on, a landline or one from abroad (rule R5), as E.164."""

    default_error_messages = {"required": gettext_lazy("Enter a telephone number.")}
    widget = forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel"})

    def clean(self, value: Any) -> str:
        try:
            return parse_telephone(super().clean(value))
        except NumberRefused as refused:
            raise ValidationError(refused.message, code=refused.code) from refused


class ArrivalForm(DeviceCheckForm):
    """The fields follow the area's settings. `arrival` is of this form alone: sent twice, it is one caller."""

    name = NameField(
        label=gettext_lazy("Your name"),
        widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True, "spellcheck": "false"}),
    )
    telephone = TelephoneField(
        label=gettext_lazy("Your telephone number"),
        help_text=gettext_lazy("So that we can phone you if the video call does not work."),
    )
    date_of_birth = forms.DateField(
        label=gettext_lazy("Your date of birth"),
        error_messages={"required": gettext_lazy("Enter your date of birth.")},
        widget=forms.DateInput(attrs={"type": "date", "autocomplete": "bday"}),
    )
    reason = forms.CharField(
        label=gettext_lazy("What is this about?"),
        max_length=500,
        error_messages={"required": gettext_lazy("Write in a few words what this is about.")},
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    reference = forms.CharField(
        label=gettext_lazy("Your reference"),
        help_text=gettext_lazy("It is in the letter or message that invited you."),
        max_length=80,
        error_messages={"required": gettext_lazy("Enter your reference.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    arrival = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, area: WaitingArea, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["arrival"].initial = _signer().sign(uuid4().hex)
        for name in ("date_of_birth", "reason", "reference"):
            asked = getattr(area, f"ask_{name}")
            if asked == Asked.NO:
                del self.fields[name]
            elif asked == Asked.OPTIONAL:
                field = self.fields[name]
                field.required = False
                field.label = _("%(label)s (optional)") % {"label": field.label}

    def clean_date_of_birth(self) -> date | None:
        born: date | None = self.cleaned_data["date_of_birth"]
        today = timezone.localdate()
        if born and not today.year - _OLDEST < born.year <= today.year:
            raise ValidationError(_("Look at the year again."), code="year")
        if born and born > today:
            raise ValidationError(_("This date has not come yet."), code="future")
        return born

    def clean_arrival(self) -> UUID:
        """A new one instead of any that this house did not make: nobody names the caller they want to be."""
        try:
            return UUID(_signer().unsign(self.cleaned_data["arrival"]))
        except (BadSignature, ValueError):
            return uuid4()

    def details(self) -> Details:
        given = {name: value for name, value in self.cleaned_data.items() if name != "arrival" and value is not None}
        return Details(**given)


class ReplyForm(forms.Form):
    phrase = forms.TypedChoiceField(choices=Phrase.choices, coerce=Phrase)


def _signer() -> Signer:
    return Signer(salt="anteroom.waiting_areas.arrival")
