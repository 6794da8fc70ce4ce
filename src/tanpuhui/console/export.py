"""Export: a list as CSV, row by row; that it was taken along is written down."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from django.http import StreamingHttpResponse

#: A cell that begins so is read as a formula by spreadsheets.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
#: Rows that one file may have.
MOST = 200_000

Column = tuple[str, Callable[[Any], object]]


class _Echo:
    def write(self, text: str) -> str:
        return text


def csv_of(name: str, columns: Sequence[Column], rows: Iterable[Any]) -> StreamingHttpResponse:
    """The rows as a file; texts are kept from being formulas, and a byte order mark tells spreadsheets UTF-8."""
    answer = StreamingHttpResponse(_lines(columns, rows), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def _lines(columns: Sequence[Column], rows: Iterable[Any]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield "\ufeff" + str(writer.writerow([name for name, _ in columns]))
    for row in rows:
        yield str(writer.writerow([_plain(value(row)) for _, value in columns]))


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
