"""`{% icon "camera-video" %}`: a Bootstrap icon written into the page, so that no icon font is loaded."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from django import template
from django.conf import settings
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

_SVG = re.compile(r'<svg [^>]*viewBox="(?P<view_box>[\d .]+)"[^>]*>(?P<shapes>.*)</svg>', re.DOTALL)


@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    """The icon as decoration (`aria-hidden`): the words beside it, or the button's label, say what it means.

    Raises LookupError for a name that the package does not have: a wrong name fails in the first test of its page.
    """
    path = Path(settings.BOOTSTRAP_ICONS_DIR) / f"{name}.svg"
    found = _SVG.search(path.read_text()) if re.fullmatch(r"[a-z0-9-]+", name) and path.is_file() else None
    if found is None:
        raise LookupError(f"No Bootstrap icon is called {name!r}.")
    shapes = re.sub(r">\s+<", "><", found["shapes"].strip())
    # Files of an installed package, not what anybody typed.
    return mark_safe(  # noqa: S308
        f'<svg class="icon" width="20" height="20" viewBox="{found["view_box"]}" fill="currentColor"'
        f' aria-hidden="true" focusable="false">{shapes}</svg>'
    )
