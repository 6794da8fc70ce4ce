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

from tanpuhui.baseline.comparison import ALL
from tanpuhui.close.models import Erasure, Manifest
from tanpuhui.kit.digest import digest_bytes, digest_json, has_floats
from tanpuhui.ledger.models import DetachedMonth
from tanpuhui.methodology.load import Library, load_library
from tanpuhui.notary.shares import shares_of
from tanpuhui.offsetting.models import Ending, Replacement
from tanpuhui.programme.models import Opening as OpenedHoldOut
from tanpuhui.programme.models import Period, Programme, Window
from tanpuhui.quantify.jurisdiction import known_jurisdictions, load_jurisdiction
from tanpuhui.registry.models import (
    Annulment,
    Block,
    FarLot,
    Lot,
    Movement,
    PrivateRelease,
    StatisticsRelease,
)
from tanpuhui.transparency.log import OPENING
from tanpuhui.transparency.models import DestroyedSalt, Leaf, StatusStep
from tanpuhui.transparency.record import Record
from tanpuhui.verification.models import KeyEnding, Statement, VerifierKey

#: What a fact says whose key several rows have: whoever may drop a primary key can put another beside the first.
TWICE: dict[str, Any] = {"rows": "several"}


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
        _rows("far_lot", FarLot.objects.order_by("pk"), _far_lot),
        _rows(
            "verifier_key", VerifierKey.objects.select_related("organisation").order_by("pk"), _verifier_key
        ),
        _rows("verifier_key_ending", KeyEnding.objects.order_by("ended_at", "pk"), _key_ending),
        _rows(
            "verification_statement", Statement.objects.order_by("signed_at", "pk"), _verification_statement
        ),
        # Before what they retired: a surrender that commits while this is read never enters without its retirements.
        _rows(
            "surrender",
            Ending.objects.filter(outcome=Ending.SURRENDERED)
            .select_related("reservation")
            .order_by("ended_at", "pk"),
            _surrender,
        ),
        _movements("retirement", Block.RETIRED),
        _movements("cancellation", Block.CANCELLED),
        _rows("annulment", Annulment.objects.order_by("annulled_at", "pk"), _annulment),
        _rows("replacement", Replacement.objects.order_by("pk"), _replacement),
        _rows("statistics", StatisticsRelease.objects.order_by("pk"), _statistics),
        _rows("private_statistics", PrivateRelease.objects.order_by("pk"), _private_statistics),
        _rows("erasure", Erasure.objects.order_by("at", "pk"), _erasure),
        _rows("detached_month", DetachedMonth.objects.order_by("month"), _detached_month),
        _rows("programme", Programme.objects.order_by("opened_at", "pk"), _programme),
        _rows("programme_window", Window.objects.order_by("pk"), _window),
        _rows("programme_period", Period.objects.order_by("pk"), _period),
        _rows("programme_opening", OpenedHoldOut.objects.order_by("at", "pk"), _opened_hold_out),
        _rows(
            "credential_status",
            StatusStep.objects.select_related("credential").order_by("pk"),
            _credential_status,
        ),
        _rows("destroyed_opening", DestroyedSalt.objects.filter(kind=OPENING).order_by("pk"), _destroyed),
    )


def _rows(kind: str, rows: QuerySet[Any], content: Callable[[Any], dict[str, Any]]) -> Source:
    """A source whose facts are rows of a table, by their primary keys."""

    def waiting() -> Iterator[Record]:
        known = Leaf.objects.filter(kind=kind, key=Cast(OuterRef("pk"), TextField()))
        for row in rows.filter(~Exists(known)):
            yield Record(kind, str(row.pk), content(row))

    def now(key: str) -> dict[str, Any] | None:
        # Of all rows: one beside the first may be of no kind that is logged, or refer to nothing.
        if rows.model._default_manager.filter(pk=key).count() > 1:
            return TWICE
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


def _far_lot(row: FarLot) -> dict[str, Any]:
    """Who keeps a lot of which another platform has a part: whoever changed it could use its tonnes in two places."""
    return {"home": row.home, "party": row.party, "owner": row.owner}


def _verifier_key(row: VerifierKey) -> dict[str, Any]:
    """Whose key it is, and since when: nobody puts another in its place behind what it signed."""
    return {
        "organisation": row.organisation.code,
        "thumbprint": row.thumbprint,
        "public_key": bytes(row.public_key).hex(),
        "made_at": _moment(row.made_at),
    }


