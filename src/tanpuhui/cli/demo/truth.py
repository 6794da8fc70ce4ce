"""Truth: what every honest act is worth, worked out again in plain integers.

Nothing here comes from the product: the factors are written down once more with their source, distances are
counted again from the list of stations, and every division is Python's own, downwards. A test sees to it that
neither the methodologies nor the quantification are imported.
"""

from __future__ import annotations

import csv
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from importlib.resources import files
from itertools import pairwise

from tanpuhui.cli.demo.calendar import index_of
from tanpuhui.cli.demo.plan import Act, Fetched, Grant

#: Metres between neighbouring stations: docs/reference/provider-formats.md and evidence/stations.py, illustrative.
SPACING_M = 1_200
#: Half hours of a whole day, and days that a home is compared with.
SLOTS, WEEK = 48, 7
DAY_S = 86_400

# Milligrams for the base unit, as fractions (numerator, denominator).
#: 46.7 g per person-kilometre, 深圳市低碳公共出行碳普惠方法学 2021, citysz.net 2022-09-23.
METRO = (467, 10)
#: 26.9 g per person-kilometre, the same.
BUS = (269, 10)
#: 48.7 and 61.8 g per kilometre, 共享骑行减排研究 2022, cjzhinan.com/tech/13626.
BIKE, E_BIKE = (487, 10), (618, 10)
#: Clips of one ride, metres; national/shared-bike README 9, national/shared-e-bike README 9.
BIKE_CLIP_M, E_BIKE_CLIP_M = 30_000, 40_000
#: 0.176 kg/km over 0.18 kWh/km less 0.6796 kg/kWh: (88 000 - 61 164) / 90 mg for each Wh; national/ev-charging.
EV = (26_836, 90)
#: 16.5 kg/t for each tenth recovered: 165 g a kilogram, 环境科学 2023 44(5); other and kitchen waste avoid nothing.
RECYCLABLE = (165, 1)
RECYCLABLES = frozenset({1, 2, 3, 4})
TEXTILE = 5
#: 73 kg x 79 % x 90 % = 51.903 kg a phone, dbnyb.com 2023-09-12.
PHONE_MG = 51_903_000
#: 2.5 kg over 8 kWh: 312.5 mg for each Wh, zjssba.com 2022-06-16; 2 kWh a person, empty below 300 Wh: no source.
HOME_NUMERATOR, HOME_DENOMINATOR = 3_125, 10
CITY_BASELINE_WH, OCCUPIED_WH = 2_000, 300
#: 0.42 kg/kWh, Shanghai 2024; monthly savings less 10 % for uncertainty: 378 mg for each Wh.
PV = (420, 1)
MONTH = (378, 1)
EXCLUDED_TIER, LEAST_MONTHS = 3, 12

#: Most that one person gets in a day, mg (section 9 of each README), and in a year.
DAY_CAPS_MG = {
    "metro_trip": 10_000_000,
    "bus_trip": 5_000_000,
    "bike_trip": 2_922_000,
    "e_bike_trip": 4_944_000,
    "ev_charge": 30_000_000,
    "waste_sorting": 3_300_000,
    "household_electricity_day": 5_000_000,
}
YEAR_CAPS_MG = {"second_hand_sale": 155_709_000}
#: Kinds for which the demonstration's jurisdiction names no methodology.
WITHOUT_METHODOLOGY = frozenset({"e_invoice", "no_cutlery_order"})
#: A station that reports more than so many percent of what was fetched claims too much.
STATION_PERCENT = 105


@dataclass(frozen=True)
class Worth:
    """How an act ends, what it avoided and what of it is credited, in mg CO2e.

    ``of_less`` says that its station claimed too much.
    """

    end: str
    avoided_mg: int = 0
    credited_mg: int = 0
    of_less: bool = False


def judge(
    acts: Sequence[Act],
    grants: Sequence[Grant],
    processed_at: Sequence[datetime],
    fetched: Iterable[Fetched] = (),
) -> list[Worth]:
    """The worth of each act, in the order given, each as of the moment at which it was first processed:
    what a grant allowed then stands, also when it is withdrawn and the day is closed again.

    What was sorted at a station counts as far as it was ``fetched`` there on that day.
    Duplicates and overlaps are not among the acts: the city knows which ones it planted.
    """
    given: dict[tuple[int, str], list[Grant]] = defaultdict(list)
    for grant in grants:
        given[grant.resident, grant.provider].append(grant)
    barred = [
        gate_end(act, given[act.resident, act.provider], moment)
        for act, moment in zip(acts, processed_at, strict=True)
    ]
    weighed = at_stations(acts, fetched)
    worths: list[Worth] = [
        Worth(end) if end else alone(as_read(act, given[act.resident, act.provider]), weighed.get(place))
        for place, (act, end) in enumerate(zip(acts, barred, strict=True))
    ]
    cap(acts, worths)
    return worths


