"""Mounted at the root (config/urls.py): calls live under /calls/, the device test has an address of its own."""

from __future__ import annotations

from django.urls import path

from calls import views

app_name = "calls"

urlpatterns = [
    path("calls/<uuid:call_id>/", views.show_call, name="show_call"),
    path("calls/<uuid:call_id>/ticket/", views.issue_ticket, name="issue_ticket"),
    path("calls/<uuid:call_id>/join/", views.take_over, name="take_over"),
    path("device-test/", views.show_device_test, name="show_device_test"),
    path("network-check/", views.check_network, name="check_network"),
]