def _key_ending(row: KeyEnding) -> dict[str, Any]:
    return {"reason": row.reason, "ended_at": _moment(row.ended_at)}


def _verification_statement(row: Statement) -> dict[str, Any]:
    """What a verifier signed, by digest; lots rest on it."""
    return {
        "conclusion": row.conclusion,
        "population_mg": row.population_mg,
        "deducted_mg": row.deducted_mg,
        "content": "" if has_floats(row.content) else digest_json(row.content),
        "jws": digest_bytes(row.jws.encode()),
        "key": row.key_id,
        "signed_at": _moment(row.signed_at),
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
    # Releases of all months of their day, as they once were, have no month, and were logged without.
    month = {"month": row.month} if row.month else {}
    return month | {"digest": row.digest, "published_at": _moment(row.published_at)}


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


def _detached_month(row: DetachedMonth) -> dict[str, Any]:
    """Which file has a month's credits, by digest, and what they sum to."""
    return {
        "month": _day(row.month),
        "legs": row.legs,
        "amount_mg": row.amount_mg,
        "file": row.digest,
        "detached_at": _moment(row.detached_at),
    }


def _programme(row: Programme) -> dict[str, Any]:
    """What is published before recruitment: the draw's commitment, and the digest of the sealed draw."""
    return {
        "title_zh": row.title_zh,
        "title_en": row.title_en,
        "methodology": row.methodology,
        "zone": row.zone,
        "homes": row.homes,
        "held_out": row.held_out,
        "percent": row.percent,
        "commitment": row.commitment,
        "sealed": digest_bytes(bytes(row.sealed)),
        "opened_at": _moment(row.opened_at),
    }


def _window(row: Window) -> dict[str, Any]:
    """What was declared before it began. What a window does not declare is not in its leaf, as in those of before."""
    usual = {"baseline": "", "comparison": ALL, "limit_percent": 0, "limit_wh": 0}
    return _unlike(row, usual) | {
        "programme": row.programme_id,
        "rung": row.rung,
        "baseline_from": _day(row.baseline_from),
        "starts_on": _day(row.starts_on),
        "declared_at": _moment(row.declared_at),
    }


def _period(row: Period) -> dict[str, Any]:
    """A settled period: the pooled result, with the digests of the readings and of the shares that it rests on.

    Of temperatures, a frozen baseline, a limit and peers what there is, as in leaves of before there were any.
    """
    usual = {"temperature": "", "limited": 0, "above_limit": 0, "modelled": 0, "comparison": ALL}
    return _unlike(row, usual) | {
        "window": row.window_id,
        "first_day": _day(row.first_day),
        "last_day": _day(row.last_day),
        "readings": row.readings,
        "shares": row.shares,
        "homes": row.homes,
        "joined": row.joined,
        "held_out": row.held_out,
        "left_out": row.left_out,
        "saved_wh": row.saved_wh,
        "error_wh": row.error_wh,
        "bound_wh": row.bound_wh,
        "carried_in_wh": row.carried_in_wh,
        "carried_out_wh": row.carried_out_wh,
        "certifiable_wh": row.certifiable_wh,
        "certifiable_mg": row.certifiable_mg,
        "shared_mg": row.shared_mg,
        "batch": row.batch,
        "settled_at": _moment(row.settled_at),
    }


def _unlike(row: Window | Period, usual: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of a row that do not have their usual value."""
    return {name: found for name, value in usual.items() if (found := getattr(row, name)) != value}


def _opened_hold_out(row: OpenedHoldOut) -> dict[str, Any]:
    return {
        "content": "" if has_floats(row.content) else digest_json(row.content),
        "at": _moment(row.at),
    }


def _credential_status(row: StatusStep) -> dict[str, Any]:
    """A change in a status list, by the place in the list; whom the credential is about is nowhere in it."""
    return {
        "credential": row.credential_id,
        "status_list": row.credential.status_list,
        "status_index": row.credential.status_index,
        "sequence": row.sequence,
        "state": row.state,
        "reason": row.reason,
        "by": row.by,
        "at": _moment(row.at),
    }


def _destroyed(row: DestroyedSalt) -> dict[str, Any]:
    """A leaf whose opening was destroyed on purpose, by its index and hash."""
    return {"index": row.key, "leaf": bytes(row.leaf).hex()}


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _day(on: date) -> str:
    return on.isoformat()
