"""Where a caller stands, and what staff may do to them then (rules W3, W4, W9). Pure.

A caller's row says only whether they are inside. The four words of the Caller list are derived from the rows of their
calls and from their lease, and stored nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    BEING_SEEN = "being_seen", _("Being seen")
    ON_HOLD = "on_hold", _("On hold")
    RECONNECTING = "reconnecting", _("Reconnecting")


class LeftReason(models.TextChoices):
    """Why somebody is no longer inside. Only those who went by themselves may come back to the same place."""

    LEFT = "left", _("Left")
    CLOSED = "closed", _("Closed the page")
    LOST = "lost", _("Connection lost")
    FINISHED = "finished", _("Finished")
    REMOVED = "removed", _("Disconnected by staff")


class Deed(models.TextChoices):
    """What staff do to a caller: the action menu of rule W4."""

    JOIN = "join", _("Join Call")
    FETCH = "fetch", _("Add to current Call")
    MESSAGE = "message", _("Message")
    HOLD = "hold", _("Put on hold")
    TRANSFER = "transfer", _("Transfer")
    FINISH = "finish", _("Finish")


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rows say of one caller who is inside."""

    is_present: bool  # the lease stands, or they are live in a call
    is_with_provider: bool  # a provider is live in the call they belong in, or has just pressed Join
    was_with_provider: bool  # since they came to this area


def status_of(facts: Facts) -> Status:
    """A lost connection comes before what was going on when it was lost."""
    if not facts.is_present:
        return Status.RECONNECTING
    if facts.is_with_provider:
        return Status.BEING_SEEN
    return Status.ON_HOLD if facts.was_with_provider else Status.WAITING


_ALWAYS = frozenset(Status)

POSSIBLE: dict[Deed, frozenset[Status]] = {
    Deed.JOIN: _ALWAYS,  # of somebody who is being seen after a question (rule W5)
    Deed.FETCH: _ALWAYS,
    Deed.MESSAGE: _ALWAYS,
    Deed.HOLD: frozenset({Status.BEING_SEEN, Status.RECONNECTING}),
    Deed.TRANSFER: _ALWAYS,
    Deed.FINISH: _ALWAYS,
}


def is_possible(deed: Deed, status: Status) -> bool:
    return status in POSSIBLE[deed]
