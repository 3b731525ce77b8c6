"""What staff write and choose: about the list, to callers, for an area."""

from __future__ import annotations

from datetime import time
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from waiting_areas.hours import Block
from waiting_areas.listing import Sort
from waiting_areas.models import OpeningHours, WaitingArea
from waiting_areas.states import Status

# What is said most often, with one press (rule W4).
PHRASES = (
    gettext_lazy("We have not forgotten you. Please stay on this page."),
    gettext_lazy("Somebody will be with you in a few minutes."),
    gettext_lazy("We are running late today. Thank you for waiting."),
    gettext_lazy("We will phone you instead. You can close this page."),
)
LONGEST = 500  # characters of a message


class ListForm(forms.Form):
    """Which callers are listed, and in which order. Anything else than these choices is the list as it always is."""

    search = forms.CharField(required=False, max_length=80)
    status = forms.ChoiceField(required=False, choices=[("", gettext_lazy("Everybody")), *Status.choices])
    sort = forms.ChoiceField(required=False, choices=Sort.choices)

    def chosen(self) -> dict[str, str]:
        self.is_valid()
        given = {name: str(self.cleaned_data.get(name) or "") for name in self.fields}
        return given | {"sort": given["sort"] or Sort.ARRIVAL.value}


class MessageForm(forms.Form):
    text = forms.CharField(
        label=gettext_lazy("Your message"),
        max_length=LONGEST,
        error_messages={"required": gettext_lazy("Write a message, or press one of the phrases.")},
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class TransferForm(forms.Form):
    to = forms.ModelChoiceField(
        label=gettext_lazy("Waiting area"),
        queryset=WaitingArea.objects.none(),
        empty_label=gettext_lazy("Choose a waiting area"),
        error_messages={"required": gettext_lazy("Choose a waiting area.")},
    )

    def __init__(self, *args: Any, by: User, area: WaitingArea, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choice = self.fields["to"]
        if isinstance(choice, forms.ModelChoiceField):
            others = WaitingArea.objects.visible_to(by).filter(organisation=area.organisation).exclude(pk=area.pk)
            choice.queryset = others


class SuspendForm(forms.Form):
    message_to_callers = forms.CharField(
        label=gettext_lazy("Message to callers"),
        help_text=gettext_lazy("Whoever opens the link reads it. Say what they can do instead."),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    message_to_staff = forms.CharField(
        label=gettext_lazy("Message to staff"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class ResetLinkForm(forms.Form):
    seen_generation = forms.IntegerField(min_value=1, widget=forms.HiddenInput)


class BlockForm(forms.Form):
    """One block of opening hours; a row that is left empty is none."""

    weekday = forms.TypedChoiceField(
        label=gettext_lazy("Day"),
        required=False,
        coerce=int,
        empty_value=None,
        choices=[("", "–"), *OpeningHours.Weekday.choices],
    )
    opens = forms.TimeField(
        label=gettext_lazy("Opens"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    closes = forms.TimeField(
        label=gettext_lazy("Closes"), required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )

    def clean(self) -> dict[str, Any]:
        given = [self.cleaned_data.get(name) for name in ("weekday", "opens", "closes")]
        if not self.errors and None in given and given != [None, None, None]:
            raise ValidationError(_("Say the day, when it opens and when it closes; or leave all three empty."))
        return self.cleaned_data

    @property
    def block(self) -> Block | None:
        weekday: int | None = self.cleaned_data.get("weekday")
        opens: time | None = self.cleaned_data.get("opens")
        closes: time | None = self.cleaned_data.get("closes")
        if weekday is None or opens is None or closes is None:
            return None
        return Block(weekday, opens, closes)


HoursFormSet = forms.formset_factory(BlockForm, extra=4, max_num=60)
