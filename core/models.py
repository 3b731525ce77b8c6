from __future__ import annotations

from datetime import datetime

from django.db import models


class TokenBucketQuerySet(models.QuerySet["TokenBucket"]):
    def full(self, *, at: datetime) -> TokenBucketQuerySet:
        """Those that limit nothing any more: deleting them changes no answer."""
        return self.filter(full_at__lte=at)


class TokenBucket(models.Model):
    """How much of a limit is used up. Kept in the database, so that it holds without Redis (hazard H10).

    One moment says it all: when the bucket will be full again (the generic cell rate algorithm's
    theoretical arrival time, ITU-T I.371 Annex A).
    """

    key = models.CharField(primary_key=True, max_length=128)
    full_at = models.DateTimeField(db_index=True)

    objects = TokenBucketQuerySet.as_manager()

    def __str__(self) -> str:
        return self.key