def gate_end(act: Act, given: Iterable[Grant], processed_at: datetime) -> str:
    """Why no grant covered the whole act and stood when it was processed; empty when one did."""
    if act.resident == 0:
        return "unknown_person"
    named = [grant for grant in given if act.kind in grant.kinds]
    if not named:
        return "no_grant"
    covering = [grant for grant in named if _covers(grant, act)]
    if not covering:
        return "outside_range"
    stands = any(grant.withdrawn_at is None or grant.withdrawn_at > processed_at for grant in covering)
    return "" if stands else "withdrawn"


def as_read(act: Act, given: Iterable[Grant]) -> Act:
    """The act as it may be processed: what a home used before its grant begins is not read, so it has no own week."""
    if act.kind != "household_electricity_day":
        return act
    week_began_s = act.started_us / 1_000_000 - WEEK * DAY_S
    if any(_covers(grant, act) and grant.from_at.timestamp() <= week_began_s for grant in given):
        return act
    return replace(act, measures=dict(act.measures) | {"previous7_energy_wh": 0, "previous7_days": 0})


@dataclass(frozen=True)
class Part:
    """What of an act counts at its station, in g; ``None`` where nobody weighed."""

    counted_g: int | None
    of_less: bool = False


def at_stations(acts: Sequence[Act], fetched: Iterable[Fetched]) -> dict[int, Part]:
    """By place of the act, what of it counts at its station: no more than was fetched, each part rounded down."""
    sums: dict[tuple[str, int], int] = defaultdict(int)
    for act in acts:
        if act.station:
            sums[act.station, index_of(act.ended_us)] += act.measures["mass_g"]
    found = {(one.station, one.index): one.fetched_g for one in fetched}
    parts = {}
    for place, act in enumerate(acts):
        key = (act.station, index_of(act.ended_us))
        if not act.station:
            continue
        if key not in found:
            parts[place] = Part(None)
            continue
        counted_g = act.measures["mass_g"] * min(sums[key], found[key]) // sums[key]
        parts[place] = Part(counted_g, of_less=sums[key] * 100 > found[key] * STATION_PERCENT)
    return parts


def alone(act: Act, part: Part | None = None) -> Worth:
    """What an act is worth before any cap on a person; ``part`` is what of it counts at its station."""
    if act.kind in WITHOUT_METHODOLOGY:
        return Worth("no_methodology")
    if part is not None and not part.counted_g:
        return Worth("not_weighed" if part.counted_g is None else "not_fetched")
    if _is_excluded(act):
        return Worth("excluded")
    if part is not None:
        act = replace(act, measures={**act.measures, "mass_g": part.counted_g or 0})
    avoided_mg = _avoided_mg(act)
    end = "credited" if avoided_mg else "nothing_avoided"
    return Worth(end, avoided_mg, avoided_mg, of_less=part is not None and part.of_less)


def cap(acts: Sequence[Act], worths: list[Worth]) -> None:
    """Put what caps leave in place of what was avoided; of one person's acts the earlier ones come first."""
    used: dict[tuple[int, str, int], int] = defaultdict(int)
    for place in sorted(range(len(acts)), key=lambda place: (acts[place].started_us, acts[place].ended_us)):
        act, worth = acts[place], worths[place]
        if worth.end != "credited":
            continue
        period, limit_mg = _limit(act)
        room_mg = max(0, limit_mg - used[act.resident, act.kind, period])
        credited_mg = min(worth.avoided_mg, room_mg)
        used[act.resident, act.kind, period] += credited_mg
        if credited_mg < worth.avoided_mg:
            worths[place] = Worth("capped", worth.avoided_mg, credited_mg)


def metro_distance_m(start: str, end: str) -> int:
    """The fewest stops between two stations, times the spacing."""
    return _stops(start)[end] * SPACING_M


@cache
def station_names() -> tuple[str, ...]:
    """Every station once, in the order of the list."""
    return tuple(dict.fromkeys(station for stations in _lines().values() for station in stations))


