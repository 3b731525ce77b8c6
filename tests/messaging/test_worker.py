"""The worker beside the pages: woken on commit, never in the way of the loop that carries calls."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from channels.db import database_sync_to_async
from channels.layers import channel_layers, get_channel_layer
from django.db import OperationalError, connection
from django.utils import timezone

from core.background import Process, tasks_of
from messaging import services, worker
from messaging.delivery import Outgoing, Receipt
from messaging.errors import DeliveryError
from messaging.events import message_group
from messaging.models import Message
from messaging.states import Status
from tests.calls.test_races import at_once
from tests.messaging.factories import make_message

pytestmark = pytest.mark.django_db(transaction=True)
SOON = 30.0  # seconds, on a machine that others use too; far less than LOOK_EACH where that is what a test is about


class Provider:
    """Our own seam: an adapter that does what a test wants."""

    def __init__(self, act: Callable[[Outgoing], Receipt]) -> None:
        self.act = act
        self.taken: list[Outgoing] = []
        self.in_transaction: set[bool] = set()

    def deliver(self, outgoing: Outgoing) -> Receipt:
        self.in_transaction.add(connection.in_atomic_block)
        receipt = self.act(outgoing)
        self.taken.append(outgoing)
        return receipt

    def find(self, outgoing: Outgoing, *, since: object) -> None: ...


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Provider:
    channel_layers.backends = {}  # each test has a loop of its own, and a channel layer belongs to one
    made = Provider(lambda outgoing: Receipt(provider_id=f"p-{outgoing.id}"))
    monkeypatch.setattr(worker, "adapter_for", lambda kind: made)
    monkeypatch.setattr(services, "is_kept_locally", lambda kind: False)
    return made


@asynccontextmanager
async def running() -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run(stop))
    await asyncio.sleep(0.3)  # it has had its first look, and found nothing
    try:
        yield stop
    finally:
        stop.set()
        await asyncio.wait_for(task, 15)


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SOON
    while not await database_sync_to_async(holds)():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def all_are(status: Status) -> Callable[[], bool]:
    return lambda: not Message.objects.exclude(status=status).exists()


def test_the_house_runs_it() -> None:
    assert {"outbox", "old messages"} <= {task.name for task in tasks_of([Process.WORKER])}


async def test_a_message_goes_out_on_commit_and_not_at_the_next_look(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "LOOK_EACH", 600.0)
    async with running():
        await database_sync_to_async(make_message)()
        await until(all_are(Status.SENT))
    assert provider.in_transaction == {False}


async def test_open_pages_hear_of_each_change(provider: Provider) -> None:
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(message_group("invite:1"), channel)
    first = asyncio.create_task(layer.receive(channel))  # a page listens before anything happens
    async with running():
        message = await database_sync_to_async(make_message)(about="invite:1")
        heard = [await asyncio.wait_for(first, SOON)]
        heard += [await asyncio.wait_for(layer.receive(channel), SOON) for _ in range(2)]
    assert [news["status"] for news in heard] == [Status.QUEUED, Status.SENDING, Status.SENT]
    assert {news["type"] for news in heard} == {"message.changed"}
    assert {news["message"] for news in heard} == {str(message.pk)}


async def test_a_slow_provider_holds_up_neither_the_loop_nor_the_other_messages(provider: Provider) -> None:
    answered = threading.Event()

    def slow(outgoing: Outgoing) -> Receipt:
        if outgoing.subject == "slow":
            answered.wait(60)
        return Receipt(provider_id="")

    provider.act = slow
    async with running():
        for subject in ("slow", "slow", "quick", "quick"):
            await database_sync_to_async(make_message)(subject=subject)
        await until(lambda: Message.objects.filter(subject="quick", status=Status.SENT).count() == 2)
        assert {outgoing.subject for outgoing in provider.taken} == {"quick"}
        answered.set()
        await until(all_are(Status.SENT))


async def test_asked_to_stop_it_finishes_what_is_on_its_way(provider: Provider) -> None:
    provider.act = lambda outgoing: (time.sleep(0.5), Receipt(provider_id="p"))[1]
    async with running() as stop:
        await database_sync_to_async(make_message)()
        await until(all_are(Status.SENDING))
        stop.set()
    assert await database_sync_to_async(all_are(Status.SENT))()


async def test_what_came_of_a_try_outlasts_an_absent_database(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hazard H22: otherwise the message would go out again."""
    settle, away = worker.settle, [True, True]

    def settle_when_back(*arguments: object) -> None:
        if away:
            away.pop()
            raise OperationalError
        settle(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(worker, "settle", settle_when_back)
    monkeypatch.setattr(worker, "AGAIN_AFTER", 0.05)
    async with running():
        await database_sync_to_async(make_message)()
        await until(all_are(Status.SENT))
    assert len(provider.taken) == 1


async def test_a_claim_is_renewed_while_a_provider_takes_its_time(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "RENEW_EACH", 0.1)
    answered = threading.Event()
    provider.act = lambda outgoing: (answered.wait(60), Receipt(provider_id="p"))[1]
    async with running():
        await database_sync_to_async(make_message)()
        await until(all_are(Status.SENDING))
        first = await database_sync_to_async(Message.objects.get)()
        assert first.claimed_until is not None
        lease = first.claimed_until
        await until(lambda: (Message.objects.get().claimed_until or lease) > lease)
        answered.set()


def test_an_error_of_ours_is_a_try_in_doubt_and_says_nothing_of_whom(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    """Hazard H23: what an error says may name the recipient; where it happened does not."""

    def fail(outgoing: Outgoing) -> Receipt:
        raise ValueError(outgoing.recipient)

    provider.act = fail
    message = make_message()
    with caplog.at_level(logging.DEBUG):
        worker.work_through()
    message.refresh_from_db()
    assert (message.status, message.in_doubt) == (Status.QUEUED, True)
    assert "ValueError" in caplog.text
    assert "in fail" in caplog.text
    assert "grace" not in caplog.text


def test_a_failure_is_the_only_thing_that_leaves_an_adapter(provider: Provider) -> None:
    def refuse(outgoing: Outgoing) -> Receipt:
        raise DeliveryError("no", permanent=True)

    provider.act = refuse
    message = make_message()
    worker.work_through()
    message.refresh_from_db()
    assert message.status == Status.FAILED


@pytest.mark.parametrize("_round", range(3))
def test_no_two_workers_get_the_same_message(_round: int) -> None:
    """Loses the race on PostgreSQL, where others' rows are stepped over."""
    now = timezone.now()
    for _ in range(20):
        make_message(now=now)
    # Five whose worker died are in the race, too.
    dead = services.claim_due(most=5, now=now - timedelta(microseconds=1)) or services.claim_due(most=5, now=now)
    later = now + services.LEASE

    claimed = at_once(lambda number: [message.pk for message in services.claim_due(most=8, now=later)])
    got = [pk for part in claimed for pk in part]
    assert len(got) == len(set(got))
    rest = [message.pk for message in services.claim_due(most=20, now=later)]
    assert {*got, *rest} == set(Message.objects.values_list("pk", flat=True))
    assert {message.pk for message in dead} <= {*got, *rest}
