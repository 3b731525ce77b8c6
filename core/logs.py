"""What the house writes about requests: no token, no query, no name, nobody's whole address (hazard H23)."""

from __future__ import annotations

import logging
import re
from ipaddress import ip_network
from typing import Any

# What follows these is a key to a place, whoever reads the log.
_KEYS = re.compile(r"(/(?:i|waiting|rooms/join|accounts/password/reset/key)/)[^/\s\"'?]+")
_QUERY = re.compile(r"\?\S*")

_KEPT_BITS = {4: 16, 6: 32}  # of an address: as in deploy/Caddyfile

access = logging.getLogger("anteroom.access")


def without_keys(text: str) -> str:
    return _KEYS.sub(r"\1…", text)


class WithoutKeys(logging.Filter):
    """For every handler: Django names the path of what it did not find."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        cleaned = without_keys(message)
        if cleaned != message:
            record.msg, record.args = cleaned, ()
        return True


def network_of(client: str | None) -> str:
    """Of Daphne's "address:port", what tells one network from another and no household from its neighbours."""
    try:
        address = ip_network((client or "").rpartition(":")[0])
    except ValueError:  # a proxy on a local socket
        return "-"
    return str(address.supernet(new_prefix=_KEPT_BITS[address.version]).network_address)


def log_action(protocol: str, action: str, details: dict[str, Any]) -> None:
    """Daphne's action logger: one line a request, one each for the opening and the closing of a socket."""
    path, network = without_keys(_QUERY.sub("", str(details["path"]))), network_of(details["client"])
    if protocol == "http" and action == "complete":
        answer = "{status} {size} B {time_taken:.3f} s".format(**details)
        access.info("%s %s %s %s", network, details["method"], path, answer)
    elif protocol == "websocket" and action in ("connected", "rejected", "disconnected"):
        access.info("%s socket %s %s", network, path, action)
