"""What is written down: enough to see afterwards what happened, and nothing about who somebody is."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

import pytest
from django.test import Client

from api.caller import Call, registered
from security.watch import Lines, written
from tanpuhui.access.models import AuditEntry, User
from tanpuhui.web.shared.log import Json, Plain
from tanpuhui.web.shared.security_log import network_of
from web.site import client_of, make_site
from web.test_sign_in import code_in_mail, code_now

pytestmark = pytest.mark.django_db
ADDRESS, FROM = "ming@example.org", "198.51.100.7"
LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00 [A-Z]+ [a-z.]+ [0-9a-f-]+ .+$")


def whole_life(lines: Lines) -> list[str]:
    """Somebody signs up, opens an account, adds an app, signs out and in again; gives every secret that was about."""
    client, secrets = Client(REMOTE_ADDR=FROM), []
    client.post("/sign-in/new/", {"email": ADDRESS})
    secrets.append(code_in_mail())
    client.post("/sign-in/new/confirm/", {"code": "WRON-GONE"})
    client.post("/sign-in/new/confirm/", {"code": secrets[-1]})
    client.post("/sign-in/new/account/", {"birth_on": "1990-05-17", "agrees": "on"})
    secret = client.get("/sign-in/settings/app/add/").context["form"].secret
    secrets += [secret, code_now(secret), str(client.session.session_key)]
    client.post("/sign-in/settings/app/add/", {"code": secrets[2]})
    client.post("/sign-in/sign-out/")
    client.post("/sign-in/?next=/resident/", {"login": ADDRESS})
    secrets.append(code_in_mail())
    client.post("/sign-in/code/confirm/", {"code": secrets[-1]})
    client.post("/sign-in/second/", {"code": "QQQQQQ"})
    client.get("/bank/own-bank/?account=17&person=P-4711")
    client.get("/nothing/P-4711?token=SECRET")
    assert lines.plain
    return secrets


def test_a_whole_life_leaves_no_address_code_query_or_key_in_the_log() -> None:
    with written() as lines:
        secrets = whole_life(lines)

    for secret in (
        *secrets,
        ADDRESS,
        "example.org",
        "WRON-GONE",
        "QQQQQQ",
        "1990-05-17",
        "P-4711",
        "SECRET",
        "own-bank",
        FROM,
        "?",
    ):
        assert secret not in lines.text, secret


@pytest.mark.django_db(transaction=True)
def test_signing_in_and_out_and_every_failure_is_written_down() -> None:
    with written() as lines:
        whole_life(lines)
    who = str(User.objects.get().pk)

    for event, level, more in (
        ("signed_up", "INFO", ""),
        ("wrong_code", "WARNING", "by=code last=False"),
        ("signed_in", "INFO", "by="),
        ("add_factor", "INFO", "kind=totp"),
        ("signed_out", "INFO", ""),
        ("wrong_code", "WARNING", "by=totp"),
    ):
        assert any(
            f" {level} tanpuhui.security " in line and f"who={who}" in line and more in line
            for line in lines.of(event)
        ), event


def test_a_line_says_when_where_who_and_what() -> None:
    with written() as lines:
        whole_life(lines)

    found = lines.of("signed_in")[0]
    assert LINE.match(found)
    assert "from=198.51.100.0/24" in found
    assert "route=/sign-in/new/confirm/" in found
    said = json.loads(next(line for line in lines.json if '"event": "signed_in"' in line))
    assert set(said) >= {"at", "level", "logger", "request", "message", "event", "who", "from", "route", "by"}
    assert said["at"].endswith("+00:00")
    assert re.fullmatch(r"[0-9a-f]{32}", said["request"])


@pytest.mark.django_db(transaction=True)
def test_changes_of_how_one_signs_in_are_entries_of_the_audit_trail() -> None:
    with written() as lines:
        whole_life(lines)

    entries = {entry.verb: entry for entry in AuditEntry.objects.all()}
    assert {"open_account", "add_factor"} <= set(entries)
    assert entries["add_factor"].who == User.objects.get()
    assert any(entries["add_factor"].request_id in line for line in lines.of("add_factor"))


def test_what_is_refused_is_written_down(views_that_fail: None) -> None:
    people = make_site()
    with written() as lines:
        client_of(people["resident"]).get("/bank/")
        Client(enforce_csrf_checks=True).post("/sign-in/", {"login": ADDRESS})
        Client().get("/?a=%00")
        Client().get("/", HTTP_HOST="another.example")
        Client().generic("TRACE", "/")
        Client().get("/" + "x" * 3_000)
        for number in range(7):
            Client().post("/sign-in/", {"login": f"p{number}@example.org"})
            Client().post("/sign-in/", {"login": ADDRESS})
        client_of(people["resident"]).get("/fail/used")
        client_of(people["newcomer"]).post("/sign-in/new/account/", {"birth_on": "x"})
        client_of(people["newcomer"]).post("/sign-in/passkey/", {"credential": "{}"})

    for event in (
        "forbidden",
        "csrf_refused",
        "bad_request",
        "method_refused",
        "too_long",
        "refused",
        "form_refused",
    ):
        assert lines.of(event), event
    assert "code=access.already_used" in lines.of("refused")[0]
    assert "fields=agrees+birth_on" in lines.of("form_refused")[0]
    assert not re.search(r"@|evil|ming", lines.text)


def test_attempts_that_are_slowed_are_written_down(settings: Any) -> None:
    settings.FORMS_A_MINUTE = {"user": 1, "address": 1}
    with written() as lines:
        for _ in range(3):
            Client().post("/sign-in/", {"login": ADDRESS})

    assert lines.of("too_many")


def test_an_error_is_written_down_without_what_it_said(views_that_fail: None) -> None:
    with written() as lines:
        Client(raise_request_exception=False).get("/fail/broken")

    assert "builtins.RuntimeError" in lines.text
    assert "failing_urls.py" in lines.text
    assert "ming@" not in lines.text


def test_the_providers_interface_writes_no_pseudonym_and_no_key(
    db: None, fresh_home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import UTC, datetime

    from tanpuhui.evidence.contract import ensure_default_contracts

    ensure_default_contracts(at=datetime(2026, 3, 1, tzinfo=UTC))
    key = registered()
    with written() as lines:
        Call(key, body=b"source_id,person\n1,P-4711\n").send()
        Call(key, method="GET", path="/api/v1/provider/batches/P-4711").send()
        Call(key, method="GET", path="/api/v1/provider/batches?person=P-4711").send()
        Call(key, method="GET", after_signing={"Signature": "sig=:AAAA:"}).send()

    assert "/api/v1/provider/batches" in lines.text
    assert "P-4711" not in lines.text
    assert key.key_id not in lines.text


@pytest.mark.parametrize("evil", ["a\nb", "a\r\nINFO forged", "\x1b[31m", "\x00", "\x85", "\u2028", "\x7f"])
def test_one_record_is_one_line(evil: str) -> None:
    record = logging.LogRecord("tanpuhui.x", logging.INFO, "x", 1, "%s", (evil,), None)

    plain, as_json = Plain().format(record), Json().format(record)

    assert len(plain.splitlines()) == 1
    assert len(as_json.splitlines()) == 1
    assert plain.isprintable()
    assert as_json.isprintable()
    assert json.loads(as_json)["message"] == evil


@pytest.mark.parametrize(
    ("address", "network"),
    [("198.51.100.7", "198.51.100.0/24"), ("2001:db8:1:2::3", "2001:db8:1::/48"), ("", "-"), ("x", "-")],
)
def test_of_an_address_only_its_network_is_kept(address: str, network: str, rf: Any) -> None:
    assert network_of(rf.get("/", REMOTE_ADDR=address)) == network


def test_what_is_kept_for_a_while_names_nobody() -> None:
    """Counts of attempts are under digests of addresses of mail; codes are in the session alone."""
    from django.core.cache import cache
    from django.db import connection

    with written() as lines:
        secrets = whole_life(lines)
    cache.set("x", 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(cache_key || value, '|') FROM django_cache")
        (kept_for_a_while,) = cursor.fetchone() or ("",)

    assert kept_for_a_while
    for secret in (ADDRESS, *secrets[:2]):
        assert secret not in kept_for_a_while


def test_logs_go_to_one_place(settings: Any) -> None:
    """The error stream of the server, where the installation's own collector reads them."""
    assert set(settings.LOGGING["handlers"]) == {"stderr"}
    assert settings.LOGGING["handlers"]["stderr"]["class"] == "logging.StreamHandler"
