"""Quality: how good a provider's reports are: shares of its rows, and one score of 0 to 1000."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from tanpuhui.evidence.models import Batch

#: What a row is worth, in quarters: on time, later than a day, later than seven, said before, refused. Ours.
ON_TIME, LATE, VERY_LATE, DUPLICATE = 4, 3, 2, 2


@dataclass(frozen=True)
class Quality:
    """Rows of the batches that were received in a span of time, and how they ended."""

    batches: int
    rows: int
    accepted: int
    duplicate: int
    refused: int
    late_1_day: int
    late_7_days: int
    reasons: dict[str, int]

    @property
    def score(self) -> int | None:
        """0 to 1000, rounded down; None where there are no rows.

        >>> Quality(1, 4, 2, 1, 1, 1, 0, {}).score  # (4 + 3 + 2 + 0) / 16
        562
        """
        if not self.rows:
            return None
        on_time = self.accepted - self.late_1_day
        worth = (
            ON_TIME * on_time
            + LATE * (self.late_1_day - self.late_7_days)
            + VERY_LATE * self.late_7_days
            + DUPLICATE * self.duplicate
        )
        return 1000 * worth // (ON_TIME * self.rows)


def quality_of(provider: str, *, since: datetime, until: datetime) -> Quality:
    """The quality of what a provider sent from ``since`` on and before ``until``, corrections included."""
    fields = ("rows", "accepted", "duplicate", "refused", "late_1_day", "late_7_days")
    sums: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    batches = Batch.objects.filter(provider=provider, received_at__gte=since, received_at__lt=until)
    found = 0
    for *counts, why in batches.values_list(*fields, "reasons").iterator():
        found += 1
        sums.update(dict(zip(fields, counts, strict=True)))
        reasons.update(why)
    return Quality(
        batches=found,
        reasons=dict(sorted(reasons.items())),
        **{name: sums[name] for name in fields},
    )
