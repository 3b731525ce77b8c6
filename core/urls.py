from __future__ import annotations

from django.urls import URLPattern, path, register_converter

from core import views
from core.converters import HexColour

app_name = "core"

register_converter(HexColour, "hex_colour")

urlpatterns: list[URLPattern] = [
    path("", views.show_main, name="show_main"),
    path("colours/<hex_colour:colour>.css", views.show_colours, name="show_colours"),
    path("livez", views.show_liveness, name="show_liveness"),
    path("readyz", views.show_readiness, name="show_readiness"),
]
