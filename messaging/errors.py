"""What may go wrong with a message."""

from __future__ import annotations

from datetime import timedelta


class DeliveryError(Exception):
    """The only error that leaves an adapter.

    `message` says why in plain words, to follow "Could not be delivered: ", and names no recipient. Permanent: another
    try would end alike. `in_doubt`: the provider may have taken it all the same. `retry_after`: how long it asked us to
    wait.
    """

    def __init__(
        self, message: str, *, permanent: bool, in_doubt: bool = False, retry_after: timedelta | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.permanent = permanent
        self.in_doubt = in_doubt
        self.retry_after = retry_after
