"""Pools on pages: nothing ticked, a consent of its own, terms and the way out; who bought what for what; money out."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from pooling.pond import AT, has, lot_of, money_of, new_company, new_pool, opened, sold
from tanpuhui.access.models import AuditEntry
from tanpuhui.consent.models import Grant
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.pooling.close_round import close_round
from tanpuhui.pooling.join import Wish, join, membership
from tanpuhui.pooling.models import Payee, Terms, Withdrawal
from tanpuhui.pooling.pay_out import pay_out
from tanpuhui.web.resident.news import news_since
from web.residents import born, digest, resident

pytestmark = pytest.mark.django_db
POOLS, POOL, MONEY = "/resident/pools/", "/resident/pools/city_pool/", "/resident/money/"


def text(client: Client, address: str, language: str = "en") -> str:
    answer = client.get(address, headers={"Accept-Language": language})
    assert answer.status_code == 200
    return answer.content.decode()


def joining(**changes: Any) -> dict[str, Any]:
    return {
        "do": "join",
        "min_price": "65.00",
        "which": "all",
        "notice": digest("pooling", "city_pool"),
        "agrees": "on",
        **changes,
    }


def test_without_a_pool_the_page_says_so_and_a_pool_that_is_not_there_is_not_found() -> None:
    client, _, _ = resident()

    assert "There is no pool here yet." in text(client, POOLS)
    assert client.get("/resident/pools/nowhere/").status_code == 404


def test_the_notice_is_shown_in_full_nothing_is_ticked_and_joining_is_a_consent_with_terms() -> None:
    pool = new_pool()
    client, account, _ = resident()
    page = text(client, POOL)
    assert "Demonstration pool (privacy@pool.example)" in page
    assert "companies never see who you are" in page
    assert not re.search(r'name="agrees"[^>]*checked', page)

    answer = client.post(POOL, joining(which="chosen", vintages=["2026"]))

    assert (answer.status_code, answer["Location"]) == (302, POOL)
    grant = Grant.objects.get(resident=account)
    assert (grant.purpose, grant.recipient) == ("pooling", "city_pool")
    terms = Terms.objects.get(account=account)
    assert (terms.min_price_minor, terms.vintages, terms.pool) == (6_500, [2026], pool)
    entry = AuditEntry.objects.get(verb="join_pool")
    assert entry.facts == {"pool": "city_pool", "grant": grant.pk}
    assert "you are in it" in text(client, POOLS)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"agrees": ""}, "Tick this if you agree"),
        ({"notice": "sha256:other"}, "The notice has changed"),
        ({"min_price": "-1"}, "is not an amount"),
        ({"min_price": "6.005"}, "decimals"),
        ({"min_price": "1000000.01"}, "at most"),
        ({"min_price": ""}, "required"),
        ({"which": "chosen"}, "Tick at least one year."),
        ({"which": "chosen", "vintages": ["1850"]}, "1850"),
    ],
)
def test_what_cannot_be_agreed_to_is_shown_with_the_form_and_nothing_is_signed(
    changes: dict[str, Any], said: str
) -> None:
    new_pool()
    client, _, _ = resident()

    answer = client.post(POOL, joining(**changes))

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Grant.objects.exists()


def test_a_price_of_nothing_takes_any_price_and_terms_change_and_end_by_a_button() -> None:
    pool = new_pool()
    client, account, _ = resident()
    client.post(POOL, joining(min_price="0"))
    client.post(POOL, {"do": "change", "min_price": "70", "which": "all"})

    assert list(Terms.objects.order_by("id").values_list("min_price_minor", flat=True)) == [0, 7_000]
    assert client.post(POOL, {"do": "leave"}).status_code == 302
    assert membership(account, pool, at=utc_now()) is None
    assert client.post(POOL, {"do": "leave"}).status_code == 422
    assert client.post(POOL, {"do": "nothing"}).status_code == 400


def test_somebody_under_14_sells_nothing() -> None:
    from consent.people import adult

    new_pool()
    client, _, _ = resident(birth_on=born(10), guardian=adult())

    assert "You are under 14" in text(client, POOL)
    assert client.post(POOL, joining()).status_code == 422
    assert not Terms.objects.exists()


def sold_some() -> tuple[Client, int, Any]:
    """A resident of whose half of 2 t a company bought one."""
    pool = new_pool()
    client, account, _ = resident()
    _, other, _ = resident()
    for one in (account, other):
        join(one, pool, Wish(0), at=AT, lang="en", method="test")
    made = opened(pool, lot_of({account: TONNE_MG, other: TONNE_MG}), 2)
    acme = new_company("acme-steel")
    pay_out(sold(made, acme, 1).pk, key="p", at=AT)
    return client, account, made


def test_the_page_says_what_was_sold_to_whom_for_what_and_what_came_of_it() -> None:
    client, account, made = sold_some()

    page = text(client, POOLS)
    for said in ("Acme", "30.00", "60.00", "has it and has not used it yet", "DEMO-000001", "on sale"):
        assert said in page
    close_round(made.pk, at=AT)
    page = text(client, POOL)
    assert "Came back to you" in page
    assert has(account, made.lot) == TONNE_MG // 2


def test_what_a_pool_took_and_gave_back_is_news_of_its_own_and_no_new_certificate() -> None:
    client, account, made = sold_some()
    close_round(made.pk, at=AT)

    said = news_since(account, AT - timedelta(days=1), at=utc_now())

    assert "1\N{NO-BREAK SPACE}t went into a round of a pool." in said
    assert "500\N{NO-BREAK SPACE}kg came back from a pool, unsold." in said
    assert client.get(POOLS).status_code == 200


def test_money_is_paid_out_to_the_banks_token_once_a_form_and_can_be_called_back() -> None:
    client, account, _ = sold_some()
    assert "say below where your bank pays" in text(client, MONEY)

    assert client.post(MONEY, {"do": "payee", "token": "short"}).status_code == 422
    assert client.post(MONEY, {"do": "payee", "token": "bank-token-77"}).status_code == 302
    form = {"do": "withdraw", "currency": "CNY", "amount": "10.00", "key": str(uuid4())}
    assert client.post(MONEY, form).status_code == 302
    assert client.post(MONEY, form).status_code == 302

    made = Withdrawal.objects.get()
    assert (made.account, made.amount_minor, money_of(account)) == (account, 1_000, 2_000)
    too_much = client.post(MONEY, {**form, "key": str(uuid4()), "amount": "20.01"})
    assert too_much.status_code == 422
    assert "You have 20.00 CNY" in too_much.content.decode()
    assert client.post(MONEY, {"do": "forget"}).status_code == 409
    other, _, _ = resident()
    assert other.post(MONEY, {"do": "cancel", "withdrawal": made.pk}).status_code == 404
    assert client.post(MONEY, {"do": "cancel", "withdrawal": made.pk}).status_code == 302
    assert client.post(MONEY, {"do": "cancel", "withdrawal": "x"}).status_code == 404
    assert client.post(MONEY, {"do": "forget"}).status_code == 302
    assert not Payee.objects.exists()
    assert money_of(account) == 3_000
    assert "bank-token-77" not in str(list(AuditEntry.objects.values_list("facts", flat=True)))
