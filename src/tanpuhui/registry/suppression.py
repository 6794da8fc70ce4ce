"""Suppression: which cells of a published table are left out, so that no number rests on a handful of persons.

A table has rows (kinds of act) and columns (months); its rows' and columns' totals are published too, so a cell that
is left out may be computed from what is published around it. What is promised, whatever the table: **no sum of cells
that can be computed from the published numbers rests on fewer than the least number of persons**, but for sums that
rest on nobody. See ``docs/reference/statistics.md`` for why the check below is complete.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, combinations

#: Rows or columns with cells left out that are looked at together; a larger table is made coarser first.
MOST_TOGETHER = 12

Key = tuple[str, str]


@dataclass(frozen=True)
class Cell:
    """Acts of one row and column. ``who`` has one bit for each person, so that persons are counted once."""

    acts: int = 0
    credited_mg: int = 0
    who: int = 0

    @property
    def persons(self) -> int:
        return self.who.bit_count()

    def __add__(self, other: Cell) -> Cell:
        return Cell(self.acts + other.acts, self.credited_mg + other.credited_mg, self.who | other.who)


EMPTY = Cell()


@dataclass(frozen=True)
class Table:
    """Cells by row and column. ``pooled`` says which rows, or columns, were put together under one name."""

    cells: Mapping[Key, Cell]
    pooled_rows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pooled_columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def rows(self) -> list[str]:
        return sorted({row for row, _ in self.cells})

    @property
    def columns(self) -> list[str]:
        return sorted({column for _, column in self.cells})

    def row(self, name: str) -> Cell:
        return total(cell for (row, _), cell in self.cells.items() if row == name)

    def column(self, name: str) -> Cell:
        return total(cell for (_, column), cell in self.cells.items() if column == name)

    def all(self) -> Cell:
        return total(self.cells.values())


@dataclass(frozen=True)
class Protected:
    """A table that may be published but for the cells that are left out; every total may be published."""

    table: Table
    left_out: frozenset[Key]


def total(cells: Iterable[Cell]) -> Cell:
    """The sum of cells, each person once."""
    return sum(cells, EMPTY)


def protect(table: Table, least: int) -> Protected | None:
    """Decide what is published of a table; nothing (``None``) where all of it rests on fewer than ``least`` persons.

    Rows and columns whose totals are too small are pooled first. Then cells below ``least`` are left out (primary),
    and further ones until nothing can be computed that should not be (complementary).
    """
    assert least >= 1
    table = Table({key: cell for key, cell in table.cells.items() if cell.acts})
    if table.all().persons < least:
        return None
    table = pool_rows(pool_columns(table, least), least)
    while True:
        left_out = _complemented(table, least)
        if left_out is not None:
            return Protected(table, left_out)
        table = _coarser(table)


def pool_rows(table: Table, least: int) -> Table:
    """Put the smallest rows together until each rests on ``least`` persons."""
    while len(table.rows) > 1:
        sizes = sorted((table.row(name).persons, name) for name in table.rows)
        if sizes[0][0] >= least:
            break
        table = _with_rows_together(table, sizes[0][1], sizes[1][1])
    return table


def pool_columns(table: Table, least: int) -> Table:
    """Put columns together with the one after (the last: before) until each rests on ``least`` persons."""
    while len(table.columns) > 1:
        names = table.columns
        small = next((index for index, name in enumerate(names) if table.column(name).persons < least), None)
        if small is None:
            break
        first = small if small + 1 < len(names) else small - 1
        table = _with_columns_together(table, names[first], names[first + 1])
    return table


def computable_sets(left_out: Iterable[Key]) -> Iterator[frozenset[Key]]:
    """The smallest sets of left-out cells whose sums follow from the totals of rows and columns.

    Cells left out join rows and columns to a graph. What follows from totals are combinations of rows less columns;
    one that is a plain sum takes some columns away from all rows that they meet. So each choice of columns within a
    connected part gives one set, and the choice of none gives each row by itself. Any other plain sum holds one of
    these.
    """
    for rows, columns, keys in _parts(left_out):
        # The sums are the same when rows and columns change places; the shorter side is chosen from.
        turned = len(rows) < len(columns)
        edges = {(column, row) for row, column in keys} if turned else set(keys)
        many, few = (columns, rows) if turned else (rows, columns)
        for node in many:
            yield _as_keys((edge for edge in edges if edge[0] == node), turned=turned)
        for chosen in map(set, _nonempty_subsets(sorted(few))):
            met = {one for one, other in edges if other in chosen}
            cut = _as_keys((e for e in edges if e[0] in met and e[1] not in chosen), turned=turned)
            if cut:
                yield cut


def _complemented(table: Table, least: int) -> frozenset[Key] | None:
    """The cells to leave out, or ``None`` where the table must be made coarser first."""
    left_out = {key for key, cell in table.cells.items() if 0 < cell.persons < least}
    while True:
        if any(min(len(rows), len(columns)) > MOST_TOGETHER for rows, columns, _ in _parts(left_out)):
            return None
        unsafe = next(
            (
                found
                for found in computable_sets(left_out)
                if total(table.cells[key] for key in found).persons < least
            ),
            None,
        )
        if unsafe is None:
            return frozenset(left_out)
        further = _beside(table, unsafe, left_out)
        if further is None:
            return None
        left_out.add(further)


def _beside(table: Table, unsafe: frozenset[Key], left_out: set[Key]) -> Key | None:
    """The smallest published cell in a row or column of an unsafe sum, else of what hangs together with it.

    With one more left out, less can be computed; in the end nothing but totals.
    """
    part = next(keys for _, _, keys in _parts(left_out) if unsafe <= set(keys))
    for around in (unsafe, frozenset(part)):
        rows, columns = {row for row, _ in around}, {column for _, column in around}
        near = [
            key
            for key, cell in table.cells.items()
            if cell.acts and key not in left_out and (key[0] in rows or key[1] in columns)
        ]
        if near:
            return min(near, key=lambda key: (table.cells[key].acts, key))
    return None


def _coarser(table: Table) -> Table:
    """The two smallest rows together; with one row left, which its columns' totals repeat, nothing is left out."""
    first, second = sorted(table.rows, key=lambda name: (table.row(name).acts, name))[:2]
    return _with_rows_together(table, first, second)


