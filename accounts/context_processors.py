from __future__ import annotations

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts.models import Organisation


def organisation(request: HttpRequest) -> dict[str, object]:
    """`organisation` for the header: that of whoever is signed in. A page of another place says its own."""
    return {"organisation": SimpleLazyObject(lambda: Organisation.objects.visible_to(request.user).first())}
