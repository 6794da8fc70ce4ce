"""Guessing is slowed for an account and for an address; what is known and what is not looks the same."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tanpuhui.access.models import User
from web.site import client_of, make_site
from web.test_sign_in import code_in_mail, code_now

pytestmark = pytest.mark.django_db
ENGLISH = {"HTTP_ACCEPT_LANGUAGE": "en"}


@pytest.fixture()
def people() -> dict[str, User | None]:
    return make_site()


def at(number: int) -> Client:
    """A machine with an address of its own."""
    return Client(REMOTE_ADDR=f"198.51.100.{number}")


def ask(client: Client, email: str) -> Any:
    return client.post("/sign-in/", {"login": email}, **ENGLISH)


def test_codes_for_one_account_are_slowed_wherever_they_are_asked_from(
    people: dict[str, User | None],
) -> None:
    answers = [ask(at(number), "resident@example.org").status_code for number in range(20)]

    assert answers.count(302) == 3
    assert len(mail.outbox) == 3
    assert ask(at(21), "bank@example.org").status_code == 302


def test_asking_from_one_address_is_slowed_whatever_the_account(people: dict[str, User | None]) -> None:
    answers = [ask(at(1), f"p{number}@example.org").status_code for number in range(40)]

    assert answers.count(302) <= 20
    assert answers[-1] in (200, 429)
    assert ask(at(2), "resident@example.org").status_code == 302


def test_opening_accounts_from_one_address_is_slowed(people: dict[str, User | None]) -> None:
    answers = [
        at(1).post("/sign-in/new/", {"email": f"n{number}@example.org"}).status_code for number in range(25)
    ]

    assert answers == [302] * 20 + [429] * 5


def test_mail_to_one_address_is_slowed(people: dict[str, User | None]) -> None:
    """Nobody can have us fill somebody's letter box."""
    for number in range(30):
        at(number).post("/sign-in/new/", {"email": "victim@example.org"})

    assert len(mail.outbox) == 1


def test_a_code_takes_three_guesses_and_a_new_one_is_another(people: dict[str, User | None]) -> None:
    client = at(1)
    ask(client, "resident@example.org")
    first = code_in_mail()
    for _ in range(3):
        client.post("/sign-in/code/confirm/", {"code": "BBBB-BBBB"})
    client.post("/sign-in/code/confirm/", {"code": first})
    assert client.get("/resident/").status_code == 302

    ask(client, "resident@example.org")
    client.post("/sign-in/code/confirm/", {"code": first})
    assert client.get("/resident/").status_code == 302

    assert code_in_mail() != first
    client.post("/sign-in/code/confirm/", {"code": code_in_mail()})
    assert client.get("/resident/").status_code == 200


def test_a_code_is_good_once_and_in_the_browser_that_asked(people: dict[str, User | None]) -> None:
    one, other = at(1), at(2)
    ask(one, "resident@example.org")
    code = code_in_mail()

    other.post("/sign-in/code/confirm/", {"code": code})
    assert other.get("/resident/").status_code == 302
    one.post("/sign-in/code/confirm/", {"code": code})
    assert one.get("/resident/").status_code == 200
    one.post("/sign-in/sign-out/")
    one.post("/sign-in/code/confirm/", {"code": code})
    assert one.get("/resident/").status_code == 302


