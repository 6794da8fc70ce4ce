"""Finding: one thing that is wrong with an installation, and what to do about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

#: Something does not work, or will not be there when it is needed; or it will become so when nobody does anything.
WRONG, SOON = "wrong", "soon"
#: A small write that takes longer until it is on the disk makes that disk slow: SSDs take some 1 ms, others some 20.
SLOW_MS, MUCH_TOO_SLOW_MS = 100, 1000


@dataclass(frozen=True)
class Finding:
    """A stable code, how bad it is, what is found, and the next step."""

    code: str
    is_wrong: bool
    found: str
    next_step: str

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "severity": WRONG if self.is_wrong else SOON,
            "found": self.found,
            "next_step": self.next_step,
        }


def median_ms(act: Callable[[], object], *, times: int = 5, within_s: float = 1.0) -> float:
    """How long something takes: the middle of some times, of fewer where it takes long."""
    taken: list[float] = []
    while len(taken) < times and sum(taken) < within_s:
        began = time.perf_counter()
        act()
        taken.append(time.perf_counter() - began)
    return median(taken) * 1000
