from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from invites.models import Invite
from tests.accounts.factories import make_user
from tests.invites.factories import make_invite, messages_of
from tests.rooms.factories import make_room

pytestmark = pytest.mark.django_db
LIST = "/admin/invites/invite/"


@pytest.fixture
def invite() -> Invite:
    return make_invite(room=make_room(name="Daily Briefing"), recipient="grace@example.org")


@pytest.fixture
def omar(client: Client, invite: Invite) -> User:
    user = make_user(organisation=invite.organisation, administrator=True, is_staff=True)
    client.force_login(user)
    return user


def test_an_administrator_finds_an_invitation_and_never_its_link(client: Client, omar: User, invite: Invite) -> None:
    other = make_invite(recipient="elsewhere@example.org")
    for address in (f"{LIST}?q=grace", f"{LIST}?link=works", f"{LIST}{invite.pk}/change/"):
        html = client.get(address).content.decode()
        assert "grace@example.org" in html
        assert "elsewhere@example.org" not in html
        assert invite.link_path not in html
    assert "grace@example.org" not in client.get(f"{LIST}?link=revoked").content.decode()
    assert client.get(reverse("admin:invites_invite_change", args=[other.pk])).status_code == 302


def test_an_administrator_sends_again_and_revokes(client: Client, omar: User, invite: Invite) -> None:
    for action in ("resend_invites", "revoke_invites"):
        client.post(LIST, {"action": action, "_selected_action": [str(invite.pk)]})
    assert len(messages_of(invite)) == 2
    invite.refresh_from_db()
    assert invite.revoked_at is not None
    html = client.post(LIST, {"action": "resend_invites", "_selected_action": [str(invite.pk)]}, follow=True).content
    assert "This invitation has been revoked. Send a new one." in html.decode()
    assert "grace@example.org" in client.get(f"{LIST}?link=revoked").content.decode()


def test_one_of_another_organisation_is_not_touched(client: Client, omar: User) -> None:
    """Hazard H8."""
    other = make_invite()
    client.post(LIST, {"action": "revoke_invites", "_selected_action": [str(other.pk)]})
    other.refresh_from_db()
    assert other.revoked_at is None
