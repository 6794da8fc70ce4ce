"""Copy rows: legs as PostgreSQL's binary COPY stream, built by columns, without a Python loop over rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from tanpuhui.ledger.legs import Column

COLUMNS = "tx_id, account_id, amount, ref, asset_id, posted_on, leg, code, stream"
BATCH_STREAM = 1
_WIDTHS = (8, 8, 8, 8, 4, 4, 4, 2, 2)
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_EPOCH = date(2000, 1, 1)
_ROWS_AT_ONCE = 1 << 15


@dataclass(frozen=True)
class CopyRows:
    """Rows of ``ledger_posting`` by column; all of one day, numbered as they come."""

    tx_id: Column
    account_id: Column
    amount: Column
    ref: Column
    asset_id: Column
    code: Column
    posted_on: date

    def stream(self) -> Iterator[bytes | memoryview]:
        """The stream in pieces of a few megabytes, so that the server reads while the next one is built."""
        yield _HEADER
        template = np.zeros(_ROWS_AT_ONCE, _row_type())
        template["fields"] = len(_WIDTHS)
        for number, width in enumerate(_WIDTHS):
            template[f"width{number}"] = width
        template["value5"] = (self.posted_on - _EPOCH).days
        template["value8"] = BATCH_STREAM
        for start in range(0, len(self.tx_id), _ROWS_AT_ONCE):
            yield self._piece(template, slice(start, min(start + _ROWS_AT_ONCE, len(self.tx_id))))
        yield _TRAILER

    def _piece(self, template: npt.NDArray[np.void], rows: slice) -> memoryview:
        piece = template[: rows.stop - rows.start].copy()
        columns = (self.tx_id, self.account_id, self.amount, self.ref, self.asset_id)
        for number, column in enumerate(columns):
            piece[f"value{number}"] = column[rows]
        piece["value6"] = np.arange(rows.start + 1, rows.stop + 1)
        piece["value7"] = self.code[rows]
        return piece.view(np.uint8).data


def _row_type() -> np.dtype[np.void]:
    """A row: its number of fields, then for each its width in bytes and its value, all big-endian."""
    fields: list[tuple[str, str]] = [("fields", ">i2")]
    for number, width in enumerate(_WIDTHS):
        fields += [(f"width{number}", ">i4"), (f"value{number}", f">i{width}")]
    return np.dtype(fields)
