from django.apps import AppConfig


class WaitingAreasConfig(AppConfig):
    name = "waiting_areas"

    def ready(self) -> None:
        from core.background import register_job
        from waiting_areas import upkeep
        from waiting_areas.places import register_consultations

        register_consultations()
        register_job("closed waiting pages", upkeep.let_closed_go, each=1.0)
        register_job("lapsed callers", upkeep.let_lapsed_go, each=upkeep.LOOKED_EACH.total_seconds())
        register_job("callers’ details", upkeep.delete_details, each=3600.0)
