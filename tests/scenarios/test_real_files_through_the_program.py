"""Real files through the program: every row accounted for, every accepted record of a day with one end.

What is expected is counted here from the files with the csv module, or is said by the data's own README.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from program import Program, installation

pytestmark = pytest.mark.slow

#: What the taps write where they have no station.
NO_STATION = ("", "-")


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    with installation() as program:
        yield program


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def take(program: Program, provider: str, path: Path, status: int = 0) -> dict[str, Any]:
    """Take a file, and see that its rows add up and that the same file again gives the same answer."""
    answer: dict[str, Any] = program.json("evidence", "take", provider, path, status=status)
    assert answer["rows"] == answer["accepted"] + answer["duplicate"] + answer["refused"]
    assert answer["refused"] == sum(answer["reasons"].values())
    assert program.json("evidence", "take", provider, path, status=status) == answer
    return answer


def test_shenzhen_taps_are_taken_linked_closed_and_replayed(program: Program, shared_data: Path) -> None:
    folder = shared_data / "szt_shenzhen_card"
    taps = rows_of(folder / "szt_card_14_14.csv") + rows_of(folder / "szt_card_10000.csv")
    kinds = Counter(tap["deal_type"] for tap in taps)
    no_station = [tap for tap in taps if tap["deal_type"].startswith("地铁") and tap["station"] in NO_STATION]

    first = take(program, "szt", folder / "szt_card_14_14.csv")
    second = take(program, "szt", folder / "szt_card_10000.csv")

    # The README: 37,000 taps with one exact duplicate, and 10,000 more of the same feed.
    assert (first["rows"], second["rows"]) == (37_000, 10_000)
    assert first["reasons"].get("evidence.station_missing", 0) + second["reasons"].get(
        "evidence.station_missing", 0
    ) == len(no_station)
    assert set(first["reasons"]) | set(second["reasons"]) == {"evidence.station_missing"}
    distinct = {tuple(sorted(tap.items())) for tap in taps}
    assert first["duplicate"] + second["duplicate"] == len(taps) - len(distinct)
    accepted = first["accepted"] + second["accepted"]
    assert accepted == len(distinct) - len({tuple(sorted(tap.items())) for tap in no_station})

    answer = program.json("close", "2018-09-01")
    days = Counter(
        tap[0]
        for tap in sorted(
            {(tap["deal_date"][:10], *sorted(tap.items())) for tap in taps if tap not in no_station}
        )
    )
    assert answer["activities"] == sum(answer["outcomes"].values()) == days["2018-09-01"]
    assert (answer["credited_mg"], answer["posted"]) == (0, True)
    # Nobody is linked: bus taps are no acts, and metro taps are at best the trip of an unknown person.
    assert "credited" not in answer["outcomes"]
    assert set(kinds) == {"地铁入站", "地铁出站", "巴士"}
    replayed = program.json("close", "replay", answer["manifest"])
    assert (replayed["agrees"], replayed["rows"]) == (True, answer["activities"])


def test_a_rider_of_the_real_feed_is_credited_by_the_distance_between_stations(
    program: Program, shared_data: Path
) -> None:
    taps = rows_of(shared_data / "szt_shenzhen_card" / "szt_card_14_14.csv")
    card = one_trip(taps)
    (account,) = program.json("account", "open")["accounts"]
    program.json("evidence", "link", "szt", card, account)
    before = program.json("close", "list")

    program.json(
        "grant",
        "give",
        "--account",
        account,
        "--provider",
        "szt",
        "--kind",
        "metro_trip",
        "--from",
        "2018-01-01",
    )
    answer = program.json("close", "2018-09-01")

    statement = program.json("statement", account)
    assert before[-1]["credited_mg"] == 0
    assert answer["outcomes"]["credited"] == 1
    assert answer["credited_mg"] == statement["pending_mg"] > 0
    # Whole metres at 46.7 mg, floored once; no trip in the network of 2018 was longer than 100 km.
    metres = -(-answer["credited_mg"] * 10 // 467)
    assert metres * 467 // 10 == answer["credited_mg"]
    assert metres < 100_000
    assert program.json("ledger", "check")["ok"]


def one_trip(taps: list[dict[str, str]]) -> str:
    """A card with one entry and a later exit elsewhere, and nothing else."""
    by_card: dict[str, list[dict[str, str]]] = {}
    for tap in taps:
        by_card.setdefault(tap["card_no"], []).append(tap)
    for card, own in sorted(by_card.items()):
        own.sort(key=lambda tap: tap["deal_date"])
        stations = {tap["station"].removesuffix("站") for tap in own}
        pair = [tap["deal_type"] for tap in own] == ["地铁入站", "地铁出站"]
        if pair and len(stations) == 2 and not stations & set(NO_STATION):
            return card
    raise AssertionError("the feed has no whole trip")


def test_charging_sessions(program: Program, shared_data: Path) -> None:
    path = shared_data / "ev_workplace_dataverse" / "station_data_dataverse_modified.csv"
    sessions = rows_of(path)

    answer = take(program, "ev_sessions", path)

    # The README: no energy, 55 h for 4.1 kWh, above 25 kW.
    no_energy = sum(float(session["kwhTotal"]) == 0 for session in sessions)
    assert answer["rows"] == len(sessions) == 3395
    assert answer["reasons"] == {
        "evidence.impossible_power": 2,
        "evidence.no_energy": no_energy,
        "evidence.session_too_long": 1,
    }
    assert no_energy == 55
    ended = Counter("20" + session["ended"][2:10] for session in sessions)
    day = max(ended, key=lambda each: (ended[each], each))
    closed = program.json("close", day)
    assert sum(closed["outcomes"].values()) == closed["activities"] > 0
    assert set(closed["outcomes"]) <= {"unknown_person", "joined", "unpaired"}


def test_a_home_with_a_roof(program: Program, shared_data: Path) -> None:
    path = shared_data / "ausgrid_solar_customer12" / "customer12_2011-2012.csv"

    answer = take(program, "meter_halfhourly", path)

    # The README: 17,568 slots, 73 of them with generation at night, one leap day.
    assert (answer["rows"], answer["accepted"]) == (len(rows_of(path)), 17_568)
    assert answer["notes"]["evidence.pv_at_night"] == 73
    closed = program.json("close", "2012-02-29")
    assert closed["activities"] == sum(closed["outcomes"].values()) == 48


def test_weighings_of_public_bins_are_nobodys(program: Program, shared_data: Path) -> None:
    folder = shared_data / "waste_bellevue"
    for path in sorted(folder.glob("*.csv")):
        answer = program.run("evidence", "take", "waste_weighings", path, "--json")

        assert "Traceback" not in answer.err
        if "refused" in answer.json and isinstance(answer.json["refused"], dict):
            assert answer.status == 2
            continue
        assert answer.json["rows"] == len(rows_of(path)) == answer.json["refused"]
        assert answer.status == 2
        assert answer.json["refused"] == sum(answer.json["reasons"].values())


def test_afterwards_everything_adds_up(program: Program) -> None:
    assert program.json("ledger", "check")["ok"]
    assert program.json("evidence", "check")["ok"]
    closes = {close["day"]: close["credited_mg"] for close in program.json("close", "list")}
    if closes:
        assert sum(closes.values()) == program.json("statement", 1)["pending_mg"]
