"""The one place where a service's "no" becomes a page, an htmx answer or JSON."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from core.errors import DomainError


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
