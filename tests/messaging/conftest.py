from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import LazySettings

from tests.messaging.loopback import MailerSend, Twilio, serving


@pytest.fixture
def twilio(settings: LazySettings) -> Iterator[Twilio]:
    provider = Twilio()
    with serving(provider):
        settings.TWILIO_ACCOUNT_SID = Twilio.ACCOUNT
        settings.TWILIO_AUTH_TOKEN = Twilio.TOKEN
        settings.TWILIO_FROM = "+447400000000"
        settings.TWILIO_BASE_URL = provider.address
        settings.PUBLIC_URL = "https://meet.example.org"
        yield provider


@pytest.fixture
def mailersend(settings: LazySettings) -> Iterator[MailerSend]:
    provider = MailerSend()
    with serving(provider):
        settings.EMAIL_DELIVERY_BACKEND = "anymail.backends.mailersend.EmailBackend"
        settings.DEFAULT_FROM_EMAIL = "Anteroom <anteroom@meet.example.org>"
        settings.ANYMAIL = {
            "MAILERSEND_API_TOKEN": MailerSend.TOKEN,
            "MAILERSEND_API_URL": f"{provider.address}/v1/",
            "MAILERSEND_SIGNING_SECRET": MailerSend.SIGNING_SECRET,
        }
        yield provider
