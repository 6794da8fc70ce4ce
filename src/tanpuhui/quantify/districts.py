"""Districts: the parts of a city for which figures are published, and where each stands on a map of tiles.

A map of tiles needs no geometry of anybody: every district is one square, roughly where it is.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from tanpuhui.kit.home import content


@dataclass(frozen=True)
class District:
    """A district by its code of GB/T 2260, with its column and row on the map, from 1."""

    code: str
    zh: str
    en: str
    column: int
    row: int

    def name(self, language: str) -> str:
        return self.zh if language.startswith("zh") else self.en


def load_districts(city: str, root: Path | None = None) -> tuple[District, ...]:
    """The districts of a city, by their codes; none for a city without a file."""
    path = (root or content("jurisdictions")) / "districts" / f"{city}.csv"
    if not city or not path.is_file():
        return ()
    with path.open(encoding="utf-8", newline="") as stream:
        rows = [
            District(row["code"], row["zh"], row["en"], int(row["column"]), int(row["row"]))
            for row in csv.DictReader(stream)
        ]
    assert len({(row.column, row.row) for row in rows}) == len({row.code for row in rows}) == len(rows)
    return tuple(sorted(rows, key=lambda row: row.code))
