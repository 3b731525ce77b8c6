"""The outbox under faults (hazard H20; docs/adr/0012): workers killed with -9, a provider that fails in every way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import timedelta
from random import Random

import pytest
from django.conf import LazySettings
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone

from messaging.models import Message
from messaging.states import Status
from messaging.worker import AT_ONCE, LOOK_EACH, work_through
from tests.accounts.factories import make_organisation
from tests.messaging.factories import EMAIL, SMS, make_message
from tests.messaging.loopback import Answer, MailerSend, Provider, Request, Twilio, serving
from tests.messaging.worker_process import POINTS

pytestmark = pytest.mark.django_db(transaction=True)
WORKERS = 4
KILLS = 12
KILLED_EACH = 1.5  # seconds
STUCK_AFTER = 180.0  # seconds in which nothing more was sent: longer than the waits between the tries of this test


def environment(twilio: Provider, mailersend: Provider) -> dict[str, str]:
    """What makes another process work on this test's database and these providers."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        url = f"sqlite:///{database['NAME']}"
    else:
        url = f"postgres://{database['USER']}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    return {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DEBUG": "1",
        "DATA_DIR": str(django_settings.DATA_DIR),
        "DATABASE_URL": url,
        "SECRET_KEY": django_settings.SECRET_KEY,
        "LINK_KEY": django_settings.LINK_KEY,
        "PUBLIC_URL": "https://meet.example.org",
        "TWILIO_ACCOUNT_SID": Twilio.ACCOUNT,
        "TWILIO_AUTH_TOKEN": Twilio.TOKEN,
        "TWILIO_FROM": "+447400000000",
        "TWILIO_BASE_URL": twilio.address,
        "EMAIL_DELIVERY_BACKEND": "anymail.backends.mailersend.EmailBackend",
        "ANYMAIL_MAILERSEND_API_TOKEN": MailerSend.TOKEN,
        "ANYMAIL_MAILERSEND_API_URL": f"{mailersend.address}/v1/",
    }


def start(around: dict[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.messaging.worker_process", *arguments]
    return subprocess.Popen(command, env=around, cwd=django_settings.BASE_DIR, stderr=subprocess.DEVNULL)


@pytest.mark.long
@pytest.mark.parametrize("kind", [SMS, EMAIL])
@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_at_any_point_loses_nothing(
    twilio: Twilio, mailersend: MailerSend, kind: Message.Kind, point: str
) -> None:
    """Texts go exactly once. Emails go twice where the provider had them already and nobody could know."""
    message = make_message(kind=kind)
    assert start(environment(twilio, mailersend), point).wait(60) == -signal.SIGKILL
    message.refresh_from_db()
    assert message.status == Status.SENDING
    assert message.claimed_until is not None
    lease_over = message.claimed_until
    assert lease_over - timezone.now() + timedelta(seconds=LOOK_EACH) < timedelta(seconds=60)
    assert work_through(now=lease_over - timedelta(milliseconds=1)) == 0
    assert work_through(now=lease_over) == 1
    message.refresh_from_db()
    assert message.status == Status.SENT
    assert len(twilio.messages) == (kind == SMS)
    assert len(mailersend.emails) == (0 if kind == SMS else 1 if point == "claimed" else 2)


class Unreliable:
    """What really happens to a provider: it is busy, it fails before and after taking a message, it hangs."""

    def __init__(self, provider: Provider, random: Random) -> None:
        self.provider, self.random = provider, random
        self.doubts: Counter[str] = Counter()  # by text: taken, and the answer was lost
        self.said: Counter[str] = Counter()
        honest = provider.handle

        def handle(request: Request) -> Answer:
            dice = self.random.random()
            if dice < 0.04:
                self.said["429"] += 1
                return Answer(429, "{}", {"Retry-After": "1"})
            if dice < 0.08:
                self.said["500"] += 1
                return Answer(500, "{}")
            answer = honest(request)
            if request.method == "POST" and dice < 0.11:
                self.said["500 after taking it"] += 1
                return Answer(500, "{}")
            if request.method == "POST" and dice < 0.113:
                self.said["silence after taking it"] += 1
                return Answer(answer.status, answer.body, answer.headers, after=12.0)
            return answer

        provider.handle = handle  # type: ignore[method-assign]  # our own seam


@pytest.mark.long
def test_four_workers_killed_at_random_send_every_message(settings: LazySettings) -> None:
    """Every message at least once, none lost; texts exactly once; emails twice only where ADR 12 says."""
    count = 2_000 if connection.vendor == "postgresql" else 400
    random = Random(20261127)
    twilio, mailersend = Twilio(), MailerSend()
    unreliable = [Unreliable(provider, random) for provider in (twilio, mailersend)]
    clinic = make_organisation()
    for number in range(count):
        kind = SMS if number % 2 else EMAIL
        words = {"text": f"https://meet.example.org/i/{number}/", "html": ""}
        words["recipient"] = f"+4474001{number:05}" if kind == SMS else f"guest{number}@example.org"
        make_message(organisation=clinic, kind=kind, **words)
    with serving(twilio), serving(mailersend):
        around = environment(twilio, mailersend)
        workers = [start(around) for _ in range(WORKERS)]
        try:
            started = time.monotonic()
            killed = _kill_at_random(workers, around, random)
            _wait_while_it_goes_on()
            seconds = time.monotonic() - started
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()

    left = Counter(Message.objects.exclude(status=Status.SENT).values_list("status", flat=True))
    texts = Counter(message["body"] for message in twilio.messages)
    emails = Counter(email["text"] for email in mailersend.emails)
    twice = {text: copies for text, copies in emails.items() if copies > 1}
    answers = sum((provider.said for provider in unreliable), Counter[str]())
    print(
        f"\n{count} messages, {WORKERS} workers, {killed} killed: {seconds:.0f} s, {count / seconds:.0f} a second."
        f"\nThe providers answered {dict(answers)}."
        f"\nTexts sent twice: {sum(copies > 1 for copies in texts.values())}. "
        f"Emails sent again: {len(twice)}, by {sum(copies - 1 for copies in emails.values())} copies."
    )
    assert not left
    assert len(texts) + len(emails) == count
    assert set(texts.values()) == {1}
    lost_answers = answers["500 after taking it"] + answers["silence after taking it"]
    assert sum(copies - 1 for copies in emails.values()) <= lost_answers + killed * AT_ONCE
    in_doubt = set(Message.objects.filter(kind=EMAIL, tries__gt=1).values_list("text", flat=True))
    assert set(twice) <= in_doubt


def _wait_while_it_goes_on() -> None:
    left, changed_at = -1, time.monotonic()
    while left and time.monotonic() - changed_at < STUCK_AFTER:
        time.sleep(0.5)
        now_left = Message.objects.exclude(status=Status.SENT).count()
        if now_left != left:
            left, changed_at = now_left, time.monotonic()


def _kill_at_random(workers: list[subprocess.Popen[bytes]], around: dict[str, str], random: Random) -> int:
    """kill -9, and a new one in its place, while there is work."""
    for killed in range(KILLS):
        time.sleep(KILLED_EACH)
        if not Message.objects.exclude(status=Status.SENT).exists():
            return killed
        number = random.randrange(len(workers))
        workers[number].kill()
        workers[number].wait()
        workers[number] = start(around)
    return KILLS
