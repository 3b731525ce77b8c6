from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory

from core.errors import Conflict, DomainError, NotAllowed
from core.refusals import answer_refusal

TAKEN = Conflict("taken", "Somebody else was <b>faster</b>.")


def test_a_page_says_why_and_offers_a_way_on(rf: RequestFactory) -> None:
    request = rf.post("/")
    request.user = AnonymousUser()
    answer = answer_refusal(request, TAKEN)
    assert answer.status_code == 409
    assert "Somebody else was &lt;b&gt;faster&lt;/b&gt;." in answer.content.decode()
    assert "Go to the main page" in answer.content.decode()


def test_an_htmx_page_keeps_what_it_shows_and_gets_a_banner(rf: RequestFactory) -> None:
    answer = answer_refusal(rf.post("/", HTTP_HX_REQUEST="true"), TAKEN)
    assert answer.status_code == 409
    assert answer["HX-Reswap"] == "none"
    assert json.loads(answer["HX-Trigger"]) == {"toast": {"text": TAKEN.message, "kind": "error"}}


def test_a_program_gets_the_code(rf: RequestFactory) -> None:
    answer = answer_refusal(rf.post("/", HTTP_ACCEPT="application/json"), TAKEN)
    assert (answer.status_code, json.loads(answer.content)) == (409, {"code": "taken", "message": TAKEN.message})


@pytest.mark.parametrize(("error", "status"), [(DomainError("x", "X"), 409), (NotAllowed("x", "X"), 403)])
def test_each_error_has_its_status(rf: RequestFactory, error: DomainError, status: int) -> None:
    assert answer_refusal(rf.post("/", HTTP_ACCEPT="application/json"), error).status_code == status


def test_a_line_break_in_a_message_cannot_add_a_header(rf: RequestFactory) -> None:
    answer = answer_refusal(rf.post("/", HTTP_HX_REQUEST="true"), Conflict("x", "one\r\nSet-Cookie: a=b"))
    assert "Set-Cookie" not in answer.headers
    assert json.loads(answer["HX-Trigger"])["toast"]["text"] == "one\r\nSet-Cookie: a=b"
