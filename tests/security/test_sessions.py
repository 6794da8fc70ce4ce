"""Sessions: they begin with signing in, are known by digest alone, end in time, and end when something changes."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth import SESSION_KEY
from django.core import mail
from django.db import connection
from django.test import Client
from django.utils import timezone

from access.people import AT
from tanpuhui.access import session as sessions
from tanpuhui.access.limits import ORGANISATION, RESIDENT
from tanpuhui.access.membership import join
from tanpuhui.access.models import AuditEntry, Holder, Membership, Organisation, Session, User
from tanpuhui.kit.moment import utc_now
from tanpuhui.rights.letter import issue_letter
from web.site import client_of, make_site, own_code
from web.test_sign_in import code_in_mail, code_now

pytestmark = pytest.mark.django_db
SETTINGS, BROWSERS = "/sign-in/settings/", "/sign-in/settings/browsers/"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture(autouse=True)
def without_second_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_FOR_ORGANISATIONS = False


@pytest.fixture()
def people() -> dict[str, User | None]:
    return make_site()


@pytest.fixture()
def resident(people: dict[str, User | None]) -> User:
    user = people["resident"]
    assert user is not None
    return user


@pytest.fixture()
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Move the clock that sessions look at."""

    def move(by: timedelta) -> None:
        monkeypatch.setattr("tanpuhui.web.shared.session_age.utc_now", lambda: utc_now() + by)

    return move


def is_in(client: Client) -> bool:
    return client.get(SETTINGS).status_code == 200


def signed_in(email: str, **headers: str) -> Client:
    """By a code, as people do it."""
    client = Client(**headers)
    client.post("/sign-in/", {"login": email})
    client.post("/sign-in/code/confirm/", {"code": code_in_mail()})
    return client


def test_the_database_knows_the_digest_of_a_key_and_not_the_key(resident: User) -> None:
    client = client_of(resident)
    key = client.session.session_key

    row = Session.objects.get()

    assert (len(key), key.isalnum()) == (32, True)
    assert row.session_key == sessions.digest_of(key) != key
    assert key not in row.session_data
    assert is_in(client)
    thief = Client()
    thief.cookies["tanpuhui_session"] = row.session_key
    assert not is_in(thief)


def test_a_session_that_was_chosen_by_somebody_else_is_not_taken_over(resident: User) -> None:
    """Fixation: what was in the browser before signing in is worth nothing afterwards."""
    attacker = Client()
    attacker.post("/sign-in/", {"login": resident.email})
    fixed = attacker.session.session_key
    victim = Client()
    victim.cookies["tanpuhui_session"] = fixed
    victim.post("/sign-in/code/confirm/", {"code": code_in_mail()})

    assert is_in(victim)
    assert victim.session.session_key != fixed
    attacker.cookies["tanpuhui_session"] = fixed
    assert not is_in(attacker)


@pytest.mark.parametrize("made_up", ["a" * 32, "../../x", "", "tanpuhui"])
def test_a_key_that_the_server_did_not_make_is_not_used(resident: User, made_up: str) -> None:
    client = Client()
    client.cookies["tanpuhui_session"] = made_up
    client.post("/sign-in/", {"login": resident.email})

    client.post("/sign-in/code/confirm/", {"code": code_in_mail()})

    assert is_in(client)
    assert client.session.session_key != made_up


def test_signing_out_ends_the_session_at_the_server_and_clears_the_browser(resident: User) -> None:
    client = client_of(resident)
    key = client.session.session_key

    answer = client.post("/sign-in/sign-out/")

    assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert answer.cookies["tanpuhui_session"]["max-age"] == 0
    assert not Session.objects.filter(user=resident).exists()
    again = Client()
    again.cookies["tanpuhui_session"] = key
    assert not is_in(again)


def test_a_session_keeps_its_browser_and_times(resident: User) -> None:
    signed_in("resident@example.org", HTTP_USER_AGENT=FIREFOX)

    row = Session.objects.get(user=resident)

    assert row.browser == "Firefox, Windows"
    assert abs((row.began_at - timezone.now()).total_seconds()) < 60
    assert row.began_at == row.seen_at


