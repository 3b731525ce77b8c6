"""Emails from templates: one layout, a plain-text part, readable in dark mode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.template.loader import render_to_string
from django.utils.translation import get_language

from accounts.models import Organisation
from core.colours import text_on

ACCENT = "#11716a"  # ours, for an organisation without a colour (static/core/tokens.css)


class Email(NamedTuple):
    subject: str
    text: str
    html: str


def render(template: str, context: Mapping[str, Any], *, organisation: Organisation | None = None) -> Email:
    """Of `<template>_subject.txt`, `<template>_message.txt` and `<template>_message.html`.

    The last extends "messaging/email_layout.html", and puts its one button in by "messaging/_email_button.html".
    """
    accent = (organisation.accent if organisation else "") or ACCENT
    words = {
        "organisation": organisation,
        "accent": accent,
        "on_accent": text_on(accent.removeprefix("#")),
        "language": get_language(),
        **context,
    }
    subject = " ".join(render_to_string(f"{template}_subject.txt", words).split())
    text = render_to_string(f"{template}_message.txt", words).strip() + "\n"
    html = render_to_string(f"{template}_message.html", words | {"subject": subject})
    return Email(subject, text, html)
