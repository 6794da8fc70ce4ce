"""The resident's API: a token opens one account and does what it says, and nothing else."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from close.town import TAKEN_AT, Town, act, metro
from pooling.pond import AT, lot_of, new_company, new_pool, opened, sold
from tanpuhui.access.hold import hold
from tanpuhui.access.models import AuditEntry, User
from tanpuhui.access.resident_scope import NAMES, scope_of
from tanpuhui.access.token import issue, revoke
from tanpuhui.api.resident.app import api
from tanpuhui.api.resident.balance import FastBalance, balance_of
from tanpuhui.close.acts import acts_of
from tanpuhui.integrity.answer import answer
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.methodology.load import load_library
from tanpuhui.pooling.join import Wish, join
from tanpuhui.pooling.pay_out import pay_out
from tanpuhui.quantify.jurisdiction import load_jurisdiction

pytestmark = [pytest.mark.django_db]
DAY = date(2026, 3, 2)
ROOT = "/api/v1/resident"


library = cache(load_library)


class App:
    """A program with a token of one person."""

    def __init__(self, town: Town, account: int, email: str, parts: tuple[str, ...] = NAMES) -> None:
        self.town, self.account = town, account
        self.user = User.objects.filter(email=email).first() or User.objects.create_user(email)
        hold(self.user, account, at=TAKEN_AT)
        self.token, self.row = issue(self.user, scope=scope_of(parts), days=30, at=utc_now())

    def call(self, path: str, language: str = "en") -> Any:
        """The answer itself, whatever its status."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept-Language": language}
        return Client().get(f"{ROOT}/{path}", headers=headers)

    def get(self, path: str, status: int = 200, language: str = "en", **query: str) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Accept-Language": language}
        answered = Client().get(f"{ROOT}/{path}", query, headers=headers)
        assert answered.status_code == status, answered.content
        assert answered["Cache-Control"] == "no-store"
        return answered.json()

    def post(self, path: str, content: object, status: int) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Accept-Language": "en"}
        answered = Client().post(f"{ROOT}/{path}", json.dumps(content), "application/json", headers=headers)
        assert answered.status_code == status, answered.content
        return answered.json()

    def records(self) -> dict[str, str]:
        """The numbers of this person's acts, by outcome."""
        return {
            one.outcome.name: str(one.record_id) for one in acts_of(self.account, [DAY], self.town.places)
        }


