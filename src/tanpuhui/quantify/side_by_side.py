"""Side by side: buckets do not depend on each other, so as many are worked on at once as there are cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from queue import SimpleQueue
from typing import TypeVar

from tanpuhui.kit.progress import Count, Report, nobody
from tanpuhui.kit.span import of_this
from tanpuhui.quantify.bucket import Engine

Answer = TypeVar("Answer")
#: What all engines of this process may use together; each gets its part of it.
MEMORY_MB = 1_000


def workers() -> int:
    """How many buckets are worked on at once."""
    return max(1, min(os.cpu_count() or 1, 8))


def threads() -> int:
    """How many threads each of them has: together they are as many as there are cores."""
    return max(1, (os.cpu_count() or 1) // workers())


def over_buckets(
    start: Callable[[str, int], AbstractContextManager[Engine]],
    numbers: Iterable[int],
    work: Callable[[Engine, int], Answer],
    report: Report = nobody,
) -> list[Answer]:
    """The answers for the buckets, in the order given; ``start`` makes an engine of a memory limit and threads.

    The first error ends the whole: what was begun is finished, and nothing more is.
    """
    free: SimpleQueue[Engine] = SimpleQueue()
    given = list(numbers)
    count = Count(report, "Computing buckets", len(given))

    def one(number: int) -> Answer:
        engine = free.get()
        try:
            answer = work(engine, number)
        finally:
            free.put(engine)
        count.one_more()
        return answer

    with ExitStack() as engines, ThreadPoolExecutor(workers()) as pool:
        for _ in range(workers()):
            free.put(engines.enter_context(start(f"{MEMORY_MB // workers()}MB", threads())))
        works = [of_this(one) for _ in given]
        return list(pool.map(lambda work, number: work(number), works, given))
