"""Recognition: a city takes tonnes of another one as its own, by a dated rule, once and under a quota."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import Sum

from tanpuhui.close.post import key_parts
from tanpuhui.federation.gather import BY_MESSAGE
from tanpuhui.federation.models import Incoming, Peer, Recognition
from tanpuhui.federation.outbox import say
from tanpuhui.federation.peer import get_peer, holder_of, lock_peer, owner_of
from tanpuhui.federation.refusals import (
    BadMessage,
    ClaimedTwice,
    NoRule,
    NotOneRange,
    OfferedBefore,
    OverQuota,
    TooLittle,
)
from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.exact import parse_decimal
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import Kind, account_id
from tanpuhui.methodology.load import Library
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.quantify.rule_tables import Rule
from tanpuhui.registry.certify import Order
from tanpuhui.registry.certify_reported import Asker, certify_reported
from tanpuhui.registry.delegate import refuse_use_elsewhere
from tanpuhui.registry.lock import Locked, lock
from tanpuhui.registry.models import Lot
from tanpuhui.registry.pool import DELIVER
from tanpuhui.registry.ranges import Named, move_named, open_of
from tanpuhui.registry.refusals import LotUnknown
from tanpuhui.registry.report import ReportOrder, report
from tanpuhui.registry.units import Part, Range, UnitOrder, held_by

TABLE = "recognitions"


@dataclass(frozen=True)
class Claim:
    """Whole tonnes of a lot at home, by their serial numbers, as the home city says them."""

    home: str
    lot: str
    first: int
    last: int
    methodology: str
    digest: str
    status: str
    vintage: int
    through: date
    verifier: str

    @property
    def tonnes(self) -> int:
        return self.last - self.first + 1

    @property
    def subject(self) -> str:
        return f"{self.home}:{self.lot}:{self.first}-{self.last}"


def offer(
    peer_code: str, order: UnitOrder, *, library: Library, home: str, at: datetime
) -> tuple[Locked, Claim]:
    """Offer a company's tonnes of one lot to a neighbour, in the caller's transaction; from now on they are locked."""
    peer = get_peer(peer_code, role=Peer.NEIGHBOUR, enabled=True)
    (part,) = order.parts
    lot = Lot.objects.filter(pk=part.lot).first()
    if lot is None:
        raise LotUnknown(code=part.lot)
    refuse_use_elsewhere([lot.code])
    locked = lock(order, at=at)
    if len(locked.ranges) != 1:
        raise NotOneRange(lot=part.lot, tonnes=part.tonnes, ranges=len(locked.ranges))
    (one,) = locked.ranges
    code, version = key_parts(lot.methodology)
    claim = Claim(
        home=home,
        lot=lot.code,
        first=one.first,
        last=one.last,
        methodology=lot.methodology,
        digest=library.get(code, version).digest,
        status=lot.status,
        vintage=lot.vintage,
        through=lot.through,
        verifier=lot.verifier,
    )
    if Incoming.objects.filter(peer=peer, kind="recognition_refused", subject=claim.subject).exists():
        # An offer is said once: these numbers would stay locked and nobody would hear of it.
        raise OfferedBefore(first=one.first, last=one.last, lot=lot.code, peer=peer.code)
    say(peer, "recognise", claim.subject, {**vars(claim), "through": lot.through.isoformat()}, at=at)
    return locked, claim


def part_of(lot: str, tonnes: int) -> tuple[Part, ...]:
    return (Part(lot, tonnes),)


def recognise(
    peer: Peer,
    claim: Claim,
    *,
    message: str,
    on: date,
    operator: str,
    jurisdiction: Jurisdiction,
    library: Library,
    at: datetime,
) -> Recognition:
    """Decide by the rule of the day and certify what the tonnes are worth here, in the caller's transaction."""
    lock_peer(peer)
    _refuse_earlier(peer, on)
    rule = _rule_of(jurisdiction, claim, on)
    tonnes = decide_tonnes(rule, claim)
    _refuse_twice(peer, claim)
    _refuse_over(rule, peer, claim, tonnes, on.year)
    _report(peer, claim, tonnes, message, at)
    code, version = key_parts(claim.methodology)
    order = Order(code, version, claim.vintage, claim.through, operator, claim.verifier, at)
    asker = Asker(peer.code, owner_of(peer), claim.subject)
    lot = certify_reported(order, asker, tonnes, jurisdiction=jurisdiction, library=library)
    _deliver(peer, claim, lot, at)
    return Recognition.objects.create(
        peer=peer,
        message=message,
        lot=claim.lot,
        first=claim.first,
        last=claim.last,
        year=on.year,
        here=lot.code,
        tonnes=tonnes,
        rule=rule.as_json(),
        at=at,
    )