def meter_day(
    slots_wh: Mapping[int, Sequence[int]], pv_days: frozenset[int], index: int
) -> dict[str, int] | None:
    """The measures of a home's day from its half hours by day, or ``None`` when one of them is missing."""
    if len(slots_wh.get(index, ())) != SLOTS:
        return None
    week = [slots_wh[day] for day in range(index - WEEK, index) if len(slots_wh.get(day, ())) == SLOTS]
    return {
        "energy_wh": sum(slots_wh[index]),
        "previous7_energy_wh": sum(map(sum, week)),
        "previous7_days": len(week),
        "has_pv": int(any(day in pv_days for day in range(index - WEEK, index + 1))),
    }


def _covers(grant: Grant, act: Act) -> bool:
    after_start = grant.from_at.timestamp() * 1_000_000 <= act.started_us
    return after_start and (grant.until_at is None or act.ended_us < grant.until_at.timestamp() * 1_000_000)


def _is_excluded(act: Act) -> bool:
    if act.kind == "household_electricity_day":
        return act.measures["has_pv"] == 1 or act.measures["energy_wh"] < OCCUPIED_WH
    if act.kind == "household_electricity_month":
        return act.measures["tariff_tier"] >= EXCLUDED_TIER
    return act.kind == "waste_sorting" and act.measures["material"] == TEXTILE


def _avoided_mg(act: Act) -> int:
    measures = act.measures
    match act.kind:
        case "metro_trip":
            distance_m = metro_distance_m(*act.stations) if act.stations else measures["distance_m"]
            return _times(distance_m, METRO)
        case "bus_trip":
            return _times(measures["distance_m"], BUS)
        case "bike_trip":
            return _times(min(measures["distance_m"], BIKE_CLIP_M), BIKE)
        case "e_bike_trip":
            return _times(min(measures["distance_m"], E_BIKE_CLIP_M), E_BIKE)
        case "ev_charge":
            return _times(measures["energy_wh"], EV)
        case "waste_sorting":
            return _times(measures["mass_g"], RECYCLABLE) if measures["material"] in RECYCLABLES else 0
        case "second_hand_sale":
            return measures["pieces"] * PHONE_MG
        case "rooftop_pv_output":
            return _times(measures["energy_wh"], PV)
        case "household_electricity_day":
            return _home_mg(measures)
    assert act.kind == "household_electricity_month"
    assert measures["baseline_months"] >= LEAST_MONTHS
    saved_wh = measures["baseline_energy_wh"] - measures["energy_wh"]
    assert saved_wh >= 0, "the city plants no month of negative saving"
    return _times(saved_wh, MONTH)


def _home_mg(measures: Mapping[str, int]) -> int:
    """Below the city's baseline: compared with it; above it: with the home's own week, if that is whole."""
    energy_wh, week_wh = measures["energy_wh"], measures["previous7_energy_wh"]
    if energy_wh < CITY_BASELINE_WH:
        return (CITY_BASELINE_WH - energy_wh) * HOME_NUMERATOR // HOME_DENOMINATOR
    if energy_wh == CITY_BASELINE_WH or measures["previous7_days"] < WEEK:
        return 0
    return max(0, week_wh - WEEK * energy_wh) * HOME_NUMERATOR // (WEEK * HOME_DENOMINATOR)


def _times(amount: int, factor: tuple[int, int]) -> int:
    return amount * factor[0] // factor[1]


def _limit(act: Act) -> tuple[int, int]:
    """The period that a cap counts in (a day's index, or -1 for the year) and the cap, huge where none is."""
    if act.kind in YEAR_CAPS_MG:
        return -1, YEAR_CAPS_MG[act.kind]
    return index_of(act.ended_us), DAY_CAPS_MG.get(act.kind, 2**62)


@cache
def _lines() -> dict[str, list[str]]:
    text = files("tanpuhui.evidence.adapters").joinpath("shenzhen_metro_stations.csv").read_text("utf-8")
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for row in csv.DictReader(text.splitlines()):
        found[row["line"]].append((int(row["seq"]), row["station"]))
    return {line: [station for _, station in sorted(stops)] for line, stops in found.items()}


@cache
def _neighbours() -> dict[str, tuple[str, ...]]:
    """The stations one stop away from each station, over all its lines."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for line in _lines().values():
        for one, other in pairwise(line):
            found[one][other] = None
            found[other][one] = None
    return {station: tuple(near) for station, near in found.items()}


@cache
def _stops(start: str) -> dict[str, int]:
    """How many stops each station is away from one."""
    stops, waiting = {start: 0}, deque([start])
    while waiting:
        here = waiting.popleft()
        for near in _neighbours()[here]:
            if near not in stops:
                stops[near] = stops[here] + 1
                waiting.append(near)
    return stops
