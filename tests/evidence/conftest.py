"""What tests of evidence share: a lake, the shipped contracts, and short ways to write and take a file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tanpuhui.evidence import id_index
from tanpuhui.evidence.contract import ensure_default_contracts
from tanpuhui.evidence.models import LakeFile
from tanpuhui.evidence.receipt import Receipt
from tanpuhui.evidence.take import take

#: When every file of these tests is taken: 2026-03-10, 20:00 in Shanghai.
NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)

GENERIC = "source_id,person,kind,started_at,ended_at,distance_m"
RIDE = "2026-03-02T08:10:00+08:00,2026-03-02T08:31:00+08:00"

Write = Callable[..., Path]
Take = Callable[..., Receipt]


@pytest.fixture(autouse=True)
def small_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch finds its predecessors' ids by runs, of which every two become one: as after years, at once."""
    monkeypatch.setattr(id_index, "LOOSE_FILES", 1)
    monkeypatch.setattr(id_index, "FAN", 2)
    monkeypatch.setattr(id_index, "LEAST", 1)


@pytest.fixture()
def lake(fresh_home: Path) -> Path:
    return fresh_home / "lake"


@pytest.fixture()
def defaults(db: None, fresh_home: Path) -> None:
    """The shipped contracts, in a home of the test's own."""
    ensure_default_contracts(at=NOW)


@pytest.fixture()
def write(tmp_path: Path) -> Write:
    """Write lines as a file, each ended by LF."""

    def write_lines(*lines: str, name: str = "file.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes("".join(f"{line}\n" for line in lines).encode(encoding))
        return path

    return write_lines


@pytest.fixture()
def take_it(defaults: None, lake: Path) -> Take:
    """Take a file now, into this test's lake of four buckets."""

    def take_file(provider: str, path: Path, **others: Any) -> Receipt:
        return take(provider, path, **({"at": NOW, "lake": lake, "buckets": 4} | others))

    return take_file


@pytest.fixture()
def stored(lake: Path) -> Callable[[], list[dict[str, Any]]]:
    """Every record of the lake, by record id."""

    def read() -> list[dict[str, Any]]:
        files = LakeFile.objects.filter(part=LakeFile.RECORDS)
        tables = [pq.read_table(lake / file.path) for file in files]
        if not tables:
            return []
        rows: list[dict[str, Any]] = pa.concat_tables(tables, promote_options="permissive").to_pylist()
        return sorted(rows, key=lambda row: row["record_id"])

    return read