@pytest.fixture()
def town(db: None, fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    monkeypatch.setenv("TANPUHUI_BUCKETS", "2")
    yield Town(fresh_home, library(), load_jurisdiction("demo"), buckets=2)


@pytest.fixture()
def apps(town: Town) -> tuple[App, App]:
    """Ming, with a counted and a lost trip, and Hua, with one trip."""
    accounts = town.settle("ab")
    town.take(
        metro("m1", "a", 10_000, hour=8),
        act("bike_trip", "b1", "a", hour=8, distance_m=1_000),
        metro("m2", "b", 5_000, hour=9),
    )
    town.close()
    return App(town, accounts["a"], "ming@example.org"), App(town, accounts["b"], "hua@example.org")


def test_the_balance_and_the_summary_are_in_milligrams(apps: tuple[App, App]) -> None:
    ming, hua = apps

    mine = ming.get("balance")

    assert (mine.pop("at")[:4], mine) == (
        f"{utc_now():%Y}",
        {
            "account": ming.account,
            "pending_mg": 48_700,
            "certified_mg": 0,
            "retired_mg": 0,
            "owed_mg": 0,
            "points": 0,
        },
    )
    assert hua.get("balance")["pending_mg"] == 233_500
    summary = hua.get("me/summary")
    assert (summary["last_day"], summary["last_day_mg"], summary["pending_mg"]) == (
        "2026-03-02",
        233_500,
        233_500,
    )
    assert summary["statuses"] == {"shenzhen/metro@1": "published"}
    assert summary["months"] == [
        {"month": "2026-03", "methodology": "shenzhen/metro@1", "kind": "metro_trip", "credited_mg": 233_500}
    ]


def test_acts_come_day_by_day_and_can_be_narrowed(apps: tuple[App, App]) -> None:
    ming, _ = apps

    everything = ming.get("acts")

    assert everything["earlier"] is None
    assert [(one["kind"], one["outcome"], one["credited_mg"]) for one in everything["acts"]] == [
        ("bike_trip", "credited", 48_700),
        ("metro_trip", "overlapping", 0),
    ]
    lost = everything["acts"][1]
    assert lost["rival"] == everything["acts"][0]["record"]
    assert lost["meaning"] == "overlaps another act of the same person"
    assert ming.get("acts", language="zh")["acts"][1]["meaning"] == "与同一人的另一次出行时间重叠"
    assert [one["kind"] for one in ming.get("acts", kind="metro_trip")["acts"]] == ["metro_trip"]
    assert ming.get("acts", outcome="credited", month="2026-03")["acts"] == everything["acts"][:1]
    assert ming.get("acts", before="2026-03-02")["acts"] == []
    assert ming.get(f"acts/{lost['record']}") == lost


@pytest.mark.parametrize(
    "query",
    [{"month": "2026-13"}, {"before": "never"}, {"before": "0"}, {"outcome": "no_grant"}, {"kind": "x" * 61}],
)
def test_a_question_that_is_not_as_documented_is_refused_and_says_where(
    apps: tuple[App, App], query: dict[str, str]
) -> None:
    ming, _ = apps

    refused = ming.get("acts", status=422, **query)

    assert refused["code"] == "api.resident_request_invalid"
    assert f"query.{next(iter(query))}" in refused["detail"]


def test_a_trace_is_what_the_page_shows(apps: tuple[App, App]) -> None:
    _, hua = apps
    record = hua.records()["credited"]

    found = hua.get(f"acts/{record}/trace")

    assert found["act"]["credited_mg"] == 233_500
    assert [(step["substituted"], step["value"], step["unit"]) for step in found["steps"]] == [
        ("5000 m * 46.7 gCO2e/(person*km)", "233.5", "gCO2e")
    ]
    assert [(factor["value"], factor["status"], factor["review_by"]) for factor in found["factors"]] == [
        ("46.7", "published", "2027-06-30")
    ]
    (grant,) = hua.get("grants")
    assert (found["grant"], found["sequence"], found["lots"]) == (grant["grant"], 1, [])
    assert found["is_other_folder"] is False


def test_another_persons_act_is_unknown_whatever_is_asked_of_it(apps: tuple[App, App]) -> None:
    ming, hua = apps
    theirs = hua.records()["credited"]

    for path in (f"acts/{theirs}", f"acts/{theirs}/trace", "acts/0", "acts/x", f"acts/{'9' * 40}"):
        assert ming.get(path, status=404)["code"] == "close.unknown_act"
    ming.post("appeals", {"record": theirs, "words": "mine"}, 404)


def test_the_statement_of_a_moment_is_always_the_same(apps: tuple[App, App]) -> None:
    ming, _ = apps
    at = "2026-03-11T08:00:00+08:00"

    found = ming.get("statement", at=at)

    assert found == ming.get("statement", at="2026-03-11T00:00:00.7Z")
    assert found["at"].startswith("2026-03-11T00:00:00")
    assert (found["pending_mg"], len(found["positions"])) == (48_700, 1)
    assert found["positions"][0]["methodology"] == "national/shared-bike@1"
    assert ming.get("statement", at="2026-03-01T00:00:00Z")["positions"] == []
    assert ming.get("statement", status=422, at="2026-03-11T08:00:00")["status"] == 422
    assert ming.get("statement", status=422, at="1772452800")["status"] == 422
    assert ming.get("statement", at="0001-01-01T00:00:00+14:00")["positions"] == []
    assert ming.get("statement", at="9999-12-31T23:59:59Z")["pending_mg"] == 48_700


def test_grants_can_be_read(apps: tuple[App, App]) -> None:
    ming, _ = apps

    (grant,) = ming.get("grants")

    assert (grant["account"], grant["provider"], grant["state"]) == (ming.account, "town", "ConsentGiven")


def test_an_appeal_is_filed_once_and_its_answer_read(apps: tuple[App, App]) -> None:
    ming, hua = apps
    record = ming.records()["overlapping"]

    made = ming.post("appeals", {"record": record, "words": "I took both."}, 201)

    again = ming.post("appeals", {"record": record, "words": "I said so."}, 409)
    assert (made["decision"], made["words"], made["record"]) == ("", "I took both.", record)
    assert again["code"] == "integrity.already_appealed"
    assert AuditEntry.objects.get(verb="appeal").facts["by"] == "api"
    answer(made["id"], uphold=True, reason="Indeed.", by=hua.user, at=utc_now())
    (seen,) = ming.get("appeals")
    assert (seen["decision"], seen["reason"]) == ("upheld", "Indeed.")
    assert hua.get("appeals") == []


@pytest.mark.parametrize(
    "content",
    [
        {"record": "x", "words": "wrong"},
        {"record": "1"},
        {"record": "1", "words": ""},
        {"record": "1", "words": " \n "},
        {"record": "1", "words": "bell\x07"},
        {"record": "1", "words": "x" * 2001},
        {"record": "1", "words": "x", "account": 2},
        [],
        "text",
    ],
)
def test_an_appeal_that_is_not_as_documented_is_refused(apps: tuple[App, App], content: object) -> None:
    ming, _ = apps

    assert ming.post("appeals", content, 422)["code"] == "api.resident_request_invalid"


def test_pools_say_what_was_lent_who_bought_it_and_what_came_of_it(apps: tuple[App, App]) -> None:
    ming, hua = apps
    pool = new_pool()
    join(ming.account, pool, Wish(5_000, (2026,)), at=AT, lang="zh", method="test")
    made = opened(pool, lot_of({ming.account: 2 * TONNE_MG}), 2)
    pay_out(sold(made, new_company("acme"), 1).pk, key="p", at=AT)

    said = ming.get("pools")

    (terms,) = said["pools"]
    assert (terms["takes_part"], terms["min_price_per_tonne"], terms["vintages"]) == (True, "50.00", [2026])
    (share,) = said["shares"]
    assert (share["amount_mg"], share["sold_mg"], share["on_sale_mg"]) == (2 * TONNE_MG, TONNE_MG, TONNE_MG)
    (sale,) = share["sales"]
    assert (sale["buyer"], sale["amount"], sale["money"], sale["uses"][0]["state"]) == (
        "acme",
        "60.00",
        "60.00",
        "held",
    )
    assert [(one["available"], one["held"]) for one in said["money"]] == [("60.00", "0.00")]
    assert hua.get("pools") == {
        "pools": [
            terms | dict.fromkeys(("grant", "min_price_per_tonne", "vintages")) | {"takes_part": False}
        ],
        "shares": [],
        "money": [],
    }


def test_json_that_cannot_be_read_is_refused(apps: tuple[App, App]) -> None:
    ming, _ = apps
    headers = {"Authorization": f"Bearer {ming.token}"}

    for content in (b"{", b"\xff\xfe", b'{"record": NaN'):
        answered = Client().post(f"{ROOT}/appeals", content, "application/json", headers=headers)
        assert (answered.status_code, answered["Content-Type"]) == (422, "application/problem+json")


@pytest.mark.parametrize("part", NAMES)
def test_a_token_does_only_what_its_scope_says(apps: tuple[App, App], town: Town, part: str) -> None:
    ming, _ = apps
    narrow = App(town, ming.account, "ming@example.org", parts=(part,))
    record = ming.records()["credited"]
    needed = {
        "me/summary": "balance",
        "balance": "balance",
        "acts": "acts",
        f"acts/{record}": "acts",
        f"acts/{record}/trace": "acts",
        "statement": "statement",
        "grants": "grants",
        "appeals": "appeals",
        "pools": "pools",
    }

    for path, wanted in needed.items():
        answered = narrow.get(path, status=200 if wanted == part else 403)
        if wanted != part:
            assert (answered["code"], answered["facts"]) == (
                "api.scope_missing",
                {"needed": f"resident:{wanted}"},
            )


def test_no_token_a_wrong_one_an_ended_one_and_a_revoked_one_open_nothing(
    apps: tuple[App, App], town: Town
) -> None:
    ming, _ = apps
    other = User.objects.create_user("nobody@example.org")
    ended, _ = issue(ming.user, scope=scope_of(NAMES), days=1, at=utc_now() - timedelta(days=2))
    gone, row = issue(ming.user, scope=scope_of(NAMES), days=1, at=utc_now())
    end(row.pk, ming.user)
    foreign, _ = issue(ming.user, scope="provider", days=1, at=utc_now())
    homeless, _ = issue(other, scope=scope_of(NAMES), days=1, at=utc_now())

    def code(given: str | None) -> tuple[int, str]:
        headers = {} if given is None else {"Authorization": given}
        answered = Client().get(f"{ROOT}/balance", headers=headers)
        assert answered["Content-Type"] == "application/problem+json"
        return answered.status_code, answered.json()["code"]

    assert code(None) == (401, "api.token_missing")
    assert code("Basic abc") == (401, "api.token_missing")
    for wrong in ("tph_short", "x" * 3000, f"tph_{'A' * 43}", ended, gone, foreign):
        assert code(f"Bearer {wrong}") == (401, "access.bad_token")
    assert code(f"Bearer {homeless}") == (403, "api.no_account")
    User.objects.filter(pk=ming.user.pk).update(is_active=False)
    assert code(f"Bearer {ming.token}") == (401, "access.bad_token")


def end(token: uuid.UUID, user: User) -> None:
    with transaction.atomic():
        revoke(token, of=user, at=utc_now())


def test_signing_in_with_a_browser_opens_nothing_here(apps: tuple[App, App]) -> None:
    ming, _ = apps
    client = Client()
    client.force_login(ming.user, backend="allauth.account.auth_backends.AuthenticationBackend")

    assert client.get(f"{ROOT}/balance").status_code == 401


def test_refusals_are_in_the_callers_language(apps: tuple[App, App]) -> None:
    ming, _ = apps

    assert (
        ming.get("acts/5", status=404)["detail"]
        == "There is no act 5 among yours. Look at the list of your acts."
    )
    assert (
        ming.get("acts/5", status=404, language="zh-CN")["detail"] == "您的行为中没有编号 5。请查看行为列表。"
    )


def test_the_fast_way_and_the_slow_way_say_the_same(apps: tuple[App, App]) -> None:
    ming, _ = apps

    def ask(query: str, given: list[Any]) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(query, given)
            return cursor.fetchone()

    slow = ming.get("balance")
    fast = balance_of(ming.token, ask, at=utc_now(), most=9)

    assert fast is not None
    assert fast.content | {"at": ""} == slow | {"at": ""}
    assert balance_of(f"tph_{'A' * 43}", ask, at=utc_now(), most=9) is None
    assert balance_of(ming.token, ask, at=utc_now() + timedelta(days=31), most=9) is None
    end(ming.row.pk, ming.user)
    assert balance_of(ming.token, ask, at=utc_now(), most=9) is None


def test_every_answer_says_how_often_the_token_may_still_ask(apps: tuple[App, App], settings: Any) -> None:
    settings.RESIDENT_TOKEN_REQUESTS_PER_MINUTE = 50
    ming, _ = apps

    answers = [ming.call(path) for path in ("balance", "acts/5")]

    assert [one.headers["RateLimit-Policy"] for one in answers] == ['"token";q=50;w=60'] * 2
    left = [int(one.headers["RateLimit"].split(";")[1].removeprefix("r=")) for one in answers]
    assert left in ([49, 48], [49, 49])


def test_a_token_that_asks_too_often_is_slowed_in_the_readers_language_and_another_is_not(
    apps: tuple[App, App], settings: Any
) -> None:
    settings.RESIDENT_TOKEN_REQUESTS_PER_MINUTE = 2
    ming, hua = apps

    answers = [ming.call("grants") for _ in range(6)]

    refused = [one for one in answers if one.status_code == 429]
    assert 2 <= len(refused) <= 4
    assert refused[0].headers["Content-Type"] == "application/problem+json"
    assert refused[0].json()["code"] == "api.too_many_requests"
    assert 1 <= int(refused[0].headers["Retry-After"]) <= 60
    assert '"token";r=0;t=' in refused[0].headers["RateLimit"]
    assert "2 are allowed for one token" in refused[0].json()["detail"]
    assert "最多 2 次" in ming.call("grants", language="zh-CN").json()["detail"]
    assert hua.call("grants").status_code == 200


def test_guessing_tokens_is_slowed_for_its_address(apps: tuple[App, App], settings: Any) -> None:
    settings.PROVIDER_ADDRESS_FAILURES_PER_MINUTE = 3
    guess = {"Authorization": f"Bearer tph_{'A' * 43}"}

    answers = [Client().get(f"{ROOT}/balance", headers=guess).status_code for _ in range(8)]

    assert answers[:3] == [401, 401, 401]
    assert 429 in answers


class Called:
    """Django, as the fast way hands on to it."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.times += 1
        start_response("404 Not Found", [])
        return [b"slow"]


@pytest.mark.django_db(transaction=True)
def test_only_a_good_tokens_get_of_the_balance_takes_the_fast_way(
    apps: tuple[App, App], settings: Any
) -> None:
    ming, _ = apps
    slow = Called()
    application, said = FastBalance(slow), []

    def call(**changed: str) -> bytes:
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": f"{ROOT}/balance",
            "HTTP_HOST": "testserver",
            "HTTP_AUTHORIZATION": f"Bearer {ming.token}",
            **changed,
        }
        return b"".join(application(environ, lambda status, headers: said.append((status, dict(headers)))))

    try:
        first, second = call(), call()
        assert json.loads(first)["pending_mg"] == json.loads(second)["pending_mg"] == 48_700
        assert said[0][0] == "200 OK"
        assert said[0][1]["Cache-Control"] == "no-store"
        assert slow.times == 0
        assert said[0][1]["RateLimit-Policy"] == '"token";q=600;w=60'
        assert '"token";r=599;t=' in said[0][1]["RateLimit"]
        narrow = App(ming.town, ming.account, "ming@example.org", parts=("acts",))
        for changed in (
            {"REQUEST_METHOD": "HEAD"},
            {"PATH_INFO": f"{ROOT}/balance/"},
            {"HTTP_HOST": "elsewhere.example"},
            {"HTTP_AUTHORIZATION": f"Bearer tph_{'A' * 43}"},
            {"HTTP_AUTHORIZATION": "Bearer x y"},
            {"HTTP_AUTHORIZATION": ""},
            {"HTTP_AUTHORIZATION": f"Bearer {narrow.token}"},
        ):
            assert call(**changed) == b"slow"
        settings.SECURE_SSL_REDIRECT = True
        settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
        assert call() == b"slow"
        assert call(HTTP_X_FORWARDED_PROTO="http") == b"slow"
        assert json.loads(call(HTTP_X_FORWARDED_PROTO="https"))["account"] == ming.account
        application._own.connection.close()
        assert json.loads(call(HTTP_X_FORWARDED_PROTO="https"))["account"] == ming.account
        settings.RESIDENT_TOKEN_REQUESTS_PER_MINUTE = 1
        assert [call(HTTP_X_FORWARDED_PROTO="https") for _ in range(3)][1:] == [b"slow", b"slow"]
    finally:
        application._own.connection.close()


def test_every_operation_of_the_document_has_a_name_an_example_and_its_problems() -> None:
    document = api.get_openapi_schema()

    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (path, method)
            assert {"200", "201"} & {str(status) for status in operation["responses"]}
            assert operation["security"], (path, method)
            for status, given in operation["responses"].items():
                if int(status) >= 400:
                    assert list(given["content"]) == ["application/problem+json"]
    for name, schema in document["components"]["schemas"].items():
        for field, given in schema.get("properties", {}).items():
            shown = "examples" in given or "$ref" in given or "items" in given or "$ref" in str(given)
            assert shown, f"{name}.{field} has no example"


def test_our_own_mistakes_are_a_note_and_no_trace(
    apps: tuple[App, App], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tanpuhui.api.resident import app

    ming, _ = apps
    secret = uuid.uuid4().hex

    def broken(*_: object) -> None:
        raise RuntimeError(secret)

    monkeypatch.setattr(app, "holdings", broken)

    said = ming.get("balance", status=500)

    assert said["code"] == "api.resident_our_fault"
    assert secret not in json.dumps(said)
