"""Id file: the ids that a batch took, for those after it, sorted by id and revision.

Ids and contents are digests of 16 bytes, which nothing compresses and no engine sorts as fast as numbers: they are
put in order by their first eight bytes and written as they are.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

COLUMNS = ("id", "revision", "content", "subject_id", "day")
ID_BYTES = 16
#: Rows of a row group, as the engine writes them.
ROW_GROUP = 122_880


def write_ids(connection: duckdb.DuckDBPyConnection, path: Path, *, first_record: int) -> int:
    """Write id, revision, content, subject and day of each row of ``accepted``; answers how many there are.

    The file says which record was its first, so that no two batches have one file: ids that were taken out of one, and
    are sent again, are in another.
    """
    found = connection.sql(f"SELECT {', '.join(COLUMNS)} FROM accepted").to_arrow_table().combine_chunks()
    ids, contents = digests_of(found["id"]), digests_of(found["content"])
    order = _order(ids, found["revision"])
    # Made of buffers: an array of NumPy would load pandas, where it is installed, to ask whether it is one of its own.
    rows = pa.Array.from_buffers(pa.int64(), len(order), [None, pa.py_buffer(order)])
    columns = {name: found[name].take(rows) for name in ("revision", "subject_id", "day")}
    columns |= {"id": _binary(ids[order]), "content": _binary(contents[order])}
    pq.write_table(
        pa.Table.from_arrays(
            [columns[name] for name in COLUMNS], COLUMNS, metadata={"first_record": str(first_record)}
        ),
        path,
        row_group_size=ROW_GROUP,
        use_dictionary=["revision", "day"],
        compression={name: "none" if name in ("id", "content") else "zstd" for name in COLUMNS},
        column_encoding=dict.fromkeys(("id", "content"), "DELTA_LENGTH_BYTE_ARRAY"),
    )
    return len(found)


def digests_of(column: pa.ChunkedArray) -> np.ndarray:
    """(count, 16) bytes of a column of digests, of which none is NULL."""
    rows = [np.zeros((0, ID_BYTES), np.uint8)]
    for chunk in column.chunks:
        _, offsets, values = chunk.buffers()
        wide = np.int64 if pa.types.is_large_binary(chunk.type) else np.int32
        bounds = np.frombuffer(offsets, wide)[chunk.offset : chunk.offset + len(chunk) + 1]
        assert len(chunk) == 0 or (np.diff(bounds) == ID_BYTES).all(), "a digest of another length"
        if len(chunk):
            rows.append(np.frombuffer(values, np.uint8)[bounds[0] : bounds[-1]].reshape(-1, ID_BYTES))
    return np.concatenate(rows)


def _order(ids: np.ndarray, revisions: pa.ChunkedArray) -> np.ndarray:
    """Where each row comes from: by all bytes of the id, then by revision."""
    halves = np.ascontiguousarray(ids).view(">u8").reshape(-1, 2).astype(np.uint64)
    order = np.argsort(halves[:, 0])
    first = halves[order, 0]
    if (first[1:] == first[:-1]).any():
        order = np.lexsort((revisions.to_numpy(), halves[:, 1], halves[:, 0]))
    return order


def _binary(digests: np.ndarray) -> pa.Array:
    offsets = np.arange(0, ID_BYTES * (len(digests) + 1), ID_BYTES, dtype=np.int32)
    values = pa.py_buffer(np.ascontiguousarray(digests))
    return pa.Array.from_buffers(pa.binary(), len(digests), [None, pa.py_buffer(offsets), values])
