"""Statements: every line with its running balance, and what an account had at any moment."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection

from ledger.bookings import AT, DAY, fund, legs_of, moving, new_asset, new_key, new_pool, new_resident
from tanpuhui.cli.statement import NotAMoment
from tanpuhui.cli.statement import statement as command
from tanpuhui.consent.open_account import open_account
from tanpuhui.ledger.account import Kind, account_id, owner_of
from tanpuhui.ledger.asset import get_or_create_asset
from tanpuhui.ledger.balance import balance_at
from tanpuhui.ledger.post_batch import ISSUANCE, post_batch
from tanpuhui.ledger.statement import statement
from tanpuhui.ledger.transfer import transfer

pytestmark = pytest.mark.django_db


def test_an_owner_who_never_did_anything_has_an_empty_statement() -> None:
    drawn = statement(connection, 2**40, at=AT)

    assert (drawn.lines, drawn.totals, drawn.pending_mg()) == ((), {}, 0)


def test_lines_come_newest_first_with_the_balance_after_each() -> None:
    asset, resident = new_asset(), new_resident()
    for amount in (10, 20, 30):
        fund(resident, asset, amount)
    transfer(connection, moving(resident, new_pool(), asset, 45), at=AT)

    drawn = statement(connection, owner_of(resident), at=AT)

    assert [line.amount for line in drawn.lines] == [-45, 30, 20, 10]
    assert [line.balance for line in drawn.lines] == [15, 60, 30, 10]
    assert drawn.certified_mg() == 15


def test_a_limit_shortens_the_lines_and_not_the_totals() -> None:
    asset, resident = new_asset(), new_resident()
    for amount in (10, 20, 30):
        fund(resident, asset, amount)

    drawn = statement(connection, owner_of(resident), at=AT, limit=1)

    assert [line.balance for line in drawn.lines] == [60]
    assert drawn.certified_mg() == 60


def test_a_page_reads_no_month_before_those_that_fill_it() -> None:
    """An older month's postings can be gone."""
    asset, resident = new_asset(), new_resident()
    for month in (3, 9, 10, 11):
        transfer(
            connection, moving(ISSUANCE, resident, asset, month), at=datetime(2026, month, 1, tzinfo=UTC)
        )
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE ledger_posting_single_2026_03")

    drawn = statement(connection, owner_of(resident), at=AT, limit=2)

    assert [(line.amount, line.balance) for line in drawn.lines] == [(11, 33), (10, 22)]


def test_an_owners_lines_are_looked_for_once_however_many_transactions_there_are() -> None:
    asset, resident = new_asset(), new_resident()
    started_at = datetime(2026, 3, 1, tzinfo=UTC)
    others = [account_id(Kind.RESIDENT_PENDING, owner) for owner in range(2**41, 2**41 + 4_000)]
    fund(new_resident(), asset, 1)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE ledger_transaction")
    for day in range(20):
        rows = [(account, asset, 1) for account in (resident, *others)]
        post_batch(
            connection, key=new_key(), manifest=None, reason="test", effective_on=started_at.date(),
            legs=legs_of(rows), at=started_at + timedelta(days=day),
        )  # fmt: skip

    def scans() -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT sum(pg_stat_get_xact_numscans(indexrelid)) FROM pg_index"
                " WHERE indrelid = 'ledger_posting_batch_2026_03'::regclass"
            )
            return int(cursor.fetchone()[0])

    before = scans()
    drawn = statement(connection, owner_of(resident), at=AT)
    at_end = scans()
    paged = statement(connection, owner_of(resident), at=AT, limit=50)

    assert [line.balance for line in drawn.lines] == [*range(20, 0, -1)]
    assert paged == drawn
    assert at_end - before <= 2
    assert scans() - at_end <= 3


def test_a_statement_of_an_earlier_moment_is_what_was_known_then() -> None:
    asset, resident = new_asset(), new_resident()
    moments = [datetime(2026, month, 1, tzinfo=UTC) for month in (9, 10, 11)]
    for moment in moments:
        transfer(connection, moving(ISSUANCE, resident, asset, 10), at=moment)
    owner = owner_of(resident)

    known = [statement(connection, owner, at=moment).certified_mg() for moment in moments]
    before = statement(connection, owner, at=moments[0] - timedelta(microseconds=1))

    assert known == [10, 20, 30]
    assert before.lines == ()


def test_pending_certified_and_retired_are_totalled_apart() -> None:
    pending = get_or_create_asset(connection, "test:metro:2026").id
    lot, owner = new_asset(), 4_242
    accounts = {kind: account_id(kind, owner) for kind in Kind}
    rows = [
        (accounts[Kind.RESIDENT_PENDING], pending, 467_000),
        (accounts[Kind.RESIDENT_CERTIFIED], lot, 1_000),
    ]
    post_batch(
        connection,
        key=new_key(),
        manifest="sha256:11",
        reason="close",
        effective_on=date(2026, 11, 23),
        legs=legs_of(rows),
        at=AT,
    )
    transfer(connection, moving(accounts[Kind.RESIDENT_CERTIFIED], accounts[Kind.RETIRED], lot, 400), at=AT)

    drawn = statement(connection, owner, at=AT).as_json()

    assert (drawn["pending_mg"], drawn["certified_mg"], drawn["retired_mg"]) == (467_000, 600, 400)
    assert drawn["totals"]["resident_pending"] == {"test:metro:2026": 467_000}
    assert {line["effective_on"] for line in drawn["lines"]} == {"2026-11-23", DAY.isoformat()}


def test_the_issuance_account_owes_what_was_issued() -> None:
    asset = get_or_create_asset(connection, f"test:{new_key()}")
    fund(new_resident(), asset.id, 77)

    owed = {balance.asset: balance.available for balance in balance_at(connection, ISSUANCE, AT)}

    assert owed[asset.code] == -77


def test_the_command_prints_json_of_a_moment(capsys: pytest.CaptureFixture[str]) -> None:
    asset, resident = new_asset(), account_id(Kind.RESIDENT_CERTIFIED, open_account(at=AT))
    fund(resident, asset, 10)

    status = command(owner_of(resident), at="2026-11-24T12:00:00+08:00", as_json=True)

    printed = json.loads(capsys.readouterr().out)
    assert (status, printed["certified_mg"], len(printed["lines"])) == (0, 10, 1)


def test_the_command_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    asset, resident = new_asset(), account_id(Kind.RESIDENT_CERTIFIED, open_account(at=AT))
    fund(resident, asset, 467_000)

    command(owner_of(resident), at="2026-11-24T12:00:00+08:00")

    assert "certified 467 g" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["yesterday", "2026-11-24T12:00:00", ""])
def test_the_command_refuses_what_is_no_moment(text: str) -> None:
    with pytest.raises(NotAMoment):
        command(open_account(at=AT), at=text or "x")
