"""What a resident reads of something sorted: the station's grams, what counts of the act and why; page and JSON alike.

Of 6 and 2 kg that the station reports, 4 kg were fetched: half counts, at 165 mg for each gram of paper.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from api.test_resident import App
from close.bins import Bins, bag
from close.town import DAY, Town
from tanpuhui.methodology.load import load_library
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from web.test_resident import Person

library = cache(load_library)


@pytest.fixture()
def bins(db: None, fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bins]:
    monkeypatch.setenv("TANPUHUI_BUCKETS", "2")
    yield Bins(Town(fresh_home, library(), load_jurisdiction("demo"), buckets=2))


@pytest.fixture()
def person(bins: Bins) -> Person:
    people = bins.settle("ab")
    bins.take(bag("1", "a", 6_000), bag("2", "b", 2_000))
    bins.town.close()
    return Person(bins.town, people["a"], "ming@example.org")


def test_the_page_says_that_nobody_weighed_and_afterwards_what_was_fetched(
    bins: Bins, person: Person
) -> None:
    (one,) = person.acts()
    before = person.get("resident:activity", record=one.record_id)
    listed = person.get("resident:activities")
    bins.weigh(4_000)
    bins.town.close()
    after = person.get("resident:activity", record=one.record_id)

    assert "Not weighed yet" in listed
    for said in (
        "Not weighed yet",
        "Nobody has weighed yet what was fetched from this station.",
        "Station north",
        "8,000 g",
        "not weighed yet",
    ):
        assert said in before, said
    for said in (
        "Counted",
        "495 g",
        "The station reported more than was fetched from it: what was fetched counts, and of each act its part.",
        "Weighed when fetched hauliers 4,000 g",
        "score 500 of 1,000",
        "of 6,000 g, rounded down 3,000 g",
        "Net mass delivered and accepted 6,000 g",
        "3000 g",
    ):
        assert said in after, said


def test_the_trace_as_json_says_the_same_in_numbers(bins: Bins, person: Person) -> None:
    bins.weigh(4_000)
    bins.town.close()
    app = App(bins.town, person.account, "ming@example.org")

    found = app.get(f"acts/{app.records()['credited']}/trace")

    assert found["weighed"] == {
        "station": "north",
        "first_day": DAY.isoformat(),
        "last_day": DAY.isoformat(),
        "source": "hauliers",
        "sorted_g": 8_000,
        "fetched_g": 4_000,
        "counted_g": 4_000,
        "score_permille": 500,
        "reason": "over",
        "mass_g": 6_000,
        "counted_mass_g": 3_000,
    }
    assert found["act"]["measures"]["mass_g"] == 6_000
    assert found["act"]["credited_mg"] == 3_000 * 165