def decide_tonnes(rule: Rule, claim: Claim) -> int:
    """How many tonnes a claim is worth by a rule: rounded down, so that nothing is made by converting.

    100 t at 92.5 % are 92 t.
    """
    share = parse_decimal(rule.content["conversion_percent"]) / 100
    tonnes = int(claim.tonnes * share)
    if tonnes < 1:
        raise TooLittle(tonnes=claim.tonnes, percent=rule.content["conversion_percent"])
    return tonnes


def _rule_of(jurisdiction: Jurisdiction, claim: Claim, on: date) -> Rule:
    rule = jurisdiction.rule(TABLE, on, home=claim.home)
    if rule is None:
        raise NoRule(jurisdiction=jurisdiction.code, what="anything", home=claim.home, day=on)
    methodologies = rule.content.get("methodologies")
    code, _ = key_parts(claim.methodology)
    if methodologies is not None and code not in methodologies:
        raise NoRule(jurisdiction=jurisdiction.code, what=code, home=claim.home, day=on)
    oldest = on.year - rule.content.get("most_vintages_back", on.year)
    if not oldest <= claim.vintage <= on.year:
        raise NoRule(jurisdiction=jurisdiction.code, what=f"vintage {claim.vintage}", home=claim.home, day=on)
    return rule


def _refuse_earlier(peer: Peer, on: date) -> None:
    """A neighbour says of which day its offer is, and so which rule and which year's quota counts.

    It may have been held up on its way, but is of no day before what it said last.
    """
    last = Incoming.objects.filter(peer=peer).order_by("-sequence").first()
    if last is not None and on < last.day:
        raise BadMessage(field="day", problem=f"it is before {last.day}, the day of the message before.")


def _refuse_twice(peer: Peer, claim: Claim) -> None:
    met = Recognition.objects.filter(peer=peer, lot=claim.lot, first__lte=claim.last, last__gte=claim.first)
    if met.exists():
        raise ClaimedTwice(first=claim.first, last=claim.last, lot=claim.lot)


def _refuse_over(rule: Rule, peer: Peer, claim: Claim, tonnes: int, year: int) -> None:
    """The quota counts tonnes as they are here, of a calendar year, from one home."""
    quota_t = int(rule.content["quota_t"])
    used_t = Recognition.objects.filter(peer=peer, year=year).aggregate(sum=Sum("tonnes", default=0))["sum"]
    if used_t + tonnes > quota_t:
        raise OverQuota(
            wanted_t=tonnes, home=claim.home, year=year, left_t=max(0, quota_t - used_t), quota_t=quota_t
        )


def _report(peer: Peer, claim: Claim, tonnes: int, message: str, at: datetime) -> None:
    """Just these tonnes as a report of the other city, so that a lot of them can be certified."""
    facts: dict[str, Any] = {
        "methodology": claim.methodology,
        "digest": claim.digest,
        "status": claim.status,
        "credited_mg": tonnes * TONNE_MG,
        "below_mg": 0,
        "accounts": 0,
    }
    reported = ReportOrder(
        key=message,
        district=owner_of(peer),
        day=claim.through,
        manifest=digest_json([claim.subject, message]),
        credited_mg=tonnes * TONNE_MG,
        activities=0,
        lines=(facts,),
        subject=claim.subject,
    )
    report(reported, at=at)


def _deliver(peer: Peer, claim: Claim, lot: Lot, at: datetime) -> None:
    """All of the lot to the other city's company here, with its numbers."""
    owner = owner_of(peer)
    order = UnitOrder(f"{BY_MESSAGE}{peer.code}:{claim.subject}", owner, (), at.date())
    move_named(
        Named(DELIVER, order, Range(lot.code, lot.serial_first, lot.serial_last)),
        open_of(Kind.RESIDENT_CERTIFIED),
        held_by(holder_of(peer)),
        at,
        account=account_id(Kind.RESIDENT_CERTIFIED, owner),
    )
