"""Who upstairs wants to know what became of a message. Registered in `AppConfig.ready()`: nothing here knows them."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db import InterfaceError, OperationalError, transaction

from messaging.models import Message

Listener = Callable[[Message], None]

_listeners: dict[str, Listener] = {}

logger = logging.getLogger(__name__)


def register(prefix: str, listener: Listener) -> None:
    """`listener` hears of each change of a message about "<prefix>:…", in the transaction that changes it.

    It is quick, touches no network, and publishes on commit like everybody else.
    """
    _listeners[prefix] = listener


def tell(message: Message) -> None:
    """Joins the caller's transaction. A listener that fails costs its own changes only: what was sent stays sent."""
    listener = _listeners.get(message.about.partition(":")[0])
    if listener is None:
        return
    try:
        with transaction.atomic():
            listener(message)
    except (OperationalError, InterfaceError):
        raise  # the database is away: all of it is tried again
    except Exception:
        logger.exception("Nobody upstairs could hear of %s.", message)
