from __future__ import annotations

from typing import Any

from allauth.account import forms
from allauth.mfa.webauthn import forms as webauthn_forms
from django.utils.translation import gettext_lazy as _


class LoginForm(forms.LoginForm):  # type: ignore[misc]
    """The words on the sign-in page are ours: "Email", "Password" (docs/glossary.md)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = _("Email")
        self.fields["password"].label = _("Password")
        self.fields["password"].help_text = ""
        self.fields["remember"].label = _("Keep me signed in on this device")
        for field in ("login", "password"):
            self.fields[field].widget.attrs.pop("placeholder", None)


class AddKeyForm(webauthn_forms.AddWebAuthnForm):  # type: ignore[misc]
    """A passkey or a security key, in plain words."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("A name for this key")
        self.fields["passwordless"].label = _("A passkey: it signs me in alone, without a password")
        self.fields["passwordless"].help_text = _("Your device then asks for your fingerprint, face or PIN.")
