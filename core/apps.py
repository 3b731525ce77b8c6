from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "core"

    def ready(self) -> None:
        from django.contrib.sessions.backends.db import SessionStore

        from core import checks  # noqa: F401 - registers them
        from core.background import register_job
        from core.limits import clear_full_buckets

        register_job("expired sessions", SessionStore.clear_expired, each=3600.0)
        register_job("full buckets", clear_full_buckets, each=3600.0)
