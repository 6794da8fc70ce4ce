"""Certify: take whole tonnes of pending reductions into a lot, and share its milligrams out among the residents."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection
from django.db.models import Sum

from tanpuhui.close.inputs import read_credits
from tanpuhui.close.models import FrozenDay, Manifest
from tanpuhui.close.places import Places
from tanpuhui.close.post import pending_asset
from tanpuhui.close.standing import applied as applied_in
from tanpuhui.close.standing import standing_with
from tanpuhui.consent import gate
from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.exact import share_out
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import KIND_BITS, LEDGER_ITSELF, Kind, account_id
from tanpuhui.ledger.asset import get_or_create_asset, lot_code
from tanpuhui.ledger.legs import Legs
from tanpuhui.ledger.post_batch import post_batch
from tanpuhui.methodology.load import Library
from tanpuhui.methodology.methodology import Methodology
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.registry import closes, verified
from tanpuhui.registry.conflicts import refuse_conflicts
from tanpuhui.registry.delegate import refuse_local
from tanpuhui.registry.exclusions import excluded_accounts, refuse_excluded
from tanpuhui.registry.left_out import keep_left_out
from tanpuhui.registry.models import Exclusion, FarLot, Lot
from tanpuhui.registry.pooled_only import refuse_beyond_bound, refuse_household_alone
from tanpuhui.registry.refusals import (
    LessThanATonne,
    NobodyVerifies,
    ScopeExcluded,
    StatusNotAccepted,
    ThroughOutsideVintage,
    VerifierIsOperator,
)

REASON = "certify"
#: Advisory lock under which lots are made, one after the other: serial numbers have no gap.
LOCK = 0x6C6F74


@dataclass(frozen=True)
class Order:
    """What the operator asks for: a methodology version and vintage, through a day, verified by someone else."""

    methodology: str
    version: int
    vintage: int
    through: date
    operator: str
    verifier: str
    at: datetime

    @property
    def key(self) -> str:
        return f"{self.methodology}@{self.version}"


@dataclass(frozen=True)
class Shares:
    """Who gets how many milligrams of a lot; accounts ascend, and the parts sum to whole tonnes."""

    accounts: Sequence[int]
    amounts_mg: Sequence[int]
    tonnes: int


@dataclass(frozen=True)
class Prepared:
    """What a lot would be: who gets how much of it, on which closes it rests, and its weakest status."""

    shares: Shares
    manifests: tuple[Manifest, ...]
    status: str
    #: Accounts that another market covers, by the entry of the register, and what each account had at hand (mg).
    excluded: Mapping[int, Exclusion] = field(default_factory=dict)
    at_hand_mg: Mapping[int, int] = field(default_factory=dict)


def certify(order: Order, *, places: Places, jurisdiction: Jurisdiction, library: Library) -> Lot:
    """Certify a lot in the caller's transaction: all of it, or a refusal and nothing.

    Until it ends no close is posted, so that the manifests of the lot are those that stand on its frozen days.
    """
    lock_lots_made()
    refuse_local()
    prepared = prepare(order, places=places, jurisdiction=jurisdiction, library=library)
    lot = _record(order, prepared, jurisdiction)
    issue(lot, prepared, at=order.at)
    return lot


def lock_lots_made() -> None:
    """Until the transaction ends nobody else makes a lot."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def prepare(order: Order, *, places: Places, jurisdiction: Jurisdiction, library: Library) -> Prepared:
    """Decide what a lot of this order would be, in the caller's transaction; no close is posted until it ends."""
    gate.lock_for_close(connection)
    refuse_dependent_verifier(order)
    methodology = library.get(order.methodology, order.version)
    refuse_household_alone(methodology)
    manifests = standing_through(order)
    closes.refuse_other_rules(manifests, methodology, jurisdiction)
    closes.refuse_behind(manifests, places)
    closes.refuse_unclosed(methodology, order.vintage, order.through)
    deducted_mg = verified.deducted(order.key, order.verifier, order.through, manifests, jurisdiction)
    status = accepted_status(methodology, manifests, jurisdiction)
    refuse_excluded_scope(methodology, order, jurisdiction)
    first = manifests[0].day if manifests else order.through
    refuse_excluded(order.key, methodology.scope, jurisdiction, first, order.through)
    refuse_conflicts(order.key, jurisdiction, first, order.through)
    below_mg = sum(manifest.body["below_mg"].get(order.key, 0) for manifest in manifests)
    net_mg = net_through(order, manifests, places)
    credited_mg = sum(net_mg.values()) + sum(_taken(order).values())
    refuse_beyond_bound(methodology, credited_mg, vintage=order.vintage, through=order.through)
    owed_mg = -sum(amount for amount in net_mg.values() if amount < 0)
    frozen_mg = frozen_through(order)
    at_hand_mg = {
        account: amount - frozen_mg.get(account, 0)
        for account, amount in net_mg.items()
        if amount > frozen_mg.get(account, 0)
    }
    excluded = excluded_accounts(order.methodology, jurisdiction, first, order.through)
    pending_mg = {account: amount for account, amount in at_hand_mg.items() if account not in excluded}
    less_mg = below_mg + owed_mg + deducted_mg
    shares = decide_shares(order, pending_mg, less_mg, standing_mg())
    return Prepared(shares, tuple(manifests), status, excluded, at_hand_mg)


