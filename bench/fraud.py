"""Patterns of fraud on a seeded city: recall by value, honest false positives, seconds.

Run: .venv/bin/python bench/fraud.py [--honest 100000] [--attackers 0.03] [--seed 20261125]
Exit status 1 when a pattern misses a target: recall by value 95 %, honest people held 0.5 %, honest value held 0.5 %.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
from fraud_city import HONEST, a_week

from tanpuhui.integrity.patterns.find import PATTERNS, find

LEAST_RECALL, MOST_FALSE = 0.95, 0.005


@dataclass(frozen=True)
class Measured:
    name: str
    recall: float
    false_people: float
    false_value: float
    rows: int
    seconds: float

    @property
    def is_met(self) -> bool:
        return self.recall >= LEAST_RECALL and self.false_people <= MOST_FALSE

    @property
    def is_fair(self) -> bool:
        """By value as well: few people may have much. Of a small city it says little."""
        return self.false_value <= MOST_FALSE


def measure(honest: int, attackers: float, seed: int) -> list[Measured]:
    """Each pattern on its relation; cheaters of other patterns count neither way."""
    relations, others = a_week(honest, attackers, seed)
    tables = {name: one.table for name, one in relations.items()} | others
    measured = []
    for pattern in PATTERNS:
        started = time.perf_counter()
        (found,) = find(tables, [pattern])
        seconds = time.perf_counter() - started
        assert not found.missing, found.missing
        rows = relations[pattern.relation]
        held = np.zeros(len(rows.value), bool)
        held[np.array(found.records, dtype=np.int64) - 1] = True
        cheated, fair = rows.made_for == pattern.id, rows.made_for == HONEST
        people = np.unique(rows.person[fair])
        measured.append(
            Measured(
                pattern.name,
                recall=rows.value[cheated & held].sum() / rows.value[cheated].sum(),
                false_people=len(np.unique(rows.person[fair & held])) / len(people),
                false_value=rows.value[fair & held].sum() / rows.value[fair].sum(),
                rows=len(held),
                seconds=seconds,
            )
        )
    return measured


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--honest", type=int, default=100_000)
    options.add_argument("--attackers", type=float, default=0.03)
    options.add_argument("--seed", type=int, default=20261125)
    asked = options.parse_args()
    measured = measure(asked.honest, asked.attackers, asked.seed)
    print("| pattern | recall by value | honest people held | honest value held | rows | seconds |")
    print("| --- | --: | --: | --: | --: | --: |")
    for one in measured:
        print(
            f"| `{one.name}` | {one.recall:.1%} | {one.false_people:.2%} | {one.false_value:.2%} "
            f"| {one.rows:,} | {one.seconds:.1f} |{'' if one.is_met and one.is_fair else ' missed'}"
        )
    return 0 if all(one.is_met and one.is_fair for one in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
