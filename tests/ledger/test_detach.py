"""Months of closes in files: everything that is asked is answered as before, and what is wrong with a file is named."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from django.db import ProgrammingError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.bookings import new_key, postings_of
from ledger.bygone import APRIL, FEBRUARY, JANUARY, MARCH, NOW, Bygone, at, sealed
from tanpuhui.community.credited import Days, credited_each, credited_in_all
from tanpuhui.ledger.account import Kind, account_id
from tanpuhui.ledger.balance import owner_balances_at
from tanpuhui.ledger.connection import refusing
from tanpuhui.ledger.detached import months
from tanpuhui.ledger.every_month import every_month
from tanpuhui.ledger.invariants import check, counts
from tanpuhui.ledger.month_file import Month, legs_between
from tanpuhui.ledger.refusals import (
    InFiles,
    MonthFileAltered,
    MonthFileMissing,
    OnlyGrows,
    ReversalOfDetached,
)
from tanpuhui.ledger.reverse import reverse
from tanpuhui.ledger.statement import statement
from tanpuhui.notary.detach import decide, detach, may_go
from tanpuhui.notary.refusals import (
    EarlierMonthFirst,
    MonthIsDetached,
    MonthNotSealed,
    MonthTooYoung,
    NoSuchMonth,
    TooFewMonths,
)
from tanpuhui.notary.sealed_tables import TABLES
from tanpuhui.notary.seals import rows_through, set_text
from tanpuhui.web.shared.refused import OLD_ENTRIES

pytestmark = pytest.mark.django_db


@pytest.fixture()
def bygone(fresh_home: Path) -> Bygone:
    """Nothing is detached yet; every leg is sealed."""
    made = Bygone()
    made.live()
    sealed()
    return made


def gone(*wanted: date) -> list[Month]:
    with transaction.atomic():
        return [detach(month, at=NOW) for month in wanted]


def in_table(function: str, owner: int, moment: Any, *more: int) -> list[Any]:
    given = [owner << 4, (owner << 4) + 15, moment, *more]
    with transaction.atomic(), refusing(), connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {function}({', '.join(['%s'] * len(given))})", given)
        return list(cursor.fetchall())


def test_everything_is_answered_as_before_after_each_month_that_goes(bygone: Bygone) -> None:
    before = bygone.said()

    for month in (JANUARY, FEBRUARY, MARCH, APRIL):
        gone(month)

        assert bygone.said() == before


def test_what_goes_is_what_closes_credited_and_the_rest_stays(bygone: Bygone) -> None:
    """January has five legs, 100 + 50 + 30 - 30 + 7 mg; February one of 11, and what was certified stays beside it."""
    first, second = gone(JANUARY, FEBRUARY)

    assert (first.legs, first.amount_mg) == (5, 157)
    assert (second.legs, second.amount_mg) == (1, 11)
    pending = account_id(Kind.RESIDENT_PENDING, bygone.a)
    assert legs_between(first, pending, pending)["amount"].to_pylist() == [100, 7]
    with connection.cursor() as cursor:
        cursor.execute("SELECT account_id & 15, amount FROM ledger_posting_batch_2025_02 ORDER BY 1, 2")
        assert cursor.fetchall() == [(1, -60), (2, 60), (6, -60), (6, -11), (6, 60)]


def test_balances_of_a_detached_month_are_those_worked_out_by_hand(bygone: Bygone) -> None:
    gone(JANUARY, FEBRUARY, MARCH)

    known = [
        [
            (one.asset.partition(":")[0], one.available)
            for one in owner_balances_at(connection, bygone.a, moment)
        ]
        for moment in (at(2025, 1, 4), at(2025, 1, 31), at(2025, 2, 1), at(2025, 2, 28), at(2025, 3, 31))
    ]

    # 100; 100 + 7 + 11; less 60, of which 60 - 9 are left as a lot's; less 8.
    assert known == [
        [],
        [("waits", 100)],
        [("waits", 118)],
        [("waits", 58), ("ton", 51)],
        [("waits", 50), ("ton", 51)],
    ]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    history=st.lists(
        st.tuples(st.integers(0, 150), st.booleans(), st.integers(1, 90), st.booleans()),
        min_size=1,
        max_size=14,
    ),
    going=st.integers(1, 5),
    asked=st.lists(st.integers(-2, 152), min_size=1, max_size=5),
)
def test_whatever_happened_is_answered_as_before(
    fresh_home: Path, history: list[tuple[int, bool, int, bool]], going: int, asked: list[int]
) -> None:
    """Days of five months; who; how much; and whether all that is there is taken back instead."""
    with transaction.atomic():
        made = Bygone()
        has = {made.a: 0, made.b: 0}
        for day, is_first, amount, takes_back in sorted(history):
            owner = made.a if is_first else made.b
            signed = -has[owner] if takes_back and has[owner] else amount
            made.close(at(2025, 1, 1) + timedelta(days=day), (owner, made.asset, signed))
            has[owner] += signed
        sealed()
        moments = [at(2025, 1, 1) + timedelta(days=day) for day in asked]
        before = [_answers(made, moment) for moment in moments]

        gone(*may_go(at=NOW)[:going])

        assert [_answers(made, moment) for moment in moments] == before
        assert check(connection) == []
        transaction.set_rollback(True)


def _answers(made: Bygone, moment: Any) -> list[Any]:
    return [
        statement(connection, owner, at=moment, limit=most)
        for owner in (made.a, made.b)
        for most in (None, 0, 1, 3)
    ]


def test_invariants_and_seals_look_at_all_months(bygone: Bygone) -> None:
    one = next(table for table in TABLES if table.table == "ledger_posting")

    def seen() -> tuple[Any, ...]:
        with every_month(connection) as everything:
            set_text()
            rows = list(rows_through(one, one.columns, 2**60))
            return check(connection), counts(connection), rows, everything.from_files

    before = seen()
    gone(JANUARY, FEBRUARY)
    after = seen()

    assert before[0] == []
    assert after[:3] == before[:3]
    assert (before[3], after[3]) == (0, 6)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('pg_temp.ledger_posting')")
        assert cursor.fetchone() == (None,)


def test_the_application_reads_and_checks_all_months_in_its_own_role(bygone: Bygone) -> None:
    before = bygone.said()
    gone(JANUARY, FEBRUARY)

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE tanpuhui_app")

        assert bygone.said() == before
        assert check(connection) == []
        assert credited_each([Days(bygone.a, JANUARY, date(2025, 1, 31))]) == [118]
        cursor.execute("RESET ROLE")


def test_a_wrong_sum_is_found_beside_what_is_in_files(bygone: Bygone) -> None:
    gone(JANUARY)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ledger_balance SET available = available + 1 WHERE account_id = %s", [bygone.a * 16 + 1]
        )

    assert [one.invariant for one in check(connection)] == ["balance_is_sum_of_postings"]


def test_what_may_be_converted_and_what_challenges_count_stay_what_they_were(bygone: Bygone) -> None:
    windows = [
        Days(bygone.a, JANUARY, date(2025, 1, 31)),
        Days(bygone.b, date(2025, 1, 19), date(2025, 3, 30)),
        Days(bygone.a, date(2025, 4, 1), date(2027, 6, 1)),
    ]

    def counted() -> list[Any]:
        everybody = [credited_in_all([bygone.a, bygone.b], one.first_on, one.last_on) for one in windows]
        named = credited_in_all([bygone.a], JANUARY, APRIL, ["test/nothing"])
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM points_came(%s) ORDER BY 1, 2", [bygone.a])
            return [credited_each(windows), everybody, named, cursor.fetchall()]

    before = counted()
    gone(JANUARY, FEBRUARY, MARCH)

    # Acts of January: 100, 7, and 11 on its last day; of b -30 and 4; later 2 of a. Of a came 118 - 8 + 1 + 2, a lot.
    assert counted() == before
    assert before[0] == [118, -26, 2]
    assert before[1] == [118 + 50 + 30 - 30, 118 - 100 - 8 + 4 - 30, 2 + 5 + 3]
    assert before[3] == [(bygone.a * 16 + 1, bygone.asset, 113), (bygone.a * 16 + 2, bygone.lot, 60)]


@pytest.mark.parametrize(
    ("harm", "refused"),
    [
        ("a byte", MonthFileAltered),
        ("a leg", MonthFileAltered),
        ("an amount", MonthFileAltered),
        ("all", MonthFileMissing),
    ],
)
def test_a_file_that_is_not_what_was_detached_is_named(
    bygone: Bygone, harm: str, refused: type[MonthFileAltered]
) -> None:
    first, _ = gone(JANUARY, FEBRUARY)
    done(first, harm)

    with pytest.raises(refused) as said:
        statement(connection, bygone.a, at=NOW)
    assert (said.value.facts["month"], said.value.facts["path"]) == ("2025-01", first.path)
    found = check(connection)
    assert (found[0].invariant, found[0].key) == ("months_are_as_detached", "month=2025-01")
    assert str(first.path) in found[0].found
    assert "balance_is_sum_of_postings" in {one.invariant for one in found}
    # What needs no file is answered: a page of newest lines, and the balance of now.
    assert len(statement(connection, bygone.a, at=NOW, limit=1).lines) == 1


def done(month: Month, harm: str) -> None:
    if harm == "all":
        month.path.unlink()
        return
    if harm == "a byte":
        content = bytearray(month.path.read_bytes())
        content[len(content) // 3] ^= 1
        month.path.write_bytes(content)
        return
    table = pq.read_table(month.path)
    wrong = table.set_column(2, "amount", pc.add(table["amount"], 1))
    pq.write_table(table.slice(1) if harm == "a leg" else wrong, month.path)


def test_sql_refuses_moments_that_only_files_know(bygone: Bygone) -> None:
    gone(JANUARY, FEBRUARY)

    for moment in (at(2025, 1, 10), at(2025, 2, 28)):
        with pytest.raises(InFiles):
            in_table("ledger_balance_at", bygone.a, moment)
        with pytest.raises(InFiles):
            in_table("ledger_newest_lines", bygone.a, moment, 5)
        with pytest.raises(InFiles):
            in_table("ledger_lines", bygone.a, moment)
    with pytest.raises(InFiles):
        in_table("ledger_lines", bygone.a, NOW)
    assert in_table("ledger_lines", bygone.a, at(2024, 12, 31)) == []
    assert in_table("ledger_balance_at", bygone.a, at(2025, 3, 1)) != []
    # Accounts that closes credit nothing to have all their legs in the table.
    assert in_table("ledger_lines", 0, at(2025, 1, 10)) != []


def test_a_month_that_went_between_two_questions_is_refused_and_not_left_out(bygone: Bygone) -> None:
    """What was read before the month went to its file has no legs of it, and neither has the table now."""
    gone(JANUARY)

    with pytest.raises(InFiles), transaction.atomic(), refusing(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM ledger_lines_with(%s, %s, %s, NULL, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')",
            [bygone.a << 4, (bygone.a << 4) + 15, NOW],
        )


def test_a_close_in_a_file_is_not_reversed(fresh_home: Path) -> None:
    made = Bygone()
    first = made.live()
    sealed()
    gone(JANUARY)

    answer = reverse(
        connection, first.transaction_ids[0], key=new_key(), reason="wrong", effective_on=JANUARY, at=NOW
    )

    with pytest.raises(ReversalOfDetached, match="2025-01"):
        answer.accepted()


def test_what_comes_late_into_a_detached_month_is_counted(bygone: Bygone) -> None:
    gone(JANUARY)
    bygone.close(at(2025, 1, 15), (bygone.a, bygone.asset, 3))

    known = [
        statement(connection, bygone.a, at=moment).pending_mg()
        for moment in (at(2025, 1, 14), at(2025, 1, 16), NOW)
    ]

    assert known == [100, 103, 100 + 7 + 11 - 60 - 8 + 1 + 2 + 3]
    assert check(connection) == []


def test_a_month_goes_in_order_once_and_not_too_soon() -> None:
    def ask(month: date, *, older_than: int = 12, moment: Any = NOW) -> None:
        decide(month, kept=[FEBRUARY, MARCH], gone=[JANUARY], at=moment, older_than=older_than)

    ask(FEBRUARY)
    ask(FEBRUARY, moment=at(2026, 3, 1))
    with pytest.raises(MonthTooYoung, match="from 2026-03-01 on, 12 months"):
        ask(FEBRUARY, moment=at(2026, 3, 1) - timedelta(microseconds=1))
    ask(FEBRUARY, older_than=2, moment=at(2025, 5, 1))
    with pytest.raises(MonthTooYoung):
        ask(FEBRUARY, older_than=2, moment=at(2025, 4, 30))
    with pytest.raises(EarlierMonthFirst, match="2025-02 is before 2025-03"):
        ask(MARCH)
    with pytest.raises(MonthIsDetached):
        ask(JANUARY)
    with pytest.raises(NoSuchMonth):
        ask(APRIL)


def test_a_month_that_is_not_sealed_or_asked_for_too_soon_stays(fresh_home: Path) -> None:
    made = Bygone()
    first = made.live()

    with pytest.raises(MonthNotSealed) as said:
        gone(JANUARY)
    assert said.value.facts["tx_id"] == first.transaction_ids[0]
    with pytest.raises(TooFewMonths), transaction.atomic():
        detach(JANUARY, at=NOW, older_than=1)
    sealed()
    late = made.close(at(2025, 1, 7), (made.a, made.asset, 1))
    with pytest.raises(MonthNotSealed) as said:
        gone(JANUARY)
    assert (said.value.facts["count"], said.value.facts["tx_id"]) == (1, late.transaction_ids[0])
    assert months(connection) == ()


def test_a_kill_between_the_file_and_the_commit_leaves_all_in_the_table(bygone: Bygone) -> None:
    before, legs = bygone.said(), postings_of(bygone.asset)

    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        lost = detach(JANUARY, at=NOW)
        raise KeyboardInterrupt

    assert (months(connection), postings_of(bygone.asset)) == ((), legs)
    assert lost.path.exists()
    assert bygone.said() == before
    (again,) = gone(JANUARY)
    assert again.digest == lost.digest


def test_nothing_goes_where_the_table_and_the_file_differ(bygone: Bygone) -> None:
    take = f"SELECT ledger_detach_month('2025-01-01', 4, 157, 9, 'sha256:{'0' * 64}', now())"
    cursor = connection.cursor()

    with (
        pytest.raises(OnlyGrows, match="5 legs of 157 mg, the file 4 of 157"),
        transaction.atomic(),
        refusing(),
    ):
        cursor.execute(take)

    assert months(connection) == ()


def test_nobody_but_the_verb_takes_anything_out_before_or_after(bygone: Bygone) -> None:
    gone(JANUARY)

    with connection.cursor() as cursor:
        for role, attack, error in (
            (
                "tanpuhui_app",
                f"SELECT ledger_detach_month('2025-02-01', 1, 11, 9, 'sha256:{'0' * 64}', now())",
                ProgrammingError,
            ),
            ("tanpuhui_app", "INSERT INTO ledger_detached_month DEFAULT VALUES", ProgrammingError),
            ("tanpuhui_app", "DELETE FROM ledger_posting_batch_2025_02", ProgrammingError),
            ("NONE", "DELETE FROM ledger_posting_batch_2025_01", OnlyGrows),
            ("NONE", "DELETE FROM ledger_posting", OnlyGrows),
            ("NONE", "UPDATE ledger_detached_month SET legs = legs", OnlyGrows),
            ("NONE", "DELETE FROM ledger_detached_month", OnlyGrows),
        ):
            with pytest.raises(error), transaction.atomic(), refusing():
                cursor.execute(f"SET LOCAL ROLE {role}")
                cursor.execute(attack)


def test_pages_have_words_for_what_the_ledger_refuses() -> None:
    assert {InFiles.on_page, MonthFileMissing.on_page, MonthFileAltered.on_page} == set(OLD_ENTRIES)
