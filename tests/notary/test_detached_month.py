"""A month of a real town in its file: the audit compares it with the log as it does the table, and a copy has it."""

from __future__ import annotations

import gc
import json
import os
import signal
import warnings
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from django.db import connection, transaction

from close.town import DAY, Town, act, metro
from ledger.postgres_store import session
from notary.logged import found, integrate
from notary.town import ROOF_WH, by_force, lived, lived_further
from tanpuhui.cli import ledger as command
from tanpuhui.close.summary import summary
from tanpuhui.erasure import backup
from tanpuhui.kit.digest import digest_file
from tanpuhui.ledger import detach as ledger
from tanpuhui.ledger.detached import months
from tanpuhui.ledger.models import DetachedMonth
from tanpuhui.ledger.month_file import Month
from tanpuhui.ledger.statement import statement
from tanpuhui.notary.detach import detach
from tanpuhui.notary.shares import shares_of
from tanpuhui.operation import proof
from tanpuhui.operation.archive import mirror
from tanpuhui.transparency.log import find_leaf

MARCH = date(2026, 3, 1)
LATER = datetime(2027, 4, 1, tzinfo=UTC)


def detached() -> Month:
    with transaction.atomic():
        return detach(MARCH, at=LATER)


def postings() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ledger_posting_batch_2026_03")
        return int(cursor.fetchone()[0])


def said(accounts: list[int]) -> list[Any]:
    return [
        [
            statement(connection, account, at=LATER),
            statement(connection, account, at=LATER, limit=1),
            summary(account, at=LATER, today=DAY),
        ]
        for account in accounts
    ]


@pytest.mark.django_db
def test_an_audit_of_a_town_finds_nothing_before_or_after_its_month_goes(town: Town) -> None:
    lot = lived(town)
    integrate()
    accounts = list(shares_of(lot.code).accounts)
    before, shares = said(accounts), shares_of(lot.code)
    assert found(town) == []

    gone = detached()

    # Two roofs and a ride, one leg each; they sum to what the close credited.
    assert (gone.legs, gone.amount_mg) == (3, 2 * ROOF_WH * 420 + 467_000)
    assert said(accounts) == before
    assert shares_of(lot.code) == shares
    assert found(town) == []
    integrate()
    assert found(town) == []
    leaf = find_leaf("detached_month", str(DetachedMonth.objects.get().pk))
    assert leaf.opening.record["file"] == gone.digest
    # Life goes on: another close, a lot out of what is left, an annulment; all that reads old months is right.
    lived_further(town, lot)
    integrate()
    assert found(town) == []


@pytest.mark.django_db
def test_an_audit_names_a_file_whose_row_was_changed_with_it(town: Town) -> None:
    """Whoever has every right writes another file and its digest into the table; the log has both as they were."""
    lived(town)
    integrate()
    gone = detached()
    integrate()
    table = pq.read_table(gone.path)
    more = pc.add(table["amount"], pa.scalar(1, pa.int64()))
    forged = gone.path.with_name("forged")
    pq.write_table(table.set_column(2, "amount", more), forged)
    digest = digest_file(forged)
    forged.rename(forged.with_name(f"{digest.removeprefix('sha256:')}.parquet"))
    size = forged.with_name(f"{digest.removeprefix('sha256:')}.parquet").stat().st_size
    by_force("UPDATE ledger_detached_month SET digest = %s, bytes = %s", digest, size)

    names = {(one.invariant, one.table) for one in found(town)}

    assert ("facts_are_as_logged", "ledger_detached_month") in names
    assert ("rows_are_as_sealed", "ledger_detached_month") in names
    assert ("rows_are_as_sealed", "ledger_posting") in names
    assert ("transaction_sums_to_zero", "ledger_posting") in names


@pytest.mark.django_db
def test_a_copy_of_the_installation_has_the_file_and_a_lost_one_is_named(
    town: Town, fresh_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived(town)
    integrate()
    gone = detached()
    mirror(fresh_home, tmp_path / "copy", tmp_path / "gone")
    monkeypatch.setattr(backup, "_dump", lambda *given: given[-1].touch())
    backup.make(tmp_path / "lasting", address="", pg_dump=Path("pg_dump"), at=LATER)
    assert digest_file(tmp_path / "lasting" / "ledger" / gone.path.name) == gone.digest
    assert list(proof.files(town.places.lake, digests=True)) == []

    gone.path.unlink()

    (missing,) = proof.files(town.places.lake, digests=False)
    assert f"{gone.path} is missing" in missing.found
    assert "months_are_as_detached" in {one.invariant for one in found(town)}
    gone.path.write_bytes((tmp_path / "copy" / "ledger" / gone.path.name).read_bytes())
    assert found(town) == []


def killed(point: str) -> None:
    """Detach the month in a process of its own that is killed at a point."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            # Nothing of the parent's session may be closed from here.
            gc.disable()
            os.environ["TANPUHUI_CRASH_AT"] = point
            parents, connection.connection = connection.connection, None
            detached()
            del parents
        finally:
            os._exit(1)
    _, ended = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(ended) == -signal.SIGKILL


@pytest.mark.django_db(transaction=True)
def test_the_command_lets_a_month_go_and_who_reads_meanwhile_sees_all_of_it(
    town: Town, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    town.settle("ab")
    town.take(act("rooftop_pv_output", "p1", "a", energy_wh=ROOF_WH), metro("m1", "b", 10_000))
    town.close()
    integrate()
    for point in ("month.written", "month.taken"):
        killed(point)
        assert (months(connection), postings()) == ((), 4)
    monkeypatch.setattr(ledger, "LOCK_MS", 200)
    ask = "SELECT count(*) FROM ledger_posting_batch_2026_03"

    with session(autocommit=False) as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        before = reader.execute(ask).fetchone()
        assert command.detach("2026-03", older_than=2, as_json=True) == 0
        went = json.loads(capsys.readouterr().out)
        assert reader.execute(ask).fetchone() == before
        reader.rollback()

    assert (went["months"][0]["month"], went["months"][0]["legs"], went["room_is_back"]) == (
        "2026-03",
        2,
        False,
    )
    assert before == (4,)
    room = ledger.bytes_in_table(connection, MARCH)
    assert ledger.give_back_room(connection, MARCH)
    assert ledger.bytes_in_table(connection, MARCH) <= room
    assert command.detach(older_than=2) == 0
    assert "No month" in capsys.readouterr().out
    assert command.list_months(as_json=True) == 0
    (listed,) = json.loads(capsys.readouterr().out)["months"]
    assert (listed["where"], listed["legs"]) == ("file", 2)
    assert command.check(as_json=True) == 0
    checked = json.loads(capsys.readouterr().out)["checked"]
    assert (checked["postings"], checked["postings_from_files"]) == (4, 2)
    months(connection)[0].path.unlink()
    assert command.check(as_json=True) == command.FINDINGS
    first = json.loads(capsys.readouterr().out)["findings"][0]
    assert (first["invariant"], first["key"]) == ("months_are_as_detached", "month=2026-03")
