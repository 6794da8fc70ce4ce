"""Stations: the names of Shenzhen's metro stations, their order along each line, and other names they go by."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

#: Names by which the taps call a station, where they differ from the list by more than a final 站.
#: The first has lost its rare first character in the feed.
ALIASES: Mapping[str, str] = {"?I岭": "孖岭", "深圳大学": "深大", "马鞍山": "马安山"}


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
