"""Faults: what is wrong in the city, each planted in a number that is known because it was planted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tanpuhui.cli.demo import life, rows, truth
from tanpuhui.cli.demo.calendar import MINUTE_US, at_us, iso
from tanpuhui.cli.demo.draft import CORRECTED, LATE, WEEK, Draft, day_name, minute_us
from tanpuhui.cli.demo.plan import DUPLICATE, Act, Row

#: Residents, per fault, of a city of this size; smaller and larger ones in proportion, at least one.
USUAL_RESIDENTS = 2_000


def plant(draft: Draft) -> None:
    """Plant everything but what is decided before anybody lives (see :func:`busy_days`)."""
    for wanted, does in FAULTS:
        does(draft, max(1, wanted * len(draft.residents) // USUAL_RESIDENTS))


def busy_days(draft: Draft) -> set[tuple[int, int]]:
    """Days that some residents spend on a bicycle, far over the daily cap, instead of living their usual life."""
    wanted = max(1, 10 * len(draft.residents) // USUAL_RESIDENTS)
    riders = draft.users("bike_app")[:wanted]
    days = {(resident.number, resident.number % draft.calendar.days) for resident in riders}
    for number, index in sorted(days):
        draft.used.add((number, index))
        for hour in (6, 9, 12):
            started_us = minute_us(index, hour * 60, draft.rng)
            ended_us = started_us + 120 * MINUTE_US
            measures = {"distance_m": 25_000}
            draft.report(Act(number, "bike_app", "bike_trip", started_us, ended_us, measures), usual=False)
    return days


# Sent twice, or by two providers


def _same_row(draft: Draft, wanted: int) -> None:
    """A row that stands twice in a file, or again in the file of the next night."""
    for kind in ("metro_trip", "bike_trip", "waste_sorting"):
        for place, line, act in draft.honest_rows(kind, wanted):
            columns = draft.files[place][line].columns
            again = place[1] if act.resident % 2 else LATE
            draft.add(place[0], again, Row(columns, DUPLICATE, "rows_sent_twice"))


def _two_providers(draft: Draft, wanted: int) -> None:
    """The map app reports a trip that the metro or the bicycle's operator has reported too, some seconds off."""
    for kind in ("metro_trip", "bike_trip"):
        for _, _, act in draft.honest_rows(kind, wanted, also="map_app"):
            distance_m = truth.metro_distance_m(*act.stations) if act.stations else act.measures["distance_m"]
            shifted = Act(
                act.resident,
                "map_app",
                kind,
                act.started_us + 20_000_000,
                act.ended_us + 25_000_000,
                {"distance_m": max(1, distance_m - 7)},
            )
            draft.stand_aside(shifted, "duplicate_of", "acts_from_two_providers")


def _overlapping(draft: Draft, wanted: int) -> None:
    """A bicycle ride of somebody who sat in the metro at the time."""
    for _, _, act in draft.honest_rows("metro_trip", wanted, also="bike_app"):
        started_us = act.started_us + 60_000_000
        ride = Act(
            act.resident, "bike_app", "bike_trip", started_us, act.ended_us - 60_000_000, {"distance_m": 900}
        )
        draft.stand_aside(ride, "overlapping", "overlapping_trips")


# Rows that are refused


