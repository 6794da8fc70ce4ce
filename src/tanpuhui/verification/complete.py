"""Complete: whether all that providers sent was recorded, and all that was recorded was credited or ended otherwise.

Sent is what receipts say, and what the provider itself says it sent for a day: by its own declared totals
(``evidence.total``), or where the verifier has that from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db.models import Q, Sum

from tanpuhui.close.models import ErasedFile, Manifest
from tanpuhui.close.places import Places
from tanpuhui.close.totals import recorded
from tanpuhui.evidence.models import Batch, LakeFile
from tanpuhui.evidence.record import ROWS_PER_BATCH
from tanpuhui.evidence.total import own_totals
from tanpuhui.quantify.engines.duckdb import DuckDb
from tanpuhui.quantify.outcome import Outcome
from tanpuhui.verification.engage import begin, get_engagement, manifests_of
from tanpuhui.verification.models import Completeness, Engagement

#: By provider and day: how many records the provider says that it sent.
Totals = Mapping[tuple[str, date], int]
CREDITED = (Outcome.credited, Outcome.capped)
DIFFERENCES_NAMED = 50


@dataclass
class _Tally:
    """What was counted of one provider."""

    recorded: int = 0
    ended: int = 0
    credited: int = 0
    credited_mg: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)


def balance(number: int, *, places: Places, totals: Totals | None = None) -> dict[str, Any]:
    """The report of an engagement; ``balances`` says whether every sum agrees. Writes nothing."""
    engagement = get_engagement(number)
    manifests = manifests_of(engagement)
    days = [one.day for one in manifests]
    tallies: dict[str, _Tally] = {}
    differences: list[str] = []
    by_day = _recorded(days, tallies)
    _ended(engagement, manifests, places, tallies)
    _compare_days(manifests, by_day, differences)
    for provider, tally in sorted(tallies.items()):
        if tally.recorded != tally.ended:
            differences.append(f"{provider}: {tally.recorded} recorded, {tally.ended} ended")
    for (provider, day), sent in sorted((totals or {}).items()):
        there = by_day.get((provider, day), 0)
        if day in days and sent != there:
            differences.append(f"{provider}, {day}: {sent} sent by its own count, {there} recorded")
    own = own_totals(days)
    in_lake = recorded(days, places)
    differences += _against_own(own, in_lake)
    told = {**_by_day(own), **(totals or {})}
    credited_mg = sum(tally.credited_mg for tally in tallies.values())
    return {
        "engagement": number,
        "providers": [
            {
                "provider": provider,
                "receipts": _receipts(provider, days),
                "own_total": _own_total(provider, days, told),
                "recorded": tally.recorded,
                "credited": tally.credited,
                "otherwise": tally.ended - tally.credited,
                "credited_mg": tally.credited_mg,
                "ends": dict(sorted(tally.outcomes.items())),
            }
            for provider, tally in sorted(tallies.items())
        ],
        "recorded": sum(tally.recorded for tally in tallies.values()),
        "ended": sum(tally.ended for tally in tallies.values()),
        "credited": sum(tally.credited for tally in tallies.values()),
        "credited_mg": credited_mg,
        "own_totals": _compared(in_lake, own, {key for key in totals or {} if key[1] in days}),
        "differences": differences[:DIFFERENCES_NAMED],
        "count": len(differences),
        "balances": not differences,
    }


def _against_own(
    own: Mapping[tuple[str, date, str], int], there: Mapping[tuple[str, date, str], int]
) -> list[str]:
    """Where a provider's own declared total of a day and kind is not what was recorded."""
    return [
        f"{provider}, {day}, {kind}: {sent} sent by its own declaration, "
        f"{there.get((provider, day, kind), 0)} recorded"
        for (provider, day, kind), sent in sorted(own.items())
        if sent != there.get((provider, day, kind), 0)
    ]


def _compared(
    there: Iterable[tuple[str, date, str]],
    own: Iterable[tuple[str, date, str]],
    told: set[tuple[str, date]],
) -> dict[str, int]:
    """How many of the providers' own totals were compared, and how many days and kinds of a provider have none.

    ``own`` are declared by provider, day and kind; ``told`` by provider and day, for all its kinds.
    """
    declared = set(own)
    without = sum(key not in declared and key[:2] not in told for key in there)
    return {"compared": len(declared) + len(told), "without": without}


