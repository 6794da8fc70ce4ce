"""Deadlines: on the last day a filing is taken, on the day after it is refused, naming the rule."""

from __future__ import annotations

from dataclasses import replace as changed
from datetime import UTC, date, datetime

import pytest

from offsetting.filings import DEMO, GUANGDONG, declared
from registry.units_town import ACME, given, key, new_lot
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.offsetting.deadline import deadlines_of
from tanpuhui.offsetting.models import Certificate, Reservation
from tanpuhui.offsetting.refusals import DeadlinePassed
from tanpuhui.offsetting.release import release
from tanpuhui.offsetting.reserve import ReserveOrder, reserve
from tanpuhui.offsetting.surrender import surrender
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.quantify.rule_tables import FOREVER, BadJurisdiction, Rule, read_table

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_home")]
#: Shanghai's midnight is 16:00 UTC the day before.
LAST_OF_FILING = datetime(2027, 6, 10, 15, 59, 59, tzinfo=UTC)
LAST_OF_SURRENDER = datetime(2027, 6, 20, 15, 59, 59, tzinfo=UTC)
LATE_FOR_FILING = datetime(2027, 6, 10, 16, 0, tzinfo=UTC)
LATE_FOR_SURRENDER = datetime(2027, 6, 20, 16, 0, tzinfo=UTC)


def filed(at: datetime, rules: Jurisdiction = DEMO, *, name: str = "") -> Reservation:
    return reserve(ReserveOrder(name or key(), ACME, 2026, TONNE_MG), rules, at=at)


@pytest.fixture(autouse=True)
def holdings() -> None:
    given(ACME, new_lot(10), 10)
    declared(100)


def test_guangdong_of_2021_is_filed_for_until_10_june_and_surrendered_until_20_june_of_2022() -> None:
    found = deadlines_of(GUANGDONG, 2021)

    assert found is not None
    assert (found.file_by, found.surrender_by) == (date(2022, 6, 10), date(2022, 6, 20))
    assert found.rule.status == "published"
    assert deadlines_of(GUANGDONG, 2022) is None


def test_the_last_second_of_the_last_day_is_in_time_and_the_next_one_is_not() -> None:
    reservation = filed(LAST_OF_FILING, name="k")
    with pytest.raises(DeadlinePassed) as refused:
        filed(LATE_FOR_FILING)
    assert refused.value.facts["rule"] == "demo/offset_deadlines/2010-01-01"
    assert refused.value.facts["last_day"] == date(2027, 6, 10)
    # Asked again under its key, a filing that was in time is answered as before.
    assert filed(LATE_FOR_FILING, name="k") == reservation

    surrender(reservation.pk, key="s", at=LAST_OF_SURRENDER)

    assert Certificate.objects.get().content["deadlines"]["surrender_by"] == "2027-06-20"
    assert surrender(reservation.pk, key="s", at=LATE_FOR_SURRENDER) == reservation


def test_after_the_day_of_surrender_nothing_is_used_and_what_is_reserved_is_released() -> None:
    reservation = filed(LAST_OF_FILING)

    with pytest.raises(DeadlinePassed) as refused:
        surrender(reservation.pk, key="s", at=LATE_FOR_SURRENDER)
    assert refused.value.facts["last_day"] == date(2027, 6, 20)
    assert not Certificate.objects.exists()

    release(reservation.pk, key="r", at=LATE_FOR_SURRENDER)


def test_where_only_surrender_has_a_day_filing_ends_with_it() -> None:
    only = Rule(date(2010, 1, 1), FOREVER, "illustrative", "a test", {"surrender_by": "06-20"})
    rules = changed(DEMO, offset_deadlines=(only,))

    filed(LAST_OF_SURRENDER, rules)
    with pytest.raises(DeadlinePassed):
        filed(LATE_FOR_SURRENDER, rules)


def test_without_a_rule_there_is_no_last_day() -> None:
    filed(datetime(2099, 1, 1, tzinfo=UTC), changed(DEMO, offset_deadlines=()))


@pytest.mark.parametrize("day", ["02-30", "02-29", "13-01", "6-10", "", 610])
def test_a_day_that_not_every_year_has_is_no_deadline(day: object) -> None:
    item = {"from": date(2021, 1, 1), "status": "published", "source": "x", "surrender_by": day}

    with pytest.raises(BadJurisdiction, match="surrender_by"):
        read_table("x.toml", "offset_deadlines", [item])
