"""Progress: how work that takes long tells whoever watches how far it is. Work that nobody watches tells nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from threading import Lock
from typing import TypeVar

Item = TypeVar("Item")

#: Told what is being done, how much of it is done, and how much there is (0 where nobody knows). What is being done is
#: one of the sentences that ``tanpuhui.cli.progress`` knows, and may go on after a colon: "Closing: 2026-03-02".
Report = Callable[[str, int, int], None]


def nobody(_doing: str, _done: int, _whole: int) -> None:
    """Nobody watches."""


def told(items: Iterable[Item], report: Report, doing: str, whole: int = 0) -> Iterator[Item]:
    """The same items; before each it is told how many were gone through, and after the last that all were.

    >>> said = []
    >>> list(told("ab", lambda *what: said.append(what), "Reading", 2)), said
    (['a', 'b'], [('Reading', 0, 2), ('Reading', 1, 2), ('Reading', 2, 2)])
    """
    done = 0
    for item in items:
        report(doing, done, whole)
        yield item
        done += 1
    report(doing, done, whole)


class Count:
    """Counts what is done side by side, and tells of each."""

    def __init__(self, report: Report, doing: str, whole: int) -> None:
        self._report, self._doing, self._whole, self._done = report, doing, whole, 0
        self._lock = Lock()
        report(doing, 0, whole)

    def one_more(self) -> None:
        """One more is done; may be called from any thread."""
        with self._lock:
            self._done += 1
            self._report(self._doing, self._done, self._whole)
