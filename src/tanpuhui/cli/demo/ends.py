"""Ends: how each row of each file really ended, read from what the product has stored."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow.parquet as pq

from tanpuhui.cli.demo.calendar import FIRST_DAY
from tanpuhui.cli.demo.plan import DUPLICATE, HISTORY
from tanpuhui.close.models import Manifest
from tanpuhui.close.places import Places
from tanpuhui.evidence.models import LakeFile, QuarantinedRow
from tanpuhui.evidence.receipt import Receipt
from tanpuhui.evidence.record import ROWS_PER_BATCH
from tanpuhui.kit.erased import standing
from tanpuhui.quantify.outcome import Outcome

#: A record that was accepted and is in no result of its day: there is none.
LOST = "lost"


def real_ends(receipts: Sequence[Receipt], manifests: Sequence[Manifest], places: Places) -> list[list[str]]:
    """The end of each row of each batch: a refusal's code, an outcome, ``history``, ``duplicate``, or ``lost``."""
    refused = {
        (batch, row): code
        for batch, row, code in QuarantinedRow.objects.values_list("batch_id", "row_number", "code")
    }
    ended = results(manifests, places)
    accepted = accepted_records(places)

    def end_of(batch: int, row: int) -> str:
        if (batch, row) in refused:
            return refused[batch, row]
        record = batch * ROWS_PER_BATCH + row
        return ended.get(record) or accepted.get(record, DUPLICATE)

    return [[end_of(receipt.batch, row) for row in range(1, receipt.rows + 1)] for receipt in receipts]


def results(manifests: Sequence[Manifest], places: Places) -> dict[int, str]:
    """The outcome of every record in the closes that stand."""
    ended: dict[int, str] = {}
    names = {outcome.value: outcome.name for outcome in Outcome}
    for manifest in manifests:
        for output in manifest.body["outputs"]:
            table = pq.read_table(places.results.checked(output["results"]), columns=["record_id", "outcome"])
            for record, outcome in zip(
                table["record_id"].to_pylist(), table["outcome"].to_pylist(), strict=True
            ):
                assert record not in ended, "a record ended twice"
                ended[record] = names[outcome]
    return ended


def accepted_records(places: Places) -> dict[int, str]:
    """Every record of the lake, as what it is without a close: a reading of the week before, or lost."""
    found: dict[int, str] = {}
    for file in LakeFile.objects.filter(part=LakeFile.RECORDS):
        assert file.day is not None
        end = HISTORY if file.day < FIRST_DAY else LOST
        records = pq.read_table(standing(places.lake / file.path), columns=["record_id"])["record_id"]
        found.update(dict.fromkeys(records.to_pylist(), end))
    return found
