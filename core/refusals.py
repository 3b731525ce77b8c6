"""The one place where a service's "no" becomes a page, an htmx answer or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from core.errors import DomainError

P = ParamSpec("P")


def answer_refusal(request: HttpRequest, error: DomainError) -> HttpResponse:
    """The error's status with its message: a banner over the page for htmx, JSON if asked for, otherwise a page."""
    if request.headers.get("HX-Request") == "true":
        answer = HttpResponse(status=error.status)
        answer["HX-Trigger"] = json.dumps({"toast": {"text": error.message, "kind": "error"}})
        answer["HX-Reswap"] = "none"
        return answer
    if request.get_preferred_type(["text/html", "application/json"]) == "application/json":
        return JsonResponse({"code": error.code, "message": error.message}, status=error.status)
    return render(request, "core/refused.html", {"message": error.message}, status=error.status)


def answers_refusals(
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """A view whose services may raise DomainError, where no form shows the message beside a field."""

    @wraps(view)
    def answering(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except DomainError as error:
            return answer_refusal(request, error)

    return answering
