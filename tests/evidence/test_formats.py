"""Formats: what each adapter makes of a row, by hand-made files."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evidence.conftest import NOW, Take, Write
from tanpuhui.evidence import contract, quarantine
from tanpuhui.evidence.adapters import FORMATS
from tanpuhui.evidence.assemble import ENDS
from tanpuhui.evidence.reasons import NOTES, REFUSALS
from tanpuhui.evidence.record import MEASURES
from tanpuhui.kit.moment import to_us

pytestmark = pytest.mark.django_db
Stored = Callable[[], list[dict[str, Any]]]

SZT = "card_no,deal_date,deal_type,deal_money,deal_value,equ_no,company_name,station,car_no,conn_mark,close_date"
EV = "sessionId,kwhTotal,created,ended,startTime,endTime,userId,stationId"


def tap(card: str, at: str, sort: str, station: str, **others: str) -> str:
    values = {
        "money": "0",
        "value": "0",
        "device": "263027121",
        "company": "地铁五号线",
        "gate": "IGT-121",
        "mark": "0",
    }
    v = values | others
    return (
        f"{card},2026-03-02 {at},{sort},{v['money']},{v['value']},{v['device']},{v['company']},{station},"
        f"{v['gate']},{v['mark']},2026-03-02 00:00:00"
    )


def test_taps_are_entries_exits_and_boardings(take_it: Take, write: Write, stored: Stored) -> None:
    path = write(
        SZT,
        tap("AAAAAAAAA", "08:00:00", "地铁入站", "坂田"),
        tap("AAAAAAAAA", "08:30:00", "地铁出站", "布吉站", money="380", value="400"),
        tap(
            "BBBBBBBB",
            "08:10:00",
            "巴士",
            "M506",
            company="巴士集团",
            gate="01620D",
            money="160",
            value="200",
        ),
    )

    receipt = take_it("szt", path)

    entry, exit_, bus = stored()
    assert [entry["kind"], exit_["kind"], bus["kind"]] == ["metro_entry", "metro_exit", "bus_boarding"]
    assert [entry["station"], exit_["station"], bus["station"]] == ["坂田", "布吉", None]
    assert (exit_["paid_fen"], exit_["fare_fen"]) == (380, 400)
    assert (bus["line"], bus["vehicle"], entry["line"], entry["vehicle"]) == (
        "M506",
        "01620D",
        "地铁五号线",
        "263027121",
    )
    assert entry["started_us"] == entry["ended_us"] == to_us(datetime(2026, 3, 2, 0, 0, tzinfo=UTC))
    assert entry["subject_id"] == exit_["subject_id"] != bus["subject_id"]
    assert receipt.notes == {"evidence.card_of_8_characters": 1, "evidence.station_suffix": 1}


def test_the_very_same_tap_is_a_duplicate_and_a_tap_a_second_later_is_not(
    take_it: Take, write: Write
) -> None:
    first = tap("AAAAAAAAA", "08:00:00", "地铁入站", "坂田")

    receipt = take_it("szt", write(SZT, first, first, tap("AAAAAAAAA", "08:00:01", "地铁入站", "坂田")))

    assert (receipt.accepted, receipt.duplicate) == (2, 1)


def test_a_tap_in_the_other_column_order_is_the_same_tap(take_it: Take, write: Write) -> None:
    take_it("szt", write(SZT, tap("AAAAAAAAA", "08:00:00", "地铁入站", "坂田")))
    other = "deal_date,close_date,card_no,deal_value,deal_type,company_name,car_no,station,conn_mark,deal_money,equ_no"
    row = '"2026-03-02 08:00:00","2026-03-02 00:00:00",AAAAAAAAA,0,地铁入站,地铁五号线,IGT-121,坂田,0,0,263027121'

    assert take_it("szt", write(other, row, name="other.csv")).duplicate == 1


def test_bad_taps_are_refused(take_it: Take, write: Write) -> None:
    path = write(
        SZT,
        tap("A", "08:00:00", "地铁入站", ""),
        tap("A", "08:00:00", "地铁出站", "-"),
        tap("A", "08:00:00", "地铁出站", "霍格沃茨"),
        tap("A", "08:00:00", "轮渡", "坂田"),
        tap("A", "08:00:00", "地铁入站", "坂田", mark="2"),
        tap("A", "08:00:00", "地铁入站", "坂田", money="-380"),
        tap("A", "08:00:00", "地铁入站", "?I岭"),
    )

    receipt = take_it("szt", path)

    assert receipt.reasons == {
        "evidence.negative": 1,
        "evidence.out_of_range": 1,
        "evidence.station_missing": 2,
        "evidence.station_unknown": 1,
        "evidence.unknown_type": 1,
    }
    assert receipt.notes == {"evidence.station_alias": 1}


def test_sessions_have_exact_energy_and_repaired_years(take_it: Take, write: Write, stored: Stored) -> None:
    path = write(
        EV,
        "1,7.78,0014-11-18 15:40:26,0014-11-18 17:11:04,15,17,9,1",
        "2,3.0005,2025-11-18 23:30:00,2025-11-19 00:30:00,23,0,9,1",
        "3,3.0015,2025-11-19 00:10:00,2025-11-19 00:40:00,0,0,9,1",
    )

    receipt = take_it("ev_sessions", path)

    first, second, third = stored()
    assert [row["energy_wh"] for row in (first, second, third)] == [7780, 3000, 3002]
    assert first["started_us"] == to_us(datetime(2014, 11, 18, 7, 40, 26, tzinfo=UTC))
    assert first["kind"] == "ev_charge"
    assert receipt.notes == {
        "evidence.past_midnight": 1,
        "evidence.person_overlap": 1,
        "evidence.station_overlap": 1,
        "evidence.rounded_to_unit": 2,
        "evidence.two_digit_year_repaired": 1,
    }


def test_bad_sessions_are_refused(take_it: Take, write: Write) -> None:
    path = write(
        EV,
        "1,0,2025-11-18 15:40:26,2025-11-18 17:11:04,15,17,9,1",
        "2,4.1,2025-01-26 18:09:47,2025-01-29 01:24:04,18,1,9,1",
        "3,25.001,2025-01-26 18:00:00,2025-01-26 19:00:00,18,19,9,1",
        "4,25,2025-01-26 18:00:00,2025-01-26 19:00:00,18,19,9,1",
        "5,-1.5,2025-01-26 18:00:00,2025-01-26 19:00:00,18,19,9,1",
        "6,NA,2025-01-26 18:00:00,2025-01-26 19:00:00,18,19,9,1",
    )

    receipt = take_it("ev_sessions", path)

    assert receipt.accepted == 1
    assert receipt.reasons == {
        "evidence.impossible_power": 1,
        "evidence.negative": 1,
        "evidence.no_energy": 1,
        "evidence.not_a_number": 1,
        "evidence.session_too_long": 1,
    }


def test_without_the_declared_repair_a_year_of_two_digits_is_refused(take_it: Take, write: Write) -> None:
    contract.add(
        "chargers",
        format="ev_sessions",
        kinds=["ev_charge"],
        pia_reference="P",
        valid_from=date(2020, 1, 1),
        made_at=NOW,
    )
    path = write(EV, "1,7.78,0014-11-18 15:40:26,0014-11-18 17:11:04,15,17,9,1")

    assert take_it("chargers", path).reasons == {"evidence.year_out_of_range": 1}


def test_half_hours_are_exact_and_belong_to_the_day_in_which_they_start(
    take_it: Take, write: Write, stored: Stored
) -> None:
    path = write(
        "meter,slot_start,consumption_kwh,generation_kwh",
        "m-1,2026-03-02 23:30:00,0.48200000000000004,",
        "m-1,2026-03-02 12:00:00,0,0.6",
        "m-1,2026-03-02 22:00:00,0.1,0.012",
    )

    receipt = take_it("meter_halfhourly", path)

    last, noon, night = stored()
    assert last["energy_wh"] == 482
    assert last["ended_us"] == to_us(datetime(2026, 3, 2, 16, 0, tzinfo=UTC)) - 1
    assert (noon["energy_wh"], noon["pv_wh"], noon["pv_night_wh"]) == (0, 600, None)
    assert (night["pv_wh"], night["pv_night_wh"]) == (0, 12)
    assert receipt.notes == {"evidence.pv_at_night": 1, "evidence.rounded_to_unit": 1}


def test_bad_half_hours_are_refused(take_it: Take, write: Write) -> None:
    path = write(
        "meter,slot_start,consumption_kwh",
        "m-1,2026-03-02 12:10:00,0.4",
        "m-1,2026-03-02 12:00:00,",
        "m-1,2026-03-02 12:30:00,-0.4",
        "m-1,2026-03-02 13:00:00,50.001",
        "m-1,2026-03-02 13:30:00,50",
    )

    receipt = take_it("meter_halfhourly", path)

    assert receipt.accepted == 1
    assert receipt.reasons == {
        "evidence.impossible_power": 1,
        "evidence.missing": 1,
        "evidence.negative": 1,
        "evidence.slot_unaligned": 1,
    }


def test_weighings_are_grams_of_a_material(take_it: Take, write: Write, stored: Stored) -> None:
    path = write(
        "weighing_id,person,station,weighed_at,material,mass_g",
        "w-1,p-1,s-1,2026-03-02T08:00:00,glass,1250",
        "w-2,p-1,s-1,2026-03-02T08:00:00,glass,NA",
        "w-3,p-1,s-1,2026-03-02T08:00:00,uranium,10",
        "w-4,p-1,s-1,2026-03-02T08:00:00,paper,1.5",
    )

    receipt = take_it("waste_weighings", path)

    (record,) = stored()
    assert (record["kind"], record["mass_g"], record["material"], record["station"]) == (
        "waste_sorting",
        1250,
        4,
        "s-1",
    )
    assert receipt.reasons == {
        "evidence.mass_missing": 1,
        "evidence.material_unknown": 1,
        "evidence.not_a_number": 1,
    }


def test_payments_are_acts_rides_top_ups_and_retractions(take_it: Take, write: Write, stored: Stored) -> None:
    at = "2026-03-02T12:00:00+08:00"
    ride = {"type": "transit_code", "user": "u", "at": at}
    records = [
        {"id": "1", "type": "e_invoice", "user": "u", "at": at, "amount_fen": 2500},
        {"id": "2", "type": "second_hand_sale", "user": "u", "at": at, "pieces": 3},
        {"id": "3", **ride, "mode": "bus", "ended_at": "2026-03-02T12:30:00+08:00", "distance_m": 7000},
        {"id": "4", **ride, "mode": "bus"},
        {"id": "5", "type": "top_up", "user": "u", "at": at, "amount_fen": 10000},
        {"id": "6", "type": "refund", "user": "u", "at": "2026-03-03T12:00:00+08:00", "refunds": "2"},
        {"id": "7", **ride, "mode": "metro"},
        {"id": "8", **ride, "mode": "boat"},
        {"id": "9", "type": "lottery", "user": "u", "at": at},
        {"id": "10", "type": "refund", "user": "u", "at": at},
    ]

    receipt = take_it("payments", write(*map(json.dumps, records), name="payments.ndjson"))

    kinds = [(row["source_id"], row["kind"], row["revision"], row["action"]) for row in stored()]
    assert kinds == [
        ("1", "e_invoice", 0, "report"),
        ("2", "second_hand_sale", 0, "report"),
        ("3", "bus_trip", 0, "report"),
        ("4", "bus_boarding", 0, "report"),
        ("5", "top_up", 0, "report"),
        ("2", "refund", 1, "retract"),
    ]
    assert [row["pieces"] for row in stored()] == [1, 3, None, None, None, None]
    assert stored()[2]["distance_m"] == 7000
    assert receipt.reasons == {"evidence.missing": 2, "evidence.unknown_type": 2}


@pytest.mark.parametrize("zone", [None, "UTC"])
def test_parquet_ndjson_and_csv_give_the_same_records(
    take_it: Take, write: Write, tmp_path: Path, stored: Stored, zone: str | None
) -> None:
    local = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    moment = local if zone else local.replace(tzinfo=None)
    text = moment.isoformat(timespec="microseconds")
    row = {"source_id": "a", "person": "p", "kind": "ev_charge", "started_at": moment, "ended_at": moment}
    more = {"energy_wh": 0, "has_pv": True}
    pq.write_table(
        pa.table(
            {
                k: pa.array([v], pa.timestamp("us", tz=zone) if v is moment else None)
                for k, v in (row | more).items()
            }
        ),
        tmp_path / "a.parquet",
    )
    as_json = json.dumps({k: text if v is moment else v for k, v in (row | more).items()})

    first = take_it("generic", tmp_path / "a.parquet")

    assert first.accepted == 1
    assert take_it("generic", write(as_json, name="a.ndjson")).duplicate == 1
    csv = write(",".join(row | more), f"a,p,ev_charge,{text},{text},0,1", name="a.csv")
    assert take_it("generic", csv).duplicate == 1
    assert stored()[0]["has_pv"] == 1
    assert stored()[0]["started_us"] == to_us(local) - (0 if zone else 8 * 3_600_000_000)


def test_numbers_and_moments_of_a_parquet_file_have_the_limits_of_text_and_are_kept_as_sent(
    take_it: Take, tmp_path: Path, stored: Stored
) -> None:
    """Each row once; 18 digits and years of four are what text can have, and 10^15 is the largest measure."""
    day_us = 86_400_000_000
    year_10000_us = (date(9999, 12, 31).toordinal() - date(1970, 1, 1).toordinal() + 1) * day_us
    ride_us = to_us(datetime(2026, 3, 2, 1, tzinfo=UTC))
    rows = [
        ("good", ride_us, 5),
        ("none", ride_us, None),
        ("below", ride_us, -1),
        ("above", ride_us, 10**15 + 1),
        ("digits", ride_us, 10**18),
        ("year", year_10000_us, 5),
        ("early", -day_us * 365 * 1000, 5),
    ]
    starts = pa.array([start for _, start, _ in rows], pa.timestamp("us", tz="Asia/Shanghai"))
    columns = {
        "source_id": [name for name, _, _ in rows],
        "person": pa.array([1] * len(rows), pa.int64()),
        "kind": ["bike_trip"] * len(rows),
        "started_at": starts,
        "ended_at": pa.array([start + 60_000_000 for _, start, _ in rows], pa.timestamp("us", tz="UTC")),
        "distance_m": pa.array([metres for _, _, metres in rows], pa.int64()),
        "pieces": pa.array([3] * len(rows), pa.uint8()),
    }
    pq.write_table(pa.table(columns), tmp_path / "rides.parquet")

    receipt = take_it("generic", tmp_path / "rides.parquet")

    assert [(row["source_id"], row["distance_m"], row["pieces"]) for row in stored()] == [("good", 5, 3)]
    refused = {
        quarantine.content(row)["source_id"]: (row.code, row.field, quarantine.content(row))
        for row in quarantine.quarantined(batch=receipt.batch)
    }
    assert {name: told[:2] for name, told in refused.items()} == {
        "none": ("evidence.missing", "distance_m"),
        "below": ("evidence.negative", "distance_m"),
        "above": ("evidence.out_of_range", "distance_m"),
        "digits": ("evidence.not_a_number", "distance_m"),
        "year": ("evidence.not_a_moment", "started_at"),
        "early": ("evidence.year_out_of_range", "started_at"),
    }
    kept = refused["digits"][2]
    assert (kept["person"], kept["distance_m"], kept["pieces"]) == ("1", "1000000000000000000", "3")
    assert (kept["started_at"], kept["ended_at"]) == ("2026-03-02 01:00:00+00", "2026-03-02 01:01:00+00")
    assert refused["none"][2]["distance_m"] is None


def test_a_contract_may_add_measures_and_limits(take_it: Take, write: Write, stored: Stored) -> None:
    contract.add(
        "bikes",
        format="generic",
        kinds=["bike_trip"],
        pia_reference="P",
        valid_from=date(2020, 1, 1),
        made_at=NOW,
        options={"measures": ["climb_m"], "max_speed_kmh": 20},
    )
    head = "source_id,person,kind,started_at,ended_at,distance_m,climb_m"
    span = "2026-03-02T08:00:00,2026-03-02T09:00:00"

    receipt = take_it(
        "bikes", write(head, f"a,p,bike_trip,{span},20000,90", f"b,p,bike_trip,{span},20001,90")
    )

    assert receipt.reasons == {"evidence.impossible_speed": 1}
    assert stored()[0]["climb_m"] == 90


def test_the_checklist_names_only_codes_and_ends_that_exist_and_covers_every_format() -> None:
    quality = tomllib.loads(
        files("tanpuhui.evidence.adapters").joinpath("quality.toml").read_text(encoding="utf-8")
    )

    assert set(quality) == set(FORMATS)
    for check in (check for form in quality.values() for check in form["checks"]):
        allowed = {"refused": REFUSALS, "note": NOTES, "end": ENDS}.get(check["as"], {None: 1})
        assert check.get("code", check.get("end")) in allowed, check


def test_every_field_of_the_shipped_methodologies_can_be_reported() -> None:
    from tanpuhui.kit.home import content

    fields = {
        field["name"]
        for path in content("methodologies").glob("*/*/v*/methodology.toml")
        for field in tomllib.loads(path.read_text(encoding="utf-8")).get("fields", [])
    }

    assert fields <= set(MEASURES)


def test_the_reference_page_lists_every_code() -> None:
    page = Path(__file__).parents[2].joinpath("docs", "reference", "evidence.md").read_text(encoding="utf-8")

    for code, meaning in (REFUSALS | NOTES).items():
        assert f"| `{code}` | {meaning} |" in page, f"write docs/reference/evidence.md anew for {code}"
