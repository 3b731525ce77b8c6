"""Limits on what somebody may do how often (hazard H10): token buckets in the database."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Concatenate, ParamSpec

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from core.errors import DomainError
from core.models import TokenBucket
from core.refusals import answer_refusal

P = ParamSpec("P")


class TooMany(DomainError):
    """A limit is used up; after a while the same is done again (RFC 6585 §4)."""

    status = 429

    def __init__(self) -> None:
        super().__init__("too_many", _("Too many tries at once. Wait a minute, then try again."))


@transaction.atomic(durable=True)
def take(*, key: str, capacity: int, per: timedelta, now: datetime) -> bool:
    """Takes one token out of the bucket of `key`; False, and nothing changes, when it is empty.

    A bucket holds `capacity` tokens, is full at first, and an empty one is full again after `per`.
    """
    return _take(Bucket(key, capacity, per), now)


@dataclass(frozen=True, slots=True)
class Bucket:
    key: str
    capacity: int
    per: timedelta


@transaction.atomic(durable=True)
def take_all(*, buckets: Iterable[Bucket], now: datetime) -> Bucket | None:
    """One token out of each; or, when one of them is empty, that one: then nothing is taken out of any."""
    # In the order of their keys, whoever asks: two who want the same buckets never wait for each other.
    for bucket in sorted(buckets, key=lambda bucket: bucket.key):
        if not _take(bucket, now):
            transaction.set_rollback(True)
            return bucket
    return None


def _take(bucket: Bucket, now: datetime) -> bool:
    one = bucket.per / bucket.capacity
    row, _created = TokenBucket.objects.select_for_update().get_or_create(key=bucket.key, defaults={"full_at": now})
    full_at = max(row.full_at, now) + one
    if full_at - now > bucket.per:
        return False
    TokenBucket.objects.filter(key=bucket.key).update(full_at=full_at)
    return True


def clear_full_buckets() -> None:
    """A job of the worker: there would be one for each address that ever came."""
    TokenBucket.objects.full(at=timezone.now()).delete()


def address_key(request: HttpRequest, what: str) -> str:
    """The bucket of whoever asks, by their address as trusted proxies tell it; keyed: no address is kept."""
    return keyed(what, get_adapter().get_client_ip(request))


def keyed(what: str, secret: str) -> str:
    """The name of a bucket from which nobody reads whose it is."""
    return f"{what}:{hmac.digest(settings.SECRET_KEY.encode(), secret.encode(), hashlib.sha256).hex()[:32]}"


def limited_by_address(
    what: str, *, capacity: int, per: timedelta
) -> Callable[
    [Callable[Concatenate[HttpRequest, P], HttpResponse]], Callable[Concatenate[HttpRequest, P], HttpResponse]
]:
    """A view answers 429 when one address has used up its bucket. Be generous: a whole hospital is one address."""

    def decorate(
        view: Callable[Concatenate[HttpRequest, P], HttpResponse],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
        @wraps(view)
        def limited(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if take(key=address_key(request, what), capacity=capacity, per=per, now=timezone.now()):
                return view(request, *args, **kwargs)
            answer = answer_refusal(request, TooMany())
            answer["Retry-After"] = str(max(1, round(per.total_seconds() / capacity)))
            return answer

        return limited

    return decorate
