"""Errors: pages and problems without a trace, in both languages; and what fails, fails closed."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import OperationalError, transaction
from django.test import Client

from api.caller import HOST, Call, code_of, registered
from tanpuhui.access import session
from tanpuhui.access.models import Holder, User
from tanpuhui.web.sign_in.open_account import open_for
from web.site import client_of, make_site

pytestmark = pytest.mark.django_db
TOLD = re.compile(
    r"Traceback|File \"|site-packages|/src/|\.py\b|RuntimeError|OperationalError|psycopg|SELECT |INSERT |postgres"
    r"|Django|Granian|SECRET_KEY|ming@",
    re.IGNORECASE,
)
LANGUAGES = {"zh": ("zh-CN", "我们这边出了问题"), "en": ("en", "Something went wrong on our side")}


@pytest.mark.parametrize(("language", "sentence"), LANGUAGES.values(), ids=LANGUAGES)
def test_an_exception_in_a_view_is_a_page_without_a_trace(
    views_that_fail: None, language: str, sentence: str
) -> None:
    answer = Client(raise_request_exception=False).get("/fail/broken", HTTP_ACCEPT_LANGUAGE=language)
    text = answer.content.decode()

    assert answer.status_code == 500
    assert sentence in text
    assert answer.headers["X-Request-ID"] in text
    assert not TOLD.search(text)
    assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize(("language", "sentence"), LANGUAGES.values(), ids=LANGUAGES)
def test_a_database_that_is_away_is_a_page_without_a_trace(
    language: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = client_of(make_site()["resident"])
    client.raise_request_exception = False

    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("connection to server at 10.0.0.1 failed for ming@example.org")

    monkeypatch.setattr("tanpuhui.web.resident.views.summary", away)

    answer = client.get("/resident/", HTTP_ACCEPT_LANGUAGE=language)

    assert answer.status_code == 500
    assert sentence in answer.content.decode()
    assert not TOLD.search(answer.content.decode())
    assert "10.0.0.1" not in answer.content.decode()


@pytest.mark.parametrize("language", ["zh-CN", "en"])
def test_an_exception_in_the_interface_is_a_problem_without_a_trace(
    language: str, fresh_home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import UTC, datetime

    from tanpuhui.evidence.contract import ensure_default_contracts

    ensure_default_contracts(at=datetime(2026, 3, 1, tzinfo=UTC))
    key = registered()

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("SELECT ming@example.org")

    monkeypatch.setattr("tanpuhui.api.provider.signature.verified", broken)
    call = Call(key, method="GET", headers={"Accept-Language": language})

    answer = call.send()

    assert code_of(answer) == (500, "api.our_fault")
    assert not TOLD.search(answer.text)


@pytest.mark.parametrize("path", ["/api/", "/api/nothing", "/api/v1/nothing", "/api/v1/provider"])
def test_what_is_not_there_below_the_interface_is_a_problem(path: str) -> None:
    with httpx.Client(transport=httpx.WSGITransport(WSGIHandler())) as http:
        answer = http.get(HOST + path)

    assert code_of(answer) == (404, "api.not_found")


def test_debugging_is_off(settings: Any) -> None:
    from tanpuhui.project import settings as ours

    assert ours.DEBUG is False
    assert "debug" not in str(settings.MIDDLEWARE + settings.INSTALLED_APPS).lower()
    assert "django.template.context_processors.debug" not in str(settings.TEMPLATES)


def test_a_failure_half_way_leaves_nothing_half_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """The audit entry cannot be written, so the account is not opened either."""
    client = client_of(make_site()["newcomer"])
    client.raise_request_exception = False

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("tanpuhui.web.sign_in.open_account.record", broken)
    before = Holder.objects.count()

    answer = client.post("/sign-in/new/account/", {"birth_on": "1990-05-17", "agrees": "on"})

    assert answer.status_code == 500
    assert Holder.objects.count() == before


def test_a_check_that_breaks_lets_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    people = make_site()
    bank, resident = client_of(people["bank"]), client_of(people["resident"])

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError

    for broken_part in (
        "tanpuhui.web.shared.access.memberships_of",
        "tanpuhui.web.shared.access.account_of",
        "tanpuhui.web.shared.access.lacks_second_factor",
        "tanpuhui.access.session.has_ended",
    ):
        with monkeypatch.context() as patch:
            patch.setattr(broken_part, broken)
            for client, address in ((bank, "/bank/own-bank/"), (resident, "/resident/")):
                client.raise_request_exception = False
                answer = client.get(address)
                assert answer.status_code in (200, 302, 500)
                if "session" in broken_part:
                    assert answer.status_code == 500
    assert session.has_ended({}, at=people["bank"].joined_at)  # type: ignore[union-attr]


def test_steps_of_signing_up_cannot_be_skipped() -> None:
    client = Client()
    client.post("/sign-in/new/", {"email": "new@example.org"})

    for address in (
        "/sign-in/new/account/",
        "/resident/",
        "/sign-in/settings/",
        "/home/",
        "/sign-in/new/passkey/add/",
    ):
        for answer in (client.get(address), client.post(address, {"birth_on": "1990-05-17", "agrees": "on"})):
            assert answer.status_code in (302, 405), address
            assert answer.headers.get("Location", "/sign-in/").startswith("/sign-in/"), address
    assert not Holder.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_one_account_is_opened_however_many_forms_come_at_once() -> None:
    """Eight threads send the same form; the user's row is locked, so one opens the account and seven are refused."""
    import threading

    from django.db import connections

    from access.people import AT
    from tanpuhui.access.refusals import AlreadyHolder

    user = User.objects.create_user("eight@example.org")
    ends: list[str] = []

    def open_once() -> None:
        try:
            with transaction.atomic():
                open_for(
                    user, birth_on=AT.date().replace(year=1990), guardian_code="", at=AT, zone="Asia/Shanghai"
                )
            ends.append("opened")
        except AlreadyHolder:
            ends.append("refused")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=open_once) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(ends) == ["opened", *["refused"] * 7]
    assert Holder.objects.count() == 1
