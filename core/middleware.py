"""What every answer has in common, and the pages for those that Django gives empty."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render
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


def show_wrong_method(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A page with a way on for whoever opens the address of a button: it is in the address bar when the button's
    answer was a page, and Django's own answer to it is blank.
    """

    def show(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.method != "GET" or not isinstance(response, HttpResponseNotAllowed):
            return response
        page = render(request, "405.html", status=response.status_code)
        page["Allow"] = response["Allow"]
        return page

    return show
