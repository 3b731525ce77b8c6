from __future__ import annotations

from typing import Any

from django import forms

from calls.device_check import clean_check


class DeviceCheckField(forms.CharField):
    """Filled in by static/calls/preview.js. Whatever comes, nobody is kept out by it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=forms.HiddenInput(attrs={"data-device-check": ""}), **kwargs)

    def clean(self, value: Any) -> str | None:
        """None where the form did not say."""
        return clean_check(value) if isinstance(value, str) else None


class DeviceCheckForm(forms.Form):
    """What every door with a preview (templates/calls/_preview.html) takes along: its form is one of these, shows
    `{{ form.device_check }}` and hands `cleaned_data["device_check"]` to `calls.services.admit`."""

    device_check = DeviceCheckField()
