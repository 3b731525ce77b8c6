"""How templates read a device check: calls.device_check."""

from __future__ import annotations

from django import template

from calls.device_check import FINDINGS, Finding, read_findings

register = template.Library()


@register.filter
def findings(check: str) -> tuple[Finding, ...]:
    return read_findings(check)


@register.simple_tag
def all_findings() -> tuple[Finding, ...]:
    return FINDINGS
