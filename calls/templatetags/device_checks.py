"""How templates read a device check (calls.device_check), and say what to do about it."""

from __future__ import annotations

from django import template
from django.conf import settings

from calls.device_check import FINDINGS, Finding, read_findings

register = template.Library()


@register.filter
def findings(check: str) -> tuple[Finding, ...]:
    return read_findings(check)


@register.simple_tag
def all_findings() -> tuple[Finding, ...]:
    return FINDINGS


@register.simple_tag
def has_turn_server() -> bool:
    """Where the relay itself cannot be reached, a call may still find this way: calls.turn."""
    return bool(settings.TURN_URLS)


@register.inclusion_tag("calls/_help.html")
def device_help(trouble: str, *steps: str) -> dict[str, object]:
    """What to press, step by step: a template that static/calls/preview.js finds by the name of the trouble."""
    return {"trouble": trouble, "steps": steps}
