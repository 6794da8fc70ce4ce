"""What is asked for wrongly is refused: with a code, facts and a next step, nothing changed, and the same again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from market.exchange import auctioned, listed, member, new_key, place, seller
from money.bank import bank_file
from points.book import AT, KG, new_organisation, new_resident, new_sponsor
from registry.units_town import given, new_lot, order
from tanpuhui.access.organise import organise
from tanpuhui.cli import main
from tanpuhui.cli import market as market_commands
from tanpuhui.ledger.account import organisation
from tanpuhui.registry.retire import retire
from web.second_book import earn, held_now, offer_now

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_home")]
Words = tuple[object, ...]


@pytest.fixture()
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run a command on the tests' database; answers its exit status and what it printed as JSON."""
    monkeypatch.setattr(main, "start_database", lambda: None)

    def command(*words: object) -> tuple[int, Any]:
        capsys.readouterr()
        status = main.status_of([*map(str, words), "--json"])
        return status, json.loads(capsys.readouterr().out)

    return command


def everything() -> list[tuple[Any, ...]]:
    """What has value: every balance, every number of a tonne, what is left of offers, and what is on the market."""
    found: list[tuple[Any, ...]] = []
    with connection.cursor() as cursor:
        for table in ("ledger_balance", "registry_block", "points_stripe", "points_use", "market_bid"):
            cursor.execute(f"SELECT t::text FROM {table} t ORDER BY 1")
            found += [(table, *row) for row in cursor.fetchall()]
        cursor.execute("SELECT count(*), sum(amount) FROM ledger_posting")
        found += cursor.fetchall()
    return found


def more_than_is_held() -> Words:
    sponsor, account = new_sponsor(), new_resident()
    earn(account, sponsor, 2)
    return ("redeem", "hold", offer_now(sponsor).code, "--account", account)


def an_expired_offer() -> Words:
    sponsor, account = new_sponsor(), new_resident()
    earn(account, sponsor, 9)
    coffee = offer_now(sponsor, starts_at=AT.replace(year=2025), ends_at=AT.replace(month=1))
    return ("redeem", "hold", coffee.code, "--account", account)


def stock_that_is_gone() -> Words:
    sponsor, account = new_sponsor(), new_resident()
    earn(account, sponsor, 9)
    coffee = offer_now(sponsor, stock=1)
    held_now(coffee, account)
    return ("redeem", "hold", coffee.code, "--account", account)


def a_retired_unit_for_sale() -> Words:
    acme, lot = seller(2, "acme")
    retire(order(organisation(acme.pk), (lot, 1), purpose="2025"), at=AT)
    return ("market", "list", "acme", lot, 2, "70.00")


def more_than_the_cap() -> Words:
    return (*_filing(jurisdiction="guangdong", year=2022, status="official"), "--amount-t", "10.000000001")


def a_wrong_vintage() -> Words:
    return (*_filing(jurisdiction="demo", year=2026, vintage=2020), "--amount-t", 1)


def _filing(*, jurisdiction: str, year: int, **of_lot: Any) -> Words:
    """A company with 12 t and 100 t of emissions: it may offset 10 t."""
    company = organise("company", "acme", name_zh="甲", name_en="Acme", at=AT)
    given(organisation(company.pk), new_lot(12, jurisdiction=jurisdiction, **of_lot), 12)
    of = ("--company", "acme", "--jurisdiction", jurisdiction, "--year", year)
    words = ["offset", "declare", *of, "--verified-emissions-t", 100, "--source", "report 1"]
    assert main.status_of([*map(str, words)]) == 0
    return ("offset", "reserve", *of)


def a_bid_between_ticks() -> Words:
    _, lot = seller(10)
    member("bolt", "1000.00")
    return ("market", "bid", auctioned("seller", lot, 10), 1, "70.01", "--buyer", "bolt")


def an_unknown_currency() -> Words:
    return ("points", "fund", new_sponsor().code, "1.00", "--currency", "XXX", "--reference", "B-9")


def too_many_decimals() -> Words:
    return ("points", "fund", new_sponsor().code, "1.001", "--reference", "B-9")


def more_than_is_listed() -> Words:
    _, lot = seller(10)
    member("bolt", "1000.00")
    return ("market", "take", listed("seller", lot, 10), 11, "--buyer", "bolt")


@pytest.mark.parametrize(
    ("asked", "code", "facts"),
    [
        (more_than_is_held, "points.too_few", {"wanted": 3, "available": 2}),
        (an_expired_offer, "points.offer_over", {}),
        (stock_that_is_gone, "points.stock_gone", {"left": 0, "wanted": 1}),
        (a_retired_unit_for_sale, "market.units_not_free", {"free_t": 1, "retired_t": 1, "wanted_t": 2}),
        (more_than_the_cap, "offsetting.cap_exceeded", {"left_mg": 10**10, "wanted_mg": 10**10 + 1}),
        (a_wrong_vintage, "offsetting.not_enough_eligible", {"eligible_t": 0, "wanted_t": 1}),
        (a_bid_between_ticks, "market.off_tick", {"below": "70.00", "above": "70.05"}),
        (an_unknown_currency, "money.currency_unknown", {"currency": "XXX"}),
        (too_many_decimals, "money.too_many_decimals", {"decimals": 3, "most": 2}),
        (more_than_is_listed, "market.more_than_listed", {"left_t": 10, "wanted_t": 11}),
    ],
    ids=lambda one: getattr(one, "__name__", None),
)
def test_bad_input_is_refused_and_changes_nothing_however_often_it_is_sent(
    asked: Callable[[], Words],
    code: str,
    facts: dict[str, Any],
    run: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(market_commands, "jurisdiction", lambda: place(tick_minor=5))
    words = (*asked(), "--key", new_key())
    before = everything()

    answers = [run(*words) for _ in range(3)]

    assert {status for status, _ in answers} == {2}
    [said] = {json.dumps(said["refused"], sort_keys=True) for _, said in answers}
    refused = json.loads(said)
    assert refused["code"] == code
    assert {name: refused["facts"].get(name) for name in facts} == facts
    # What is wrong, and then what to do.
    assert refused["message"].count(". ") >= 1
    assert everything() == before


def test_a_line_that_matches_nothing_is_kept_and_listed_once(run: Callable[..., Any], tmp_path: Path) -> None:
    new_organisation()
    new_resident(KG)
    file = tmp_path / "bank.xml"
    file.write_bytes(bank_file(("TPS-000000099", "12.00", "DBIT"), ("hello", "1.00", "CRDT")))
    before = everything()

    answers = [run("money", "bank", file) for _ in range(2)]
    status, listed_lines = run("money", "bank")

    assert [status for status, _ in answers] == [3, 3]
    assert answers[0] == answers[1]
    assert (status, [line["why"] for line in listed_lines]) == (
        3,
        ["no_such_settlement", "unknown_reference"],
    )
    assert everything() == before
