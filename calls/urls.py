"""Mounted at the root (config/urls.py): calls live under /calls/, the device test has an address of its own."""

from __future__ import annotations

from django.urls import path

from calls import views

app_name = "calls"

urlpatterns = [
    path("device-test/", views.show_device_test, name="show_device_test"),
]
