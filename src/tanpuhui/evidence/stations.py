"""Stations: the names of Shenzhen's metro stations, and an illustrative distance between any two of them.

No official table of distances is at hand. A distance here is the fewest stops between two stations times a mean
spacing, and every trip that uses one says so (``distance_is_illustrative`` = 1). An operator puts the real table in
its place: :func:`read_distances`.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import pyarrow as pa

from tanpuhui.kit.refusal import Refusal

#: Illustrative mean spacing of stops, in metres. No source: chosen round, and labelled wherever it is used.
ILLUSTRATIVE_SPACING_M = 1_200

#: Names by which the taps call a station, where they differ from the list by more than a final 站.
#: The first has lost its rare first character in the feed.
ALIASES: Mapping[str, str] = {"?I岭": "孖岭", "深圳大学": "深大", "马鞍山": "马安山"}

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


@cache
def lines() -> dict[str, tuple[str, ...]]:
    """Stations of each line in their order along it."""
    found: dict[str, list[tuple[int, str]]] = {}
    text = (
        files("tanpuhui.evidence.adapters")
        .joinpath("shenzhen_metro_stations.csv")
        .read_text(encoding="utf-8")
    )
    for row in csv.DictReader(text.splitlines()):
        found.setdefault(row["line"], []).append((int(row["seq"]), row["station"]))
    return {line: tuple(station for _, station in sorted(stops)) for line, stops in found.items()}


@cache
def stations() -> frozenset[str]:
    return frozenset(station for stops in lines().values() for station in stops)


def names() -> Iterator[tuple[str, str, str]]:
    """Every name a tap may use: (name, station, how), where how is ``exact``, ``suffix`` or ``alias``."""
    for station in sorted(stations()):
        yield station, station, "exact"
        yield f"{station}站", station, "suffix"
    for other, station in ALIASES.items():
        yield other, station, "alias"
        yield f"{other}站", station, "alias"


def illustrative_distances() -> pa.Table:
    """Distances in metres between all pairs of stations: fewest stops times the illustrative spacing."""
    neighbours = _neighbours()
    rows = [
        (start, end, stops * ILLUSTRATIVE_SPACING_M, 1)
        for start in sorted(neighbours)
        for end, stops in sorted(_stops_from(start, neighbours).items())
        if stops > 0
    ]
    return pa.table(list(map(list, zip(*rows, strict=True))), schema=SCHEMA)


def read_distances(path: Path) -> pa.Table:
    """An operator's table, CSV with ``from_station,to_station,distance_m``; each pair holds in both directions."""
    pairs: dict[tuple[str, str], int] = {}
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for number, row in enumerate(csv.DictReader(stream), start=2):
            try:
                start, end, distance_m = row["from_station"], row["to_station"], int(row["distance_m"])
            except (KeyError, TypeError, ValueError) as error:
                raise DistanceTableWrong(file=path.name, line=number) from error
            if distance_m <= 0 or pairs.get((start, end), distance_m) != distance_m:
                raise DistanceTableWrong(file=path.name, line=number)
            pairs[start, end] = distance_m
            pairs.setdefault((end, start), distance_m)
    rows = [(start, end, distance_m, 0) for (start, end), distance_m in sorted(pairs.items())]
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], schema=SCHEMA)


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