def said_of_totals(compared: dict[str, int]) -> str:
    """What a balance rests on, in words: without an own total it only says that the platform agrees with itself."""
    if not compared["compared"]:
        return (
            f"No provider's own total was compared ({compared['without']} days and kinds have none): "
            "this only says that the platform agrees with itself, not that all that happened was sent."
        )
    return (
        f"{compared['compared']} of the providers' own totals were compared; "
        f"{compared['without']} days and kinds have none."
    )


def _by_day(own: Mapping[tuple[str, date, str], int]) -> dict[tuple[str, date], int]:
    summed: Counter[tuple[str, date]] = Counter()
    for (provider, day, _), sent in own.items():
        summed[provider, day] += sent
    return dict(summed)


def _own_total(provider: str, days: list[date], told: Totals) -> int | None:
    """What a provider says of these days in all; ``None`` where it says nothing."""
    said = [sent for (who, day), sent in told.items() if who == provider and day in days]
    return sum(said) if said else None


def keep(number: int, report: dict[str, Any], *, at: datetime) -> Completeness:
    """Write a report down."""
    engagement = begin(number)
    assert report["engagement"] == number
    return Completeness.objects.create(
        engagement=engagement, balances=report["balances"], report=report, made_at=at
    )


def _recorded(days: list[date], tallies: dict[str, _Tally]) -> dict[tuple[str, date], int]:
    """Records in the lake by provider and day, as the lake is now."""
    files = LakeFile.objects.filter(part=LakeFile.RECORDS, day__in=days)
    summed = (
        files.values_list("batch__provider", "day")
        .annotate(count=Sum("rows"))
        .order_by("batch__provider", "day")
    )
    found: dict[tuple[str, date], int] = {}
    for provider, day, count in summed:
        assert day is not None, "a file of records has its day"
        found[provider, day] = count
        tallies.setdefault(provider, _Tally()).recorded += count
    erased = dict(ErasedFile.objects.values_list("path").annotate(rows=Sum("rows")).order_by("path"))
    for provider, path in (
        files.filter(path__in=erased).values_list("batch__provider", "path").order_by("path")
    ):
        tallies[provider].recorded -= erased[path]
    return found


def _ended(
    engagement: Engagement, manifests: list[Manifest], places: Places, tallies: dict[str, _Tally]
) -> None:
    """How the records of each provider ended, from the result files; of other methodologies as well."""
    providers = dict(Batch.objects.values_list("pk", "provider"))
    with DuckDb() as engine:
        for manifest in manifests:
            keys = [f"{one['code']}@{one['version']}" for one in manifest.body["inputs"]["methodologies"]]
            mine = keys.index(engagement.methodology)
            files = [
                places.results.checked(one["results"]) for one in manifest.body["outputs"] if one["rows"]
            ]
            columns = {
                "record_id": "BIGINT",
                "outcome": "INTEGER",
                "methodology_no": "INTEGER",
                "credited_mg": "BIGINT",
            }
            engine.read("result", files, columns)
            rows = engine.rows(
                f"SELECT record_id // {ROWS_PER_BATCH}, outcome, methodology_no = {mine}, count(*), "
                "sum(credited_mg)::BIGINT FROM result GROUP BY ALL"
            )
            for batch, outcome, is_mine, count, credited_mg in rows:
                tally = tallies.setdefault(providers[batch], _Tally())
                tally.ended += count
                tally.outcomes[Outcome(outcome).name] += count
                if is_mine and outcome in CREDITED:
                    tally.credited += count
                    tally.credited_mg += credited_mg


def _compare_days(
    manifests: list[Manifest], by_day: Mapping[tuple[str, date], int], differences: list[str]
) -> None:
    """What the lake has of a day, what its close read, and what it says ended: all the same."""
    for manifest in manifests:
        inputs = manifest.body["inputs"]
        read = sum(file["rows"] for file in inputs["evidence"] if file["day"] == inputs["day"])
        has = sum(count for (_, day), count in by_day.items() if day == manifest.day)
        ended = sum(manifest.body["outcomes"].values())
        if not has == read == ended:
            differences.append(f"{manifest.day}: {has} recorded, {read} read by its close, {ended} ended")


def _receipts(provider: str, days: list[date]) -> dict[str, int]:
    """The receipts of the provider's files with records of these days: all their rows, of whatever day."""
    files = LakeFile.objects.filter(part=LakeFile.RECORDS, day__in=days, batch__provider=provider)
    ids = list(files.values_list("batch_id", flat=True).distinct())
    batches = Batch.objects.filter(Q(pk__in=ids) | Q(taken_with__in=ids))
    found = batches.aggregate(
        **{name: Sum(name, default=0) for name in ("rows", "accepted", "duplicate", "refused")}
    )
    return {"files": batches.count(), **found}
