"""Whatever somebody last decided about a source holds for the next close, and what was credited before stands."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from close.town import DAY, KINDS, METRO_MG_PER_M, OPENED_AT, PROVIDER, TAKEN_AT, Town, metro, pending_mg
from tanpuhui.consent.give import give
from tanpuhui.consent.show import standings
from tanpuhui.consent.terms import Terms
from tanpuhui.consent.withdraw import pause, resume, withdraw

pytestmark = pytest.mark.django_db
PEOPLE = "abcdefgh"
DISTANCE_M = 10_000
ACT_MG = int(DISTANCE_M * METRO_MG_PER_M)
NEXT = DAY + timedelta(days=1)
#: Steps that somebody may take, and whether their source may report after the last of them.
LIVES: dict[tuple[str, ...], bool] = {
    (): True,
    ("pause", "resume"): True,
    ("withdraw", "give"): True,
    ("pause",): False,
    ("withdraw",): False,
    ("pause", "withdraw"): False,
    ("withdraw", "give", "withdraw"): False,
}
VERBS: dict[str, Callable[..., None]] = {"pause": pause, "resume": resume, "withdraw": withdraw}


def live(town: Town, account: int, steps: tuple[str, ...], at: datetime) -> None:
    """Take these steps, a minute apart."""
    for place, verb in enumerate(steps):
        moment = at + timedelta(minutes=place)
        if verb == "give":
            first = standings(account, at=moment)[-1].grant.acts_from_us
            give(account, Terms(PROVIDER, KINDS, acts_from_us=first), at=moment, method="web")
        else:
            VERBS[verb](standings(account, at=moment)[0].grant.pk, at=moment, method="web")


@pytest.mark.parametrize("seed", range(4))
def test_a_close_credits_exactly_those_whose_last_decision_allows_it(town: Town, seed: int) -> None:
    chance = random.Random(seed)
    accounts = town.settle(PEOPLE)
    first, second = ({name: chance.choice(list(LIVES)) for name in PEOPLE} for _ in range(2))
    town.take(*(metro(f"{name}-1", name, DISTANCE_M) for name in PEOPLE))
    for name, steps in first.items():
        live(town, accounts[name], steps, OPENED_AT + timedelta(days=1))

    town.close(DAY, at=TAKEN_AT)

    credited = {name: ACT_MG if LIVES[first[name]] else 0 for name in PEOPLE}
    assert {name: pending_mg(accounts[name]) for name in PEOPLE} == credited

    still = [name for name in PEOPLE if LIVES[first[name]]]
    town.take(*(metro(f"{name}-2", name, DISTANCE_M, day=NEXT) for name in PEOPLE))
    for name in still:
        live(town, accounts[name], second[name], TAKEN_AT + timedelta(minutes=1))
    later = TAKEN_AT + timedelta(hours=1)
    town.close(NEXT, at=later)
    town.close(DAY, at=later)

    for name in still:
        credited[name] += ACT_MG if LIVES[second[name]] else 0
    assert {name: pending_mg(accounts[name]) for name in PEOPLE} == credited
