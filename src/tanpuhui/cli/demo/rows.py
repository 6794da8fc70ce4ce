"""Rows: an act in the columns of the provider who reports it (docs/reference/provider-formats.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tanpuhui.cli.demo.calendar import iso, wall
from tanpuhui.cli.demo.plan import Act

SLOT_US = 1_800_000_000
#: Materials as sorting stations call them; the numbers are those of the format.
MATERIALS = {1: "paper", 2: "plastic", 3: "metal", 4: "glass", 5: "textile", 6: "kitchen", 7: "other"}

Columns = dict[str, object]


def tap(card: str, moment_us: int, *, leaves: bool, station: str, gate: int) -> Columns:
    """A tap at a metro gate; only the way out is paid for."""
    fare_fen = 500 if leaves else 0
    return {
        "card_no": card,
        "deal_date": wall(moment_us),
        "deal_type": "地铁出站" if leaves else "地铁入站",
        "deal_money": fare_fen * 95 // 100,
        "deal_value": fare_fen,
        "equ_no": f"26{gate:07d}",
        "company_name": "地铁一号线",
        "station": station,
        "car_no": f"IGT-{gate:03d}",
        "conn_mark": 0,
        "close_date": wall(moment_us)[:10] + " 00:00:00",
    }


def boarding(card: str, moment_us: int, bus: int) -> Columns:
    """A tap on a bus: it says nothing about how far anybody went."""
    return {
        "card_no": card,
        "deal_date": wall(moment_us),
        "deal_type": "巴士",
        "deal_money": 160,
        "deal_value": 200,
        "equ_no": f"22{bus:07d}",
        "company_name": "巴士集团",
        "station": f"M{bus % 400}",
        "car_no": f"粤B{bus:05d}D",
        "conn_mark": 0,
        "close_date": wall(moment_us)[:10] + " 00:00:00",
    }


def generic(source_id: str, person: str, act: Act, *, revision: int = 0, action: str = "report") -> Columns:
    """An act in our own schema; a retraction says no more than whose act it takes back."""
    measures = act.measures if action == "report" else {}
    return {
        "source_id": source_id,
        "person": person,
        "kind": act.kind,
        "started_at": iso(act.started_us),
        "ended_at": iso(act.ended_us),
        "revision": revision,
        "action": action,
        **measures,
    }


def charge(source_id: str, person: str, act: Act) -> Columns:
    """A charging session with its energy in decimal kWh."""
    energy_wh = act.measures["energy_wh"]
    start, end = wall(act.started_us), wall(act.ended_us)
    return {
        "sessionId": source_id,
        "kwhTotal": f"{energy_wh // 1000}.{energy_wh % 1000:03d}",
        "dollars": "0.00",
        "created": start,
        "ended": end,
        "startTime": int(start[11:13]),
        "endTime": int(end[11:13]),
        "chargeTimeHrs": "2.5",
        "weekday": "Mon",
        "platform": "android",
        "distance": "",
        "userId": person,
        "stationId": f"pile-{int(source_id[-4:]) % 97}",
        "locationId": "garage-1",
    }


def weighing(source_id: str, person: str, act: Act) -> Columns:
    """A weighing at a sorting station."""
    return {
        "weighing_id": source_id,
        "person": person,
        "station": act.station,
        "weighed_at": iso(act.ended_us),
        "material": MATERIALS[act.measures["material"]],
        "mass_g": act.measures["mass_g"],
    }


def payment(source_id: str, person: str, act: Act) -> Columns:
    """A payment app's record; a bus ride is a transit code with its distance."""
    record: Columns = {"id": source_id, "type": act.kind, "user": person, "at": iso(act.started_us)}
    if act.kind == "bus_trip":
        ride = {"ended_at": iso(act.ended_us), "distance_m": act.measures["distance_m"]}
        return {**record, "type": "transit_code", "mode": "bus", "amount_fen": 200, **ride}
    return {**record, "amount_fen": 2_500, "pieces": act.measures["pieces"]}


def refund(source_id: str, person: str, moment_us: int, order: str) -> Columns:
    """Money given back: the order never was."""
    record: Columns = {"id": source_id, "type": "refund", "user": person, "at": iso(moment_us)}
    return {**record, "refunds": order, "amount_fen": 2_500}


def half_hour(meter: str, start_us: int, energy_wh: int, pv_wh: int | None) -> Columns:
    """A half hour of a meter; now and then with the trace of a binary float, as exports have it."""
    text = f"{energy_wh // 1000}.{energy_wh % 1000:03d}"
    artefact = "00000000000004" if energy_wh % 100 == 82 else ""
    generated = "" if pv_wh is None else f"{pv_wh // 1000}.{pv_wh % 1000:03d}"
    return {
        "meter": meter,
        "slot_start": wall(start_us),
        "consumption_kwh": text + artefact,
        "generation_kwh": generated,
    }


#: How each provider that reports whole acts writes one.
WRITERS: Mapping[str, Callable[[str, str, Act], Columns]] = {
    "bike_app": generic,
    "map_app": generic,
    "grid_company": generic,
    "ev_sessions": charge,
    "waste_weighings": weighing,
    "payments": payment,
}
