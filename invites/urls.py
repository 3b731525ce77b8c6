"""Mounted at the root (config/urls.py): a personal link is /i/<token>/, what members do is under /invites/."""

from __future__ import annotations

from django.urls import URLPattern, path, register_converter

from core.converters import Place
from invites import door, views

app_name = "invites"

register_converter(Place, "place")

urlpatterns: list[URLPattern] = [
    path("i/<str:token>/", door.open_door, name="open_door"),
    path("i/<str:token>/here/", door.tell_at_door, name="tell_at_door"),
    path("invites/<place:place>/", views.invite_guest, name="invite_guest"),
    path("invites/<place:place>/preview/", views.preview_messages, name="preview_messages"),
    path("invites/<place:place>/list/", views.list_invites, name="list_invites"),
    path("invites/<place:place>/link/", views.make_link, name="make_link"),
    path("invites/<place:place>/<uuid:invite_id>/resend/", views.resend, name="resend"),
    path("invites/<place:place>/<uuid:invite_id>/revoke/", views.revoke, name="revoke"),
]
