"""Act counts: how an account's records of the last closed days ended, from the results that stand."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pyarrow.parquet as pq

from tanpuhui.close.models import Manifest
from tanpuhui.close.places import Places
from tanpuhui.close.store import FileMissing
from tanpuhui.kit.erased import standing
from tanpuhui.quantify.outcome import Outcome

#: A page looks back this many closed days.
DAYS = 31


@dataclass(frozen=True)
class ActCounts:
    """How many records ended how, over how many days, and what they were credited in mg."""

    days: int
    outcomes: dict[str, int]
    credited_mg: int


def count_acts(account: int, places: Places, *, days: int = DAYS) -> ActCounts:
    """The ends of an account's records on the last closed days; one small file a day is read."""
    closed = Manifest.objects.order_by("-day", "-sequence").distinct("day")[:days]
    bucket = account % places.buckets
    outcomes: Counter[str] = Counter()
    credited_mg = 0
    for manifest in closed:
        for output in manifest.body["outputs"]:
            if output["bucket"] != bucket or not output["rows"]:
                continue
            path = standing(places.results.path(output["results"]))
            if not path.exists():
                raise FileMissing(digest=output["results"], path=path.name)
            table = pq.read_table(
                path, columns=["outcome", "credited_mg"], filters=[("account_id", "=", account)]
            )
            outcomes.update(Outcome(number).name for number in table["outcome"].to_pylist())
            credited_mg += sum(table["credited_mg"].to_pylist())
    return ActCounts(len(closed), dict(sorted(outcomes.items())), credited_mg)
