"""Record: what one accepted row is in the lake, its kinds and its measures."""

from __future__ import annotations

from collections.abc import Mapping

#: Columns of every lake record before its measures, in order, with their SQL types.
CORE: dict[str, str] = {
    "record_id": "BIGINT",
    "provider": "VARCHAR",
    "source_id": "VARCHAR",
    "revision": "INTEGER",
    "action": "VARCHAR",
    "subject_id": "BIGINT",
    "account_id": "BIGINT",
    "kind": "VARCHAR",
    "started_us": "BIGINT",
    "ended_us": "BIGINT",
}

#: Text columns after the measures, in order: where a raw record was made.
PLACES = ("station", "line", "vehicle")

#: What intake calls columns of its own: no measure is called so.
OF_INTAKE = ("bucket", "content", "day", "failed", "id", "noted", "person", "row_number", "short_id")

#: A record's id is its batch's id times this, plus its row number.
ROWS_PER_BATCH = 2**32


def by_batch(values: Mapping[int, str]) -> str:
    """SQL that gives each row its batch's value: one expression where there is one batch, else a look-up."""
    if len(values) == 1:
        return next(iter(values.values()))
    pairs = ", ".join(f"{batch}: {value}" for batch, value in values.items())
    return f"MAP {{{pairs}}}[row_number // {ROWS_PER_BATCH}]"


#: Kinds of acts: what a methodology may quantify as it stands.
ACT_KINDS = frozenset(
    {
        "bike_trip",
        "bus_trip",
        "car_pool_trip",
        "e_bike_trip",
        "e_invoice",
        "ev_charge",
        "household_electricity_day",
        "household_electricity_month",
        "household_programme_share",
        "household_saving_period",
        "led_lamp",
        "low_carbon_trip",
        "metro_trip",
        "no_cutlery_order",
        "rooftop_pv_output",
        "second_hand_sale",
        "waste_sorting",
    }
)

#: Kinds that the platform alone reports, after its own rule: no provider's contract names them, no file brings them.
OWN_KINDS = frozenset({"household_programme_share"})

#: Kinds that are assembled into acts before the close, or end as a finding.
RAW_KINDS = frozenset({"metro_entry", "metro_exit", "meter_slot", "bus_boarding"})

#: Acts that are assembled from raw records; a grant and a scene name the act.
ASSEMBLED = {
    "metro_entry": "metro_trip",
    "metro_exit": "metro_trip",
    "meter_slot": "household_electricity_day",
}

#: Kinds that are never acts.
OTHER_KINDS = frozenset({"top_up", "refund"})

KINDS = ACT_KINDS | RAW_KINDS | OTHER_KINDS

TRIP_KINDS = ("bike_trip", "bus_trip", "car_pool_trip", "e_bike_trip", "low_carbon_trip", "metro_trip")

#: What an act of a kind cannot do without.
NEEDED_MEASURES: dict[str, str] = {
    **dict.fromkeys(TRIP_KINDS, "distance_m"),
    "ev_charge": "energy_wh",
    "household_electricity_day": "energy_wh",
    "household_electricity_month": "energy_wh",
    "meter_slot": "energy_wh",
    "rooftop_pv_output": "energy_wh",
    "waste_sorting": "mass_g",
}

#: Kinds whose grams must balance with what was fetched from their station, where the contract says so.
WEIGHED_KINDS = frozenset({"waste_sorting"})
#: More than this is no bag: a thousand tonnes. Where stations must balance it is not summed and counts nothing.
MOST_ACT_G = 1_000_000_000

#: Kinds that are one piece where the provider does not say how many.
PIECE_KINDS = ("e_invoice", "led_lamp", "no_cutlery_order", "second_hand_sale")

#: Measures that a provider may report: whole numbers, never negative, the unit as suffix; 0 or 1 for yes and no;
#: small integers for names, whose meaning is the methodology's. They are the fields of the shipped library and what
#: raw records carry. A contract may add its own in its option ``measures``.
MEASURES: tuple[str, ...] = (
    "amount_fen",
    "average_energy_wh",
    "average_gas_l",
    "average_water_l",
    "baseline_distance_m",
    "baseline_energy_wh",
    "baseline_gas_l",
    "baseline_lm",
    "baseline_months",
    "baseline_water_l",
    "bound_wh",
    "capacity_w",
    "condition_permille",
    "connected_years",
    "detour_m",
    "distance_is_illustrative",
    "distance_m",
    "electricity_streak",
    "energy_wh",
    "fare_fen",
    "gas_l",
    "gas_streak",
    "has_own_meter",
    "has_pv",
    "held_out_homes",
    "homes",
    "host_is_ets_unit",
    "is_claimed_elsewhere",
    "is_commercial",
    "is_electric",
    "is_fleet_vehicle",
    "is_in_seoul",
    "is_operator_ride",
    "is_plug_in_hybrid",
    "is_self_reported",
    "is_time_of_use",
    "mass_g",
    "material",
    "mode",
    "paid_fen",
    "persons",
    "pieces",
    "platform_energy_wh",
    "previous7_days",
    "previous7_energy_wh",
    "product",
    "project_lm",
    "pv_night_wh",
    "pv_wh",
    "saved_wh",
    "share_mg",
    "tariff_tier",
    "water_l",
    "water_streak",
)
