"""Files: a delivery as the provider writes it: CSV, NDJSON or Parquet."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tanpuhui.cli.demo.plan import Delivery

#: The two orders in which taps are known to be exported; days alternate.
OTHER_TAP_ORDER = (
    "deal_date",
    "close_date",
    "card_no",
    "deal_value",
    "deal_type",
    "company_name",
    "car_no",
    "station",
    "conn_mark",
    "deal_money",
    "equ_no",
)


def write(delivery: Delivery, folder: Path) -> Path:
    """Write a delivery into a folder; row n of the file is row n of the delivery."""
    path = folder / delivery.file_name
    return write_rows(path, [row.columns for row in delivery.rows])


def write_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """Write rows as the file's ending says: CSV, NDJSON or Parquet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    {".csv": _write_csv, ".ndjson": _write_ndjson, ".parquet": _write_parquet}[path.suffix](path, rows)
    return path


def columns_of(rows: Sequence[Mapping[str, object]]) -> list[str]:
    """Every column that any row has, in the order in which they first turn up."""
    seen: dict[str, None] = {}
    shapes = {tuple(row) for row in rows}
    for row in rows:
        shape = tuple(row)
        if shape in shapes:
            shapes.discard(shape)
            seen.update(dict.fromkeys(row))
    return list(seen)


def _write_csv(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    columns = columns_of(rows)
    if "deal_date" in columns and len(rows) % 2:
        columns = list(OTHER_TAP_ORDER)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def _write_ndjson(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    with path.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _write_parquet(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    columns = {name: [row.get(name) for row in rows] for name in columns_of(rows)}
    pq.write_table(pa.table(columns), path)
