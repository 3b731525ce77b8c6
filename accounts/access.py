"""Pages for people who are signed in."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils.cache import add_never_cache_headers
from django.utils.http import urlencode
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from accounts.models import User

P = ParamSpec("P")


class SignedInRequest(HttpRequest):
    user: User
    htmx: HtmxDetails


View = Callable[Concatenate[SignedInRequest, P], HttpResponse]


def signs_in_to(home: str) -> Callable[[View[P]], View[P]]:
    """Signing in comes first: of the whole page, also when htmx asks for a part of it.

    It leads back to what was asked for, or to `home`, a URL name, where that cannot be asked for again. What is shown
    names people: no browser keeps it for whoever sits down there next.
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: SignedInRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if request.user.is_authenticated:
                response = view(request, *args, **kwargs)
                add_never_cache_headers(response)
                return response
            if request.htmx:
                here = request.htmx.current_url_abs_path or request.path
                return HttpResponseClientRedirect(f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': here})}")
            return redirect_to_login(request.path if request.method != "POST" else resolve_url(home))

        return guarded

    return decorate
