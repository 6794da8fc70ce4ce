"""Life: what honest residents do all week: travel, charge, sort, buy and sell."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tanpuhui.cli.demo import truth
from tanpuhui.cli.demo.calendar import DAY_US, MINUTE_US, at_us
from tanpuhui.cli.demo.draft import Draft, minute_us
from tanpuhui.cli.demo.people import EVERYTHING
from tanpuhui.cli.demo.plan import Act, Resident
from tanpuhui.cli.demo.stations import station_of

MORNING, EVENING, ERRAND, NIGHT = 6 * 60 + 30, 17 * 60, 20 * 60 + 50, 23 * 60 + 40


def live(draft: Draft, *, without: set[tuple[int, int]]) -> None:
    """Every resident's week; ``without`` are days of residents who do something else."""
    for resident in draft.residents:
        for index in range(draft.calendar.days):
            if (resident.number, index) not in without:
                _travel(draft, resident, index)
            _rest(draft, resident, index)
        _bills(draft, resident)


def _travel(draft: Draft, resident: Resident, index: int) -> None:
    """To work, home, and an errand, in windows that never touch each other or the free hours around noon."""
    commutes = 0.75 if index % 7 < 5 else 0.3
    for first_minute in (MORNING, EVENING):
        if draft.rng.random() < commutes:
            _commute(draft, resident, index, first_minute + draft.rng.randrange(90))
    if draft.rng.random() < 0.35:
        _errand(draft, resident, index, ERRAND + draft.rng.randrange(30))
    is_last = index == draft.calendar.days - 1
    if "szt" in resident.providers and not is_last and draft.rng.random() < 0.02:
        ride(draft, resident, index, NIGHT + draft.rng.randrange(10), least_stops=10)


def _commute(draft: Draft, resident: Resident, index: int, minute: int) -> None:
    if "szt" in resident.providers:
        ride(draft, resident, index, minute)
    elif "payments" in resident.providers:
        bus(draft, resident, "payments", index, minute)
    elif "bike_app" in resident.providers:
        cycle(draft, resident, index, minute)


def _errand(draft: Draft, resident: Resident, index: int, minute: int) -> None:
    if "bike_app" in resident.providers:
        cycle(draft, resident, index, minute)
    elif "map_app" in resident.providers:
        bus(draft, resident, "map_app", index, minute)


def metro_act(draft: Draft, number: int, index: int, minute: int, least_stops: int = 2) -> Act:
    """A metro trip between two stations drawn at random, with 2.2 minutes a stop and 4 on foot."""
    names = truth.station_names()
    while True:
        start, end = draft.rng.sample(names, 2)
        stops = truth.metro_distance_m(start, end) // truth.SPACING_M
        if least_stops <= stops <= 35:
            break
    started_us = minute_us(index, minute, draft.rng)
    ended_us = started_us + (stops * 132 + 240) * 1_000_000
    return Act(number, "szt", "metro_trip", started_us, ended_us, stations=(start, end))


def ride(draft: Draft, resident: Resident, index: int, minute: int, *, least_stops: int = 2) -> None:
    """A metro trip, tapped in and out."""
    draft.ride_metro(metro_act(draft, resident.number, index, minute, least_stops))


def cycle_act(draft: Draft, number: int, index: int, minute: int) -> Act:
    """A ride on a shared bicycle at about 12 km/h, or an electric one at 18."""
    electric = draft.rng.random() < 0.3
    distance_m = draft.rng.randrange(800, 7_000)
    seconds = distance_m * 3_600 // (18_000 if electric else 12_000)
    started_us = minute_us(index, minute, draft.rng)
    kind = "e_bike_trip" if electric else "bike_trip"
    ended_us = started_us + seconds * 1_000_000
    return Act(number, "bike_app", kind, started_us, ended_us, {"distance_m": distance_m})


def cycle(draft: Draft, resident: Resident, index: int, minute: int) -> None:
    """A ride on a shared bicycle, reported by its operator."""
    draft.report(cycle_act(draft, resident.number, index, minute))


def bus(draft: Draft, resident: Resident, provider: str, index: int, minute: int) -> None:
    """A ride on an electric bus at about 20 km/h, with its distance."""
    distance_m = draft.rng.randrange(1_500, 15_000)
    started_us = minute_us(index, minute, draft.rng)
    ended_us = started_us + distance_m * 3_600 // 20_000 * 1_000_000
    draft.report(Act(resident.number, provider, "bus_trip", started_us, ended_us, {"distance_m": distance_m}))


