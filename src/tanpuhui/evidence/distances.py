"""Distances: metres between metro stations, by which a pair of taps becomes a trip.

No official table of distances is at hand. The shipped distance is the fewest stops between two stations times a
mean spacing, and every trip that uses it says so (``distance_is_illustrative`` = 1). An operator puts the real table
in its place: ``distances.csv`` in the installation's home.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path

import pyarrow as pa

from tanpuhui.evidence.stations import lines, stations
from tanpuhui.kit.home import home
from tanpuhui.kit.refusal import Refusal

#: Illustrative mean spacing of stops, in metres. No source: chosen round, and labelled wherever it is used.
ILLUSTRATIVE_SPACING_M = 1_200

#: An operator's own table, in the installation's home.
FILE = "distances.csv"

SCHEMA = pa.schema(
    [
        ("from_station", pa.string()),
        ("to_station", pa.string()),
        ("distance_m", pa.int64()),
        ("distance_is_illustrative", pa.int64()),
    ]
)


class DistanceTableWrong(Refusal):
    code = "evidence.distance_table_wrong"
    message = "{file}, line {line}: expected from_station,to_station,distance_m with whole metres. Correct the table."


def distance_table(path: Path | None = None) -> pa.Table:
    """The distances of this installation: a given table, the operator's, or the illustrative one."""
    if path is not None:
        return read_distances(path)
    own = home() / FILE
    return read_distances(own) if own.exists() else illustrative_distances()


@cache
def illustrative_distances() -> pa.Table:
    """Distances in metres between all pairs of stations: fewest stops times the illustrative spacing."""
    neighbours = _neighbours()
    return _table(
        (start, end, stops * ILLUSTRATIVE_SPACING_M, 1)
        for start in sorted(neighbours)
        for end, stops in sorted(_stops_from(start, neighbours).items())
        if stops > 0
    )


def read_distances(path: Path) -> pa.Table:
    """An operator's table, CSV with ``from_station,to_station,distance_m``.

    A pair holds in both directions, unless the table gives the other direction a distance of its own.
    """
    pairs: dict[tuple[str, str], int] = {}
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for number, row in enumerate(csv.DictReader(stream), start=2):
            try:
                start, end, distance_m = row["from_station"], row["to_station"], int(row["distance_m"])
            except (KeyError, TypeError, ValueError) as error:
                raise DistanceTableWrong(file=path.name, line=number) from error
            if distance_m <= 0 or pairs.setdefault((start, end), distance_m) != distance_m:
                raise DistanceTableWrong(file=path.name, line=number)
    pairs = {(end, start): distance_m for (start, end), distance_m in pairs.items()} | pairs
    return _table((start, end, distance_m, 0) for (start, end), distance_m in sorted(pairs.items()))


def _table(rows: Iterable[tuple[str, str, int, int]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(SCHEMA)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _neighbours() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {station: set() for station in stations()}
    for stops in lines().values():
        for one, next_one in pairwise(stops):
            found[one].add(next_one)
            found[next_one].add(one)
    return found


def _stops_from(start: str, neighbours: Mapping[str, set[str]]) -> dict[str, int]:
    stops = {start: 0}
    waiting = deque([start])
    while waiting:
        station = waiting.popleft()
        for other in neighbours[station] - stops.keys():
            stops[other] = stops[station] + 1
            waiting.append(other)
    return stops
