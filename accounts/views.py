from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse


def show_no_email_page(request: HttpRequest) -> HttpResponse:
    """allauth's page of further emails, closed: an account has one, and its administrator sees to it."""
    raise Http404
