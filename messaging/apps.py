from django.apps import AppConfig


class MessagingConfig(AppConfig):
    name = "messaging"

    def ready(self) -> None:
        from core.background import Process, Task, register, register_job
        from messaging import checks, services, tracking, worker  # noqa: F401 - checks and tracking register themselves

        register(Task("outbox", Process.WORKER, worker.run))
        register_job("old messages", services.sweep, each=30.0)
