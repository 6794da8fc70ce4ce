"""What work tells whoever watches it."""

from __future__ import annotations

import threading

import pytest

from tanpuhui.kit.progress import Count, told


def test_nothing_of_a_list_is_told_as_done_before_it_was_worked_on() -> None:
    said: list[tuple[str, int, int]] = []
    worked = []

    for item in told([10, 20], lambda *what: said.append(what), "Reading", 2):
        worked.append((item, said[-1][1]))

    assert worked == [(10, 0), (20, 1)]
    assert said[-1] == ("Reading", 2, 2)


def test_an_empty_list_is_told_as_whole_at_once() -> None:
    said: list[tuple[str, int, int]] = []

    assert list(told([], lambda *what: said.append(what), "Reading", 0)) == []
    assert said == [("Reading", 0, 0)]


@pytest.mark.parametrize("threads", [1, 4])
def test_what_is_done_side_by_side_is_counted_once_each(threads: int) -> None:
    said: list[int] = []
    count = Count(lambda _doing, done, _whole: said.append(done), "Computing", 100 * threads)
    many = [threading.Thread(target=lambda: [count.one_more() for _ in range(100)]) for _ in range(threads)]

    for one in many:
        one.start()
    for one in many:
        one.join()

    assert said == list(range(100 * threads + 1))