def _broken_rides(draft: Draft, wanted: int) -> None:
    """Rides whose columns cannot be true; the free hours of a day keep them apart from real ones."""
    for fault, code, share, spoil in BROKEN:
        for resident, index, minute in draft.free_slots("bike_app", max(1, wanted * share // 10)):
            act = replace(life.cycle_act(draft, resident.number, index, minute), kind="bike_trip")
            whole = rows.generic(draft.new_id("bi"), draft.name("bike_app", resident.number), act)
            draft.add("bike_app", day_name(index), Row(spoil(whole, act), code, fault))


def _too_fast(columns: rows.Columns, act: Act) -> rows.Columns:
    """300 km/h: a kilometre in twelve seconds."""
    seconds = (act.ended_us - act.started_us) // 1_000_000
    return columns | {"distance_m": seconds * 300_000 // 3_600}


def _year_14(columns: rows.Columns, _act: Act) -> rows.Columns:
    return columns | {name: "0014" + str(columns[name])[4:] for name in ("started_at", "ended_at")}


def _backwards(columns: rows.Columns, _act: Act) -> rows.Columns:
    return columns | {"started_at": columns["ended_at"], "ended_at": columns["started_at"]}


BROKEN: tuple[tuple[str, str, int, Callable[[rows.Columns, Act], rows.Columns]], ...] = (
    ("impossible_speeds", "evidence.impossible_speed", 15, _too_fast),
    (
        "negative_distances",
        "evidence.negative",
        10,
        lambda columns, act: columns | {"distance_m": -act.measures["distance_m"]},
    ),
    ("years_0014", "evidence.year_out_of_range", 5, _year_14),
    (
        "texts_in_numbers",
        "evidence.not_a_number",
        10,
        lambda columns, _act: columns | {"distance_m": "about 3 km"},
    ),
    ("ends_before_start", "evidence.ends_before_start", 10, _backwards),
)


def _bad_stations(draft: Draft, wanted: int) -> None:
    """Taps at a station that nobody knows, and taps without one."""
    for fault, code, station in (
        ("unknown_stations", "evidence.station_unknown", "月亮湾大道东"),
        ("missing_stations", "evidence.station_missing", "-"),
    ):
        for resident, index, minute in draft.free_slots("szt", wanted):
            card = draft.name("szt", resident.number)
            columns = rows.tap(
                card, minute_us(index, minute, draft.rng), leaves=True, station=station, gate=7
            )
            draft.add("szt", day_name(index), Row(columns, code, fault))


def _reused_ids(draft: Draft, wanted: int) -> None:
    """An id that comes again with another distance, without being called a correction."""
    for place, line, act in draft.honest_rows("bike_trip", wanted):
        columns = draft.files[place][line].columns
        other = {**columns, "distance_m": act.measures["distance_m"] + 100}
        draft.add("bike_app", LATE, Row(other, "evidence.id_reused", "ids_used_again"))


def _empty_charges(draft: Draft, wanted: int) -> None:
    """Sessions that delivered nothing, and sessions that lasted for days."""
    for place, (resident, index, minute) in enumerate(draft.free_slots("ev_sessions", wanted)):
        started_us = minute_us(index, minute, draft.rng)
        hours, energy_wh = (30, 8_000) if place % 3 == 2 else (1, 0)
        act = Act(
            resident.number,
            "ev_sessions",
            "ev_charge",
            started_us,
            started_us + hours * 60 * MINUTE_US,
            {"energy_wh": energy_wh},
        )
        columns = rows.charge(draft.new_id("ev"), draft.name("ev_sessions", resident.number), act)
        late = place % 3 == 2
        draft.add(
            "ev_sessions",
            LATE if late else WEEK,
            Row(
                columns,
                "evidence.session_too_long" if late else "evidence.no_energy",
                "charges_too_long" if late else "charges_without_energy",
            ),
        )


# Accepted, and worth nothing


def _lone_taps(draft: Draft, wanted: int) -> None:
    """Somebody who went in and never came out, and somebody who came out and never went in."""
    for fault, leaves in (("entries_without_exit", False), ("exits_without_entry", True)):
        for resident, index, minute in draft.free_slots("szt", wanted):
            station = draft.rng.choice(truth.station_names())
            card = draft.name("szt", resident.number)
            columns = rows.tap(
                card, minute_us(index, minute, draft.rng), leaves=leaves, station=station, gate=11
            )
            draft.add("szt", day_name(index), Row(columns, "unpaired", fault))


def _same_stations(draft: Draft, wanted: int) -> None:
    """In and out at the same station: two taps, and nobody went anywhere."""
    for resident, index, minute in draft.free_slots("szt", wanted):
        station = draft.rng.choice(truth.station_names())
        card = draft.name("szt", resident.number)
        for later, leaves in ((0, False), (12, True)):
            columns = rows.tap(card, at_us(index, minute + later), leaves=leaves, station=station, gate=13)
            draft.add("szt", day_name(index), Row(columns, "same_station", "taps_at_one_station"))


def _boardings(draft: Draft, wanted: int) -> None:
    for resident, index, minute in draft.free_slots("szt", wanted):
        card = draft.name("szt", resident.number)
        columns = rows.boarding(card, minute_us(index, minute, draft.rng), 1 + resident.number % 9_000)
        draft.add("szt", day_name(index), Row(columns, "no_distance", "bus_boardings"))


def _top_ups(draft: Draft, wanted: int) -> None:
    for resident, index, minute in draft.free_slots("payments", wanted):
        record: rows.Columns = {
            "id": draft.new_id("pa"),
            "type": "top_up",
            "user": draft.name("payments", resident.number),
            "at": iso(minute_us(index, minute, draft.rng)),
            "amount_fen": 10_000,
        }
        draft.add("payments", day_name(index), Row(record, "not_an_act", "top_ups"))


def _strangers(draft: Draft, wanted: int) -> None:
    """People whom no account is linked to ride like everybody else."""
    for place in range(wanted):
        index = place % draft.calendar.days
        draft.ride_metro(
            life.metro_act(draft, 0, index, life.MORNING), person=draft.name("szt", 1_000_000 + place)
        )
        draft.report(
            life.cycle_act(draft, 0, index, life.EVENING), person=draft.name("bike_app", 1_000_000 + place)
        )


# Taken back, corrected, late


def _refunds(draft: Draft, wanted: int) -> None:
    """Phones sold and returned; every third refund comes in the file of the night before the order."""
    for place, (resident, index, _) in enumerate(draft.free_slots("payments", wanted)):
        act = life.order(draft, resident, "second_hand_sale", index)
        person, order = draft.name("payments", resident.number), draft.new_id("pa")
        early = place % 3 == 0 and index > 0
        day = max(0, index - 1) if early else min(index + 1, draft.calendar.days - 1)
        moment_us = minute_us(day, 22 * 60 + 30, draft.rng)
        refund = rows.refund(draft.new_id("pa"), person, moment_us, order)
        draft.add("payments", day_name(day), Row(refund, "retraction", "refunds"))
        sold = rows.payment(order, person, act)
        fault = "orders_refunded_before" if early else "orders_refunded"
        draft.add("payments", day_name(index), Row(sold, "retracted", fault))


def _corrections(draft: Draft, wanted: int) -> None:
    """Rides whose distance is corrected later; the corrected ones are the honest ones."""
    for place, line, act in draft.honest_rows("bike_trip", wanted):
        wrong = draft.files[place][line]
        right = replace(act, measures={"distance_m": act.measures["distance_m"] * 9 // 10})
        columns = rows.generic(
            str(wrong.columns["source_id"]), draft.name("bike_app", act.resident), right, revision=1
        )
        draft.files[place][line] = Row(wrong.columns, "superseded", "rows_corrected")
        draft.add("bike_app", LATE, Row(columns, act=right, fault="corrections"))


def _retractions(draft: Draft, wanted: int) -> None:
    """Rides that the operator takes back: they never were."""
    for place, line, act in draft.honest_rows("e_bike_trip", wanted):
        wrong = draft.files[place][line]
        source_id, person = str(wrong.columns["source_id"]), draft.name("bike_app", act.resident)
        columns = rows.generic(source_id, person, act, revision=1, action="retract")
        draft.files[place][line] = Row(wrong.columns, "retracted", "rows_retracted")
        draft.add("bike_app", LATE, Row(columns, "retraction", "retractions"))


def _late_rows(draft: Draft, wanted: int) -> None:
    """Honest rows that arrive when their day is closed already; of a metro trip, its exit."""
    for kind, share in (("metro_trip", 4), ("bike_trip", 4), ("waste_sorting", 2)):
        for place, line, act in draft.honest_rows(kind, wanted * share // 10 or 1):
            row = draft.files[place][line]
            draft.files[place][line] = MOVED
            draft.add(place[0], LATE, Row(row.columns, act=act, fault="late_records"))


#: How often a release of the map app counts the way of a metro trip, and the minutes of those trips.
TIMES, TRIP_MINUTES = 3, 60
#: The last days on which that release is used.
LAST_DAYS = 3


def _counted_three_times(draft: Draft, wanted: int) -> None:
    """Metro trips whose way the map app's new release counts three times: no rule can see it, the gates' log shows it.

    A verifier does, and the app corrects them afterwards; the corrected ones are the honest ones.
    """
    first = max(0, draft.calendar.days - LAST_DAYS)
    for resident, index, minute in draft.free_slots("map_app", wanted, first=first):
        started_us = minute_us(index, minute, draft.rng)
        distance_m = 14_000 + draft.rng.randrange(4_000)
        ended_us = started_us + TRIP_MINUTES * MINUTE_US
        right = Act(
            resident.number, "map_app", "metro_trip", started_us, ended_us, {"distance_m": distance_m}
        )
        wrong = replace(right, measures={"distance_m": TIMES * distance_m})
        source_id, person = draft.new_id("ma"), draft.name("map_app", resident.number)
        draft.add(
            "map_app",
            day_name(index),
            Row(rows.generic(source_id, person, wrong), "superseded", "ways_counted_three_times"),
        )
        columns = rows.generic(source_id, person, right, revision=1)
        draft.add("map_app", CORRECTED, Row(columns, act=right, fault="ways_corrected"))


#: What stands where a row was moved away; files leave it out.
MOVED = Row({}, "moved")


# Caps of a year


def _dealers(draft: Draft, wanted: int) -> None:
    """People who sell five phones: three are credited in a year."""
    sellers: set[int] = set()
    for resident, index, _ in draft.free_slots("payments", wanted * 40):
        if len(sellers) == wanted:
            break
        if resident.number in sellers or _has_sold(draft, resident.number):
            continue
        sellers.add(resident.number)
        for step, pieces in enumerate((2, 2, 1)):
            day = min(index + step, draft.calendar.days - 1)
            act = life.order(draft, resident, "second_hand_sale", day, pieces)
            moment_us = at_us(day, 10 * 60 + step)
            act = replace(act, started_us=moment_us, ended_us=moment_us)
            draft.report(act, usual=False)


def _has_sold(draft: Draft, number: int) -> bool:
    return any(
        act is not None and act.resident == number
        for place, line in draft.honest["second_hand_sale"]
        for act in (draft.files[place][line].act,)
    )


def wasteful(draft: Draft, wanted: int) -> None:
    """Thirty kilograms of paper in a day: the cap is at twenty."""
    for resident, index, minute in draft.free_slots("waste_weighings", wanted):
        moment_us = minute_us(index, minute, draft.rng)
        measures = {"material": 1, "mass_g": 30_000}
        draft.report(life.sorting(resident.number, moment_us, measures), usual=False)


#: How many of each for a city of 2,000, in the order in which they are planted.
FAULTS: tuple[tuple[int, Callable[[Draft, int], None]], ...] = (
    (4, _dealers),
    (6, wasteful),
    (20, _corrections),
    (10, _retractions),
    (50, _late_rows),
    (15, _same_row),
    (40, _two_providers),
    (15, _overlapping),
    (10, _reused_ids),
    (10, _broken_rides),
    (8, _bad_stations),
    (12, _empty_charges),
    (20, _lone_taps),
    (15, _same_stations),
    (60, _boardings),
    (60, _top_ups),
    (15, _refunds),
    (10, _strangers),
    (450, _counted_three_times),
)
