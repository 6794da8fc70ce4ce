"""Signing in and up, with the rights of the server's role."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.db import ProgrammingError, connection, transaction
from django.test import Client
from django.utils import timezone

from access.people import AT
from tanpuhui.access.hold import account_of, hold
from tanpuhui.access.models import AuditEntry, Holder, User
from tanpuhui.access.refusals import AlreadyHolder
from tanpuhui.consent.models import Identity
from tanpuhui.consent.open_account import open_account
from tanpuhui.web.sign_in.guardian import code_for
from tanpuhui.web.sign_in.open_account import open_for
from web.site import client_of, make_site

pytestmark = pytest.mark.django_db


def code_in_mail() -> str:
    found = re.search(r"^([A-Z0-9]{3,}(?:-[A-Z0-9]+)*)$", str(mail.outbox[-1].body), re.MULTILINE)
    assert found, mail.outbox[-1].body
    return found[1]


def signed_up(email: str = "ming@example.org") -> Client:
    """Somebody whose address is confirmed, and who has no account yet."""
    client = Client()
    assert client.post("/sign-in/new/", {"email": email}).headers["Location"] == "/sign-in/new/confirm/"
    client.post("/sign-in/new/confirm/", {"code": code_in_mail()})
    return client


def open_form(**changes: Any) -> dict[str, Any]:
    return {"birth_on": "1990-05-17", "guardian_code": "", "agrees": "on", **changes}


def test_the_servers_role_signs_somebody_up_and_in_and_out(as_the_application: None) -> None:
    client = signed_up()

    assert client.get("/home/").headers["Location"] == "/sign-in/new/account/"
    assert client.post("/sign-in/new/account/", open_form()).headers["Location"] == "/resident/"
    assert client.get("/resident/").status_code == 200
    assert client.post("/sign-in/sign-out/").status_code == 302
    assert client.get("/resident/").status_code == 302
    client.post("/sign-in/", {"login": "MING@example.org"})
    assert client.post("/sign-in/code/confirm/", {"code": code_in_mail()}).headers["Location"] == "/home/"
    assert client.get("/resident/").status_code == 200
    user = User.objects.get()
    assert (user.email, user.has_usable_password()) == ("ming@example.org", False)
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.who, entry.object_key) == ("open_account", user, str(account_of(user)))
    assert str(Identity.objects.get().birth_on) == "1990-05-17"


@pytest.mark.parametrize(
    "order",
    [
        "UPDATE access_audit_entry SET reason = ''",
        "DELETE FROM vault.holder",
        "UPDATE consent_grant SET provider = ''",
        "UPDATE ledger_posting SET amount = 1",
        "UPDATE vault.identity SET birth_on = NULL",
        "DELETE FROM django_content_type",
    ],
)
def test_the_servers_role_cannot_rewrite_what_is_append_only(as_the_application: None, order: str) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(order)


def test_a_new_session_begins_with_signing_in(as_the_application: None) -> None:
    client = Client()
    client.get("/sign-in/new/")
    client.post("/sign-in/new/", {"email": "ming@example.org"})
    before = client.session.session_key

    client.post("/sign-in/new/confirm/", {"code": code_in_mail()})

    assert client.session.session_key != before


def test_three_wrong_codes_end_the_attempt(as_the_application: None) -> None:
    client = Client()
    client.post("/sign-in/new/", {"email": "ming@example.org"})
    right = code_in_mail()

    answers = [client.post("/sign-in/new/confirm/", {"code": "WRONG"}).status_code for _ in range(3)]

    assert answers == [200, 200, 302]
    assert client.post("/sign-in/new/confirm/", {"code": right}).headers["Location"] != "/home/"
    assert client.get("/resident/").status_code == 302


def test_asking_for_codes_is_slowed_down_for_an_address_and_for_a_machine(as_the_application: None) -> None:
    User.objects.create_user("ming@example.org")

    of_one = [Client().post("/sign-in/", {"login": "ming@example.org"}).status_code for _ in range(5)]
    others = [Client().post("/sign-in/", {"login": f"p{n}@example.org"}).status_code for n in range(30)]

    assert of_one.count(302) == 3
    assert 429 in others
    assert "Retry-After" in Client().post("/sign-in/", {"login": "x@example.org"}).headers


def test_an_address_that_has_an_account_is_not_given_away(as_the_application: None) -> None:
    User.objects.create_user("ming@example.org")

    known = Client().post("/sign-in/new/", {"email": "ming@example.org"})
    unknown = Client().post("/sign-in/new/", {"email": "new@example.org"})

    assert (known.status_code, known.headers["Location"]) == (
        unknown.status_code,
        unknown.headers["Location"],
    )
    assert [message.to for message in mail.outbox] == [["ming@example.org"], ["new@example.org"]]
    assert User.objects.filter(email="ming@example.org").count() == 1


def test_one_user_has_one_account_however_often_the_form_is_sent(as_the_application: None) -> None:
    client = signed_up()

    client.post("/sign-in/new/account/", open_form())
    again = client.post("/sign-in/new/account/", open_form())

    assert again.headers["Location"] == "/resident/"
    assert Holder.objects.count() == 1
    with pytest.raises(AlreadyHolder), transaction.atomic():
        open_for(User.objects.get(), birth_on=AT.date(), guardian_code="", at=AT, zone="Asia/Shanghai")


def child_of(years: int) -> str:
    today = timezone.localdate()
    return today.replace(year=today.year - years, day=min(today.day, 28)).isoformat()


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"birth_on": child_of(10)}, 422),
        ({"birth_on": child_of(10), "guardian_code": "1.abc.def"}, 422),
        ({"birth_on": "2999-01-01"}, 422),
        ({"birth_on": "1890-01-01"}, 422),
        ({"birth_on": "x"}, 422),
        ({"agrees": ""}, 422),
        ({"guardian_code": "\x00"}, 400),
    ],
)
def test_a_form_that_does_not_do_opens_nothing(
    as_the_application: None, changes: dict[str, str], status: int
) -> None:
    client = signed_up()

    answer = client.post("/sign-in/new/account/", open_form(**changes))

    assert answer.status_code == status
    assert Holder.objects.count() == 0


def test_a_child_opens_an_account_with_a_guardians_code_of_today() -> None:
    people = make_site()
    guardian = account_of(people["resident"])
    assert guardian is not None
    page = client_of(people["resident"]).post("/sign-in/new/child/").content.decode()
    found = re.search(r"<code>([^<]+)</code>", page)
    assert found

    answer = signed_up("child@example.org").post(
        "/sign-in/new/account/", open_form(birth_on=child_of(10), guardian_code=found[1])
    )

    assert answer.headers["Location"] == "/resident/"
    child = account_of(User.objects.get(email="child@example.org"))
    assert Identity.objects.get(resident_id=child).guardian_id == guardian


def test_a_guardians_code_is_good_for_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    from tanpuhui.web.sign_in.guardian import GOOD_FOR_S, BadGuardianCode, account_of_code

    code, now = code_for(7), time.time()

    assert account_of_code(f" {code} ") == 7
    monkeypatch.setattr("django.core.signing.time.time", lambda: now + GOOD_FOR_S + 2)
    with pytest.raises(BadGuardianCode):
        account_of_code(code)


@pytest.mark.parametrize("given", ["", "7", "8.{rest}", "{code}x"])
def test_a_guardians_code_cannot_be_made_up(given: str) -> None:
    from tanpuhui.web.sign_in.guardian import BadGuardianCode, account_of_code

    code = code_for(7)
    with pytest.raises(BadGuardianCode):
        account_of_code(given.format(code=code, rest=code.partition(".")[2]))


def test_a_session_ends_after_two_weeks() -> None:
    client = signed_up()

    assert client.session.get_expiry_age() <= timedelta(days=14).total_seconds()


def test_there_is_no_signing_in_without_proof_outside_a_demonstration(client: Client) -> None:
    User.objects.create_user("resident@demo.invalid")

    assert client.get("/demo/sign-in/resident").status_code == 404


def test_a_holder_signs_in_to_their_own_place() -> None:
    user = User.objects.create_user("li@example.org")
    hold(user, open_account(at=AT), at=AT)

    assert client_of(user).get("/home/").headers["Location"] == "/resident/"


@pytest.mark.django_db(transaction=True)
def test_whoever_acts_for_an_organisation_adds_an_app_and_is_asked_for_it_from_then_on(
    as_the_application: None,
) -> None:
    member = make_site()["bank"]
    client = client_of(member)
    assert client.get("/bank/own-bank/").headers["Location"] == "/sign-in/settings/second/"
    secret = client.get("/sign-in/settings/app/add/").context["form"].secret

    added = client.post("/sign-in/settings/app/add/", {"code": code_now(secret)}, follow=True)

    assert secret not in str(Authenticator.objects.values_list("data", flat=True))
    codes = re.findall(r"<li>(\d{8})</li>", added.content.decode())
    assert len(codes) == 10
    assert client.get("/bank/own-bank/").status_code == 200
    fresh = Client()
    fresh.post("/sign-in/", {"login": "bank@example.org"})
    asked = fresh.post("/sign-in/code/confirm/", {"code": code_in_mail()})
    assert asked.headers["Location"] == "/sign-in/second/"
    assert fresh.get("/bank/own-bank/").status_code == 302
    assert fresh.post("/sign-in/second/", {"code": "000000"}).status_code == 200
    assert fresh.post("/sign-in/second/", {"code": codes[0]}).headers["Location"] == "/home/"
    assert fresh.get("/bank/own-bank/").status_code == 200


def code_now(secret: str) -> str:
    """The app's code of this half minute, in whose last ten seconds the next one is waited for."""
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time

    left_s = 30 - time.time() % 30
    if left_s < 10:
        time.sleep(left_s)
    return str(format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time())))))


#: What allauth has and nobody comes to here: passwords, telephones, trusted browsers, and parts of its own pages.
NOT_REACHED = re.compile(
    r"password|phone|/trust|/base_|/base\.|snippets/|email_confirm\.html|download\.txt|base_message|base_notification"
    r"|login_redirect"
)


def test_every_template_of_allauth_that_can_be_reached_is_replaced_by_ours() -> None:
    from pathlib import Path

    import allauth

    from tanpuhui.web import sign_in

    theirs, ours = (Path(root.__file__).parent / "templates" for root in (allauth, sign_in))

    missing = [
        str(path.relative_to(theirs))
        for folder in ("account", "mfa", "socialaccount")
        for path in (theirs / folder).rglob("*.*")
        if not (ours / path.relative_to(theirs)).exists()
        and not NOT_REACHED.search(str(path.relative_to(theirs)))
    ]

    assert missing == []
