"""Movements and holdings: what an owner's accounts gained and lost, by day, asset and reason, and have now."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from close.town import DAY, PHONE_MG, TAKEN_AT, Town, act, metro
from tanpuhui.close.summary import Credit, credits_in, summary
from tanpuhui.ledger.account import Kind
from tanpuhui.ledger.movements import Holdings, holdings, movements
from tanpuhui.methodology.load import load_library
from tanpuhui.quantify.jurisdiction import load_jurisdiction

pytestmark = pytest.mark.django_db
NEXT = DAY + timedelta(days=1)


@pytest.fixture()
def town(fresh_home: object, db: None) -> Town:
    return Town(fresh_home, load_library(), load_jurisdiction("demo"))  # type: ignore[arg-type]


def known(account: int, after: datetime | None = None) -> list[tuple[object, ...]]:
    from django.db import connection

    found = movements(connection, account, at=TAKEN_AT + timedelta(days=9), after=after)
    return [(one.kind, one.asset, one.reason, one.effective_on, one.amount) for one in found]


def test_a_close_and_its_correction_are_one_sum_of_their_day(town: Town) -> None:
    from django.db import connection

    accounts = town.settle("ab")
    town.take(metro("m1", "a", 10_000), metro("m2", "b", 1_000))
    town.close()
    town.take(metro("m1", "a", 3_000, revision=1))
    town.close(at=TAKEN_AT + timedelta(hours=1))

    asset = "pending:shenzhen/metro@1:2026"
    assert known(accounts["a"]) == [(Kind.RESIDENT_PENDING, asset, "close", DAY, 140_100)]
    assert known(accounts["a"], after=TAKEN_AT) == [(Kind.RESIDENT_PENDING, asset, "close", DAY, -326_900)]
    assert known(accounts["a"], after=TAKEN_AT + timedelta(hours=1)) == []
    assert holdings(connection, accounts["a"]) == Holdings(pending_mg=140_100)
    assert holdings(connection, 99) == Holdings()


def test_a_summary_tells_day_month_and_year_apart(town: Town) -> None:
    account = town.settle("a")["a"]
    town.take(
        act("second_hand_sale", "s", "a", day=date(2026, 2, 27), pieces=1, product=1),
        metro("m1", "a", 10_000),
        metro("m2", "a", 1_000, day=NEXT),
    )
    for day in (date(2026, 2, 27), DAY, NEXT):
        town.close(day)
    at = TAKEN_AT + timedelta(hours=1)

    on_the_day, later, new_year = (
        summary(account, at=at, today=today) for today in (NEXT, date(2026, 3, 31), date(2027, 1, 1))
    )

    assert (on_the_day.day_mg, on_the_day.month_mg, on_the_day.year_mg) == (
        46_700,
        513_700,
        PHONE_MG + 513_700,
    )
    assert (later.day_mg, later.month_mg) == (0, 513_700)
    assert (new_year.year_mg, new_year.all_mg) == (0, PHONE_MG + 513_700)
    assert (later.last_day, later.last_day_mg) == (NEXT, 46_700)
    assert later.by_month() == {
        date(2026, 2, 1): {"national/second-hand-goods@1": PHONE_MG},
        date(2026, 3, 1): {"shenzhen/metro@1": 513_700},
    }
    assert later.statuses()["shenzhen/metro@1"] == "published"


def test_what_was_owed_first_is_a_credit_and_what_a_lot_takes_is_none() -> None:
    from tanpuhui.ledger.movements import Movement

    def moved(kind: Kind, asset: str, reason: str, amount: int) -> Movement:
        return Movement(kind, asset, reason, DAY, amount, TAKEN_AT)

    pending, owed = "pending:shenzhen/metro@1:2026", "owed:shenzhen/metro@1:2026"

    found = credits_in(
        [
            moved(Kind.RESIDENT_PENDING, pending, "close", 700),
            moved(Kind.RESIDENT_OWED, owed, "close", -300),
            moved(Kind.RESIDENT_PENDING, pending, "certify", -600),
            moved(Kind.RESIDENT_CERTIFIED, "lot:DEMO-1", "certify", 600),
        ]
    )

    assert found == [Credit(DAY, "shenzhen/metro@1", 1_000)]
