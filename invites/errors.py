from __future__ import annotations

from django.utils.translation import gettext as _

from core.errors import DomainError


class DeadInvite(DomainError):
    """The link lets nobody in (any more): "revoked", "expired", "call_ended" or "place_gone"."""

    status = 404

    def __init__(self, code: str) -> None:
        super().__init__(code, _("This link does not work any more."))
