from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from accounts.views import show_no_email_page

urlpatterns = [
    path("accounts/email/", show_no_email_page),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("", include("messaging.urls")),
    path("rooms/", include("rooms.urls")),
    path("", include("waiting_areas.urls")),
    path("", include("calls.urls")),
    path("", include("invites.urls")),
    path("", include("core.urls")),
]