@pytest.mark.parametrize(
    ("role", "limits"), [("resident", RESIDENT), ("bank", ORGANISATION), ("operator", ORGANISATION)]
)
def test_a_session_that_was_left_alone_ends(
    role: str, limits: Any, people: dict[str, User | None], later: Any
) -> None:
    client = client_of(people[role])

    later(limits.unused - timedelta(minutes=1))
    assert is_in(client)
    later(2 * limits.unused)
    assert not is_in(client)
    later(timedelta(0))
    assert not is_in(client)


@pytest.mark.parametrize(
    ("role", "limits"), [("resident", RESIDENT), ("bank", ORGANISATION), ("operator", ORGANISATION)]
)
def test_a_session_ends_however_much_it_is_used(
    role: str, limits: Any, people: dict[str, User | None], later: Any
) -> None:
    client, step = client_of(people[role]), limits.unused / 2
    used = timedelta(0)
    while used + step < limits.whole:
        used += step
        later(used)
        assert is_in(client)

    later(used + step)

    assert not is_in(client)


def test_the_limits_are_those_that_are_written_down() -> None:
    assert (RESIDENT.unused, RESIDENT.whole) == (timedelta(days=14), timedelta(days=30))
    assert (ORGANISATION.unused, ORGANISATION.whole) == (timedelta(hours=1), timedelta(hours=12))


def test_who_begins_to_act_for_an_organisation_has_its_limits_from_then_on(
    resident: User, later: Any
) -> None:
    client = client_of(resident)
    join(resident, Organisation.objects.get(code=own_code("bank")), Membership.MEMBER, at=AT)
    assert client.get("/bank/own-bank/").status_code == 200

    later(timedelta(hours=2))

    assert not is_in(client)


def test_using_a_session_is_written_at_most_once_a_minute(
    resident: User, later: Any, django_assert_max_num_queries: Any
) -> None:
    client = client_of(resident)
    is_in(client)
    before = Session.objects.get().seen_at

    later(timedelta(seconds=50))
    is_in(client)
    assert Session.objects.get().seen_at == before
    later(timedelta(seconds=70))
    is_in(client)
    assert Session.objects.get().seen_at > before


def test_blocking_somebody_ends_their_sessions_however_it_is_done(
    resident: User, as_the_application: None
) -> None:
    clients = [client_of(resident) for _ in range(2)]
    other = client_of(User.objects.get(email="newcomer@example.org"))

    User.objects.filter(pk=resident.pk).update(is_active=False)

    assert [is_in(client) for client in clients] == [False, False]
    assert not Session.objects.filter(user=resident).exists()
    User.objects.filter(pk=resident.pk).update(is_active=True)
    assert [is_in(client) for client in clients] == [False, False]
    assert is_in(other)


def test_where_one_is_signed_in_is_listed_and_ended_one_by_one(
    resident: User, as_the_application: None
) -> None:
    here = signed_in("resident@example.org", HTTP_USER_AGENT=FIREFOX)
    phone = signed_in(
        "resident@example.org", HTTP_USER_AGENT="Mozilla/5.0 (iPhone) Safari/605 MicroMessenger/8"
    )
    text = here.get(BROWSERS, HTTP_ACCEPT_LANGUAGE="en").content.decode()
    names = re.findall(r'name="end" value="([0-9a-f]{40})"', text)

    answer = here.post(BROWSERS, {"end": names[0]})

    assert "Firefox, Windows" in text
    assert "WeChat, iPhone" in text
    assert len(names) == 1
    assert answer.headers["Location"] == BROWSERS
    assert (is_in(here), is_in(phone)) == (True, False)
    assert AuditEntry.objects.get().verb == "end_sessions"
    assert here.post(BROWSERS, {"end": names[0]}).status_code == 404


def test_all_others_are_ended_at_once(resident: User) -> None:
    here, *elsewhere = (client_of(resident) for _ in range(3))

    here.post(BROWSERS, {"end": "others"})

    assert is_in(here)
    assert [is_in(client) for client in elsewhere] == [False, False]


def test_ending_sessions_asks_again_who_one_is(resident: User) -> None:
    here, elsewhere = client_of(resident, since_s=3_600), client_of(resident)

    answer = here.post(BROWSERS, {"end": "others"})

    assert answer.headers["Location"].startswith("/sign-in/again/mail/")
    assert is_in(elsewhere)


