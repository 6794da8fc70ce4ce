"""Bad input that once ended as our own fault (exit status 1), or changed something, is refused (2)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tanpuhui.cli import places
from tanpuhui.cli.main import REFUSED, status_of
from tanpuhui.close.refusals import DayOutOfRange
from tanpuhui.close.run import refuse_unfit_day
from tanpuhui.kit.moment import utc_now
from tanpuhui.quantify.jurisdiction import load_jurisdiction


@pytest.mark.parametrize("day", [date.min, date(1970, 1, 3), date(1999, 12, 31), date(2101, 1, 1), date.max])
def test_a_day_for_which_no_record_is_taken_is_not_closed(day: date) -> None:
    with pytest.raises(DayOutOfRange, match="before 2000 or after 2100"):
        refuse_unfit_day(day, utc_now(), load_jurisdiction("demo"))


@pytest.mark.parametrize("given", ["0", "-1", "many", "4097", "", "1.5", "\u0663"])
def test_a_number_of_buckets_that_cannot_be_is_refused_before_it_is_fixed(
    fresh_home: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv(places.BUCKETS, given)

    with pytest.raises(places.BadBuckets):
        places.places()

    monkeypatch.setenv(places.BUCKETS, "4")
    assert places.places().buckets == 4


@pytest.mark.parametrize(
    "given",
    [
        ["statement", "999999999999999999999"],
        ["statement", "0"],
        ["statement", "-5"],
        ["statement", "1", "--at", "0001-01-01T00:00:00+23:00"],
    ],
)
def test_a_statement_of_no_possible_account_or_moment_is_refused(
    db: None, monkeypatch: pytest.MonkeyPatch, given: list[str]
) -> None:
    monkeypatch.setattr("tanpuhui.cli.main.start_database", lambda: None)

    assert status_of(given) == REFUSED
