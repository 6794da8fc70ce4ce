"""Merged: many cases as the records of one bucket, each with persons of its own, so that an engine starts once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from quantify.cases import Case
from quantify.city import ALL_GRANTS, files_of
from tanpuhui.quantify.bucket import BucketFiles, BucketResult
from tanpuhui.quantify.outcome import Outcome

#: More than any case has of records, and of persons.
RECORDS, PERSONS = 10_000, 100


def grouped(cases: Iterable[Case]) -> dict[datetime, list[Case]]:
    """Cases by the moment as of which they are closed: those of one moment fit into one bucket."""
    groups: dict[datetime, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.as_of, []).append(case)
    return groups


def case_files(folder: Path, cases: Sequence[Case]) -> BucketFiles:
    """The files of one bucket with the records of all cases; those of the first are as they are written."""
    standing, earlier_ends = [], []
    for number, case in enumerate(cases):
        for record_id, outcome in case.standing.items():
            standing.append(
                _moved({"record_id": record_id, "account_id": 1, "outcome": int(outcome)}, number)
            )
        for row, outcome in case.earlier:
            end = {"record_id": row["record_id"], "account_id": row["account_id"], "outcome": int(outcome)}
            earlier_ends.append(_moved(end, number))
    return files_of(
        folder,
        records=_all(cases, lambda case: case.records),
        grants=_all(cases, lambda case: ALL_GRANTS if case.grants is None else case.grants),
        prior=_all(cases, lambda case: case.prior),
        standing=standing,
        earlier_records=_all(cases, lambda case: [row for row, _ in case.earlier]),
        earlier_ends=earlier_ends,
        stations=[row for case in cases for row in case.stations],
    )


def distances_of(cases: Sequence[Case]) -> dict[tuple[str, str], int]:
    """The distances that any of the cases needs; no two may differ."""
    merged: dict[tuple[str, str], int] = {}
    for case in cases:
        assert all(merged.get(pair, value) == value for pair, value in case.distances.items())
        merged |= case.distances
    return merged


def ends_by_case(result: BucketResult, cases: Sequence[Case]) -> dict[str, dict[int, str]]:
    """The outcome of each record, by its case and its number there."""
    found: dict[str, dict[int, str]] = {case.says: {} for case in cases}
    for row in result.results.to_pylist():
        number, record_id = divmod(row["record_id"], RECORDS)
        found[cases[number].says][record_id] = Outcome(row["outcome"]).name
    return found


def credits_by_case(result: BucketResult, cases: Sequence[Case]) -> dict[str, dict[int, int]]:
    """The milligrams of each record that has any, by its case and its number there."""
    found: dict[str, dict[int, int]] = {case.says: {} for case in cases}
    for row in result.results.to_pylist():
        if row["credited_mg"]:
            number, record_id = divmod(row["record_id"], RECORDS)
            found[cases[number].says][record_id] = row["credited_mg"]
    return found


def _all(cases: Sequence[Case], rows_of: Any) -> list[dict[str, Any]]:
    return [_moved(row, number) for number, case in enumerate(cases) for row in rows_of(case)]


def _moved(row: dict[str, Any], number: int) -> dict[str, Any]:
    """A row as the ``number``-th case has it; nobody (account 0) stays nobody."""
    moved = dict(row)
    if "record_id" in row:
        moved["record_id"] += number * RECORDS
    if row["account_id"]:
        moved["account_id"] += number * PERSONS
    if "subject_id" in row:
        moved["subject_id"] += number * PERSONS * 10
        moved["source_id"] = f"{number}:{row['source_id']}"
    return moved