def test_a_code_is_good_for_ten_minutes(
    people: dict[str, User | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, now = at(1), time.time()
    ask(client, "resident@example.org")
    monkeypatch.setattr("allauth.account.internal.flows.code_verification.time.time", lambda: now + 601)

    client.post("/sign-in/code/confirm/", {"code": code_in_mail()})

    assert client.get("/resident/").status_code == 302


def test_codes_are_random_and_long_enough(people: dict[str, User | None]) -> None:
    from allauth.account.adapter import get_adapter

    codes = {get_adapter().generate_login_code() for _ in range(500)}

    assert len(codes) == 500
    assert all(re.fullmatch(r"[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", code) for code in codes)


def with_app(user: User | None) -> str:
    """Give somebody an authenticator app; gives its secret."""
    client = client_of(user)
    secret = client.get("/sign-in/settings/app/add/").context["form"].secret
    client.post("/sign-in/settings/app/add/", {"code": code_now(secret)})
    cache.clear()
    return str(secret)


def test_codes_of_an_app_are_slowed_for_an_account_wherever_they_come_from(
    people: dict[str, User | None],
) -> None:
    secret = with_app(people["resident"])
    clients = []
    for number in range(3):
        client = at(number)
        ask(client, "resident@example.org")
        client.post("/sign-in/code/confirm/", {"code": code_in_mail()})
        clients.append(client)
    for number in range(6):
        clients[number % 3].post("/sign-in/second/", {"code": "000000"})

    answer = clients[0].post("/sign-in/second/", {"code": code_now(secret)}, **ENGLISH)

    assert answer.status_code == 200
    assert "Too many wrong codes" in answer.content.decode()
    assert clients[0].get("/resident/").status_code == 302


def test_a_code_of_an_app_is_good_once(
    people: dict[str, User | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    middle_s = time.time() // 30 * 30 + 15
    monkeypatch.setattr(time, "time", lambda: middle_s)
    secret = with_app(people["resident"])
    answers = []
    for number in range(2):
        client = at(number)
        ask(client, "resident@example.org")
        client.post("/sign-in/code/confirm/", {"code": code_in_mail()})
        answers.append(client.post("/sign-in/second/", {"code": code_now(secret)}).status_code)

    assert answers == [302, 200]


def test_a_code_of_an_app_is_good_for_its_half_minute_alone(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from allauth.mfa.totp.internal import auth

    middle_s = time.time() // 30 * 30 + 15
    monkeypatch.setattr(time, "time", lambda: middle_s)
    secret = auth.generate_totp_secret()
    now = next(iter(auth.yield_hotp_counters_from_time()))

    assert (settings.MFA_TOTP_PERIOD, settings.MFA_TOTP_TOLERANCE) == (30, 0)
    for step, good in ((-2, False), (-1, False), (0, True), (1, False)):
        code = auth.format_hotp_value(auth.hotp_value(secret, now + step))
        assert auth.validate_totp_code(secret, code) is good


def test_a_recovery_code_is_good_once(people: dict[str, User | None]) -> None:
    with_app(people["resident"])
    codes = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    answers = []
    for number in range(2):
        client = at(number)
        ask(client, "resident@example.org")
        client.post("/sign-in/code/confirm/", {"code": code_in_mail()})
        answers.append(client.post("/sign-in/second/", {"code": codes[0]}).status_code)

    assert answers == [302, 200]


def test_a_second_factor_is_asked_for_before_anything_is_shown(people: dict[str, User | None]) -> None:
    with_app(people["resident"])
    client = at(1)
    ask(client, "resident@example.org")

    answer = client.post("/sign-in/code/confirm/", {"code": code_in_mail()})

    assert answer.headers["Location"] == "/sign-in/second/"
    for address in ("/resident/", "/sign-in/settings/", "/home/", "/sign-in/settings/second/"):
        assert client.get(address).headers["Location"].startswith("/sign-in/")


def test_forms_of_one_user_are_slowed(people: dict[str, User | None], settings: Any) -> None:
    settings.FORMS_A_MINUTE = {"user": 5, "address": 1_000}
    client = client_of(people["resident"])

    answers = [client.post("/sign-in/new/child/").status_code for _ in range(7)]

    assert answers == [200] * 5 + [429] * 2
    assert client.get("/resident/").status_code == 200
    assert client_of(people["newcomer"]).post("/sign-in/new/account/").status_code == 422


def test_forms_of_one_address_are_slowed(people: dict[str, User | None], settings: Any) -> None:
    settings.FORMS_A_MINUTE = {"user": 1_000, "address": 5}

    answers = [at(1).post("/language/", {"language": "en"}).status_code for _ in range(7)]

    assert answers == [302] * 5 + [429] * 2
    assert at(2).post("/language/", {"language": "en"}).status_code == 302


def test_an_address_is_what_our_own_proxies_say_and_nobody_else(settings: Any) -> None:
    settings.FORMS_A_MINUTE = {"user": 1_000, "address": 3}

    def answers(more: str = "") -> list[int]:
        said = [f"203.0.113.{number}{more}" for number in range(5)]
        return [Client().post("/language/", {}, HTTP_X_FORWARDED_FOR=one).status_code for one in said]

    assert answers() == [302] * 3 + [429] * 2
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    assert answers() == [302] * 5
    assert answers(more=", 198.51.100.1") == [302] * 3 + [429] * 2


LOOKS = [
    ("/sign-in/", "login"),
    ("/sign-in/code/", "email"),
    ("/sign-in/new/", "email"),
    ("/sign-in/new/passkey/", "email"),
]


@pytest.mark.parametrize(("address", "field"), LOOKS)
def test_a_known_address_and_an_unknown_one_look_the_same(
    address: str, field: str, people: dict[str, User | None]
) -> None:
    """Status, place, cookies, message, next page, one mail each, and about as much work."""
    seen = []
    for number, email in enumerate(("resident@example.org", "nobodyy@example.org")):
        client = at(number)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = client.post(address, {field: email}, **ENGLISH)
        following = client.get(answer.headers["Location"], **ENGLISH)
        text = re.sub(
            r'name="csrfmiddlewaretoken" value="[^"]+"|<code>[0-9a-f]{32}</code>',
            "",
            following.content.decode(),
        )
        seen.append(
            (answer.status_code, answer.headers["Location"], sorted(answer.cookies), text.replace(email, "@"))
        )
        work = len(queries)
        seen.append(work)

    known, work_known, unknown, work_unknown = seen
    assert known == unknown
    assert abs(work_known - work_unknown) <= max(6, work_unknown // 3)
    assert len(mail.outbox) == 2


def test_an_address_of_somebody_else_is_not_given_away_when_one_changes_ones_own(
    people: dict[str, User | None],
) -> None:
    seen = []
    for user, email in (("resident", "bank@example.org"), ("newcomer", "nobody@example.org")):
        client = client_of(people[user])
        answer = client.post("/sign-in/settings/address/", {"email": email, "action_add": ""}, **ENGLISH)
        seen.append((answer.status_code, answer.headers.get("Location")))

    assert seen[0] == seen[1]


def test_a_wrong_code_is_answered_alike_whether_there_is_a_user_or_not(
    people: dict[str, User | None],
) -> None:
    seen = []
    for number, email in enumerate(("resident@example.org", "nobodyy@example.org")):
        client = at(number)
        ask(client, email)
        answers = [client.post("/sign-in/code/confirm/", {"code": "BBBB-BBBB"}, **ENGLISH) for _ in range(3)]
        seen.append([(answer.status_code, answer.headers.get("Location")) for answer in answers])

    assert seen[0] == seen[1]


def test_nobody_has_a_password_and_nobody_is_asked_for_one(people: dict[str, User | None]) -> None:
    from django.urls import get_resolver

    from web.test_routes import routes

    assert not [user for user in User.objects.all() if user.has_usable_password()]
    assert not [name for name, _ in routes(get_resolver()) if "password" in name]
    for address in ("/sign-in/", "/sign-in/new/", "/sign-in/code/"):
        assert 'type="password"' not in Client().get(address).content.decode()
    client = Client()
    client.post("/sign-in/", {"login": "resident@example.org", "password": ""})
    assert client.get("/resident/").status_code == 302


def test_a_new_installation_has_no_users() -> None:
    assert User.objects.count() == 0
