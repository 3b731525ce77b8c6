from django.apps import AppConfig


class WaitingAreasConfig(AppConfig):
    name = "waiting_areas"
