from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        from django.contrib.sessions.backends.db import SessionStore

        from core import checks  # noqa: F401 - registers them
        from core.background import register_job

        register_job("expired sessions", SessionStore.clear_expired, each=3600.0)
