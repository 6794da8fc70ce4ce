"""Plausible: limits that no honest act of a kind passes, and the checks that every format has in common.

The limits are wide: they catch wrong units and broken clocks. What is merely suspicious is not judged here.
"""

from __future__ import annotations

from dataclasses import dataclass

from tanpuhui.evidence.expressions import FIRST_YEAR, LAST_YEAR, literal
from tanpuhui.evidence.format import Check, Reading, Terms
from tanpuhui.evidence.record import ACT_KINDS, KINDS, NEEDED_MEASURES

HOUR_US = 3_600_000_000
#: How far after the receipt of its file an act may end: clocks differ.
CLOCK_TOLERANCE_US = 15 * 60 * 1_000_000

_DAY_US = 24 * HOUR_US


@dataclass(frozen=True)
class Limit:
    """Limits of a kind: mean speed in km/h, duration in hours, mean power in W; None where there is none."""

    speed_kmh: int | None = None
    hours: int | None = None
    power_w: int | None = None


_DAY = Limit(hours=25)
_MONTH = Limit(hours=40 * 24)
_YEAR = Limit(hours=400 * 24)

#: A contract narrows or widens them with its options ``max_speed_kmh``, ``max_hours`` and ``max_power_w``.
LIMITS: dict[str, Limit] = {
    **dict.fromkeys(ACT_KINDS, _DAY),
    "household_electricity_month": _MONTH,
    "household_programme_share": _YEAR,
    "household_saving_period": _YEAR,
    "led_lamp": _YEAR,
    "rooftop_pv_output": _YEAR,
    "bike_trip": Limit(speed_kmh=45, hours=24),
    "bus_trip": Limit(speed_kmh=120, hours=24),
    "car_pool_trip": Limit(speed_kmh=140, hours=24),
    "e_bike_trip": Limit(speed_kmh=60, hours=24),
    "low_carbon_trip": Limit(speed_kmh=140, hours=24),
    "metro_trip": Limit(speed_kmh=140, hours=24),
    "ev_charge": Limit(hours=24, power_w=1_000_000),
    "meter_slot": Limit(power_w=100_000),
}

#: One generator says when years begin: microseconds of 1 January, UTC; a day of tolerance for zones.
_FIRST_US = 946_684_800_000_000 - _DAY_US
_LAST_US = 4_133_980_800_000_000 + _DAY_US


def common_checks(terms: Terms, reading: Reading, received_us: str) -> list[Check]:
    """What must hold of a row of any format once it is read; ``received_us`` is SQL: when its file arrived."""
    kinds = ", ".join(literal(kind) for kind in sorted(terms.kinds & KINDS))
    return [
        Check("evidence.kind_not_in_contract", "kind", f"kind NOT IN ({kinds or 'NULL'}) OR kind IS NULL"),
        *_moments(received_us),
        *_needed_measures(terms, reading),
        *(check for kind, limit in _limits(terms).items() for check in _limit_checks(kind, limit, reading)),
    ]


def _moments(received_us: str) -> list[Check]:
    years: dict[str, int | str] = {"first": FIRST_YEAR, "last": LAST_YEAR}
    outside = f"NOT BETWEEN {_FIRST_US} AND {_LAST_US}"
    return [
        Check("evidence.year_out_of_range", "started_at", f"started_us {outside}", years),
        Check("evidence.year_out_of_range", "ended_at", f"ended_us {outside}", years),
        Check("evidence.ends_before_start", "ended_at", "ended_us < started_us"),
        Check("evidence.in_the_future", "ended_at", f"ended_us > {received_us} + {CLOCK_TOLERANCE_US}"),
    ]


def _needed_measures(terms: Terms, reading: Reading) -> list[Check]:
    return [
        Check(
            "evidence.missing", measure, f"kind = {literal(kind)} AND action = 'report' AND {measure} IS NULL"
        )
        for kind, measure in NEEDED_MEASURES.items()
        if measure in reading.measures and kind in terms.kinds
    ]


def _limits(terms: Terms) -> dict[str, Limit]:
    """The limits of the contract's kinds, with the contract's own in place of ours."""
    options = terms.options
    return {
        kind: Limit(
            speed_kmh=options.get("max_speed_kmh", limit.speed_kmh),
            hours=options.get("max_hours", limit.hours),
            power_w=options.get("max_power_w", limit.power_w),
        )
        for kind, limit in LIMITS.items()
        if kind in terms.kinds
    }


def _limit_checks(kind: str, limit: Limit, reading: Reading) -> list[Check]:
    """Speed, duration and power, by cross-multiplied whole numbers: no division, no rounding."""
    this = f"kind = {literal(kind)} AND action = 'report'"
    checks = []
    if limit.hours is not None:
        long = f"{this} AND ended_us - started_us > {limit.hours * HOUR_US}"
        checks.append(Check("evidence.session_too_long", "ended_at", long, {"limit_hours": limit.hours}))
    if limit.speed_kmh is not None and "distance_m" in reading.measures:
        fast = f"distance_m::HUGEINT * 3600000 > (ended_us - started_us)::HUGEINT * {limit.speed_kmh}"
        facts = {"limit_kmh": limit.speed_kmh}
        checks.append(Check("evidence.impossible_speed", "distance_m", f"{this} AND {fast}", facts))
    if limit.power_w is not None and "energy_wh" in reading.measures:
        # A slot ends a microsecond early, so one is given back.
        strong = f"energy_wh::HUGEINT * {HOUR_US} > (ended_us - started_us + 1)::HUGEINT * {limit.power_w}"
        power = {"limit_w": limit.power_w}
        checks.append(Check("evidence.impossible_power", "energy_wh", f"{this} AND {strong}", power))
    return checks
