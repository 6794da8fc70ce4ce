"""Suppression: which kinds of act of a month are put together, and which numbers of persons are left out.

What is promised of an exact table with a least number of persons: no sum of acts or milligrams rests on fewer, and
**no set of residents told apart by which kinds they did is known to have somebody in it and fewer than the least**,
whatever follows from the numbers of persons together (``docs/reference/statistics.md``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

#: The row of kinds that are too small to stand alone.
OTHER = "other"


@dataclass(frozen=True)
class Cell:
    """Acts of a kind. ``who`` has one bit for each person, so that persons are counted once."""

    acts: int = 0
    credited_mg: int = 0
    who: int = 0

    @property
    def persons(self) -> int:
        return self.who.bit_count()

    def __add__(self, other: Cell) -> Cell:
        return Cell(self.acts + other.acts, self.credited_mg + other.credited_mg, self.who | other.who)


@dataclass(frozen=True)
class Protected:
    """Rows that may be published, with the kinds in ``other``; and whether their numbers of persons may be."""

    rows: Mapping[str, Cell]
    pooled: tuple[str, ...]
    tells_persons: bool


def total(cells: Iterable[Cell]) -> Cell:
    """The sum of cells, each person once."""
    return sum(cells, Cell())


def protect(kinds: Mapping[str, Cell], least: int) -> Protected | None:
    """Decide what is published of a month; nothing (``None``) where all of it rests on fewer than ``least`` persons.

    The smallest rows are put together until each rests on ``least`` persons; all are, where fewer than twice as many
    took part: then the acts of a kind alone might say that a few did not do it.
    """
    rows = {kind: cell for kind, cell in kinds.items() if cell.acts}
    everybody = total(rows.values()).persons
    if everybody < least:
        return None
    pooled: set[str] = set()
    while len(rows) > 1:
        first, second = sorted(rows, key=lambda kind: (rows[kind].persons, kind))[:2]
        if rows[first].persons >= least and everybody >= 2 * least:
            break
        pooled |= {first, second} - {OTHER}
        rows[OTHER] = rows.pop(first) + rows.pop(second) + rows.pop(OTHER, Cell())
    persons = [cell.persons for cell in rows.values()]
    return Protected(rows, tuple(sorted(pooled)), tells_persons(everybody, persons, least))


def tells_persons(everybody: int, persons: Iterable[int], least: int) -> bool:
    """Whether numbers of persons of rows may stand beside that of everybody: all of them, or none.

    Everybody less a row are those who did nothing of it; all rows less everybody is what persons of several rows count
    more than once. Each is 0 or ``least`` at least. Were a single row left out, that would say which row it is.
    """
    persons = list(persons)
    apart = [everybody - count for count in persons] + [sum(persons) - everybody]
    return all(few == 0 or few >= least for few in apart)
