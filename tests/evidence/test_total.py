"""Totals: what a provider says of its own is compared with what was recorded, and an independent count with both."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError, transaction

from close.town import DAY, PROVIDER, TAKEN_AT, Town, metro
from tanpuhui.cli.evidence_total import TotalsUnreadable
from tanpuhui.cli.evidence_total import declare as declare_command
from tanpuhui.cli.evidence_total import list_ as list_command
from tanpuhui.close.totals import recorded, reported_totals
from tanpuhui.evidence.contract import UnknownProvider
from tanpuhui.evidence.models import Total
from tanpuhui.evidence.total import BadTotals, Row, SourceMissing, declare, own_totals, read_totals
from tanpuhui.integrity.patterns.find import find
from tanpuhui.methodology.load import load_library
from tanpuhui.quantify.jurisdiction import load_jurisdiction

SAID = Row(DAY, "metro_trip", 3)


@pytest.fixture()
def town(db: None, fresh_home: Path) -> Town:
    """A town of one person whose provider sent three trips, and took one back."""
    town = Town(fresh_home, load_library(), load_jurisdiction("demo"))
    town.settle("a")
    town.take(*(metro(f"m{hour}", "a", 9_000, hour=hour) for hour in (8, 12, 18)))
    return town


def test_a_providers_own_total_is_kept_once_and_the_newest_counts(town: Town) -> None:
    first = declare(PROVIDER, [SAID], at=TAKEN_AT, by="operator")
    again = declare(PROVIDER, [SAID], at=TAKEN_AT, by="operator")
    corrected = declare(PROVIDER, [Row(DAY, "metro_trip", 4)], at=TAKEN_AT, by="operator")

    assert (len(first), len(again), len(corrected)) == (1, 0, 1)
    assert own_totals([DAY]) == {(PROVIDER, DAY, "metro_trip"): 4}
    assert recorded([DAY], town.places) == {(PROVIDER, DAY, "metro_trip"): 3}
    with pytest.raises(DatabaseError), transaction.atomic():
        Total.objects.update(records=3)


@pytest.mark.parametrize(("counted", "found"), [(2, True), (3, False)])
def test_a_provider_that_reports_more_than_was_counted_is_found(
    town: Town, counted: int, found: bool
) -> None:
    """3 reported: 50 % above two, and as many as three."""
    (made,) = declare(PROVIDER, [Row(DAY, "metro_trip", counted)], at=TAKEN_AT, by="operator", source="gates")
    totals = reported_totals([DAY], town.places)
    assert totals is not None

    held = next(one for one in find({"reported_total": totals}) if one.pattern.id == "fraud.over_reporting")

    assert held.records == ((made.pk,) if found else ())


def test_what_a_provider_says_beyond_what_was_recorded_is_compared_as_well(town: Town) -> None:
    declare(PROVIDER, [Row(DAY, "metro_trip", 30)], at=TAKEN_AT, by="operator")
    declare(PROVIDER, [SAID], at=TAKEN_AT, by="operator", source="gates")

    totals = reported_totals([DAY], town.places)

    assert totals is not None
    assert (totals["reported"].to_pylist(), totals["independent"].to_pylist()) == ([30], [3])


def test_without_an_independent_count_nothing_is_looked_at(town: Town) -> None:
    declare(PROVIDER, [SAID], at=TAKEN_AT, by="operator")

    assert reported_totals([DAY, DAY + timedelta(days=1)], town.places) is None


@pytest.mark.parametrize(
    "text",
    [
        "day,kind\n",
        "day,kind,records\n2026-3-2,metro_trip,1\n",
        "day,kind,records\n2026-03-02,spaceship,1\n",
        "day,kind,records\n2026-03-02,metro_trip,-1\n",
        "day,kind,records\n2026-03-02,metro_trip,1\n2026-03-02,metro_trip,2\n",
        "day,kind,records\n2026-03-02,metro_trip\n",
    ],
)
def test_totals_that_cannot_be_read_are_refused_whole(text: str) -> None:
    with pytest.raises(BadTotals):
        read_totals(text, ["metro_trip"])


def test_totals_of_nobody_or_without_a_source_are_refused(town: Town) -> None:
    with pytest.raises(UnknownProvider):
        declare("nobody", [SAID], at=TAKEN_AT, by="operator")
    for source in ("", PROVIDER):
        with pytest.raises(SourceMissing):
            declare(PROVIDER, [SAID], at=TAKEN_AT, by="operator", source=source)
    with pytest.raises(BadTotals):
        declare(PROVIDER, [Row(DAY, "ev_charge", 1)], at=TAKEN_AT, by="operator")


def test_the_commands_declare_and_list(
    town: Town, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "totals.csv"
    file.write_text("day,kind,records\n2026-03-02,metro_trip,3\n", encoding="utf-8")

    declare_command(PROVIDER, file, source="gates", as_json=True)
    made = json.loads(capsys.readouterr().out)
    list_command(PROVIDER, as_json=True)
    (listed,) = json.loads(capsys.readouterr().out)

    assert (made["new"], made["source"]) == (1, "gates")
    assert (listed["day"], listed["records"]) == (date(2026, 3, 2).isoformat(), 3)
    with pytest.raises(TotalsUnreadable):
        declare_command(PROVIDER, tmp_path / "missing.csv")
