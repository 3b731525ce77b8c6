from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("rooms/", include("rooms.urls")),
    path("", include("calls.urls")),
    path("", include("core.urls")),
]
