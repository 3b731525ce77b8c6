"""What a waiting area says when something cannot be done."""

from __future__ import annotations

from django.utils.translation import gettext as _

from core.errors import Conflict, DomainError, NotAllowed


class DeadLink(DomainError):
    """The link was reset, or its area deleted, while somebody stood at the door."""

    status = 404

    def __init__(self) -> None:
        super().__init__("dead_link", _("This link does not work any more."))


class NotOpen(DomainError):
    """`code` is "suspended" or "closed"."""


class AlreadySeen(Conflict):
    """A question, not a refusal: the same call with `even_if_seen` goes through (rule W5)."""

    def __init__(self) -> None:
        super().__init__("already_seen", _("This person is already in a video call with another service provider"))


def gone() -> Conflict:
    return Conflict("left", _("This person has left the waiting area."))


def no_role() -> NotAllowed:
    return NotAllowed("no_role", _("You may not do this in this waiting area."))
