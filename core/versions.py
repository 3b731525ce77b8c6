"""Two people who edit the same thing: what one has saved meanwhile, the other does not overwrite unseen."""

from __future__ import annotations

import hashlib

from django.utils.translation import gettext as _

from core.errors import Conflict


def version_of(*facts: object) -> str:
    """16 hexadecimal digits that change with what a page shows; `repr` tells the facts apart."""
    return hashlib.blake2s(repr(facts).encode(), digest_size=8).hexdigest()


def check_seen(*, seen: str, current: str) -> None:
    """`seen` is the version that the form was filled in from, `current` the one under lock.

    Raises Conflict("changed_meanwhile").
    """
    if seen != current:
        raise Conflict(
            "changed_meanwhile",
            _("Somebody else has just changed this. Look at what it says now. Save replaces it with yours."),
        )
