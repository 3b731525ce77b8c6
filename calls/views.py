"""Pages of a call, and the device test that is open to anyone."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
def show_device_test(request: HttpRequest) -> HttpResponse:
    """Camera, microphone and speaker, tried on the day or at any time before (rule C8). Changes nothing."""
    return render(request, "calls/device_test.html")
