"""Id run: prefixes of ids in order, and which files have which, however it was put together."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tanpuhui.evidence import id_index
from tanpuhui.evidence.id_index import to_merge
from tanpuhui.evidence.id_run import Run, merge_runs, write_run

#: Some ids share their first eight bytes, at the ends of their range too.
HEADS = [
    bytes(8),
    b"\xff" * 8,
    b"\x80" + bytes(7),
    *(number.to_bytes(8, "big") for number in (1, 2**40, 2**63 - 1)),
]
IDS = st.builds(lambda head, tail: head + bytes(7) + bytes([tail]), st.sampled_from(HEADS), st.integers(0, 2))
FILES = st.lists(st.lists(IDS, max_size=8), min_size=1, max_size=9)


def prefix(id_: bytes) -> int:
    return int.from_bytes(id_[:8], "big")


def written(folder: Path, files: Sequence[Sequence[bytes]], numbers: Sequence[int]) -> list[tuple[int, Path]]:
    made = []
    for number, ids in zip(numbers, files, strict=True):
        path = folder / f"{next(_names)}.parquet"
        pq.write_table(pa.table({"id": pa.array(sorted(ids), pa.binary())}), path)
        made.append((number, path))
    return made


_names = count()


def asked(run: Run, ids: Sequence[bytes]) -> set[int]:
    wanted = np.array(sorted({prefix(one) for one in ids}), np.uint64)
    return {int(number) for number in run.files_with(wanted)}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=FILES, wanted=st.lists(IDS, max_size=5), part=st.integers(1, 9), cut=st.integers(0, 9))
def test_a_run_says_the_files_that_have_a_prefix_and_no_other(
    tmp_path: Path, files: list[list[bytes]], wanted: list[bytes], part: int, cut: int
) -> None:
    numbers = [2**40 + 3 * place for place in range(len(files))]
    sources = written(tmp_path, files, numbers)
    parts = [some for some in (sources[:cut], sources[cut:]) if some]

    runs = [write_run(some, tmp_path / f"{next(_names)}.run") for some in parts]
    merged = merge_runs(runs, tmp_path / f"{next(_names)}.run", part=part)

    prefixes = {prefix(one) for one in wanted}
    have = {number for number, ids in zip(numbers, files, strict=True) if prefixes & set(map(prefix, ids))}
    assert asked(merged, wanted) == have
    assert set().union(*(asked(run, wanted) for run in runs)) == have
    assert merged.prefixes.tolist() == sorted(prefix(one) for ids in files for one in ids)
    assert all(run.stands for run in (*runs, merged))


def test_a_run_of_another_length_does_not_stand(tmp_path: Path) -> None:
    run = write_run(written(tmp_path, [[bytes(16), b"\x01" * 16]], [1]), tmp_path / "one.run")
    assert run.stands

    content = run.path.read_bytes()
    for other in (content[:-1], content + b"\x00", b""):
        run.path.write_bytes(other)
        assert not run.stands
    run.path.unlink()
    assert not run.stands


def grown(new: Sequence[int]) -> list[tuple[int, int]]:
    """Runs after so many rows came one after the other: rows of each, and how often one of them was written."""
    runs: list[tuple[int, int]] = []
    for rows in new:
        runs.append((rows, 1))
        while (some := to_merge([one[0] for one in runs])) is not None:
            group = runs[some]
            assert len(group) >= id_index.FAN
            runs[some] = [(sum(one[0] for one in group), max(one[1] for one in group) + 1)]
    return runs


def sizes(rows: int) -> int:
    """How many sizes there are up to so many rows, where the least is one row."""
    return 1 + math.ceil(math.log(rows, id_index.FAN))


@given(st.lists(st.integers(1, 40_000), min_size=1, max_size=300))
def test_each_time_a_row_is_written_again_its_run_is_of_a_larger_size(new: list[int]) -> None:
    runs = grown(new)

    assert sum(rows for rows, _ in runs) == sum(new)
    assert all(times <= sizes(rows) for rows, times in runs)


@given(st.integers(1, 40_000), st.integers(1, 300))
def test_files_of_a_size_have_few_runs(rows: int, files: int) -> None:
    assert len(grown([rows] * files)) <= (id_index.FAN - 1) * sizes(files)


def test_half_a_million_files_of_a_minute_each_are_in_some_dozens_of_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(id_index, "FAN", 8)
    monkeypatch.setattr(id_index, "LEAST", 4_096)

    runs = grown([16 * 1_700] * (525_600 // 16))

    assert len(runs) <= 40
    assert max(times for _, times in runs) <= 7


def test_an_id_of_very_many_revisions_costs_no_more_room_than_its_rows(tmp_path: Path) -> None:
    others = [number.to_bytes(8, "big") + bytes(8) for number in range(1, 20_001)]
    run = write_run(written(tmp_path, [[bytes(16)] * 2_000, others], [1, 2]), tmp_path / "one.run")
    wanted = np.arange(20_001, dtype=np.uint64)

    tracemalloc.start()
    found = run.files_with(wanted)
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert found.tolist() == [1, 2]
    # A table of 20,001 ids and 2,000 revisions would have 320 MB.
    assert most_bytes < 8_000_000


def test_a_run_of_files_that_were_erased_to_nothing_finds_nothing(tmp_path: Path) -> None:
    sources = written(tmp_path, [[], []], [1, 2])
    first = write_run(sources[:1], tmp_path / "first.run")
    second = write_run(sources[1:], tmp_path / "second.run")
    both = merge_runs([first, second], tmp_path / "both.run")

    assert first.stands
    assert (both.rows, both.numbers.tolist()) == (0, [1, 2])
    assert asked(both, [bytes(16)]) == set()
    assert both.has(np.zeros(0, np.uint64), 0)