@pytest.mark.django_db(transaction=True)
def test_a_factor_that_is_added_or_removed_signs_out_everywhere_else(resident: User) -> None:
    here, elsewhere = client_of(resident), client_of(resident)
    secret = here.get("/sign-in/settings/app/add/").context["form"].secret

    here.post("/sign-in/settings/app/add/", {"code": code_now(secret)})

    assert (is_in(here), is_in(elsewhere)) == (True, False)
    elsewhere = client_of(resident)
    here.post("/sign-in/settings/app/remove/")
    assert (is_in(here), is_in(elsewhere)) == (True, False)
    verbs = list(
        AuditEntry.objects.order_by("pk").values_list("verb", "facts__kind", "facts__sessions_ended")
    )
    assert verbs[0] == ("add_factor", "recovery_codes", 1) or verbs[0] == ("add_factor", "totp", 1)
    assert ("remove_factor", "totp", 1) in verbs


def test_a_new_address_signs_out_everywhere_else_and_is_told_to_the_old_one(resident: User) -> None:
    here, elsewhere = client_of(resident), client_of(resident)
    here.post("/sign-in/settings/address/", {"email": "new@example.org", "action_add": ""})

    here.post("/sign-in/new/confirm/", {"code": code_in_mail()})

    assert User.objects.get(pk=resident.pk).email == "new@example.org"
    assert (is_in(here), is_in(elsewhere)) == (True, False)
    assert "resident@example.org" in [one for message in mail.outbox for one in message.to]


@pytest.mark.parametrize(
    ("method", "address", "sent"),
    [
        ("post", "/sign-in/settings/address/", {"email": "evil@example.org", "action_add": ""}),
        ("get", "/sign-in/settings/app/add/", {}),
        ("post", "/sign-in/settings/app/add/", {"code": "000000"}),
        ("get", "/sign-in/settings/passkeys/add/", {}),
        ("post", "/sign-in/settings/passkeys/add/", {"credential": "{}"}),
        ("post", "/sign-in/service/connections/", {"account": "1"}),
        ("post", "/sign-in/settings/browsers/", {"end": "others"}),
        ("post", "/resident/tokens/", {"label": "x", "may": ["balance"], "days": "30"}),
        ("post", "/resident/privacy/close/", {"word": "x"}),
        ("post", "/resident/privacy/record.zip", {}),
    ],
)
def test_what_changes_how_somebody_signs_in_asks_again_who_they_are(
    method: str, address: str, sent: dict[str, str], resident: User
) -> None:
    """An hour after signing in by a code, without a second factor."""
    client = client_of(resident, since_s=3_600)

    answer = getattr(client, method)(address, sent)

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/sign-in/again/mail/?next=")
    assert not [message for message in mail.outbox if "evil" in str(message.to)]


def test_whoever_shows_again_who_they_are_gets_what_they_wanted_and_a_new_key(resident: User) -> None:
    client = client_of(resident, since_s=3_600)
    before = client.session.session_key
    client.post("/sign-in/settings/address/", {"email": "new@example.org", "action_add": ""})
    again = "/sign-in/again/mail/?next=/sign-in/settings/address/"
    client.post(again, {"send": "1"})
    code = code_in_mail()

    answer = client.post(again, {"code": code, "next": "/sign-in/settings/address/"})

    assert mail.outbox[-1].to == ["new@example.org"]
    assert answer.headers["Location"] == "/sign-in/new/confirm/"
    assert client.session.session_key != before
    old = Client()
    old.cookies["tanpuhui_session"] = before
    assert not is_in(old)
    assert client.post(again, {"code": code}).status_code == 200


def test_three_wrong_codes_end_that_code_too(resident: User) -> None:
    client = client_of(resident, since_s=3_600)
    client.post("/sign-in/again/mail/", {"send": "1"})
    right = code_in_mail()
    for _ in range(3):
        client.post("/sign-in/again/mail/", {"code": "WRONG"})

    answer = client.post("/sign-in/again/mail/", {"code": right})

    assert answer.status_code == 200
    assert client.get("/sign-in/settings/app/add/").status_code == 302


