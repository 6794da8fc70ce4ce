"""Take: every row is accepted, duplicate or refused; the same file again is the same answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from evidence.conftest import GENERIC, NOW, RIDE, Take, Write
from tanpuhui.evidence import quarantine
from tanpuhui.evidence.lake import missing_or_changed, record_files, sweep
from tanpuhui.evidence.models import Batch, LakeFile, QuarantinedRow
from tanpuhui.evidence.receipt import ReceiptInvalid, verify
from tanpuhui.evidence.receipt import stored as stored_receipt
from tanpuhui.evidence.settle import workbench
from tanpuhui.evidence.take import BucketsChanged, KeyReused, KeyTooLong
from tanpuhui.kit.moment import to_us

pytestmark = pytest.mark.django_db

Stored = Callable[[], list[dict[str, Any]]]


def test_a_row_becomes_a_record_with_its_moments_in_utc_and_its_day_local(
    take_it: Take, write: Write, stored: Stored, lake: Path
) -> None:
    late = "2026-03-02T23:50:00+08:00,2026-03-03T00:10:00+08:00"

    receipt = take_it("generic", write(GENERIC, f"b-1,p-1,bike_trip,{late},4200"))

    (record,) = stored()
    started = to_us(NOW.replace(day=2, hour=15, minute=50))
    assert record["record_id"] == receipt.batch * 2**32 + 1
    assert (record["started_us"], record["ended_us"]) == (started, started + 20 * 60 * 1_000_000)
    assert (record["source_id"], record["revision"], record["action"]) == ("b-1", 0, "report")
    assert (record["kind"], record["distance_m"], record["account_id"]) == ("bike_trip", 4200, 0)
    (file,) = record_files([date(2026, 3, 3)])
    assert file.path.startswith("evidence/day=2026-03-03/bucket=-1/")
    assert missing_or_changed(lake) == []


def test_no_pseudonym_is_in_the_lake_or_in_any_table(take_it: Take, write: Write, lake: Path) -> None:
    from django.db import connection

    take_it(
        "generic", write(GENERIC, f"b-1,SECRETPERSON,bike_trip,{RIDE},4200", "b-2,SECRETPERSON,bike_trip,,,x")
    )

    for path in lake.rglob("*.parquet"):
        assert b"SECRETPERSON" not in path.read_bytes()
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(q::text, '') FROM evidence_quarantinedrow q")
        assert b"SECRETPERSON".hex() not in cursor.fetchone()[0]


def test_the_same_file_again_gives_the_same_receipt_and_changes_nothing(
    take_it: Take, write: Write, lake: Path
) -> None:
    path = write(GENERIC, f"b-1,p-1,bike_trip,{RIDE},4200", "b-2,p-1,bike_trip,,,1")
    first = take_it("generic", path)
    files = sorted(lake.rglob("*.parquet"))

    again = take_it("generic", path)

    assert again == first
    assert again.as_json() == stored_receipt(first.batch).as_json()
    assert sorted(lake.rglob("*.parquet")) == files
    assert (Batch.objects.count(), QuarantinedRow.objects.count()) == (1, 1)


def test_the_same_file_under_another_key_is_all_duplicates(
    take_it: Take, write: Write, stored: Stored
) -> None:
    path = write(GENERIC, f"b-1,p-1,bike_trip,{RIDE},4200", f"b-2,p-2,bike_trip,{RIDE},4200")
    take_it("generic", path)

    again = take_it("generic", path, key="another")

    assert (again.rows, again.accepted, again.duplicate, again.refused) == (2, 0, 2, 0)
    assert len(stored()) == 2


def test_a_key_used_for_other_bytes_is_refused(take_it: Take, write: Write) -> None:
    take_it("generic", write(GENERIC, f"b-1,p-1,bike_trip,{RIDE},4200"), key="monday")

    with pytest.raises(KeyReused):
        take_it("generic", write(GENERIC, f"b-2,p-1,bike_trip,{RIDE},4200"), key="monday")

    assert Batch.objects.count() == 1


def test_two_providers_may_use_the_same_key(take_it: Take, write: Write) -> None:
    take_it("generic", write(GENERIC, f"b-1,p-1,bike_trip,{RIDE},4200"), key="monday")

    other = take_it(
        "payments",
        write('{"id": "1", "type": "top_up", "user": "u", "at": "2026-03-02T08:00:00Z"}'),
        key="monday",
    )

    assert other.accepted == 1


@pytest.mark.parametrize("key", ["", "k" * 201])
def test_a_key_has_1_to_200_characters(take_it: Take, write: Write, key: str) -> None:
    with pytest.raises(KeyTooLong):
        take_it("generic", write(GENERIC), key=key)


def test_a_file_with_only_a_header_is_taken_with_no_rows(take_it: Take, write: Write) -> None:
    receipt = take_it("generic", write(GENERIC))

    assert (receipt.rows, receipt.accepted, receipt.reasons) == (0, 0, {})


def test_the_receipt_is_signed_and_a_changed_one_is_refused(take_it: Take, write: Write) -> None:
    receipt = take_it("generic", write(GENERIC, f"b-1,p-1,bike_trip,{RIDE},4200"))

    assert verify(receipt.signature)["accepted"] == 1
    head, body, tail = receipt.signature.split(".")
    with pytest.raises(ReceiptInvalid):
        verify(f"{head}.{body[:-2]}AA.{tail}")


def test_a_refused_row_says_its_number_field_and_code_and_keeps_its_content(
    take_it: Take, write: Write
) -> None:
    path = write(GENERIC, f"b-1,p-1,bike_trip,{RIDE},4200", f"b-2,p-2,bike_trip,{RIDE},far")

    receipt = take_it("generic", path)

    assert receipt.reasons == {"evidence.not_a_number": 1}
    (row,) = quarantine.quarantined(batch=receipt.batch)
    assert (row.row_number, row.field, row.code) == (2, "distance_m", "evidence.not_a_number")
    assert quarantine.content(row)["distance_m"] == "far"
    assert quarantine.content(row)["person"] == "p-2"


def test_a_quarantined_row_passed_off_as_another_is_refused(take_it: Take, write: Write) -> None:
    receipt = take_it("generic", write(GENERIC, f"b-1,p-1,bike_trip,{RIDE},x", f"b-2,p-2,bike_trip,{RIDE},y"))
    first, second = quarantine.quarantined(batch=receipt.batch)

    first.ciphertext = second.ciphertext

    with pytest.raises(quarantine.RowTampered):
        quarantine.content(first)


def test_a_lake_keeps_its_number_of_buckets(take_it: Take, write: Write) -> None:
    take_it("generic", write(GENERIC, f"b-1,p-1,bike_trip,{RIDE},4200"))

    with pytest.raises(BucketsChanged):
        take_it("generic", write(GENERIC, f"b-2,p-1,bike_trip,{RIDE},4200"), buckets=8)


def test_what_is_rolled_back_leaves_only_files_that_sweep_removes(
    take_it: Take, write: Write, lake: Path
) -> None:
    path = write(GENERIC, f"b-1,p-1,bike_trip,{RIDE},4200")
    with pytest.raises(RuntimeError), transaction.atomic():
        take_it("generic", path)
        raise RuntimeError
    assert LakeFile.objects.count() == 0

    removed = sweep(lake)

    assert len(removed) == 2
    assert list(lake.rglob("*.parquet")) == []
    assert take_it("generic", path).accepted == 1
    assert sweep(lake) == []


def test_a_changed_lake_file_is_named(take_it: Take, write: Write, lake: Path) -> None:
    take_it("generic", write(GENERIC, f"b-1,p-1,bike_trip,{RIDE},4200"))
    (file,) = record_files([date(2026, 3, 2)])

    with (lake / file.path).open("ab") as stream:
        stream.write(b"!")

    assert missing_or_changed(lake) == [file.path]


def test_the_engine_draws_nothing_on_the_output_that_scripts_read(lake: Path) -> None:
    with workbench(lake) as (connection, _work):
        assert connection.execute("SELECT current_setting('enable_progress_bar')").fetchone() == (False,)
