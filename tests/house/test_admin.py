"""Django admin covers every object, with search and filters (rule of §7), within an organisation's scope."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.options import BaseModelAdmin

from accounts.admin import ScopedAdmin, ScopedInline

HOUSE = {"core", "accounts", "messaging", "calls", "invites", "rooms", "waiting_areas"}
OUTSIDE = {"TokenBucket"}  # how much of a limit is used up: nothing to look at, and whose it is cannot be read
FEW = {"RelayLease"}  # as many as there are relays


def pages() -> dict[str, BaseModelAdmin[Any]]:
    """By model: its own page, or the rows of it under another's."""
    found: dict[str, BaseModelAdmin[Any]] = {}
    for page in admin.site._registry.values():
        for inline in page.inlines:
            found.setdefault(inline.model.__name__, inline(page.model, admin.site))
    return found | {model.__name__: page for model, page in admin.site._registry.items()}


def test_every_object_is_covered_and_kept_to_the_scope() -> None:
    models = {model.__name__ for model in apps.get_models() if model._meta.app_label in HOUSE}
    covered = pages()
    assert models - covered.keys() == OUTSIDE
    assert {name for name in models - OUTSIDE if not isinstance(covered[name], (ScopedAdmin, ScopedInline))} == set()


def test_every_page_is_searched_and_filtered() -> None:
    for name, page in pages().items():
        if isinstance(page, ScopedAdmin) and name not in FEW:
            assert page.search_fields, name
            assert page.list_filter or name == "Organisation", name
