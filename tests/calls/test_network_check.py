"""The question before joining, over the channel layer, to a relay worker without media (rule C8)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from calls import events
from calls.models import Call
from calls.network_check import NotNow, ask
from core.models import TokenBucket
from tests.calls.conftest import House, in_database
from tests.calls.factories import make_lease
from tests.calls.fake_node import BAD_OFFER

URL = "/network-check/"


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """A relay that answers everything; what it was asked, as (node, offer)."""
    asked: list[tuple[str, str]] = []

    async def answer(node: str, message: events.Message) -> events.Message:
        assert message["type"] == "relay.mirror"
        asked.append((node, message["offer"]))
        return events.mirror_answer(sdp="v=0")

    monkeypatch.setattr(events, "ask_node", answer)
    return asked


@pytest.mark.django_db
class TestRequest:
    def test_anybody_may_ask_and_nothing_is_stored(self, client: Client, answered: list[tuple[str, str]]) -> None:
        make_lease("busy", live=7)
        make_lease("idle", live=1)
        response = client.post(URL, {"offer": "an offer"})
        assert (response.status_code, response.json()) == (200, {"answer": "v=0"})
        assert response["Cache-Control"].startswith("max-age=0")
        assert answered == [("idle", "an offer")]
        assert not Call.objects.exists()

    def test_draining_and_dead_relays_are_not_asked(self, client: Client, answered: list[tuple[str, str]]) -> None:
        make_lease("draining", draining=True)
        make_lease("dead", expires_in=-5)
        response = client.post(URL, {"offer": "an offer"})
        assert (response.status_code, response.json()) == (503, {"code": "unavailable"})
        assert answered == []

    @pytest.mark.parametrize("offer", ["", "x" * (64 * 1024 + 1)])
    def test_what_cannot_be_an_offer_goes_no_further(
        self, client: Client, answered: list[tuple[str, str]], offer: str
    ) -> None:
        make_lease()
        response = client.post(URL, {"offer": offer})
        assert (response.status_code, response.json()) == (409, {"code": "bad_offer"})
        assert answered == []

    def test_it_is_a_post_of_this_sites_own_pages(self, answered: list[tuple[str, str]]) -> None:
        make_lease()
        stranger = Client(enforce_csrf_checks=True)
        assert stranger.post(URL, {"offer": "an offer"}).status_code == 403
        assert stranger.get(URL).status_code == 405
        assert answered == []

    def test_one_address_cannot_ask_for_ever(self, client: Client, answered: list[tuple[str, str]]) -> None:
        """Hazard H10: the limit is in the database."""
        make_lease()
        client.post(URL, {"offer": "an offer"})
        TokenBucket.objects.update(full_at=timezone.now() + timedelta(minutes=1))
        assert client.post(URL, {"offer": "an offer"}).status_code == 429
        assert len(answered) == 1


@pytest.mark.parametrize(("code", "told"), [("busy", "busy"), ("draining", "unavailable"), ("bad_offer", "bad_offer")])
@pytest.mark.django_db
def test_what_the_relay_refuses_is_told_by_its_code(monkeypatch: pytest.MonkeyPatch, code: str, told: str) -> None:
    make_lease()

    async def refuse(node: str, message: events.Message) -> events.Message:
        return events.seat_refused(about="mirror", code=code, message="")

    monkeypatch.setattr(events, "ask_node", refuse)
    with pytest.raises(Exception) as refused:
        ask("an offer")
    assert getattr(refused.value, "code", None) == told


@pytest.mark.django_db(transaction=True)
async def test_a_relay_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked as a page asks: from a thread, over the loop that reads for all of the process."""
    await in_database(make_lease)
    monkeypatch.setattr(events, "ANSWERED_WITHIN", 0.01)
    with pytest.raises(NotNow):
        await in_database(ask, "an offer")


async def test_question_and_answer_travel_over_the_channel_layer(house: House) -> None:
    """To the node's own channel, and back to whoever asked; a refusal likewise."""
    reply = await events.ask_node(house.worker.id, events.relay_mirror(offer="an offer"))
    assert reply == {"type": "mirror.answer", "sdp": "a mirror's answer"}
    reply = await events.ask_node(house.worker.id, events.relay_mirror(offer=BAD_OFFER))
    assert reply is not None
    assert (reply["about"], reply["code"]) == ("mirror", "bad_offer")
    house.node.drain()
    reply = await events.ask_node(house.worker.id, events.relay_mirror(offer="an offer"))
    assert reply is not None
    assert reply["code"] == "draining"
