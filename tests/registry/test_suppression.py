"""What is left out of an exact month, against oracles: every sum of rows, and every way in which residents may have
done kinds of act that agrees with the published numbers of persons.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tanpuhui.registry.suppression import Cell, protect, tells_persons, total

LEAST = 3


def cell(*persons: int) -> Cell:
    """An act worth 100 mg of each of these persons."""
    return Cell(len(persons), 100 * len(persons), sum(1 << person for person in set(persons)))


def people(first: int, count: int) -> range:
    return range(first, first + count)


@pytest.mark.parametrize(
    ("kinds", "rows", "told"),
    [
        ({"x": cell(1, 2)}, None, False),
        ({}, None, False),
        ({"x": Cell(acts=500, credited_mg=50_000, who=1)}, None, False),
        ({"x": cell(1, 2, 3)}, {"x": 3}, True),
        # Nobody but 0 to 4 did y, and all of them did x: nobody or five stand apart everywhere.
        ({"x": cell(*people(0, 10)), "y": cell(*people(0, 5))}, {"x": 10, "y": 5}, True),
        # Ten did x, eleven did y, eleven took part: one did y alone.
        ({"x": cell(*people(0, 10)), "y": cell(*people(0, 11))}, {"x": 10, "y": 11}, False),
        # Five did x alone and five y alone, and one both.
        ({"x": cell(*people(0, 6)), "y": cell(*people(5, 6))}, {"x": 6, "y": 6}, False),
        # One row of one, then: with the smallest other one.
        (
            {"x": cell(1), "y": cell(*people(5, 4)), "z": cell(*people(0, 9))},
            {"other": 5, "z": 9},
            True,
        ),
        # Five took part: that z has three acts says by itself that one or two did not do it.
        ({"y": cell(*people(0, 5)), "z": cell(*people(0, 3))}, {"other": 5}, True),
    ],
)
def test_small_kinds_are_put_together_and_persons_are_told_where_nobody_stands_apart_with_few(
    kinds: dict[str, Cell], rows: dict[str, int] | None, told: bool
) -> None:
    found = protect(kinds, LEAST)

    if rows is None:
        assert found is None
    else:
        assert found is not None
        assert {kind: one.persons for kind, one in found.rows.items()} == rows
        assert found.tells_persons == told
        assert found.pooled == tuple(sorted(kinds.keys() - rows.keys()))


cells = st.builds(
    lambda who, acts: Cell(acts if who else 0, 10 * acts if who else 0, who),
    st.integers(0, 255),
    st.integers(1, 9),
)


@given(st.lists(cells, min_size=1, max_size=5))
@settings(max_examples=200, deadline=None)
def test_every_sum_of_published_rows_rests_on_the_least_and_all_of_them_are_all_there_is(
    kinds: list[Cell],
) -> None:
    found = protect({f"k{number}": one for number, one in enumerate(kinds)}, LEAST)

    if found is None:
        assert total(kinds).persons < LEAST
    else:
        rows = list(found.rows.values())
        assert total(rows) == total(kinds)
        assert all(
            total(some).persons >= LEAST
            for size in range(1, len(rows) + 1)
            for some in combinations(rows, size)
        )


@pytest.mark.parametrize(("rows", "least", "most"), [(2, 3, 12), (3, 2, 8), (3, 3, 11)])
def test_no_set_of_residents_is_known_to_have_few_in_it(rows: int, least: int, most: int) -> None:
    """All ways to give every resident the rows that they did, grouped by what is published of them.

    A set of residents is a choice of such combinations of rows: did x and not y, did both, did more than one … It is
    given away where in every way that agrees there is somebody in it, and in none as many as the least.
    """
    told = refused = given_away = 0
    for everybody in range(least, most + 1):
        for persons, sizes in ways(rows, everybody).items():
            if min(persons) < least or persons != tuple(sorted(persons)):
                continue
            fewest, largest = sizes
            exposed = bool(((fewest >= 1) & (largest < least)).any())
            if tells_persons(everybody, persons, least):
                told += 1
                assert not exposed, (everybody, persons)
            else:
                refused += 1
                given_away += exposed

    assert told >= 40
    assert given_away > refused // 2, "most of what is left out would have given somebody away"


def ways(rows: int, everybody: int) -> dict[tuple[int, ...], tuple[np.ndarray, np.ndarray]]:
    """By numbers of persons of rows: the fewest and the most residents in each set of them."""
    combos = 2**rows - 1
    member = np.array([[combo >> row & 1 for row in range(rows)] for combo in range(1, combos + 1)], np.int16)
    chosen = np.array(
        [[number >> combo & 1 for combo in range(combos)] for number in range(1, 2**combos)], np.int16
    )
    found: dict[tuple[int, ...], list[tuple[int, ...]]] = defaultdict(list)
    for way in parted(everybody, combos):
        found[tuple(int(count) for count in np.array(way, np.int16) @ member)].append(way)
    return {
        persons: ((sizes := np.array(known, np.int16) @ chosen.T).min(axis=0), sizes.max(axis=0))
        for persons, known in found.items()
    }


def parted(number: int, parts: int) -> Iterator[tuple[int, ...]]:
    """Every way to part a number."""
    if parts == 1:
        yield (number,)
        return
    for first in range(number + 1):
        for rest in parted(number - first, parts - 1):
            yield (first, *rest)
