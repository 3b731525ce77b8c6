"""Why a message could not be delivered, in the words of whoever sent it: they follow "Could not be delivered: "."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

NO_ANSWER = _("the message service does not answer")
BUSY = _("the message service is busy")
NOT_SET_UP = _("sending is not set up properly: tell your administrator")
NOT_ACCEPTED = _("the message service did not accept it")

# Texts

NO_SUCH_NUMBER = _("this number does not exist")
NOT_IN_SERVICE = _("this number is not in service")
NO_MOBILE = _("this number cannot receive texts")
OPTED_OUT = _("this person has asked not to receive texts from here")
SWITCHED_OFF = _("the telephone is switched off or out of reach")
BLOCKED = _("the telephone company did not let it through")
TEXT_LOST = _("the telephone company could not deliver it")

# Emails

NO_SUCH_ADDRESS = _("this email address does not exist")
MAILBOX_FULL = _("this person’s mailbox is full")
MAIL_REFUSED = _("their mail service refused it")
MAIL_RETURNED = _("their mail service returned it")
UNSUBSCRIBED = _("this person has asked not to receive emails from here")

# https://www.twilio.com/docs/api/errors: those of sending a message, and those a status callback brings.
_TWILIO: dict[int, Promise] = {
    20003: NOT_SET_UP,
    20005: NOT_SET_UP,
    20404: NOT_SET_UP,
    20429: BUSY,
    21211: NO_SUCH_NUMBER,
    21212: NOT_SET_UP,
    21217: NO_SUCH_NUMBER,
    21408: BLOCKED,
    21603: NOT_SET_UP,
    21606: NOT_SET_UP,
    21608: NOT_SET_UP,
    21610: OPTED_OUT,
    21611: BUSY,
    21612: BLOCKED,
    21614: NO_MOBILE,
    21659: NOT_SET_UP,
    21703: NOT_SET_UP,
    21705: NOT_SET_UP,
    30001: BUSY,
    30002: NOT_SET_UP,
    30003: SWITCHED_OFF,
    30004: BLOCKED,
    30005: NOT_IN_SERVICE,
    30006: NO_MOBILE,
    30007: BLOCKED,
    30008: TEXT_LOST,
    30010: NOT_SET_UP,
    30034: NOT_SET_UP,
    30454: NOT_SET_UP,
}
# When somebody puts them right, or has waited, the same message is taken.
PASSING = frozenset({NOT_SET_UP, BUSY, NO_ANSWER})


def of_twilio(code: int | None, *, otherwise: Promise = NOT_ACCEPTED) -> Promise:
    return _TWILIO.get(code or 0, otherwise)


def of_smtp(code: int, answer: str) -> Promise:
    """Of a reply to RCPT or DATA (RFC 5321 §4.2), by its enhanced status code where it has one (RFC 3463)."""
    for enhanced, reason in (
        ("5.1.", NO_SUCH_ADDRESS),
        ("5.2.2", MAILBOX_FULL),
        ("4.2.2", MAILBOX_FULL),
        ("5.2.", NO_SUCH_ADDRESS),
        ("5.7.", MAIL_REFUSED),
    ):
        if answer.startswith(enhanced):
            return reason
    if code in (550, 551, 553):
        return NO_SUCH_ADDRESS
    if code in (452, 552):
        return MAILBOX_FULL
    return MAIL_REFUSED
