"""Id run: the ids of several id files as sorted numbers, and of each in which of them it is.

A file of three columns, one after the other, without a header; how many rows and files it has is said beside it:

    rows  x 8 bytes   the first eight bytes of the id, big-endian as a number, in order (stored little-endian)
    rows  x 4 bytes   the place of its id file in the list below
    files x 8 bytes   numbers of id files (LakeFile)

Two ids have the same first eight bytes once in 2^64 pairs, some 18 million million million: a run says where to look,
and never what is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from tanpuhui.evidence.id_file import digests_of

SUFFIX = ".run"
_PREFIX, _PLACE, _FILE = np.dtype("<u8"), np.dtype("<u4"), np.dtype("<i8")
#: Rows that are put in order at once when runs are merged.
PART = 2_000_000


@dataclass(frozen=True)
class Run:
    """A run as it lies in a file."""

    path: Path
    rows: int
    files: int

    @property
    def size_bytes(self) -> int:
        return self.rows * (_PREFIX.itemsize + _PLACE.itemsize) + self.files * _FILE.itemsize

    @property
    def stands(self) -> bool:
        """Whether the file is there, as long as it must be."""
        return self.path.is_file() and self.path.stat().st_size == self.size_bytes

    @property
    def prefixes(self) -> np.ndarray:
        """(rows,) uint64, in order; read from the disk where it is looked at."""
        return _column(self.path, _PREFIX, 0, self.rows)

    @property
    def places(self) -> np.ndarray:
        """(rows,) uint32: places in ``numbers``."""
        return _column(self.path, _PLACE, self.rows * _PREFIX.itemsize, self.rows)

    @property
    def numbers(self) -> np.ndarray:
        """(files,) int64: numbers of id files."""
        return _column(self.path, _FILE, self.size_bytes - self.files * _FILE.itemsize, self.files)

    def files_with(self, wanted: np.ndarray) -> np.ndarray:
        """Numbers of the id files that have an id with one of these prefixes, which are sorted and different."""
        _, places = self._places_of(wanted)
        numbers: np.ndarray = self.numbers[np.unique(places)]
        return numbers

    def has(self, wanted: np.ndarray, place: int) -> bool:
        """Whether the file at a place has each of these prefixes, which are sorted and different."""
        asked, places = self._places_of(wanted)
        return bool(len(np.unique(asked[places == place])) == len(wanted))

    def _places_of(self, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which of the prefixes asked for are there, and at which places: a pair for each row."""
        prefixes = self.prefixes
        first = np.searchsorted(prefixes, wanted)
        there = first < self.rows
        there[there] = prefixes[first[there]] == wanted[there]
        starts = first[there]
        counts = np.searchsorted(prefixes, wanted[there], side="right") - starts
        # Nearly every id has one row; those of several revisions have more. As long as the rows found, however many
        # one of them has.
        steps = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
        return np.repeat(np.flatnonzero(there), counts), self.places[np.repeat(starts, counts) + steps]


def prefixes_of(digests: np.ndarray) -> np.ndarray:
    """(count,) uint64 of (count, 16) bytes."""
    prefixes: np.ndarray = np.ascontiguousarray(digests).view(">u8").reshape(-1, 2)[:, 0].astype(_PREFIX)
    return prefixes


def prefixes_in(path: Path) -> np.ndarray:
    """(rows,) uint64 of an id file."""
    with pq.ParquetFile(path) as file:
        return prefixes_of(digests_of(file.read(columns=["id"])["id"]))


def write_run(files: Sequence[tuple[int, Path]], to: Path) -> Run:
    """Write the run of some id files, each with its number; ``to`` is not there yet."""
    columns = [prefixes_in(path) for _, path in files]
    prefixes = np.concatenate([np.zeros(0, _PREFIX), *columns])
    places = np.repeat(np.arange(len(files), dtype=_PLACE), [len(column) for column in columns])
    order = np.argsort(prefixes, kind="stable")
    run = Run(to, len(prefixes), len(files))
    _write(run, [(prefixes[order], places[order])], np.array([number for number, _ in files], _FILE))
    return run


def merge_runs(runs: Sequence[Run], to: Path, *, part: int = PART) -> Run:
    """Write one run of several, some rows at a time; ``to`` is not there yet."""
    merged = Run(to, sum(run.rows for run in runs), sum(run.files for run in runs))
    parts = merged.rows // part + 1
    # Prefixes of digests are spread evenly, so that as much lies between any two of these.
    bounds = np.array([number * 2**64 // parts for number in range(1, parts)], _PREFIX)
    cuts = [[0, *np.searchsorted(run.prefixes, bounds).tolist(), run.rows] for run in runs]
    before = np.cumsum([0, *(run.files for run in runs)]).astype(_PLACE)

    def parts_in_order() -> Iterable[tuple[np.ndarray, np.ndarray]]:
        for number in range(parts):
            slices = [slice(cut[number], cut[number + 1]) for cut in cuts]
            prefixes = np.concatenate([run.prefixes[one] for run, one in zip(runs, slices, strict=True)])
            places = np.concatenate([
                run.places[one] + first for run, one, first in zip(runs, slices, before[:-1], strict=True)
            ])  # fmt: skip
            order = np.argsort(prefixes, kind="stable")
            yield prefixes[order], places[order]

    _write(merged, parts_in_order(), np.concatenate([run.numbers for run in runs]))
    return merged


def _write(run: Run, parts: Iterable[tuple[np.ndarray, np.ndarray]], numbers: np.ndarray) -> None:
    # Written and not mapped: a full disk is then an error that is told, and no signal.
    with run.path.open("xb") as first, run.path.open("r+b") as second:
        second.seek(run.rows * _PREFIX.itemsize)
        for prefixes, places in parts:
            first.write(prefixes.astype(_PREFIX, copy=False).tobytes())
            second.write(places.astype(_PLACE, copy=False).tobytes())
        second.write(numbers.astype(_FILE, copy=False).tobytes())


def _column(path: Path, kind: np.dtype, offset: int, count: int) -> np.ndarray:
    # An empty part of a file cannot be mapped.
    return np.memmap(path, kind, "r", offset, (count,)) if count else np.zeros(0, kind)
