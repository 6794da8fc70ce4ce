"""Weighings: evidence of somebody else than the station's provider; the newest counts, and nothing is half declared."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction

from close.bins import BINS, HAULIER, NEXT, Bins, bag
from close.town import DAY, TAKEN_AT, Town
from tanpuhui.cli.evidence_weighing import WeighingsUnreadable
from tanpuhui.cli.evidence_weighing import declare as declare_command
from tanpuhui.cli.evidence_weighing import list_ as list_command
from tanpuhui.evidence import contract
from tanpuhui.evidence.contract import ContractIncomplete, UnknownProvider
from tanpuhui.evidence.models import Weighing
from tanpuhui.evidence.weighing import (
    BadWeighings,
    NoStations,
    Row,
    UnknownStation,
    WeighingOverlaps,
    WeighingSourceMissing,
    declare,
    read_weighings,
    standing_of,
)
from tanpuhui.methodology.load import load_library
from tanpuhui.quantify.jurisdiction import load_jurisdiction

OF_A_DAY, OF_DAYS = "station,day,fetched_g\n", "station,first_day,last_day,fetched_g\n"


@pytest.fixture()
def bins(db: None, fresh_home: Path) -> Bins:
    """Two stations, each with a bag of one day."""
    bins = Bins(Town(fresh_home, load_library(), load_jurisdiction("demo")))
    bins.settle("a")
    bins.take(bag("1", "a", 6_000), bag("2", "a", 500, station="south", hour=9))
    return bins


def given(bins: Bins, *rows: Row, source: str = HAULIER, provider: str = BINS) -> list[Weighing]:
    with transaction.atomic():
        return declare(provider, rows, source=source, at=TAKEN_AT, by="operator", lake=bins.town.places.lake)


def counted() -> dict[tuple[str, date, date], int | None]:
    return {
        (one.station, one.first_day, one.last_day): one.fetched_g
        for one in standing_of(date.min, date.max, [BINS])
    }


def test_the_newest_counts_the_same_is_not_written_again_and_nothing_is_edited(bins: Bins) -> None:
    said = Row("north", DAY, DAY, 6_000)

    new = [len(given(bins, one)) for one in (said, said, Row("north", DAY, DAY, 5_900))]

    assert new == [1, 0, 1]
    assert counted() == {("north", DAY, DAY): 5_900}
    for change in (lambda: Weighing.objects.update(fetched_g=1), lambda: Weighing.objects.all().delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_what_was_declared_of_wrong_days_is_taken_back_before_others_are_declared(bins: Bins) -> None:
    given(bins, Row("north", DAY, DAY, 6_000))
    both_days = Row("north", DAY, NEXT, 9_000)

    with pytest.raises(WeighingOverlaps):
        given(bins, both_days)
    given(bins, Row("north", DAY, DAY, None))
    nothing_left = counted()
    again = given(bins, Row("north", DAY, DAY, None))
    given(bins, both_days)

    assert (nothing_left, again) == ({}, [])
    assert counted() == {("north", DAY, NEXT): 9_000}


def test_a_second_haulier_does_not_weigh_the_same_day_again(bins: Bins) -> None:
    given(bins, Row("north", DAY, DAY, 6_000))

    for fetched_g in (6_000, 7_000, None):
        with pytest.raises(WeighingOverlaps) as refused:
            given(bins, Row("north", DAY, DAY, fetched_g), source="others")
        assert refused.value.facts["source"] == HAULIER


@pytest.mark.parametrize("source", ["", "  ", BINS, " Bins ", "x" * 61])
def test_whoever_claims_does_not_weigh(bins: Bins, source: str) -> None:
    with pytest.raises(WeighingSourceMissing):
        given(bins, Row("north", DAY, DAY, 1), source=source)


def test_stations_that_no_record_names_are_refused_and_with_them_all_the_rest(bins: Bins) -> None:
    with pytest.raises(UnknownStation) as refused:
        given(bins, Row("north", DAY, DAY, 1), Row("nrth", DAY, DAY, 1))
    with pytest.raises(UnknownProvider):
        given(bins, Row("north", DAY, DAY, 1), provider="nobody")

    assert (refused.value.facts["stations"], refused.value.facts["known"]) == ("nrth", "north, south")
    assert not Weighing.objects.exists()


def test_a_station_that_reported_on_other_days_alone_is_known(bins: Bins) -> None:
    assert len(given(bins, Row("north", NEXT, NEXT, 0))) == 1


def test_a_provider_without_acts_that_are_weighed_is_refused(bins: Bins) -> None:
    contract.add(
        "bikes",
        format="generic",
        kinds=["bike_trip"],
        pia_reference="PIA-1",
        valid_from=DAY,
        made_at=TAKEN_AT,
    )

    with pytest.raises(NoStations):
        given(bins, Row("north", DAY, DAY, 1), provider="bikes")


@pytest.mark.parametrize(
    "text",
    [
        "station,fetched_g\n",
        OF_A_DAY + "north,2026-3-2,1\n",
        OF_A_DAY + "north,2026-03-32,1\n",
        OF_A_DAY + "north,2026-03-02,-1\n",
        OF_A_DAY + "north,2026-03-02,1.5\n",
        OF_A_DAY + "north,2026-03-02,1e3\n",
        OF_A_DAY + "north,2026-03-02,١\n",
        OF_A_DAY + f"north,2026-03-02,{10**12 + 1}\n",
        OF_A_DAY + f"north,2026-03-02,{'9' * 5_000}\n",
        OF_A_DAY + ",2026-03-02,1\n",
        OF_A_DAY + f"{'n' * 201},2026-03-02,1\n",
        OF_A_DAY + "north,2026-03-02\n",
        OF_A_DAY + "north,2026-03-02,1\nnorth,2026-03-02,1\n",
        OF_DAYS + "north,2026-03-03,2026-03-02,1\n",
        OF_DAYS + "north,2026-03-01,2026-04-01,1\n",
        OF_DAYS + "north,2026-03-01,2026-03-03,1\nnorth,2026-03-03,2026-03-04,1\n",
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(text: str) -> None:
    with pytest.raises(BadWeighings):
        read_weighings(text)


def test_a_file_says_stations_days_and_whole_grams_or_nothing() -> None:
    day, days = date(2026, 3, 2), (date(2026, 3, 1), date(2026, 3, 31))

    assert read_weighings(
        OF_A_DAY + f"north, 2026-03-02 ,0\nsouth,2026-03-02,{10**12}\neast,2026-03-02,\n"
    ) == [
        Row("north", day, day, 0),
        Row("south", day, day, 10**12),
        Row("east", day, day, None),
    ]
    assert read_weighings(OF_DAYS + "north,2026-03-01,2026-03-31,7\n") == [Row("north", *days, 7)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"fetched_g": -1},
        {"last_day": DAY - timedelta(days=1)},
        {"station": ""},
        {"source": BINS},
        {"source": ""},
    ],
)
def test_the_database_itself_keeps_wrong_weighings_out(db: None, wrong: dict[str, object]) -> None:
    right = {
        "provider": BINS,
        "source": HAULIER,
        "station": "north",
        "first_day": DAY,
        "last_day": DAY,
        "fetched_g": 1,
        "declared_at": TAKEN_AT,
        "declared_by": "operator",
    }
    Weighing.objects.create(**right)

    with pytest.raises(DatabaseError), transaction.atomic():
        Weighing.objects.create(**(right | wrong))


@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET fetched_g = 1", "TRUNCATE {}"])
def test_the_application_role_adds_weighings_and_changes_none(db: None, statement: str) -> None:
    with connection.cursor() as cursor, transaction.atomic():
        cursor.execute("SET LOCAL ROLE tanpuhui_app")
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            cursor.execute(statement.format("evidence_weighing"))
        cursor.execute("RESET ROLE")


def test_a_contract_says_plainly_whether_its_stations_must_balance(db: None) -> None:
    terms = {
        "format": "generic",
        "pia_reference": "PIA-1",
        "valid_from": DAY,
        "made_at": TAKEN_AT,
    }
    for kinds, option in ((["waste_sorting"], "yes"), (["waste_sorting"], 1), (["bike_trip"], True)):
        with pytest.raises(ContractIncomplete):
            contract.add("bins", kinds=kinds, options={"must_balance": option}, **terms)
    contract.add("bins", kinds=["waste_sorting"], options={"must_balance": True}, **terms)

    before = DAY - timedelta(days=1)
    assert contract.must_balance([before, DAY]) == {before: frozenset(), DAY: frozenset({"bins"})}


def test_the_commands_declare_and_list(
    bins: Bins, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tanpuhui.cli.places.places", lambda: bins.town.places)
    file = tmp_path / "weighed.csv"
    file.write_text(OF_A_DAY + "north,2026-03-02,5900\nsouth,2026-03-02,500\n", encoding="utf-8")

    declare_command(BINS, file, source=HAULIER, as_json=True)
    made = json.loads(capsys.readouterr().out)
    list_command(BINS, as_json=True)
    listed = json.loads(capsys.readouterr().out)

    assert (made["weighings"], made["new"], made["source"]) == (2, 2, HAULIER)
    assert [(one["station"], one["fetched_g"]) for one in listed] == [("north", 5_900), ("south", 500)]
    with pytest.raises(WeighingsUnreadable):
        declare_command(BINS, tmp_path / "missing.csv", source=HAULIER)
