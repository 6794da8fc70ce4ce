"""City: a whole synthetic city from a seed, and the contracts of the providers that only it has."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta

from tanpuhui.cli.demo import faults, life, meters, people, stations
from tanpuhui.cli.demo.calendar import Calendar
from tanpuhui.cli.demo.draft import CORRECTED, LATE, WEEK, Draft, day_name
from tanpuhui.cli.demo.plan import DUPLICATE, HISTORY, City, Delivery, Row
from tanpuhui.kit.refusal import Refusal

FEWEST_RESIDENTS, MOST_RESIDENTS = 20, 100_000
MOST_DAYS = 31

#: How a provider writes its files; late ones of the bicycle's operator come as Parquet.
ENDINGS = {
    "szt": "csv",
    "bike_app": "ndjson",
    "map_app": "parquet",
    "payments": "ndjson",
    "ev_sessions": "csv",
    "waste_weighings": "csv",
    "meter_halfhourly": "csv",
    "grid_company": "csv",
}
LATE_ENDINGS = {"bike_app": "parquet"}

#: Contracts beyond those that are shipped: precedence 30 is believed before 60 when two report one act.
CONTRACTS = {
    "bike_app": (("bike_trip", "e_bike_trip"), 30),
    "map_app": (("bike_trip", "bus_trip", "metro_trip"), 60),
    "grid_company": (("household_electricity_month", "rooftop_pv_output"), 20),
}
#: Days on which children were born who come without a guardian; all under fourteen in 2026.
CHILDREN_BORN = date(2014, 1, 1)


class WrongSize(Refusal):
    code = "demo.wrong_size"
    message = (
        "A city has {fewest} to {most} residents and 1 to {most_days} days; {residents} and {days} were asked for. "
        "Choose numbers in between."
    )


def build(*, residents: int, days: int, seed: int) -> City:
    """Make up a city; the same three numbers give the same city, to the last second of the last trip."""
    if not (FEWEST_RESIDENTS <= residents <= MOST_RESIDENTS and 1 <= days <= MOST_DAYS):
        raise WrongSize(
            fewest=FEWEST_RESIDENTS, most=MOST_RESIDENTS, most_days=MOST_DAYS, residents=residents, days=days
        )
    rng = random.Random(f"{seed}|{residents}|{days}")
    calendar = Calendar(days)
    everybody = people.residents(rng, residents)
    draft = Draft(seed, calendar, rng, everybody, people.grants(everybody, calendar))
    life.live(draft, without=faults.busy_days(draft))
    faults.plant(draft)
    meters.keep_house(draft)
    children = max(1, residents // 400)
    deliveries = tuple(_deliveries(draft))
    return City(
        seed=seed,
        days=days,
        residents=tuple(everybody),
        refused_children=tuple(CHILDREN_BORN + timedelta(days=place) for place in range(children)),
        grants=tuple(draft.grants),
        deliveries=deliveries,
        fetched=stations.fetched(deliveries, calendar),
    )


def _deliveries(draft: Draft) -> list[Delivery]:
    """Every file in the order in which it arrives: by day, the late ones, what comes again, what is corrected."""
    calendar = draft.calendar
    days = {day_name(index): calendar.taken_at(index) for index in range(calendar.days)}
    week = calendar.taken_at(calendar.days - 1)
    arrives = {
        HISTORY: calendar.taken_at(-1),
        **days,
        WEEK: week,
        LATE: calendar.late_at,
        CORRECTED: calendar.corrected_at,
    }
    sent = [
        Delivery(
            provider=provider,
            name=name,
            ending=(LATE_ENDINGS if name == LATE else {}).get(provider, ENDINGS[provider]),
            received_at=arrives[name],
            rows=tuple(row for row in rows if row is not faults.MOVED),
        )
        for (provider, name), rows in sorted(draft.files.items())
    ]
    sent = sorted((one for one in sent if one.rows), key=lambda one: one.received_at)
    every = [*sent, *_sent_again(sent, calendar.late_at)]
    return sorted(every, key=lambda one: one.received_at)


def _sent_again(sent: list[Delivery], at: datetime) -> list[Delivery]:
    """The metro's first file once more as it was, and the waste stations' first file under another key."""
    metro = next(one for one in sent if one.provider == "szt")
    waste = next(one for one in sent if one.provider == "waste_weighings")
    again = tuple(
        Row(
            row.columns,
            row.end if row.end.startswith("evidence.") else DUPLICATE,
            "rows_of_a_file_sent_again",
        )
        for row in waste.rows
    )
    return [
        Delivery(metro.provider, metro.name, metro.ending, at, metro.rows),
        Delivery(waste.provider, waste.name, waste.ending, at, again, key="the same file under another key"),
    ]
