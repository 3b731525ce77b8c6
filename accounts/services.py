"""What changes accounts, and the access log."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.db import transaction

from accounts.models import AccessRecord, Organisation, User


@transaction.atomic
def create_user(
    *, email: str, name: str, password: str | None = None, is_staff: bool = False, is_superuser: bool = False
) -> User:
    """An account whose email counts as verified: an administrator vouches for it. Joins the caller's transaction.

    Without a password its owner signs in by emailed code. Raises IntegrityError when the email is taken.
    """
    user = User.objects.create_user(email, password, name=name, is_staff=is_staff, is_superuser=is_superuser)
    keep_email_address(user=user)
    return user


@transaction.atomic
def keep_email_address(*, user: User) -> None:
    """Makes allauth's row follow the account's email, the only one it has. Joins the caller's transaction."""
    EmailAddress.objects.filter(user=user).exclude(email=user.email).delete()
    EmailAddress.objects.update_or_create(user=user, email=user.email, defaults={"verified": True, "primary": True})


def record_access(*, organisation: Organisation, actor: User | None, act: str, place: str, detail: str = "") -> None:
    """Adds a line to the access log: who did what to which place. Joins the caller's transaction.

    `act` is "<app>.<what_was_done>" ("room.link_reset"); `detail` names no guest, and is cut at 200 characters.
    """
    AccessRecord.objects.create(organisation=organisation, actor=actor, act=act, place=place, detail=detail[:200])
