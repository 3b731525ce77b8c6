from django.apps import AppConfig


class InvitesConfig(AppConfig):
    name = "invites"

    def ready(self) -> None:
        from calls.places import register_revoker
        from core.background import register_job
        from invites import checks, services  # noqa: F401 - checks register themselves
        from messaging import listeners

        register_revoker(services.revoke_invites_of_call)
        listeners.register("invite", services.hear_of_message)
        register_job("old invitations", services.forget_old_invites, each=3600.0)
