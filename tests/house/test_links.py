"""Derived links (hazard H1): made for one purpose, one subject, one generation, and for nothing else."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.links import Link, make_token, read_token

SUBJECT = UUID("6f9f3ad4-8a0c-4c7f-9f42-0d6a2e0b7a11")


@given(st.uuids(), st.integers(0, 2**32 - 1))
def test_link_says_what_it_was_made_of(subject: UUID, generation: int) -> None:
    assert read_token("room", make_token("room", subject, generation)) == Link(subject, generation)


def test_link_is_the_same_each_time_it_is_made() -> None:
    assert make_token("room", SUBJECT, 1) == make_token("room", SUBJECT, 1)
    assert len(make_token("room", SUBJECT, 1)) == 48


@pytest.mark.parametrize("other", ["invite", "waiting", "seat", "Room", ""])
def test_link_of_one_purpose_opens_no_other(other: str) -> None:
    assert read_token(other, make_token("room", SUBJECT, 1)) is None


def test_link_made_with_another_key_is_dead(settings: pytest.FixtureRequest) -> None:
    token = make_token("room", SUBJECT, 1)
    settings.LINK_KEY = "another"  # type: ignore[attr-defined]
    assert read_token("room", token) is None


@given(st.integers(0, 47), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"))
def test_altered_link_is_dead(position: int, character: str) -> None:
    token = make_token("room", SUBJECT, 1)
    altered = token[:position] + character + token[position + 1 :]
    assert altered == token or read_token("room", altered) is None


@given(st.text(max_size=200))
def test_anything_else_is_no_link(text: str) -> None:
    assert read_token("room", text) is None
