"""Cases: records of one person, and how each ends, worked by hand. One set for every engine.

46.7 g per person-km of metro is 46.7 mg a metre; 48.7 g per km of pedal bike is 48.7 mg a metre.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from quantify.city import AS_OF, FIRST_US, MINUTE_US, at, grant, record
from tanpuhui.kit.moment import from_us
from tanpuhui.quantify.outcome import Outcome

#: Taps are at 23:00: at this moment an entry of that time has waited for 24 hours, and one a microsecond later not yet.
TAPS_AS_OF = from_us(at(23, day=1))


@dataclass(frozen=True)
class Case:
    """What is reported and granted, and the end of each record; ``credits`` are those that are not 0, in mg.

    ``standing`` are ends at a close that stands, by record; ``earlier`` are records of days before with their ends.
    ``stations`` are what counts at stations that must balance; no two cases name the same.
    """

    says: str
    records: list[dict[str, Any]]
    ends: dict[int, str]
    credits: dict[int, int] | None = None
    grants: list[dict[str, Any]] | None = None
    distances: dict[tuple[str, str], int] = field(default_factory=dict)
    prior: list[dict[str, Any]] = field(default_factory=list)
    standing: dict[int, Outcome] = field(default_factory=dict)
    earlier: list[tuple[dict[str, Any], Outcome]] = field(default_factory=list)
    clauses: dict[int, str] = field(default_factory=dict)
    stations: list[dict[str, Any]] = field(default_factory=list)
    as_of: datetime = AS_OF


def one_metro_trip(**changed: Any) -> list[dict[str, Any]]:
    return [record(1, "metro_trip", at(8), distance_m=1_000, **changed)]


def under(outcome: str, **changed: Any) -> Case:
    """One trip from 8:00 to 8:20 under one grant that is changed."""
    return Case(
        says=f"a grant covers the whole act or it is not counted: {changed}",
        records=one_metro_trip(),
        grants=[{**grant("metro", "metro_trip"), **changed}],
        ends={1: outcome},
        credits={1: 46_700} if outcome == "credited" else {},
    )


def twice_reported(order: int) -> Case:
    return Case(
        says=f"the act that two providers report counts once and for the one that ranks first, order {order}",
        records=[
            record(1, "bike_trip", at(8), 15, provider="map_app", distance_m=3_000),
            record(2, "bike_trip", at(8, 1), 13, provider="bike", distance_m=2_900),
        ][::order],
        ends={1: "duplicate_of", 2: "credited"},
        # 2,900 m x 48.7 mg/m
        credits={2: 141_230},
    )


def chain(order: int) -> Case:
    """A beats B, B beats C, A and C do not meet: C counts. The fourth of such a chain is lost to the third."""
    return Case(
        says=f"who loses takes nobody along, order {order}",
        records=[
            record(number, "metro_trip", at(8, 20 * (number - 1)), 30, distance_m=10_000)
            for number in (1, 2, 3, 4)
        ][::order],
        ends={1: "credited", 2: "overlapping", 3: "credited", 4: "overlapping"},
        credits={1: 467_000, 3: 467_000},
    )


def brought(
    number: int, station: str | None, mass_g: int, *, provider: str = "bins", material: int = 1
) -> Any:
    """Paper, unless told otherwise, brought to a station at a moment of its own; 165 mg for each gram."""
    return record(
        number,
        "waste_sorting",
        at(8, number),
        0,
        provider=provider,
        station=station,
        mass_g=mass_g,
        material=material,
    )


def station(name: str, sorted_g: int, counted_g: int | None) -> dict[str, Any]:
    """What counts at a station; ``None`` where nobody weighed."""
    return {
        "provider": "bins",
        "station": name,
        "is_weighed": int(counted_g is not None),
        "sorted_g": sorted_g,
        "counted_g": counted_g or 0,
    }


HOME = {"provider": "grid", "baseline_months": 12}


def tier(number: int, outcome: str) -> Case:
    return Case(
        says=f"a user of the third tier is excluded with the clause: tier {number}",
        records=[
            record(
                1,
                "household_electricity_month",
                at(0, day=-27),
                27 * 24 * 60,
                energy_wh=250_000,
                baseline_energy_wh=300_000,
                tariff_tier=number,
                **HOME,
            )
        ],
        ends={1: outcome},
        clauses={1: "E1"} if outcome == "excluded" else {},
    )


def week_of_readings(says: str, grants: list[dict[str, Any]], credited: dict[int, int]) -> Case:
    """A home's half hours: 2,400 Wh a day for a week, and 2,200 Wh on the day.

    2,200 Wh are above the city's 2,000 Wh for one person; against its own week it saved 200 Wh, at 312.5 mg a Wh.
    """
    half_hour = 30 * MINUTE_US
    records = [
        record(
            number,
            "meter_slot",
            at(0, day=-7) + (number - 1) * half_hour,
            provider="grid",
            ended_us=at(0, day=-7) + number * half_hour - 1,
            energy_wh=50 if number <= 7 * 48 else 50 - 4 - ((number - 1) % 6 == 0),
            pv_wh=0,
        )
        for number in range(1, 8 * 48 + 1)
    ]
    carried = "credited" if credited else "nothing_avoided"
    ends = dict.fromkeys(range(7 * 48 + 1, 8 * 48), "joined") | {8 * 48: carried}
    return Case(says=says, records=records, grants=grants, ends=ends, credits=credited)


CASES = [
    Case(
        says="a metro trip of ten kilometres is 467 grams",
        records=[record(1, "metro_trip", at(8), distance_m=10_000)],
        ends={1: "credited"},
        credits={1: 467_000},
    ),
    under("outside_range", from_us=at(8, 1)),
    under("outside_range", to_us=at(8, 20)),
    under("credited", from_us=at(8), to_us=at(8, 20) + 1),
    under("withdrawn", usable=False),
    under("outside_range", usable=False, from_us=at(9)),
    under("no_grant", kinds="bus_trip"),
    under("no_grant", provider="bike", kinds="metro_trip"),
    under("no_grant", account_id=2),
    Case(
        says="a record of nobody is an unknown person",
        records=one_metro_trip(account_id=0),
        ends={1: "unknown_person"},
    ),
    twice_reported(1),
    twice_reported(-1),
    Case(
        says="one person is not on two trips at once",
        records=[
            record(1, "metro_trip", at(8), 30, distance_m=10_000),
            record(2, "bike_trip", at(8, 29), 10, provider="bike", distance_m=1_000),
            record(3, "bike_trip", at(8, 39), 10, provider="bike", distance_m=1_000),
        ],
        ends={1: "credited", 2: "overlapping", 3: "credited"},
    ),
    chain(1),
    chain(-1),
    Case(
        # Twenty trips of 30 minutes, one every 20. Each round takes one even trip out and frees the odd one after it;
        # after the rounds the undecided lose.
        says="a chain of any length never counts two that overlap",
        records=[
            record(number, "metro_trip", at(6, 20 * number), 30, distance_m=10_000) for number in range(1, 21)
        ],
        ends={number: "credited" if number in (1, 3, 5, 7, 9) else "overlapping" for number in range(1, 21)},
    ),
    Case(
        # The bike company ranks before the map; its report of 10^12 m is out of range.
        says="a report that says nothing gives way to one that can be reckoned with",
        records=[
            record(1, "bike_trip", at(8), 15, provider="bike", distance_m=10**12),
            record(2, "bike_trip", at(8), 15, provider="map_app", distance_m=3_000),
        ],
        ends={1: "duplicate_of", 2: "credited"},
    ),
    Case(
        says="a report that gives nothing opens no way round for a second one",
        records=[
            record(1, "bike_trip", at(8), 15, provider="bike", distance_m=0),
            record(2, "bike_trip", at(8), 15, provider="map_app", distance_m=3_000),
        ],
        ends={1: "excluded", 2: "duplicate_of"},
        clauses={1: "A1"},
    ),
    Case(
        # Both end on this day; the month began earlier and is asked first, being of the same provider and rank.
        says="a home's saving is counted by the day or by the month",
        records=[
            record(
                1,
                "household_electricity_month",
                at(0, day=-27),
                provider="grid",
                ended_us=at(23),
                energy_wh=100_000,
                baseline_energy_wh=200_000,
                baseline_months=24,
                tariff_tier=1,
            ),
            record(
                2, "household_electricity_day", at(0), provider="grid", ended_us=at(24) - 1, energy_wh=2_000
            ),
        ],
        ends={1: "credited", 2: "overlapping"},
    ),
    Case(
        says="sales of one second are two sales unless two providers report them",
        records=[
            record(1, "second_hand_sale", at(8), 0, provider="phones", pieces=1),
            record(2, "second_hand_sale", at(8), 0, provider="phones", pieces=1),
        ],
        ends={1: "credited", 2: "credited"},
    ),
    Case(
        says="the highest revision counts and the person keeps one credit",
        records=[
            record(1, "metro_trip", at(8), distance_m=9_000),
            record(2, "metro_trip", at(8), distance_m=1_000, source_id="id-1", revision=1),
        ],
        ends={1: "superseded", 2: "credited"},
        credits={2: 46_700},
    ),
    Case(
        says="a retraction undoes the act even when a lower revision comes later",
        records=[
            record(5, "metro_trip", at(8), distance_m=9_000, source_id="t", revision=1),
            record(1, "metro_trip", at(8), distance_m=9_000, source_id="t", revision=2, action="retract"),
            record(9, "metro_trip", at(8), distance_m=9_000, source_id="t"),
        ],
        ends={1: "retraction", 5: "retracted", 9: "retracted"},
        credits={},
    ),
    Case(
        says="taps become a trip and the rest is counted",
        records=[
            record(1, "metro_entry", at(8), 0, station="罗湖"),
            record(2, "metro_exit", at(8, 30), 0, station="老街"),
            record(3, "metro_exit", at(9), 0, station="罗湖"),
            record(4, "metro_entry", at(10), 0, station="罗湖"),
            record(5, "metro_exit", at(10, 5), 0, station="罗湖"),
            record(6, "metro_entry", at(23), 0, station="罗湖"),
        ],
        distances={("罗湖", "老街"): 2_400},
        ends={1: "joined", 2: "credited", 3: "unpaired", 4: "same_station", 5: "same_station", 6: "unpaired"},
        # 2,400 m x 46.7 mg/m
        credits={2: 112_080},
    ),
    Case(
        says="an entry has waited 24 hours for its exit",
        records=[record(1, "metro_entry", at(23), 0, station="罗湖")],
        as_of=TAPS_AS_OF,
        ends={1: "unpaired"},
    ),
    Case(
        says="an entry waits 24 hours for its exit",
        records=[record(1, "metro_entry", at(23) + 1, 0, station="罗湖")],
        as_of=TAPS_AS_OF,
        ends={1: "waiting"},
    ),
    Case(
        # Shenzhen metro: 10,000,000 mg a person and day, illustrative. 100 km are 4,670,000 mg.
        says="the person cap credits in order of time and records the rest",
        records=[
            record(number, "metro_trip", at(4 + 2 * number), distance_m=100_000) for number in (3, 1, 2)
        ],
        ends={1: "credited", 2: "credited", 3: "capped"},
        credits={1: 4_670_000, 2: 4_670_000, 3: 660_000},
    ),
    Case(
        # Second-hand phones: three a person and year (155,709,000 mg), illustrative; one is 51,903,000 mg.
        says="what was credited on other days leaves that much less of the year",
        records=[record(1, "second_hand_sale", at(8), 0, provider="phones", pieces=1)],
        prior=[{"account_id": 1, "methodology": "national/second-hand-goods", "year_mg": 155_709_000 - 1}],
        ends={1: "capped"},
        credits={1: 1},
    ),
    Case(
        says="a kind without a scene is counted as such",
        records=[record(1, "e_invoice", at(8), 0, provider="phones", pieces=1)],
        ends={1: "no_methodology"},
    ),
    Case(
        says="a measure that is missing is never guessed",
        records=[record(1, "metro_trip", at(8)), record(2, "metro_trip", at(9), distance_m=10**9)],
        ends={1: "invalid", 2: "invalid"},
    ),
    Case(
        says="an act counts on the day in which it ended",
        records=[
            record(1, "metro_trip", at(23, 50, day=-1), 20, distance_m=1_000),
            record(2, "metro_trip", at(23, 50), 20, distance_m=1_000),
        ],
        ends={1: "credited"},
    ),
    Case(
        # Shanghai (illustrative formula): (200 - 250) kWh x 0.42 kg/kWh = -21 kg; nothing is deducted from a loss.
        says="a month above its baseline is recorded and taken from no account",
        records=[
            record(
                1,
                "household_electricity_month",
                at(0, day=-27),
                27 * 24 * 60,
                energy_wh=250_000,
                baseline_energy_wh=200_000,
                **HOME,
            )
        ],
        ends={1: "below_baseline"},
        credits={},
    ),
    tier(2, "credited"),
    tier(3, "excluded"),
    week_of_readings(
        "readings under a withdrawn grant are no baseline of another grant",
        [
            grant("grid", "household_electricity_day", usable=False),
            grant("grid", "household_electricity_day", from_us=FIRST_US),
        ],
        {},
    ),
    week_of_readings(
        "a home is measured against its own week under one grant",
        [grant("grid", "household_electricity_day")],
        {384: 200 * 3_125 // 10},
    ),
    Case(
        says="what passed the gate at the close that stands stays after a withdrawal, and what is new does not",
        records=[
            record(1, "metro_trip", at(8), distance_m=1_000),
            record(2, "metro_trip", at(9), distance_m=1_000),
            record(3, "metro_trip", at(10), distance_m=1_000),
        ],
        grants=[grant("metro", "metro_trip", usable=False)],
        standing={1: Outcome.credited, 2: Outcome.no_grant},
        ends={1: "credited", 2: "withdrawn", 3: "withdrawn"},
        credits={1: 46_700},
    ),
    Case(
        # The bus ended at 23:58 and counted; the metro trip began at 23:50. What did not count takes no time.
        says="an act that ended on an earlier day and stands there takes its time",
        records=[
            record(1, "metro_trip", at(23, 50, day=-1), 20, distance_m=1_000),
            record(2, "metro_trip", at(0, 10), 20, distance_m=1_000),
        ],
        earlier=[(record(8, "bus_trip", at(23, 40, day=-1), 18, distance_m=2_000), Outcome.credited)],
        ends={1: "overlapping", 2: "credited"},
        credits={2: 46_700},
    ),
    Case(
        says="an act that ended on an earlier day and did not count there takes no time",
        records=[record(1, "metro_trip", at(23, 50, day=-1), 20, distance_m=1_000)],
        earlier=[(record(8, "bus_trip", at(23, 40, day=-1), 18, distance_m=2_000), Outcome.invalid)],
        ends={1: "credited"},
        credits={1: 46_700},
    ),
    Case(
        # 500, 300 and 200 g of which 333 g count: 166.5, 99.9 and 66.6, each rounded down, at 165 mg.
        says="of each act its part of what was fetched counts, rounded down",
        records=[brought(1, "over", 500), brought(2, "over", 300), brought(3, "over", 200)],
        stations=[station("over", 1_000, 333)],
        ends={1: "credited", 2: "credited", 3: "credited"},
        credits={1: 166 * 165, 2: 99 * 165, 3: 66 * 165},
    ),
    Case(
        # 10^6 g at most; half of 1.5 x 10^6 would be in range.
        says="what is out of range as it was reported is not brought into it by its part",
        records=[brought(1, "half", 1_500_000), brought(2, "half", 1_000_000)],
        stations=[station("half", 2_500_000, 1_250_000)],
        ends={1: "invalid", 2: "capped"},
        # 20 kg of recyclables a day at 165 mg a gram
        credits={2: 3_300_000},
    ),
    Case(
        says="without a weighing nothing counts, whether the station is known or not, or has no name",
        records=[brought(1, "unweighed", 500), brought(2, "elsewhere", 500), brought(3, None, 500)],
        stations=[station("unweighed", 500, None)],
        ends={1: "not_weighed", 2: "not_weighed", 3: "not_weighed"},
        credits={},
    ),
    Case(
        # Half of a gram is none.
        says="where nothing was fetched, or too little for a gram, nothing counts",
        records=[brought(1, "empty", 500), brought(2, "little", 1), brought(3, "little", 999)],
        stations=[station("empty", 500, 0), station("little", 1_000, 500)],
        ends={1: "not_fetched", 2: "not_fetched", 3: "credited"},
        credits={3: 499 * 165},
    ),
    Case(
        says="a clause excludes what was weighed, and what was not weighed waits before any clause",
        records=[
            brought(1, "textiles", 500, material=5),
            brought(2, "textiles", 0),
            brought(3, "no-scale", 500, material=5),
        ],
        stations=[station("textiles", 500, 500)],
        ends={1: "excluded", 2: "excluded", 3: "not_weighed"},
        clauses={1: "E1", 2: "A1"},
        credits={},
    ),
    Case(
        says="whose stations need not balance is credited as reported, at a station of the same name too",
        records=[brought(1, "mine", 500), brought(2, "mine", 500, provider="bags")],
        stations=[station("mine", 500, 100)],
        ends={1: "credited", 2: "credited"},
        credits={1: 100 * 165, 2: 500 * 165},
    ),
    Case(
        # 4.6 x 10^18 g counted of twice as many: far beyond what a double holds, and nothing of it overflows.
        says="grams that are no bag are no report, however much was fetched",
        records=[brought(1, "mountain", 4_000_000_000_000_000_000)],
        stations=[station("mountain", 9_000_000_000_000_000_000, 4_600_000_000_000_000_000)],
        ends={1: "invalid"},
        credits={},
    ),
]
