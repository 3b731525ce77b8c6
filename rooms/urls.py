from __future__ import annotations

from django.urls import URLPattern, path

from rooms import entrance, views

app_name = "rooms"

urlpatterns: list[URLPattern] = [
    path("", views.list_rooms, name="list_rooms"),
    path("join/<str:token>/", entrance.join_room, name="join_room"),
    path("<uuid:room_id>/return/", entrance.return_to_room, name="return_to_room"),
    path("<uuid:room_id>/enter/", entrance.enter_room, name="enter_room"),
    path("<uuid:room_id>/link/", views.show_link, name="show_link"),
    path("<uuid:room_id>/link/reset/", views.reset_link, name="reset_link"),
    path("<uuid:room_id>/participants/", views.list_participants, name="list_participants"),
    path(
        "<uuid:room_id>/participants/<uuid:seat_id>/disconnect/",
        views.disconnect_participant,
        name="disconnect_participant",
    ),
    path("<uuid:room_id>/properties/", views.edit_properties, name="edit_properties"),
    path("<uuid:room_id>/users/", views.manage_users, name="manage_users"),
    path("<uuid:room_id>/users/<int:membership_id>/role/", views.change_role, name="change_role"),
    path("<uuid:room_id>/users/<int:membership_id>/remove/", views.remove_user, name="remove_user"),
    path("<uuid:room_id>/delete/", views.delete_room, name="delete_room"),
]
