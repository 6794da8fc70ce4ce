"""Readings: a provider's monthly meter readings of a programme's homes, from a file to a frozen table."""

from __future__ import annotations

import csv
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa

from tanpuhui.evidence.models import Contract
from tanpuhui.evidence.subjects import subject_ids
from tanpuhui.programme.month import parse_month
from tanpuhui.programme.refusals import BadMonth, HomeUnknown, ReadingsUnreadable

COLUMNS = ["home", "month", "energy_wh"]
#: A home of 100 kW all month long.
MOST_WH = 100_000 * 24 * 31
SCHEMA = pa.schema(
    [("subject_id", pa.int64()), ("joined", pa.bool_()), ("month", pa.string()), ("energy_wh", pa.int64())]
)


@dataclass(frozen=True)
class Read:
    """Readings by number of the subject, ready to be frozen, and the pseudonyms of homes that joined."""

    table: pa.Table
    pseudonyms: dict[int, str]


def read_file(path: Path, months: Collection[date]) -> dict[tuple[str, date], int]:
    """Watt-hours by home and month; months that are not asked for are checked and left out."""
    found: dict[tuple[str, date], int] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = csv.reader(stream)
            if (header := next(rows, [])) != COLUMNS:
                raise ReadingsUnreadable(
                    file=path.name, line=1, problem=f"the columns are {','.join(header)}"
                )
            for row in rows:
                home, month, energy_wh = _row(row, path.name, rows.line_num)
                if (home, month) in found:
                    problem = "this home has this month already"
                    raise ReadingsUnreadable(file=path.name, line=rows.line_num, problem=problem)
                found[home, month] = energy_wh
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ReadingsUnreadable(file=path.name, line=0, problem=str(error)) from error
    return {key: energy_wh for key, energy_wh in found.items() if key[1] in months}


def number(
    found: dict[tuple[str, date], int], contract: Contract, listed: Collection[int], code: str
) -> Read:
    """Readings with numbers in place of pseudonyms, in the order of both; refuses homes that are not on the list."""
    numbers: dict[str, tuple[int, int]] = {}
    for piece in subject_ids(contract, dict.fromkeys(home for home, _ in found)):
        numbers |= piece
    unknown = {subject for subject, _ in numbers.values()} - set(listed)
    if unknown:
        raise HomeUnknown(count=len(unknown), code=code)
    rows = sorted(
        (numbers[home][0], bool(numbers[home][1]), month.strftime("%Y-%m"), energy_wh)
        for (home, month), energy_wh in found.items()
    )
    pseudonyms = {subject: home for home, (subject, account) in numbers.items() if account}
    return Read(as_table(rows), pseudonyms)


def as_table(rows: Sequence[tuple[int, bool, str, int]]) -> pa.Table:
    """Rows of the schema as a table, in their order."""
    columns = [[row[place] for row in rows] for place in range(len(SCHEMA))]
    arrays = [pa.array(column, kind.type) for column, kind in zip(columns, SCHEMA, strict=True)]
    return pa.table(arrays, SCHEMA)


def _row(row: list[str], file: str, line: int) -> tuple[str, date, int]:
    if len(row) != len(COLUMNS) or not row[0].strip():
        raise ReadingsUnreadable(file=file, line=line, problem="it has other columns, or no home")
    try:
        month = parse_month(row[1].strip(), "month")
    except BadMonth as error:
        raise ReadingsUnreadable(file=file, line=line, problem=f"{row[1]!r} is no month") from error
    energy = row[2].strip()
    if not (energy.isascii() and energy.isdecimal() and int(energy) <= MOST_WH):
        problem = f"{row[2]!r} is not a whole number of watt-hours up to {MOST_WH}"
        raise ReadingsUnreadable(file=file, line=line, problem=problem)
    return row[0].strip(), month, int(energy)
