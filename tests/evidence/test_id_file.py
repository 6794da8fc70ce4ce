"""Id file: every accepted id once, in order of all its bytes and then of the revision, whatever came first."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from tanpuhui.evidence.id_file import write_ids


def test_ids_are_in_order_of_all_their_bytes_then_of_the_revision(tmp_path: Path) -> None:
    same, other = bytes(8) + b"\xff" * 8, bytes(8) + b"\xfe" * 8
    rows = [(b"\xff" * 16, 0, 5), (same, 1, 1), (same, 0, 2), (other, 0, 3), (b"\x01" + bytes(15), 0, 4)]
    with duckdb.connect() as connection:
        connection.execute(
            "CREATE TABLE accepted (id BLOB, revision INTEGER, content BLOB, subject_id BIGINT, day DATE)"
        )
        for id_, revision, subject in rows:
            connection.execute(
                "INSERT INTO accepted VALUES (?, ?, ?, ?, '2026-03-02')",
                [id_, revision, id_[::-1], subject],
            )

        count = write_ids(connection, tmp_path / "ids.parquet", first_record=1)

    written = pq.read_table(tmp_path / "ids.parquet").to_pylist()
    assert count == 5
    assert [row["subject_id"] for row in written] == [3, 2, 1, 4, 5]
    assert all(row["content"] == row["id"][::-1] for row in written)
    assert {str(row["day"]) for row in written} == {"2026-03-02"}
