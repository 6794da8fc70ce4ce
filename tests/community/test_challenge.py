"""A city's challenge: announced once, joined of one's own will, counted set by set."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from access.people import AT, LATER
from community.credits import DAY, KG, credit
from tanpuhui.community import challenge
from tanpuhui.community.challenge import Terms, announce, standing, step_out, take_part, tally
from tanpuhui.community.refusals import BadChallenge, ChallengeOver, ChallengeTaken, UnknownChallenge

pytestmark = pytest.mark.django_db
TERMS = Terms(
    code="march",
    title_zh="三月",
    title_en="March",
    text_zh="一起",
    text_en="Together",
    starts_on=date(2026, 3, 1),
    ends_on=date(2026, 3, 31),
    target_mg=10 * KG,
    methodologies=("shenzhen/metro",),
)


def test_what_was_announced_is_never_changed() -> None:
    first = announce(TERMS, at=AT)

    assert announce(TERMS, at=LATER) == first
    for change in ({"target_mg": 1}, {"methodologies": ()}, {"ends_on": date(2026, 4, 1)}):
        with pytest.raises(ChallengeTaken):
            announce(replace(TERMS, **change), at=LATER)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [
        {"code": "March!"},
        {"title_en": " "},
        {"title_zh": "长" * 81},
        {"text_zh": ""},
        {"ends_on": date(2026, 2, 28)},
        {"target_mg": 0},
    ],
)
def test_a_challenge_without_what_it_needs_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(BadChallenge):
        announce(replace(TERMS, **change), at=AT)  # type: ignore[arg-type]


def test_the_citys_sum_is_of_those_who_take_part_and_of_acts_that_count() -> None:
    one = announce(TERMS, at=AT)
    for account in (1, 2, 3):
        take_part(account, "march", today=DAY, at=AT)
        take_part(account, "march", today=DAY, at=LATER)
    credit(1, 4 * KG)
    credit(2, KG, day=date(2026, 3, 31))
    credit(3, KG, day=date(2026, 4, 1))
    credit(1, 2 * KG, methodology="national/shared-bike")
    credit(9, 5 * KG)

    tally(one, at=LATER)
    seen = standing(one, 1)

    assert seen.tally
    assert (seen.tally.participants, seen.tally.credited_mg, seen.share_percent) == (3, 5 * KG, 50)
    assert (seen.takes_part, seen.own_mg, seen.shows_sum) == (True, 4 * KG, True)
    assert standing(one, 9).own_mg == 0


def test_two_who_take_part_have_no_sum_that_is_shown() -> None:
    one = announce(TERMS, at=AT)
    for account in (1, 2):
        take_part(account, "march", today=DAY, at=AT)

    tally(one, at=LATER)

    assert not standing(one, 1).shows_sum


def test_who_steps_out_is_not_counted_any_more_and_may_come_back() -> None:
    one = announce(TERMS, at=AT)
    take_part(1, "march", today=DAY, at=AT)
    credit(1, KG)
    step_out(1, "march", at=LATER)
    step_out(1, "march", at=LATER)

    assert tally(one, at=LATER).credited_mg == 0
    take_part(1, "march", today=DAY, at=LATER)
    assert tally(one, at=LATER).credited_mg == KG


def test_a_challenge_takes_nobody_after_its_last_day_and_an_unknown_one_nobody_at_all() -> None:
    announce(TERMS, at=AT)

    assert take_part(1, "march", today=date(2026, 3, 31), at=AT)
    with pytest.raises(ChallengeOver):
        take_part(2, "march", today=date(2026, 4, 1), at=AT)
    with pytest.raises(UnknownChallenge):
        take_part(2, "april", today=DAY, at=AT)


def test_what_runs_and_ends_first_stands_first_and_what_is_over_last() -> None:
    for code, ends in (("late", date(2026, 5, 1)), ("soon", date(2026, 3, 20)), ("over", date(2026, 3, 1))):
        announce(replace(TERMS, code=code, ends_on=ends), at=AT)

    assert [one.code for one in challenge.challenges(DAY)] == ["soon", "late", "over"]
