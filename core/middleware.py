"""What every answer has in common."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django_htmx.http import push_url


def parts_have_no_address(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """What htmx asks for is a part of a page, a dialog over a list: loading the page again shows the page.

    htmx 2.0.10 takes `hx-push-url="false"` of a boosted element for unset, so the answer has to say it.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if "HX-Request" in request.headers and "HX-Push-Url" not in response:
            push_url(response, False)
        return response

    return middleware
