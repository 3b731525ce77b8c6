"""The outbox in Django admin. What was said is not shown: a personal link in it would let the reader in."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin import ReadOnlyAdmin, ScopedFilter
from accounts.models import User
from messaging import services
from messaging.models import Message


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "kind", "recipient", "status", "failure", "tries", "is_kept", "organisation")
    list_filter = ("status", "kind", ("organisation", ScopedFilter))
    list_select_related = ("organisation",)
    search_fields = ("recipient", "about", "provider_id", "failure")
    search_help_text = gettext_lazy("Search by recipient, what it is about, or the provider’s number for it")
    date_hierarchy = "created_at"
    actions = ("retry", "redact")
    exclude = ("subject", "text", "html", "claim", "key")

    @admin.display(boolean=True, description=gettext_lazy("text kept"))
    def is_kept(self, message: Message) -> bool:
        return not message.is_redacted

    @admin.action(description=gettext_lazy("Send the chosen messages again"))
    def retry(self, request: HttpRequest, chosen: QuerySet[Message]) -> None:
        def retry(message: Message, by: User) -> None:
            services.retry(message=message, by=by)

        self.act(request, _("is sent again."), chosen, retry)

    @admin.action(description=gettext_lazy("Blank the text of the chosen messages"))
    def redact(self, request: HttpRequest, chosen: QuerySet[Message]) -> None:
        def redact(message: Message, by: User) -> None:
            services.redact(message=message, by=by)

        self.act(request, _("its text is gone."), chosen, redact)
