"""Room: reports, retractions and closes in any order; what is due ends, and gives what closing once in order gives."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from close.town import PHONE_MG, SHANGHAI, Town, act, pending_mg
from tanpuhui.close.due import due
from tanpuhui.ledger.invariants import check
from tanpuhui.methodology.load import load_library
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.registry.reconcile import reconcile

DAYS = [date(2026, 1, 5), date(2026, 1, 6), date(2026, 2, 1), date(2026, 3, 2)]
NOW = datetime(2026, 3, 12, tzinfo=SHANGHAI)
#: national/second-hand-goods@1: at most three pieces of 51.903 kg a year.
MOST_PIECES = 3
#: One pass closes each of the days once; room can only be handed on from day to day.
MOST_PASSES = 12


@dataclass(frozen=True)
class Sale:
    """One sale, and whether it is taken back in the end."""

    number: int
    person: str
    day: date
    pieces: int
    retracted: bool

    def row(self, *, back: bool) -> dict[str, Any]:
        hour = 8 + self.number % 12
        name = f"s{self.number}"
        if back:
            return act(
                "second_hand_sale", name, self.person, day=self.day, hour=hour, revision=1, action="retract"
            )
        return act("second_hand_sale", name, self.person, day=self.day, hour=hour, pieces=self.pieces)


def random_sales(draw: random.Random) -> list[Sale]:
    return [
        Sale(number, draw.choice("ab"), draw.choice(DAYS), draw.randint(1, 3), draw.random() < 0.4)
        for number in range(draw.randint(4, 9))
    ]


def kept_pieces(sales: list[Sale]) -> Counter[str]:
    """What each person has sold and not taken back."""
    pieces: Counter[str] = Counter()
    for sale in sales:
        pieces[sale.person] += 0 if sale.retracted else sale.pieces
    return pieces


def balances(people: dict[str, int]) -> dict[str, int]:
    return {person: pending_mg(account) for person, account in people.items()}


def in_order_once(town: Town, people: dict[str, int], sales: list[Sale]) -> dict[str, int]:
    """What everybody has when all is known from the start and each day is closed once; then as if it had not been."""
    mark = transaction.savepoint()
    town.take(*(sale.row(back=False) for sale in sales))
    backs = [sale.row(back=True) for sale in sales if sale.retracted]
    if backs:
        town.take(*backs)
    for day in DAYS:
        town.close(day)
    found = balances(people)
    transaction.savepoint_rollback(mark)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_what_is_due_ends_and_gives_what_closing_in_order_once_gives(
    db: None, fresh_home: Path, seed: int
) -> None:
    town = Town(fresh_home, load_library(), load_jurisdiction("demo"), buckets=2)
    draw = random.Random(seed)
    people = town.settle("ab")
    sales = random_sales(draw)
    expected = in_order_once(town, people, sales)
    moves = [(sale, False) for sale in sales] + [(sale, True) for sale in sales if sale.retracted]
    draw.shuffle(moves)

    for sale, back in moves:
        town.take(sale.row(back=back))
        if draw.random() < 0.5:
            town.close(draw.choice(DAYS))
            assert max(balances(people).values()) <= MOST_PIECES * PHONE_MG, "nobody is ever above the cap"
    for _ in range(MOST_PASSES):
        listed = due(NOW, "Asia/Shanghai", town.places)
        if not listed:
            break
        for each in draw.sample(listed, len(listed)):
            town.close(each.day)
            assert max(balances(people).values()) <= MOST_PIECES * PHONE_MG, "nobody is ever above the cap"

    assert due(NOW, "Asia/Shanghai", town.places) == []
    pieces = kept_pieces(sales)
    assert expected == {person: min(pieces[person], MOST_PIECES) * PHONE_MG for person in people}
    assert balances(people) == expected
    assert check(connection) == [] and reconcile(connection) == []