def refuse_dependent_verifier(order: Order) -> None:
    """A verifier is somebody, and not the operator under another spelling."""
    operator, verifier = _plain(order.operator), _plain(order.verifier)
    if not operator or not verifier:
        raise NobodyVerifies()
    if operator == verifier:
        raise VerifierIsOperator(verifier=order.verifier)


def standing_through(order: Order) -> list[Manifest]:
    """The manifests that stand, from the first day of the vintage through the day of the order."""
    if order.through.year != order.vintage:
        raise ThroughOutsideVintage(through=order.through, vintage=order.vintage)
    first = date(order.vintage, 1, 1)
    return standing_with(order.methodology, order.version, first=first, through=order.through)


def accepted_status(methodology: Methodology, manifests: list[Manifest], jurisdiction: Jurisdiction) -> str:
    """The weakest status behind the lot; refuses one that the jurisdiction does not accept on its day."""
    worst = "official"
    order = ("official", "published", "secondary", "illustrative")
    for manifest in manifests:
        status = status_of(methodology, manifest)
        accepted = jurisdiction.statuses_accepted(manifest.day)
        if status not in accepted:
            raise StatusNotAccepted(
                methodology=f"{methodology.code}@{methodology.version}",
                status=status,
                day=manifest.day,
                jurisdiction=jurisdiction.code,
                accepted=", ".join(sorted(accepted)) or "none",
            )
        worst = max(worst, status, key=order.index)
    return worst


def status_of(methodology: Methodology, manifest: Manifest) -> str:
    """The weakest status behind what a close credited; with factors of another day it is illustrative."""
    applied = applied_in(manifest, methodology.code, methodology.version)
    assert applied is not None
    factors_of = date.fromisoformat(applied["factors_of"])
    return "illustrative" if factors_of != manifest.day else methodology.weakest_status(manifest.day)


def refuse_excluded_scope(methodology: Methodology, order: Order, jurisdiction: Jurisdiction) -> None:
    """Reductions of a scope that another market covers are not certified."""
    rule = jurisdiction.exclusion_of(methodology.scope, order.through)
    if rule is not None:
        raise ScopeExcluded(
            jurisdiction=jurisdiction.code,
            scope=methodology.scope,
            reason=rule.content["reason"]["en"],
            source=rule.source,
        )


def net_through(order: Order, manifests: list[Manifest], places: Places) -> dict[int, int]:
    """What each resident was credited through the day less what lots have taken, in mg, by account.

    Below zero is what was taken back after it was certified: the resident owes it.
    """
    taken = _taken(order)
    credits = [read_credits(manifest.body["outputs"], places) for manifest in manifests]
    credited: dict[int, int] = {}
    if credits:
        table = pa.concat_tables(credits)
        mine = table.filter(pc.equal(table["methodology"], order.key))
        summed = mine.group_by("account_id").aggregate([("credited_mg", "sum")])
        credited = dict(
            zip(summed["account_id"].to_pylist(), summed["credited_mg_sum"].to_pylist(), strict=True)
        )
    return {
        account: credited.get(account, 0) - taken.get(account, 0) for account in sorted({*credited, *taken})
    }


