"""Effect: what closed days would have credited under another version, worked by hand, with nothing posted."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from close.town import DAY, METRO_MG_PER_M, PHONE_MG, Town, act, metro, pending_mg, posted_lines
from close.versions import METRO, Edit, with_metro_v2
from tanpuhui.close.effect import Effect, effect_of_version
from tanpuhui.close.models import Manifest
from tanpuhui.close.refusals import NoDayClosed
from tanpuhui.methodology.refusals import Unknown

pytestmark = pytest.mark.django_db
#: In mg a kilometre: 46.7 g of the first version; the second one here has 40 g.
THEN, NOW = 46_700, 40_000
LOWER = Edit('value = "46.7"', 'value = "40"')


def reckoned(town: Town, version: int = 2, first: date = DAY, last: date = DAY) -> Effect:
    return effect_of_version(
        METRO,
        version,
        first=first,
        last=last,
        places=town.places,
        jurisdiction=town.jurisdiction,
        library=town.library,
    )


@pytest.fixture()
def candidate(town: Town) -> Town:
    """The town with a second version of the metro's methodology, from the same day on."""
    return replace(town, library=with_metro_v2(town.library, town.folder, LOWER))


def test_a_lower_factor_is_worked_out_for_every_resident_and_nothing_is_posted(
    town: Town, candidate: Town
) -> None:
    people = town.settle("abc")
    town.take(
        metro("1", "a", 10_000),
        metro("2", "a", 5_000, hour=12),
        metro("3", "b", 20_000),
        act("second_hand_sale", "4", "c", pieces=1),
    )
    town.close()
    before, closes = posted_lines(), Manifest.objects.count()

    effect = reckoned(candidate)

    by_code = {line.methodology: line for line in effect.lines}
    assert by_code[METRO].then_mg == 35 * THEN
    assert by_code[METRO].now_mg == 35 * NOW
    assert (by_code[METRO].more, by_code[METRO].less) == (0, 2)
    assert (effect.days, effect.residents) == (1, 2)
    assert METRO_MG_PER_M * 1000 == THEN
    sale = by_code["national/second-hand-goods"]
    assert (sale.then_mg, sale.now_mg, sale.more, sale.less) == (PHONE_MG, PHONE_MG, 0, 0)
    assert posted_lines() == before
    assert Manifest.objects.count() == closes
    assert pending_mg(people["b"]) == 20 * THEN


def test_the_same_factor_changes_nothing(town: Town) -> None:
    town.settle("a")
    town.take(metro("1", "a", 10_000))
    town.close()

    effect = reckoned(replace(town, library=with_metro_v2(town.library, town.folder)))

    assert effect.residents == 0
    assert [(line.then_mg, line.now_mg) for line in effect.lines] == [(467_000, 467_000)]


def test_a_version_that_begins_later_is_reckoned_with_the_factors_of_its_first_day(town: Town) -> None:
    town.settle("a")
    town.take(metro("1", "a", 10_000))
    town.close()
    later = with_metro_v2(
        town.library, town.folder, LOWER, Edit("2021-12-16\nvalue", "2027-01-01\nvalue"),
        Edit("valid_from = 2021-12-16", "valid_from = 2027-01-01"),
    )  # fmt: skip

    effect = reckoned(replace(town, library=later))

    assert [(line.then_mg, line.now_mg) for line in effect.lines] == [(467_000, 400_000)]


def test_the_close_that_stands_is_what_is_compared(town: Town, candidate: Town) -> None:
    town.settle("a")
    town.take(metro("1", "a", 10_000))
    town.close()
    town.take(metro("2", "a", 1_000, hour=15))
    town.close()

    assert [line.then_mg for line in reckoned(candidate).lines] == [11 * THEN]


def test_days_without_it_and_unknown_versions_are_refused(town: Town, candidate: Town) -> None:
    with pytest.raises(NoDayClosed):
        reckoned(candidate)
    with pytest.raises(Unknown):
        reckoned(town, version=3)
