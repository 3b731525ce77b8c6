from django.apps import AppConfig


class CallsConfig(AppConfig):
    name = "calls"

    def ready(self) -> None:
        from calls import checks, leases, relay_worker, sweep  # noqa: F401 - checks register themselves
        from core.background import Process, Task, register, register_job

        register(Task("relay", Process.RELAY, relay_worker.run))
        register(Task("watcher", Process.WEB, leases.watch))
        register_job("sweep", sweep.sweep, each=5.0)
        register_job("calls to end", sweep.end_again, each=5.0)
        register_job("former colleagues", sweep.put_out_former_colleagues, each=5.0)
        register_job("removed participants", sweep.put_out_again, each=5.0)