def frozen_through(order: Order) -> dict[int, int]:
    """What of it is set aside in residents' pending accounts, in mg, by account: it stays pending."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT account_id >> %s, held FROM ledger_balance "
            "WHERE asset_id = %s AND account_id & 15 = %s AND held > 0",
            [KIND_BITS, pending_asset(order.key, order.vintage), int(Kind.RESIDENT_PENDING)],
        )
        return {int(account): int(held) for account, held in cursor.fetchall()}


def standing_mg() -> int:
    """What all standing closes credit, less what is netted and what lots have taken: of whatever methodology and year.

    A correction may move an act to another year or kind after it was certified: what is owed there is taken off here.
    """
    standing = Manifest.objects.order_by("day", "-sequence").distinct("day")
    credited: int = sum(
        credited_mg - sum(below.values())
        for credited_mg, below in standing.values_list("credited_mg", "body__below_mg")
    )
    own = Lot.objects.exclude(far__home=FarLot.REPORTED)
    certified: int = own.aggregate(tonnes=Sum("tonnes", default=0))["tonnes"]
    return credited - certified * TONNE_MG


def decide_shares(
    order: Order, pending_mg: dict[int, int], below_mg: int = 0, standing_mg: int | None = None
) -> Shares:
    """As many whole tonnes as are pending, shared in proportion, by largest remainder; the rest stays pending.

    ``below_mg`` is what the methodology's negative results sum to through the same day, what residents owe, and what
    verifiers deducted: so much less is certified, now and, since it counts in every later lot too, for good.
    ``standing_mg`` is the most that all lots together may still take.
    """
    total = max(0, sum(pending_mg.values()) - below_mg)
    if standing_mg is not None:
        total = max(0, min(total, standing_mg))
    tonnes = total // TONNE_MG
    if tonnes == 0:
        raise LessThanATonne(
            pending_mg=total, methodology=order.key, vintage=order.vintage, through=order.through
        )
    amounts = share_out(tonnes * TONNE_MG, list(pending_mg.values()))
    assert sum(amounts) == tonnes * TONNE_MG
    assert all(part <= whole for part, whole in zip(amounts, pending_mg.values(), strict=True))
    kept = [(account, part) for account, part in zip(pending_mg, amounts, strict=True) if part]
    return Shares([account for account, _ in kept], [part for _, part in kept], tonnes)


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _taken(order: Order) -> dict[int, int]:
    """What earlier lots have taken from each resident's pending reductions of this methodology and vintage."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.account_id >> %s, -SUM(p.amount) FROM ledger_posting AS p "
            "JOIN ledger_transaction AS t ON t.id = p.tx_id "
            "WHERE t.reason = %s AND p.asset_id = %s AND p.account_id & 15 = %s GROUP BY 1",
            [KIND_BITS, REASON, pending_asset(order.key, order.vintage), int(Kind.RESIDENT_PENDING)],
        )
        return {int(account): int(amount) for account, amount in cursor.fetchall()}


def _record(order: Order, prepared: Prepared, jurisdiction: Jurisdiction) -> Lot:
    shares = prepared.shares
    code, first_serial = next_lot(jurisdiction.code)
    return Lot.objects.create(
        code=code,
        jurisdiction=jurisdiction.code,
        methodology=order.key,
        vintage=order.vintage,
        through=order.through,
        tonnes=shares.tonnes,
        serial_first=first_serial,
        serial_last=first_serial + shares.tonnes - 1,
        residents=len(shares.accounts),
        status=prepared.status,
        operator=order.operator,
        verifier=order.verifier,
        manifests=[manifest.digest for manifest in prepared.manifests],
        certified_at=order.at,
    )


def next_lot(jurisdiction: str) -> tuple[str, int]:
    """The code of the next lot and its first serial number; under the lock of lots."""
    last = Lot.objects.order_by("-serial_last").first()
    return f"{jurisdiction.upper()}-{Lot.objects.count() + 1:06d}", last.serial_last + 1 if last else 1


def issue(lot: Lot, prepared: Prepared, *, at: datetime) -> None:
    """Give a lot's milligrams to those who have shares in it, and freeze the days that it rests on."""
    post_shares(lot, prepared.shares, at=at)
    _freeze(lot, list(prepared.manifests))
    keep_left_out(lot, prepared.excluded, prepared.at_hand_mg)


def post_shares(lot: Lot, shares: Shares, *, at: datetime) -> None:
    """Out of pending into the crossing account; out of issuance into certified: each asset sums to zero."""
    pending = pending_asset(lot.methodology, lot.vintage)
    certified = get_or_create_asset(connection, lot_code(lot.code)).id
    owners = np.array(shares.accounts, np.int64)
    amounts = np.array(shares.amounts_mg, np.int64)
    nothing = np.zeros(len(owners), np.int64)
    for asset, kind, sign, counter in (
        (pending, Kind.RESIDENT_PENDING, -1, Kind.CERTIFYING),
        (certified, Kind.RESIDENT_CERTIFIED, 1, Kind.ISSUANCE),
    ):
        post_batch(
            connection,
            key=f"certify:{lot.code}:{kind.name.lower()}",
            manifest=digest_json([lot.code, lot.manifests]),
            reason=REASON,
            effective_on=lot.through,
            legs=Legs(owners << KIND_BITS | kind, nothing + asset, sign * amounts, nothing, nothing),
            counter=account_id(counter, LEDGER_ITSELF),
            at=at,
        )


def _freeze(lot: Lot, manifests: list[Manifest]) -> None:
    FrozenDay.objects.bulk_create(
        FrozenDay(day=manifest.day, methodology=lot.methodology, lot=lot.code) for manifest in manifests
    )
