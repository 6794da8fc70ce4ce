"""Assemble: taps become metro trips and half hours become a household's day, as SQL that DuckDB and Spark both run.

The steps read ``current_record`` (reports that no later revision replaces: of the day, and raw ones of the seven days
before and the day after), ``distance`` (metres between stations) and ``grant_given``. They make ``act`` (every act of
the day, each carried by the record that completed it) and ``assembly_end`` (the end of each other record of the day).
So each current record of the day is in exactly one of the two.

Nothing is guessed: taps pair only when an exit of a card directly follows its entry within 24 hours; a meter's day
needs all of its half hours; a ride without a distance stays without one. What a home used before its grant begins is
not read: its own baseline grows with the days that the grant covers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tanpuhui.evidence.expressions import literal
from tanpuhui.evidence.record import ACT_KINDS
from tanpuhui.kit.step import Step

DAY_US: Final = 86_400_000_000
#: How long an entry waits for its exit.
WAIT_US: Final = DAY_US
SLOT_US: Final = 1_800_000_000
WINDOWS_BEFORE: Final = 7

#: Ends that assembly gives, with the numbers under which the close stores them.
ENDS: Final = {
    "joined": 16,
    "unpaired": 17,
    "waiting": 18,
    "same_station": 19,
    "meter_gap": 20,
    "no_distance": 21,
    "not_an_act": 22,
}


def assemble_steps(
    first_us: int, next_us: int, as_of_us: int, measures: Sequence[str], *, with_station: bool = False
) -> list[Step]:
    """Steps for the day [first_us, next_us) as known at ``as_of_us``; acts carry the given measures.

    ``with_station`` says that they also carry where they were: empty where the record does not say.
    """
    of_day = f"ended_us >= {first_us} AND ended_us < {next_us}"
    return [
        _raw(),
        *_taps(of_day, as_of_us),
        *_slots(first_us, next_us),
        Step("act", _acts(of_day, measures, with_station=with_station), kept=False),
        Step("assembly_end", _ends(of_day), kept=False),
    ]


def _raw() -> Step:
    """Everything that is not an act as it stands: one pass over the records, and then only these few are read."""
    return Step(
        "raw_record",
        f"SELECT record_id, provider, source_id, subject_id, account_id, kind, started_us, ended_us, station, "
        f"pv_wh, energy_wh FROM current_record WHERE kind NOT IN ({_ACT_KINDS})",
    )


def _taps(of_day: str, as_of_us: int) -> list[Step]:
    """Each tap of the day with its neighbours of the same card, and what follows from them."""
    return [
        Step("tap", _neighbours(), kept=False),
        Step("tap_pair", _pairs(of_day), kept=False),
        Step("tap_end", _tap_ends(as_of_us)),
    ]


def _neighbours() -> str:
    """Taps of one moment: the exit first, since a trip ends before the next begins; then by id, so that the
    order of arrival decides nothing."""
    turns = (
        "PARTITION BY provider, subject_id "
        "ORDER BY ended_us, CASE WHEN kind = 'metro_exit' THEN 0 ELSE 1 END, source_id"
    )
    neighbours = ", ".join(
        f"{function}({column}) OVER ({turns}) AS {side}_{column}"
        for function, side in (("LAG", "before"), ("LEAD", "after"))
        for column in ("kind", "ended_us", "station")
    )
    return f"SELECT *, {neighbours} FROM raw_record WHERE kind IN ('metro_entry', 'metro_exit')"


def _pairs(of_day: str) -> str:
    """Whether a tap has its partner, and from where to where they go."""
    with_exit = (
        f"kind = 'metro_entry' AND after_kind = 'metro_exit' AND after_ended_us - ended_us <= {WAIT_US}"
    )
    with_entry = (
        f"kind = 'metro_exit' AND before_kind = 'metro_entry' AND ended_us - before_ended_us <= {WAIT_US}"
    )
    return f"""
        SELECT record_id, provider, account_id, kind, ended_us,
            CASE WHEN {with_exit} OR {with_entry} THEN 1 ELSE 0 END AS is_paired,
            CASE WHEN kind = 'metro_entry' THEN station ELSE before_station END AS from_station,
            CASE WHEN kind = 'metro_entry' THEN after_station ELSE station END AS to_station,
            CASE WHEN kind = 'metro_entry' THEN ended_us ELSE before_ended_us END AS entered_us
        FROM tap WHERE {of_day}"""


def _tap_ends(as_of_us: int) -> str:
    """How each tap ends; 0 for an exit that carries a trip."""
    is_entry = "t.kind = 'metro_entry'"
    return f"""
        SELECT t.record_id, t.provider, t.account_id, t.entered_us, t.ended_us,
            d.distance_m, d.distance_is_illustrative,
            CASE WHEN t.is_paired = 0 AND {is_entry} AND {as_of_us} < t.ended_us + {WAIT_US}
                    THEN {ENDS["waiting"]}
                WHEN t.is_paired = 0 THEN {ENDS["unpaired"]}
                WHEN t.from_station = t.to_station THEN {ENDS["same_station"]}
                WHEN d.distance_m IS NULL THEN {ENDS["no_distance"]}
                WHEN {is_entry} THEN {ENDS["joined"]}
                ELSE 0 END AS outcome
        FROM tap_pair AS t LEFT JOIN distance AS d
            ON d.from_station = t.from_station AND d.to_station = t.to_station"""


def _slots(first_us: int, next_us: int) -> list[Step]:
    """Half hours of the day and of the seven windows of 24 hours before it, summed where they are complete."""
    return [
        Step("day_granted", _day_granted(first_us, next_us), kept=False),
        Step("readable", _readable(), kept=False),
        Step("slot", _windowed(first_us, next_us)),
        Step("meter_window", _window_sums((next_us - first_us) // SLOT_US), kept=False),
        Step("meter_week", _WEEK, kept=False),
        Step("slot_end", _SLOT_ENDS),
        Step("day_bound", f"SELECT {first_us} AS first_us, {next_us - 1} AS last_us", kept=False),
    ]


_OF_HOMES = "CONCAT(',', g.kinds, ',') LIKE '%,household_electricity_day,%'"


def _day_granted(first_us: int, next_us: int) -> str:
    """Whose day may be processed now."""
    return f"""
        SELECT DISTINCT g.account_id, g.provider FROM grant_given AS g
        WHERE g.usable AND {_OF_HOMES} AND g.from_us <= {first_us} AND g.to_us >= {next_us}"""


def _readable() -> str:
    """Grants under which a home's earlier readings are read: those in force; where none is, and the day stands all
    the same since it was processed before, those that it stood under."""
    return f"""
        SELECT g.account_id, g.provider, g.from_us, g.to_us FROM grant_given AS g WHERE g.usable AND {_OF_HOMES}
        UNION ALL
        SELECT g.account_id, g.provider, g.from_us, g.to_us FROM grant_given AS g
            ANTI JOIN day_granted AS d ON d.account_id = g.account_id AND d.provider = g.provider
        WHERE NOT g.usable AND {_OF_HOMES}"""


def _windowed(first_us: int, next_us: int) -> str:
    """Half hours with the number of their window: 0 to 6 for those before the day, 7 for the day itself."""
    base_us = first_us - WINDOWS_BEFORE * DAY_US
    return f"""
        SELECT record_id, provider, source_id, subject_id, account_id, started_us, energy_wh, pv_wh,
            {WINDOWS_BEFORE} AS window_no
        FROM raw_record
        WHERE kind = 'meter_slot' AND ended_us >= {first_us} AND ended_us < {next_us}
        UNION ALL
        SELECT r.record_id, r.provider, r.source_id, r.subject_id, r.account_id, r.started_us, r.energy_wh, r.pv_wh,
            CAST((r.ended_us - {base_us}) // {DAY_US} AS INTEGER)
        FROM raw_record AS r SEMI JOIN readable AS g
            ON g.account_id = r.account_id AND g.provider = r.provider
            AND g.from_us <= r.started_us AND r.ended_us < g.to_us
        WHERE r.kind = 'meter_slot' AND r.ended_us >= {base_us} AND r.ended_us < {first_us}"""


def _window_sums(slots_of_day: int) -> str:
    """A window is complete when each of its half hours is there once and has its energy."""
    return f"""
        SELECT provider, subject_id, window_no, SUM(energy_wh) AS energy_wh,
            MAX(COALESCE(pv_wh, 0)) AS most_pv_wh,
            CASE WHEN COUNT(energy_wh) = COUNT(*) AND COUNT(DISTINCT started_us) = COUNT(*)
                AND COUNT(*) = CASE WHEN {_OF_DAY} THEN {slots_of_day} ELSE {DAY_US // SLOT_US} END
                THEN 1 ELSE 0 END AS is_complete
        FROM slot GROUP BY provider, subject_id, window_no"""


_OF_DAY = f"window_no = {WINDOWS_BEFORE}"
_BEFORE = f"window_no < {WINDOWS_BEFORE}"

_WEEK = f"""
    SELECT provider, subject_id,
        MAX(CASE WHEN {_OF_DAY} THEN is_complete ELSE 0 END) AS is_complete,
        CAST(SUM(CASE WHEN {_OF_DAY} THEN energy_wh ELSE 0 END) AS BIGINT) AS energy_wh,
        MAX(CASE WHEN most_pv_wh > 0 THEN 1 ELSE 0 END) AS has_pv,
        CAST(SUM(CASE WHEN {_BEFORE} AND is_complete = 1 THEN energy_wh ELSE 0 END) AS BIGINT)
            AS previous7_energy_wh,
        CAST(SUM(CASE WHEN {_BEFORE} THEN is_complete ELSE 0 END) AS BIGINT) AS previous7_days
    FROM meter_window GROUP BY provider, subject_id"""

_SLOT_ENDS = f"""
    SELECT s.record_id, s.provider, s.account_id, w.energy_wh, w.has_pv, w.previous7_energy_wh, w.previous7_days,
        CASE WHEN w.is_complete = 0 THEN {ENDS["meter_gap"]} WHEN s.place > 1 THEN {ENDS["joined"]}
            ELSE 0 END AS outcome
    FROM (
        SELECT *, ROW_NUMBER() OVER (
            PARTITION BY provider, subject_id ORDER BY started_us DESC, source_id DESC) AS place
        FROM slot WHERE {_OF_DAY}
    ) AS s JOIN meter_week AS w ON w.provider = s.provider AND w.subject_id = s.subject_id"""


def _acts(of_day: str, measures: Sequence[str], *, with_station: bool) -> str:
    """Acts reported as such, trips that their exit completes, and days that their last half hour completes."""
    trips = ("distance_m",)
    days = ("energy_wh", "has_pv", "previous7_energy_wh", "previous7_days")
    station, nowhere = (", COALESCE(station, '') AS station", ", ''") if with_station else ("", "")
    return f"""
        SELECT record_id, provider, account_id, kind, started_us, ended_us,
            CAST(0 AS BIGINT) AS distance_is_illustrative{_listed(measures, measures)}{station}
        FROM current_record WHERE {of_day} AND kind IN ({_ACT_KINDS})
        UNION ALL
        SELECT record_id, provider, account_id, 'metro_trip', entered_us, ended_us,
            distance_is_illustrative{_listed(measures, trips)}{nowhere}
        FROM tap_end WHERE outcome = 0
        UNION ALL
        SELECT s.record_id, s.provider, s.account_id, 'household_electricity_day', b.first_us, b.last_us,
            CAST(0 AS BIGINT){_listed(measures, days)}{nowhere}
        FROM slot_end AS s CROSS JOIN day_bound AS b WHERE s.outcome = 0"""


def _listed(measures: Sequence[str], known: Sequence[str]) -> str:
    """The measures in their order: those that the relation has, and nothing for the others."""
    return "".join(
        f", CAST({measure} AS BIGINT) AS {measure}"
        if measure in known
        else f", CAST(NULL AS BIGINT) AS {measure}"
        for measure in measures
        if measure != "distance_is_illustrative"
    )


def _ends(of_day: str) -> str:
    return f"""
        SELECT record_id, outcome FROM tap_end WHERE outcome <> 0
        UNION ALL
        SELECT record_id, outcome FROM slot_end WHERE outcome <> 0
        UNION ALL
        SELECT record_id, CASE WHEN kind = 'bus_boarding' THEN {ENDS["no_distance"]} ELSE {ENDS["not_an_act"]} END
        FROM raw_record WHERE {of_day} AND kind NOT IN ('metro_entry', 'metro_exit', 'meter_slot')"""


_ACT_KINDS = ", ".join(literal(kind) for kind in sorted(ACT_KINDS))