def test_a_code_to_show_again_is_good_for_ten_minutes(
    resident: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    client = client_of(resident, since_s=3_600)
    client.post("/sign-in/again/mail/", {"send": "1"})
    now = time.time()
    monkeypatch.setattr("tanpuhui.web.sign_in.again.time.time", lambda: now + 601)

    assert client.post("/sign-in/again/mail/", {"code": code_in_mail()}).status_code == 200
    assert client.get("/sign-in/settings/app/add/").status_code == 302


def test_whoever_has_a_second_factor_shows_that_again_and_no_code(resident: User) -> None:
    client = client_of(resident)
    secret = client.get("/sign-in/settings/app/add/").context["form"].secret
    client.post("/sign-in/settings/app/add/", {"code": code_now(secret)})
    later_on = client_of(resident)

    assert later_on.get("/sign-in/again/mail/").headers["Location"].startswith("/sign-in/again/code/")
    answer = later_on.post("/sign-in/settings/address/", {"email": "evil@example.org", "action_add": ""})
    assert answer.headers["Location"].startswith("/sign-in/again/code/")


def test_old_sessions_are_forgotten(resident: User) -> None:
    client_of(resident)
    Session.objects.update(expire_date=AT)
    kept = client_of(resident)

    assert sessions.forget_old(at=utc_now()) == 1
    assert is_in(kept)


def test_everybodys_sessions_can_be_ended(people: dict[str, User | None]) -> None:
    clients = [client_of(people[role]) for role in ("resident", "bank")]

    assert sessions.end_everybodys() == 2
    assert [SESSION_KEY in client.session for client in clients] == [False, False]


def test_an_administrator_ends_the_sessions_of_somebody_or_of_everybody(
    people: dict[str, User | None], capsys: pytest.CaptureFixture[str]
) -> None:
    from tanpuhui.cli.session import NoSuchUser, WhoseSessions, end

    resident, bank = people["resident"], client_of(people["bank"])
    assert resident
    clients = [client_of(resident), client_of(resident)]

    assert end(user=resident.pk, reason="A telephone was lost.", as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == {"ended": 2}
    assert [is_in(client) for client in (*clients, bank)] == [False, False, True]
    entry = AuditEntry.objects.get(verb="end_sessions")
    assert (entry.reason, entry.object_key) == ("A telephone was lost.", str(resident.pk))
    end(everybody=True, reason="The secret key was changed.")
    assert not is_in(bank)
    with pytest.raises(WhoseSessions):
        end(reason="nobody")
    with pytest.raises(WhoseSessions):
        end(user=resident.pk, everybody=True, reason="both")
    with pytest.raises(NoSuchUser):
        end(user=UUID(int=0), reason="nobody")


def test_what_is_over_is_forgotten_with_the_addresses_that_attempts_came_from(
    resident: User, capsys: pytest.CaptureFixture[str]
) -> None:
    from django.core.cache import cache

    from tanpuhui.cli.session import forget

    client_of(resident)
    Session.objects.update(expire_date=AT)
    cache.set("old", 1, timeout=-1)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO django_cache VALUES ('x', 'y', now() - interval '1 day')")

    forget(as_json=True)

    assert json.loads(capsys.readouterr().out) == {"removed": 1}
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_cache WHERE expires < now()")
        assert cursor.fetchone() == (0,)


def test_a_letter_does_not_get_around_a_second_factor(resident: User) -> None:
    """Whoever finds the paper of somebody with a passkey or app gets no further than to that question."""
    client = client_of(resident)
    secret = client.get("/sign-in/settings/app/add/").context["form"].secret
    client.post("/sign-in/settings/app/add/", {"code": code_now(secret)})
    account = Holder.objects.get(user=resident).account
    letter = issue_letter(account, at=utc_now())
    finder = Client()

    answer = finder.post("/sign-in/letter/", {"account": account, "code": letter})

    assert answer.headers["Location"].startswith("/sign-in/second/")
    assert not is_in(finder)
    assert finder.get("/resident/").status_code == 302


def test_residents_need_a_second_factor_where_the_city_says_so(resident: User, settings: Any) -> None:
    assert client_of(resident).get("/resident/").status_code == 200

    settings.SECOND_FACTOR_FOR_RESIDENTS = True

    assert client_of(resident).get("/resident/").headers["Location"] == "/sign-in/settings/second/"


def test_signing_in_is_something_that_somebody_does(resident: User) -> None:
    """Looking at any page of signing in, with whatever in the address, makes nobody signed in."""
    for address in (
        "/sign-in/",
        "/sign-in/code/confirm/?code=X",
        "/sign-in/service/city/?process=login",
        "/sign-in/passkey/",
    ):
        client = Client()
        client.get(address)
        assert not is_in(client)
