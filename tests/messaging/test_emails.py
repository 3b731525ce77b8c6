from __future__ import annotations

import pytest
from django.test import override_settings

from messaging.emails import render
from tests.accounts.factories import make_organisation

TEMPLATES = {
    "note_subject.txt": "A note\nfor {{ name }}",
    "note_message.txt": "Hello {{ name }},\n\n{{ url }}\n",
    "note_message.html": (
        '{% extends "messaging/email_layout.html" %}{% block content %}<p>Hello {{ name }}</p>'
        '{% include "messaging/_email_button.html" with url=url label="Open" accent=accent on_accent=on_accent only %}'
        "{% endblock content %}"
    ),
}
LOCMEM = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": ["templates"],
        "OPTIONS": {
            "loaders": [
                ("django.template.loaders.locmem.Loader", TEMPLATES),
                "django.template.loaders.filesystem.Loader",
            ]
        },
    }
]


@pytest.mark.django_db
@override_settings(TEMPLATES=LOCMEM)
def test_an_email_has_one_line_of_subject_plain_text_and_a_page_with_one_button() -> None:
    clinic = make_organisation(name="Riverside <Clinic>", accent="#f2e205", support_phone="01632 960 001")
    words = {"name": "<b>Grace</b>", "url": "http://testserver/i/abc/"}
    email = render("note", words, organisation=clinic)
    assert "\n" not in email.subject
    assert "http://testserver/i/abc/" in email.text
    assert email.html.count("http://testserver/i/abc/") == 3  # the button, the same link as text, and where it leads
    assert "<b>Grace</b>" not in email.html
    assert "Riverside &lt;Clinic&gt;" in email.html
    assert "01632 960 001" in email.html
    assert "prefers-color-scheme: dark" in email.html
