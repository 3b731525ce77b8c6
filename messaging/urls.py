from __future__ import annotations

from django.urls import URLPattern, path

from messaging import views, webhooks

app_name = "messaging"

urlpatterns: list[URLPattern] = [
    path("messaging/twilio/<uuid:message_id>/", webhooks.receive_twilio_status, name="receive_twilio_status"),
    path("messaging/email/<slug:provider>/", webhooks.receive_email_tracking, name="receive_email_tracking"),
    path("dev/messages/", views.list_messages, name="list_messages"),
    path("dev/messages/<uuid:message_id>/", views.show_message, name="show_message"),
    path("dev/messages/<uuid:message_id>/page/", views.show_html, name="show_html"),
]
