"""Real files: every row of them is accounted for, and each kind of their dirt ends as a counted reason.

The expected counts are counted here from the files by other means (the csv module), or are those of the data's README.
"""

from __future__ import annotations

import csv
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from evidence.conftest import Take
from tanpuhui.evidence.lake import days_with_records
from tanpuhui.evidence.models import LakeFile

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("name", ["szt_card_14_14.csv", "szt_card_10000.csv"])
def test_shenzhen_taps(take_it: Take, shared_data: Path, name: str) -> None:
    path = shared_data / "szt_shenzhen_card" / name
    taps = rows_of(path)
    metro = [tap for tap in taps if tap["deal_type"].startswith("地铁")]
    missing = sum(tap["station"] in ("", "-") for tap in metro)
    again = len(taps) - len({tuple(sorted(tap.items())) for tap in taps})
    good = [tap for tap in metro if tap["station"] not in ("", "-")]

    receipt = take_it("szt", path)

    assert (receipt.rows, receipt.duplicate) == (len(taps), again)
    assert receipt.reasons == {"evidence.station_missing": missing}
    assert receipt.accepted == len(taps) - again - missing
    aliased = sum(tap["station"] in ("?I岭", "深圳大学", "马鞍山") for tap in good)
    assert receipt.notes["evidence.station_suffix"] == sum(tap["station"].endswith("站") for tap in good)
    assert receipt.notes["evidence.station_alias"] == aliased


def test_both_shenzhen_files_in_either_order_give_the_same_counts(take_it: Take, shared_data: Path) -> None:
    folder = shared_data / "szt_shenzhen_card"
    together = {
        take_it("szt", folder / name).accepted for name in ("szt_card_10000.csv", "szt_card_14_14.csv")
    }

    assert together == {9631, 35464}


def test_ev_sessions(take_it: Take, shared_data: Path, lake: Path) -> None:
    path = shared_data / "ev_workplace_dataverse" / "station_data_dataverse_modified.csv"
    sessions = rows_of(path)

    receipt = take_it("ev_sessions", path)

    # 55 without energy, one of 55 hours, two above 25 kW: the data's README.
    assert receipt.reasons == {
        "evidence.impossible_power": 2,
        "evidence.no_energy": 55,
        "evidence.session_too_long": 1,
    }
    assert (receipt.rows, receipt.accepted) == (3395, 3395 - 58)
    assert receipt.notes["evidence.two_digit_year_repaired"] == receipt.accepted
    past = [
        s for s in sessions if int(s["endTime"]) < int(s["startTime"]) and s["kwhTotal"] not in ("0", "4.1")
    ]
    assert receipt.notes["evidence.past_midnight"] == len(past)
    assert receipt.notes["evidence.person_overlap"] == overlaps(sessions, "userId")
    assert receipt.notes["evidence.station_overlap"] == overlaps(sessions, "stationId")
    energy_wh = sum(
        sum(pq.read_table(lake / file.path, columns=["energy_wh"])["energy_wh"].to_pylist())
        for file in LakeFile.objects.filter(part=LakeFile.RECORDS)
    )
    refused = {"2162299", "2278265", "2953411"}
    kept = [s for s in sessions if s["sessionId"] not in refused]
    assert energy_wh == sum(round(float(s["kwhTotal"]) * 1000) for s in kept)


def overlaps(sessions: list[dict[str, str]], who: str) -> int:
    """Good sessions that start before an earlier one (good or not) of the same person or point has ended."""
    counted = 0
    for _, group in groupby(sorted(sessions, key=lambda s: (s[who], s["created"])), key=lambda s: s[who]):
        latest = ""
        for session in group:
            good = session["kwhTotal"] != "0" and session["sessionId"] not in (
                "2162299",
                "2278265",
                "2953411",
            )
            counted += good and session["created"] < latest
            latest = max(latest, session["ended"])
    return counted


def test_a_year_of_half_hours(take_it: Take, shared_data: Path) -> None:
    path = shared_data / "ausgrid_solar_customer12" / "customer12_2011-2012.csv"

    receipt = take_it("meter_halfhourly", path)

    assert (receipt.rows, receipt.accepted, receipt.reasons) == (17_568, 17_568, {})
    assert receipt.notes["evidence.pv_at_night"] == 73
    slots = Counter(dict(LakeFile.objects.filter(part=LakeFile.RECORDS).values_list("day", "rows")))
    assert set(slots.values()) == {48}
    assert len(days_with_records()) == 366
    assert days_with_records()[0] == datetime(2011, 7, 1, tzinfo=UTC).date()
    assert days_with_records()[-1] - days_with_records()[0] == timedelta(days=365)


def test_a_survey_of_public_bins_is_nobodys_act_and_every_row_says_why(
    take_it: Take, shared_data: Path
) -> None:
    folder = shared_data / "waste_bellevue"
    totals = take_it("waste_weighings", folder / "rbtl_fs22_waste_composition_bellevue.csv")
    bins = take_it(
        "waste_weighings", folder / "waste-characterisation-data-bellevue-Recyclingstations-sub-bins-tidy.csv"
    )
    parts = take_it("waste_weighings", folder / "waste-characterisation-data-bellevue-tidy.csv")

    assert totals.reasons == {"evidence.missing": 1, "evidence.parts_differ": 8}
    assert bins.reasons == {"evidence.mass_missing": 7, "evidence.missing": 14}
    assert (parts.rows, parts.refused) == (45, 45)
