"""Mounted at the root (config/urls.py): callers are under /waiting/, staff under /waiting-areas/."""

from __future__ import annotations

from django.urls import URLPattern, path

from waiting_areas import entrance, views

app_name = "waiting_areas"

urlpatterns: list[URLPattern] = [
    path("waiting/<str:token>/", entrance.enter_area, name="enter_area"),
    path("waiting/place/<uuid:caller_id>/", entrance.show_place, name="show_place"),
    path("waiting/place/<uuid:caller_id>/reply/", entrance.send_reply, name="send_reply"),
    path("waiting/place/<uuid:caller_id>/phone/", entrance.ask_for_phone, name="ask_for_phone"),
    path("waiting/place/<uuid:caller_id>/wait/", entrance.wait_again, name="wait_again"),
    path("waiting/place/<uuid:caller_id>/leave/", entrance.leave_place, name="leave_place"),
    path("waiting/place/<uuid:caller_id>/closed/", entrance.close_place, name="close_place"),
    path("waiting-areas/", views.list_areas, name="list_areas"),
    path("waiting-areas/<uuid:area_id>/", views.show_callers, name="show_callers"),
    path("waiting-areas/callers/<uuid:caller_id>/join/", views.join_caller, name="join_caller"),
    path("waiting-areas/callers/<uuid:caller_id>/fetch/", views.fetch_caller, name="fetch_caller"),
    path("waiting-areas/callers/<uuid:caller_id>/hold/", views.hold_caller, name="hold_caller"),
    path("waiting-areas/callers/<uuid:caller_id>/finish/", views.finish_caller, name="finish_caller"),
]
