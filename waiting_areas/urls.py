"""Mounted at the root (config/urls.py): callers are under /waiting/, staff under /waiting-areas/."""

from __future__ import annotations

from django.urls import URLPattern, path

from waiting_areas import area_views, caller_views, entrance, settings_views, views

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
    path("waiting-areas/find/", views.find_callers, name="find_callers"),
    path("waiting-areas/<uuid:area_id>/", views.show_callers, name="show_callers"),
    path("waiting-areas/<uuid:area_id>/link/", area_views.show_link, name="show_link"),
    path("waiting-areas/<uuid:area_id>/reset-link/", area_views.reset_link, name="reset_link"),
    path("waiting-areas/<uuid:area_id>/suspend/", area_views.suspend_area, name="suspend_area"),
    path("waiting-areas/<uuid:area_id>/restore/", area_views.restore_area, name="restore_area"),
    path("waiting-areas/<uuid:area_id>/message/", area_views.write_to_all, name="write_to_all"),
    path("waiting-areas/<uuid:area_id>/hours/", area_views.edit_hours, name="edit_hours"),
    path("waiting-areas/<uuid:area_id>/properties/", settings_views.edit_properties, name="edit_properties"),
    path("waiting-areas/<uuid:area_id>/users/", settings_views.manage_users, name="manage_users"),
    path("waiting-areas/<uuid:area_id>/users/<int:role_id>/role/", settings_views.change_role, name="change_role"),
    path("waiting-areas/<uuid:area_id>/users/<int:role_id>/remove/", settings_views.take_role, name="take_role"),
    path("waiting-areas/callers/<uuid:caller_id>/join/", caller_views.join_caller, name="join_caller"),
    path("waiting-areas/callers/<uuid:caller_id>/fetch/", caller_views.fetch_caller, name="fetch_caller"),
    path("waiting-areas/callers/<uuid:caller_id>/message/", caller_views.write_message, name="write_message"),
    path("waiting-areas/callers/<uuid:caller_id>/activity/", caller_views.show_activity, name="show_activity"),
    path(
        "waiting-areas/callers/<uuid:caller_id>/participants/",
        caller_views.list_participants,
        name="list_participants",
    ),
    path(
        "waiting-areas/callers/<uuid:caller_id>/participants/<uuid:seat_id>/disconnect/",
        caller_views.disconnect_participant,
        name="disconnect_participant",
    ),
    path("waiting-areas/callers/<uuid:caller_id>/hold/", caller_views.hold_caller, name="hold_caller"),
    path("waiting-areas/callers/<uuid:caller_id>/transfer/", caller_views.transfer_caller, name="transfer_caller"),
    path("waiting-areas/callers/<uuid:caller_id>/finish/", caller_views.finish_caller, name="finish_caller"),
]
