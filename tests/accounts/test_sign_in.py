from __future__ import annotations

import re

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests.accounts.factories import PASSWORD, make_user

LOGIN = "/accounts/login/"
FOREIGN = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example",
    "\\\\evil.example",
    "/\\evil.example",
    "javascript:alert(1)",
    "https:evil.example",
    "http://testserver@evil.example/",
    "\thttps://evil.example/",
]


@pytest.fixture
def nina(db: None) -> User:
    return make_user(name="Nina Hart", email="nina@example.org")


def test_the_form_has_the_words_of_the_product(client: Client, db: None) -> None:
    page = client.get(LOGIN).content.decode()
    assert re.search(r'<label[^>]* for="id_login">Email</label>', page)
    assert re.search(r'<label[^>]* for="id_password">Password</label>', page)
    assert re.search(r"<button[^>]*>Sign in</button>", page)
    assert reverse("account_request_login_code") in page


def test_email_and_password_sign_in_whatever_the_case_of_the_email(client: Client, nina: User) -> None:
    answer = client.post(LOGIN, {"login": "Nina@Example.org", "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert "Hello, Nina Hart" in client.get("/").content.decode()


def test_a_wrong_password_and_an_unknown_email_read_the_same(client: Client, nina: User) -> None:
    def complaint(email: str) -> str:
        page = client.post(LOGIN, {"login": email, "password": "not-the-password"}).content.decode()
        return re.sub(r"\s+", " ", page[page.index("alert") : page.index("id_login")])

    assert complaint("nina@example.org") == complaint("nobody@example.org")


def test_guessing_at_one_account_is_stopped_even_with_the_right_password(client: Client, nina: User) -> None:
    """Per account: other people at the same address still get in."""
    colleague = make_user()
    for _ in range(10):
        client.post(LOGIN, {"login": nina.email, "password": "guess"})
    assert client.post(LOGIN, {"login": nina.email, "password": PASSWORD}).status_code == 200
    assert client.post(LOGIN, {"login": colleague.email, "password": PASSWORD}).status_code == 302


def test_guessing_at_many_others_does_not_free_the_one(db: None) -> None:
    """Hazard H10: the counters of one attack are not room for the next."""
    keys = [f"guess:{number}" for number in range(400)]
    for key in keys:
        cache.set(key, 1, 300)
    assert len(cache.get_many(keys)) == len(keys)


def test_somebody_no_longer_active_stays_out(client: Client, nina: User) -> None:
    User.objects.filter(pk=nina.pk).update(is_active=False)
    client.post(LOGIN, {"login": nina.email, "password": PASSWORD})
    assert "Hello" not in client.get("/").content.decode()


def ask_for_code(client: Client, email: str) -> str:
    client.post(reverse("account_request_login_code"), {"email": email})
    return re.search(r"^ {4}(\S+)$", str(mail.outbox[-1].body), re.MULTILINE)[1]  # type: ignore[index]


def test_an_emailed_code_signs_in_somebody_without_a_password(client: Client, db: None) -> None:
    make_user(name="Omar Reed", email="omar@example.org", password=None)
    code = ask_for_code(client, "omar@example.org")
    assert mail.outbox[-1].subject == f"Your sign-in code is {code}"
    answer = client.post(reverse("account_confirm_login_code"), {"code": code})
    assert answer.status_code == 302
    assert "Hello, Omar Reed" in client.get("/").content.decode()


def test_a_wrong_code_lets_nobody_in(client: Client, nina: User) -> None:
    ask_for_code(client, nina.email)
    client.post(reverse("account_confirm_login_code"), {"code": "WRONG-CODE"})
    assert "Hello" not in client.get("/").content.decode()


def test_a_code_is_of_no_use_in_another_browser(client: Client, nina: User) -> None:
    code = ask_for_code(client, nina.email)
    thief = Client()
    thief.post(reverse("account_confirm_login_code"), {"code": code})
    assert "Hello" not in thief.get("/").content.decode()


def test_an_unknown_email_gets_the_same_page_and_a_plain_answer_by_email(nina: User) -> None:
    pages = [
        Client().post(reverse("account_request_login_code"), {"email": email}, follow=True).redirect_chain
        for email in (nina.email, "nobody@example.org")
    ]
    assert pages[0] == pages[1]
    assert mail.outbox[-1].to == ["nobody@example.org"]
    assert "There is no account with this email" in str(mail.outbox[-1].body)


def test_no_email_names_a_site_that_is_not_ours(client: Client, nina: User) -> None:
    ask_for_code(client, nina.email)
    client.post(reverse("account_reset_password"), {"email": nina.email})
    client.post(reverse("account_reset_password"), {"email": "nobody@example.org"})
    assert len(mail.outbox) == 3
    for message in mail.outbox:
        assert "example.com" not in message.subject + str(message.body)


def test_a_forgotten_password_is_replaced_by_the_emailed_link(client: Client, nina: User) -> None:
    client.post(reverse("account_reset_password"), {"email": nina.email})
    link = re.search(r"http://testserver(/\S+)", str(mail.outbox[-1].body))[1]  # type: ignore[index]
    form = client.get(link, follow=True).request["PATH_INFO"]
    client.post(form, {"password1": "another-quiet-corridor", "password2": "another-quiet-corridor"})
    assert Client().login(email=nina.email, password="another-quiet-corridor")


def test_looking_at_the_reset_link_changes_nothing(client: Client, nina: User) -> None:
    """A mail scanner opens it (hazard H25)."""
    client.post(reverse("account_reset_password"), {"email": nina.email})
    link = re.search(r"http://testserver(/\S+)", str(mail.outbox[-1].body))[1]  # type: ignore[index]
    Client().get(link, follow=True)
    Client().head(link)
    assert "password1" in client.get(link, follow=True).content.decode()
    assert Client().login(email=nina.email, password=PASSWORD)


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_signs_up(client: Client, db: None, method: str) -> None:
    """Hazard H2."""
    fields = {"email": "new@example.org", "password1": PASSWORD, "password2": PASSWORD}
    page = getattr(client, method)(reverse("account_signup"), fields).content.decode()
    assert "Ask your administrator for an account" in page
    assert not User.objects.exists()


def test_opening_the_sign_out_page_signs_nobody_out(client: Client, nina: User) -> None:
    client.force_login(nina)
    client.get(reverse("account_logout"))
    assert "Hello" in client.get("/").content.decode()
    client.post(reverse("account_logout"))
    assert "Hello" not in client.get("/").content.decode()


@pytest.mark.parametrize("target", FOREIGN)
def test_signing_in_never_leads_to_another_house(client: Client, nina: User, target: str) -> None:
    """Hazard H7."""
    answer = client.post(LOGIN, {"login": nina.email, "password": PASSWORD, "next": target})
    assert answer["Location"] == "/"


@pytest.mark.parametrize("target", FOREIGN)
def test_neither_code_nor_sign_out_nor_the_form_leads_to_another_house(client: Client, nina: User, target: str) -> None:
    """Hazard H7."""
    client.post(reverse("account_request_login_code"), {"email": nina.email, "next": target})
    code = re.search(r"^ {4}(\S+)$", str(mail.outbox[-1].body), re.MULTILINE)[1]  # type: ignore[index]
    answer = client.post(reverse("account_confirm_login_code"), {"code": code, "next": target})
    assert answer["Location"] == "/"
    assert client.get(LOGIN, {"next": target})["Location"] == "/"  # signed in already
    assert client.post(reverse("account_logout"), {"next": target})["Location"] == "/"


def test_signing_in_leads_on_to_where_somebody_was_going(client: Client, nina: User) -> None:
    answer = client.post(LOGIN, {"login": nina.email, "password": PASSWORD, "next": "/rooms/"})
    assert answer["Location"] == "/rooms/"


@pytest.mark.parametrize(
    "name", ["mfa_index", "mfa_activate_totp", "mfa_add_webauthn", "mfa_list_webauthn", "account_change_password"]
)
def test_security_pages_open_in_our_look(client: Client, nina: User, name: str) -> None:
    client.post(LOGIN, {"login": nina.email, "password": PASSWORD})
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    answer = client.get(reverse(name))
    assert answer.status_code == 200
    assert "core/base.css" in answer.content.decode()


def test_changing_how_to_sign_in_asks_once_more_who_it_is(client: Client, nina: User) -> None:
    """Whoever finds an open laptop cannot add a key of their own."""
    client.post(LOGIN, {"login": nina.email, "password": PASSWORD})
    answer = client.get(reverse("mfa_add_webauthn"), follow=True)
    assert answer.request["PATH_INFO"] == reverse("account_reauthenticate")
    assert "Is it you?" in answer.content.decode()


@pytest.mark.parametrize("name", ["mfa_index", "account_change_password"])
def test_security_pages_ask_strangers_to_sign_in(client: Client, db: None, name: str) -> None:
    assert client.get(reverse(name))["Location"].startswith(LOGIN)


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_adds_an_email_by_themselves(client: Client, nina: User, method: str) -> None:
    """An email that nobody vouched for would be a second way in."""
    client.force_login(nina)
    answer = getattr(client, method)("/accounts/email/", {"email": "else@example.org", "action_add": ""})
    assert answer.status_code == 404
    assert EmailAddress.objects.filter(user=nina).count() == 1


def test_the_form_for_a_key_speaks_plainly(client: Client, nina: User) -> None:
    client.force_login(nina)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    assert "A name for this key" in client.get(reverse("mfa_add_webauthn")).content.decode()


def test_an_account_counts_as_verified_so_that_a_second_factor_can_be_added(nina: User) -> None:
    address = EmailAddress.objects.get(user=nina)
    assert (address.email, address.verified, address.primary) == (nina.email, True, True)


def test_whoever_asks_too_often_reads_so_on_a_page_of_ours(client: Client, nina: User) -> None:
    """Hazard H10, without a dead end: when to try again, and a way on."""
    cache.clear()
    answers = [client.post(reverse("account_reset_password"), {"email": nina.email}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [302] * 5 + [429]
    page = answers[-1].content.decode()
    assert "Wait a minute. Then go back, and try once more." in page
    assert "Go to the main page" in page
