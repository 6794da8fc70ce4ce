"""Distances and stations: the illustrative table is labelled, and an operator's table takes its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tanpuhui.evidence.distances import (
    DistanceTableWrong,
    distance_table,
    illustrative_distances,
    read_distances,
)
from tanpuhui.evidence.stations import lines, names, stations


def pairs() -> dict[tuple[str, str], tuple[int, int]]:
    rows = illustrative_distances().to_pylist()
    return {
        (row["from_station"], row["to_station"]): (row["distance_m"], row["distance_is_illustrative"])
        for row in rows
    }


def test_the_station_list_has_8_lines_and_215_stops() -> None:
    assert len(lines()) == 8
    assert sum(map(len, lines().values())) == 215


def test_neighbours_are_one_stop_and_a_change_of_lines_is_found() -> None:
    table = pairs()

    assert table["罗湖", "国贸"] == (1_200, 1)
    # 坂田, 杨美, 上水径, 下水径, 长龙, 布吉: five stops along line 5.
    assert table["坂田", "布吉"] == (6_000, 1)
    # 草埔 is next to 布吉 on line 3: one stop more, over a change at 布吉.
    assert table["坂田", "草埔"] == (7_200, 1)


def test_every_pair_is_there_in_both_directions_and_all_are_labelled() -> None:
    table = pairs()

    assert len(table) == len(stations()) * (len(stations()) - 1)
    assert all(table[end, start] == value for (start, end), value in table.items())
    assert {is_illustrative for _, is_illustrative in table.values()} == {1}


def test_names_are_unique() -> None:
    known = [name for name, _, _ in names()]

    assert len(known) == len(set(known))
    assert {station for _, station, _ in names()} == stations()


def test_an_operators_table_takes_the_place_of_the_illustrative_one(fresh_home: Path) -> None:
    (fresh_home / "distances.csv").write_text(
        "from_station,to_station,distance_m\n甲,乙,900\n", encoding="utf-8"
    )

    table = distance_table().to_pylist()

    assert [
        (r["from_station"], r["to_station"], r["distance_m"], r["distance_is_illustrative"]) for r in table
    ] == [
        ("乙", "甲", 900, 0),
        ("甲", "乙", 900, 0),
    ]


def test_without_an_operators_table_the_illustrative_one_is_used(fresh_home: Path) -> None:
    assert distance_table() == illustrative_distances()


@pytest.mark.parametrize("row", ["甲,乙,far", "甲,乙,0", "甲,乙", "甲,乙,1\n甲,乙,2"])
def test_a_wrong_row_is_refused_with_its_line(tmp_path: Path, row: str) -> None:
    path = tmp_path / "d.csv"
    path.write_text(f"from_station,to_station,distance_m\n{row}\n", encoding="utf-8")

    with pytest.raises(DistanceTableWrong):
        read_distances(path)
