"""Sources: the facts that enter the log one by one, and how each is read again from where it came from.

A fact's fields are named here one by one: a column that is added later belongs to a new kind, so that what was logged
can be computed again for ever. What a field refers to by digest (the body of a manifest) is not repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from django.db.models import Exists, Model, OuterRef, QuerySet, TextField
from django.db.models.functions import Cast

from tanpuhui.close.models import Erasure, Manifest
from tanpuhui.kit.digest import digest_json
from tanpuhui.methodology.load import Library, load_library
from tanpuhui.notary.shares import shares_of
from tanpuhui.offsetting.models import Ending, Replacement
from tanpuhui.quantify.jurisdiction import known_jurisdictions, load_jurisdiction
from tanpuhui.registry.models import Annulment, Block, Lot, Movement, PrivateRelease, StatisticsRelease
from tanpuhui.transparency.models import Leaf
from tanpuhui.transparency.record import Record


@dataclass(frozen=True)
class Source:
    """A kind of fact: those without a leaf, and one by its key as it is now (``None``: it is not there any more)."""

    kind: str
    table: str
    waiting: Callable[[], Iterable[Record]]
    now: Callable[[str], Mapping[str, Any] | None]


def sources() -> tuple[Source, ...]:
    """Every source, in the order in which facts of one transaction enter."""
    return (
        Source("methodology", "methodologies/", _methodologies, _methodology),
        Source("rules", "jurisdictions/", _all_rules, _rules),
        _rows("close", Manifest.objects.order_by("posted_at", "digest"), _close),
        _rows("lot", Lot.objects.order_by("serial_first"), _lot),
        _movements("retirement", Block.RETIRED),
        _movements("cancellation", Block.CANCELLED),
        _rows("annulment", Annulment.objects.order_by("annulled_at", "pk"), _annulment),
        _rows(
            "surrender",
            Ending.objects.filter(outcome=Ending.SURRENDERED)
            .select_related("reservation")
            .order_by("ended_at", "pk"),
            _surrender,
        ),
        _rows("replacement", Replacement.objects.order_by("pk"), _replacement),
        _rows("statistics", StatisticsRelease.objects.order_by("pk"), _statistics),
        _rows("private_statistics", PrivateRelease.objects.order_by("pk"), _private_statistics),
        _rows("erasure", Erasure.objects.order_by("at", "pk"), _erasure),
    )


def _rows(kind: str, rows: QuerySet[Any], content: Callable[[Any], dict[str, Any]]) -> Source:
    """A source whose facts are rows of a table, by their primary keys."""

    def waiting() -> Iterator[Record]:
        known = Leaf.objects.filter(kind=kind, key=Cast(OuterRef("pk"), TextField()))
        for row in rows.filter(~Exists(known)):
            yield Record(kind, str(row.pk), content(row))

    def now(key: str) -> dict[str, Any] | None:
        row: Model | None = rows.filter(pk=key).first()
        return None if row is None else content(row)

    return Source(kind, rows.model._meta.db_table, waiting, now)


def _movements(kind: str, state: str) -> Source:
    return _rows(kind, Movement.objects.filter(to_state=state).order_by("pk"), _movement)


@cache
def _library() -> Library:
    """Read once in a process: content changes with the program that has it."""
    return load_library()


@cache
def _digests_of_rules() -> dict[str, str]:
    return {code: load_jurisdiction(code).digest for code in known_jurisdictions()}


def _methodologies() -> Iterator[Record]:
    known = _keys("methodology")
    for one in _library().all():
        if (key := f"{one.code}@{one.version}") not in known:
            yield Record("methodology", key, {"digest": one.digest})


def _methodology(key: str) -> dict[str, Any] | None:
    code, _, version = key.rpartition("@")
    found = _library().methodologies.get((code, int(version)))
    return None if found is None else {"digest": found.digest}


def _all_rules() -> Iterator[Record]:
    """Rules change by a new digest, which is a new fact."""
    known = _keys("rules")
    for code, digest in _digests_of_rules().items():
        if (key := f"{code}@{digest}") not in known:
            yield Record("rules", key, {"jurisdiction": code, "digest": digest})


def _keys(kind: str) -> set[str]:
    return set(Leaf.objects.filter(kind=kind).values_list("key", flat=True))


def _rules(key: str) -> dict[str, Any] | None:
    """What was in force is a fact for good, whatever the file says now."""
    code, _, digest = key.partition("@")
    return {"jurisdiction": code, "digest": digest}


def _close(row: Manifest) -> dict[str, Any]:
    return {
        "day": _day(row.day),
        "sequence": row.sequence,
        "as_of": _moment(row.as_of),
        "manifest": row.digest,
        "activities": row.activities,
        "credited_mg": row.credited_mg,
        "posted_at": _moment(row.posted_at),
    }


def _lot(row: Lot) -> dict[str, Any]:
    shares = shares_of(row.code)
    return {
        "jurisdiction": row.jurisdiction,
        "methodology": row.methodology,
        "vintage": row.vintage,
        "through": _day(row.through),
        "tonnes": row.tonnes,
        "serial_first": row.serial_first,
        "serial_last": row.serial_last,
        "residents": row.residents,
        "status": row.status,
        "operator": row.operator,
        "verifier": row.verifier,
        "manifests": row.manifests,
        "certified_at": _moment(row.certified_at),
        "shares": len(shares.amounts_mg),
        "shares_root": shares.root.hex(),
    }


def _movement(row: Movement) -> dict[str, Any]:
    return {
        "verb": row.verb,
        "order": row.key,
        "lot": row.lot_id,
        "serial_first": row.first,
        "serial_last": row.last,
        "from_state": row.from_state,
        "from_owner": row.from_owner,
        "to_owner": row.to_owner,
        "said": row.said,
        "made_at": _moment(row.made_at),
    }


def _annulment(row: Annulment) -> dict[str, Any]:
    return {"lot": row.lot_id, "reason": row.reason, "annulled_at": _moment(row.annulled_at)}


def _surrender(row: Ending) -> dict[str, Any]:
    reservation = row.reservation
    return {
        "company": reservation.company,
        "jurisdiction": reservation.jurisdiction,
        "year": reservation.year,
        "amount_mg": reservation.amount_mg,
        "ranges": reservation.ranges,
        "order": row.key,
        "ended_at": _moment(row.ended_at),
    }


def _replacement(row: Replacement) -> dict[str, Any]:
    return {
        "reservation": row.reservation_id,
        "lot": row.lot,
        "amount_mg": row.amount_mg,
        "ranges": row.ranges,
        "replaced_at": _moment(row.replaced_at),
    }


def _statistics(row: StatisticsRelease) -> dict[str, Any]:
    return {"digest": row.digest, "published_at": _moment(row.published_at)}


def _private_statistics(row: PrivateRelease) -> dict[str, Any]:
    return {
        "month": row.month,
        "epsilon_millionths": row.epsilon,
        "digest": row.digest,
        "published_at": _moment(row.published_at),
    }


def _erasure(row: Erasure) -> dict[str, Any]:
    """Which files, by digest, how many rows and what stays credited; whose they were is nowhere in it."""
    rewritten = sorted(row.rewritten.values_list("path", "before", "after"))
    credits = sorted(row.credits.values_list("day", "sequence", "credited_mg"))
    stays = [[_day(day), sequence, amount] for day, sequence, amount in credits]
    return {
        "files": row.files,
        "rows": row.rows,
        "digest": row.digest,
        "rewritten": digest_json(rewritten),
        "credits": digest_json(stays),
        "at": _moment(row.at),
    }


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _day(on: date) -> str:
    return on.isoformat()