def _with_rows_together(table: Table, first: str, second: str) -> Table:
    name, members = _together(table.pooled_rows, first, second, "other")
    cells: dict[Key, Cell] = {}
    for (row, column), cell in table.cells.items():
        key = (name if row in (first, second) else row, column)
        cells[key] = cells.get(key, EMPTY) + cell
    return Table(cells, members, table.pooled_columns)


def _with_columns_together(table: Table, first: str, second: str) -> Table:
    start, end = first.split("..", maxsplit=1)[0], second.rsplit("..", maxsplit=1)[-1]
    name, members = _together(table.pooled_columns, first, second, f"{start}..{end}")
    cells: dict[Key, Cell] = {}
    for (row, column), cell in table.cells.items():
        key = (row, name if column in (first, second) else column)
        cells[key] = cells.get(key, EMPTY) + cell
    return Table(cells, table.pooled_rows, members)


def _together(
    pooled: Mapping[str, tuple[str, ...]], first: str, second: str, name: str
) -> tuple[str, dict[str, tuple[str, ...]]]:
    members = sorted({*pooled.get(first, (first,)), *pooled.get(second, (second,))})
    rest = {known: of for known, of in pooled.items() if known not in (first, second)}
    return name, {**rest, name: tuple(members)}


def _parts(left_out: Iterable[Key]) -> Iterator[tuple[set[str], set[str], list[Key]]]:
    """Cells that hang together by rows and columns: rows, columns and cells of each part."""
    waiting = sorted(left_out)
    while waiting:
        rows, columns = {waiting[0][0]}, {waiting[0][1]}
        mine: list[Key] = []
        while True:
            more = [key for key in waiting if key[0] in rows or key[1] in columns]
            if len(more) == len(mine):
                break
            mine = more
            rows |= {row for row, _ in mine}
            columns |= {column for _, column in mine}
        waiting = [key for key in waiting if key not in mine]
        yield rows, columns, mine


def _as_keys(edges: Iterable[Key], *, turned: bool) -> frozenset[Key]:
    return frozenset((second, first) if turned else (first, second) for first, second in edges)


def _nonempty_subsets(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    return chain.from_iterable(combinations(names, size) for size in range(1, len(names) + 1))
