"""What is left out of published tables, against an oracle: every sum of cells that linear algebra can find."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from tanpuhui.registry.suppression import Cell, Key, Protected, Table, protect, total

LEAST = 3


def cell(*persons: int) -> Cell:
    """An act worth 100 mg of each of these persons."""
    return Cell(len(persons), 100 * len(persons), sum(1 << person for person in set(persons)))


def people(first: int, count: int) -> range:
    return range(first, first + count)


def table(**rows: list[Cell]) -> Table:
    """Rows of cells, whose columns are named a, b, c …"""
    return Table({(row, chr(97 + at)): one for row, cells in rows.items() for at, one in enumerate(cells)})


def test_a_table_of_large_cells_is_published_whole() -> None:
    given_ = table(x=[cell(*people(0, 5)), cell(*people(0, 4))], y=[cell(*people(2, 3)), cell(*people(9, 3))])

    found = protect(given_, LEAST)

    assert found is not None
    assert (found.table.cells, found.left_out) == (given_.cells, frozenset())


def test_a_small_cell_takes_three_more_with_it_so_that_no_total_gives_it_away() -> None:
    small = table(x=[cell(1), cell(*people(0, 9))], y=[cell(*people(0, 7)), cell(*people(0, 8))])

    found = protect(small, LEAST)

    assert found is not None
    assert found.left_out == {("x", "a"), ("x", "b"), ("y", "a"), ("y", "b")}


def test_small_cells_that_are_few_together_take_a_larger_one_with_them() -> None:
    small = table(
        x=[cell(1), cell(2), cell(*people(0, 9))],
        y=[cell(*people(0, 7)), cell(*people(0, 8)), cell(*people(0, 9))],
        z=[cell(*people(0, 7)), cell(*people(0, 8)), cell(*people(0, 9))],
    )

    found = protect(small, LEAST)

    assert found is not None
    assert ("x", "c") in found.left_out
    assert exposed(found) == []


def test_a_row_of_few_persons_is_published_with_another_one_as_other() -> None:
    small = table(x=[cell(1)], y=[cell(*people(5, 4))], z=[cell(*people(0, 9))])

    found = protect(small, LEAST)

    assert found is not None
    assert found.table.rows == ["other", "z"]
    assert found.table.pooled_rows == {"other": ("x", "y")}
    assert found.table.row("other").acts == 5


def test_a_month_of_few_persons_is_published_with_the_next_one() -> None:
    small = Table(
        {("x", "2026-01"): cell(1), ("x", "2026-02"): cell(*people(0, 5)), ("x", "2026-03"): cell(2)}
    )

    found = protect(small, LEAST)

    assert found is not None
    assert found.table.columns == ["2026-01..2026-03"]
    assert found.table.pooled_columns == {"2026-01..2026-03": ("2026-01", "2026-02", "2026-03")}


def test_nothing_is_published_of_fewer_persons_than_the_least_and_all_of_just_as_many() -> None:
    assert protect(table(x=[cell(1, 2)]), LEAST) is None
    assert protect(Table({}), LEAST) is None

    found = protect(table(x=[cell(1, 2, 3)]), LEAST)

    assert found is not None
    assert found.left_out == frozenset()


def test_one_person_with_many_acts_is_one_person() -> None:
    many = Cell(acts=500, credited_mg=50_000, who=1)

    assert protect(table(x=[many]), LEAST) is None


cells = st.builds(
    lambda who, acts: Cell(acts if who else 0, 10 * acts if who else 0, who),
    st.integers(0, 63),
    st.integers(1, 9),
)
tables = st.integers(1, 4).flatmap(
    lambda wide: st.lists(st.lists(cells, min_size=wide, max_size=wide), min_size=1, max_size=4)
)


@given(tables)
@settings(max_examples=400, deadline=None)
def test_no_sum_of_cells_that_can_be_computed_rests_on_fewer_persons_than_the_least(
    rows: list[list[Cell]],
) -> None:
    found = protect(
        Table({(f"r{r}", f"c{c}"): one for r, row in enumerate(rows) for c, one in enumerate(row)}), LEAST
    )

    if found is not None:
        assert exposed(found) == []


@given(tables)
@settings(max_examples=200, deadline=None)
def test_what_is_published_sums_to_what_there_is(rows: list[list[Cell]]) -> None:
    given_ = Table({(f"r{r}", f"c{c}"): one for r, row in enumerate(rows) for c, one in enumerate(row)})

    found = protect(given_, LEAST)

    if found is None:
        assert given_.all().persons < LEAST
    else:
        assert found.table.all() == given_.all()
        assert all(found.table.row(name).persons >= LEAST for name in found.table.rows)
        assert all(found.table.column(name).persons >= LEAST for name in found.table.columns)


def exposed(found: Protected) -> list[tuple[Key, ...]]:
    """Every set of cells whose sum follows from what is published and that rests on 1 or 2 persons: all are tried."""
    keys = sorted(key for key, one in found.table.cells.items() if one.acts)
    known = [unit(keys, [key]) for key in keys if key not in found.left_out]
    known += [unit(keys, [key for key in keys if key[0] == row]) for row in found.table.rows]
    known += [unit(keys, [key for key in keys if key[1] == column]) for column in found.table.columns]
    basis = reduced(known)
    hidden = sorted(found.left_out)
    sets = [chosen for size in range(1, len(hidden) + 1) for chosen in combinations(hidden, size)]
    sets += [(key,) for key in keys if key not in found.left_out]
    return [
        chosen
        for chosen in sets
        if 0 < total(found.table.cells[key] for key in chosen).persons < LEAST
        and in_span(basis, unit(keys, list(chosen)))
    ]


def unit(keys: list[Key], chosen: list[Key]) -> list[Fraction]:
    return [Fraction(int(key in chosen)) for key in keys]


def reduced(vectors: list[list[Fraction]]) -> list[tuple[int, list[Fraction]]]:
    """A basis of what some vectors span: each with the place of its leading number, which is 1."""
    basis: list[tuple[int, list[Fraction]]] = []
    for vector in vectors:
        rest = without(basis, vector)
        lead = next((at for at, value in enumerate(rest) if value), None)
        if lead is not None:
            basis.append((lead, [value / rest[lead] for value in rest]))
    return basis


def without(basis: list[tuple[int, list[Fraction]]], vector: list[Fraction]) -> list[Fraction]:
    rest = list(vector)
    for lead, one in basis:
        if rest[lead]:
            factor = rest[lead]
            rest = [value - factor * other for value, other in zip(rest, one, strict=True)]
    return rest


def in_span(basis: list[tuple[int, list[Fraction]]], vector: list[Fraction]) -> bool:
    return not any(without(basis, vector))