def _rest(draft: Draft, resident: Resident, index: int) -> None:
    for provider, share, does in DAILY:
        if provider in resident.providers and draft.rng.random() < share:
            does(draft, resident, index)


def _charge(draft: Draft, resident: Resident, index: int) -> None:
    """Two to four hours in the evening, at about 6 kW."""
    minutes = draft.rng.randrange(120, 240)
    started_us = minute_us(index, 18 * 60 + draft.rng.randrange(90), draft.rng)
    energy_wh = minutes * draft.rng.randrange(95, 110)
    ended_us = started_us + minutes * MINUTE_US
    draft.report(
        Act(resident.number, "ev_sessions", "ev_charge", started_us, ended_us, {"energy_wh": energy_wh})
    )


def _sort(draft: Draft, resident: Resident, index: int) -> None:
    moment_us = minute_us(index, 19 * 60 + draft.rng.randrange(120), draft.rng)
    measures = {
        "material": draft.rng.choice((1, 1, 1, 2, 2, 3, 4, 5, 6, 6, 7)),
        "mass_g": draft.rng.randrange(150, 4_000),
    }
    draft.report(sorting(resident.number, moment_us, measures))


def sorting(number: int, moment_us: int, measures: Mapping[str, int]) -> Act:
    """Something brought to the station of a resident."""
    station = station_of(number)
    return Act(number, "waste_weighings", "waste_sorting", moment_us, moment_us, measures, station=station)


def order(draft: Draft, resident: Resident, kind: str, index: int, pieces: int = 1) -> Act:
    """Something paid with the payment app."""
    moment_us = minute_us(index, 9 * 60 + draft.rng.randrange(600), draft.rng)
    return Act(resident.number, "payments", kind, moment_us, moment_us, {"pieces": pieces})


def _order(kind: str) -> Callable[[Draft, Resident, int], None]:
    def does(draft: Draft, resident: Resident, index: int) -> None:
        draft.report(order(draft, resident, kind, index))

    return does


DAILY: tuple[tuple[str, float, Callable[[Draft, Resident, int], None]], ...] = (
    ("ev_sessions", 0.4, _charge),
    ("waste_weighings", 0.5, _sort),
    ("payments", 0.06, _order("e_invoice")),
    ("payments", 0.08, _order("no_cutlery_order")),
)


def _bills(draft: Draft, resident: Resident) -> None:
    """A phone sold in the week by one in ten; a monthly bill and a roof's output where the grid company reports."""
    index = draft.rng.randrange(draft.calendar.days)
    if "payments" in resident.providers and draft.rng.random() < 0.1:
        draft.report(order(draft, resident, "second_hand_sale", index))
    if "grid_company" in resident.providers:
        _bill(draft, resident, index)
        _roof(draft, resident, index)


#: So many days and at least one of a home's earlier days is whole, whichever has the gap.
_DAYS_WITH_A_WHOLE_ONE = 3


def _bill(draft: Draft, resident: Resident, index: int) -> None:
    """A billing month of thirty days; one home in three is in the third tier, which is excluded.

    A home whose meter is read has its savings counted by the day: its bill must not count them a second time.
    """
    metered = "meter_halfhourly" in resident.providers
    if metered and not (resident.plain and draft.calendar.days >= _DAYS_WITH_A_WHOLE_ONE):
        return
    index = draft.calendar.days - 1 if metered else index
    ended_us = at_us(index + 1, 0) - 1_000_000
    energy_wh = draft.rng.randrange(150_000, 400_000)
    measures = {
        "energy_wh": energy_wh,
        "baseline_energy_wh": energy_wh + draft.rng.randrange(0, 60_000),
        "baseline_months": 12,
        "tariff_tier": 3 if draft.rng.random() < 0.33 or resident.number == EVERYTHING else 1,
    }
    start_us = ended_us + 1_000_000 - 30 * DAY_US
    act = Act(resident.number, "grid_company", "household_electricity_month", start_us, ended_us, measures)
    if metered:
        draft.stand_aside(act, "overlapping", "bills_of_metered_homes")
    else:
        draft.report(act)


def _roof(draft: Draft, resident: Resident, index: int) -> None:
    measures = {"energy_wh": draft.rng.randrange(4_000, 20_000), "capacity_w": 5_000}
    start_us = at_us(index, 0)
    draft.report(
        Act(
            resident.number,
            "grid_company",
            "rooftop_pv_output",
            start_us,
            start_us + DAY_US - 1_000_000,
            measures,
        )
    )
