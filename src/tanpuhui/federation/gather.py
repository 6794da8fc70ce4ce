"""Gather: find what a peer must be told. A fact is said because it is in its table: no verb can forget it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import Q

from tanpuhui.close.installation import places
from tanpuhui.close.models import Manifest
from tanpuhui.federation.companies import company_of
from tanpuhui.federation.kinds.reductions import body_of
from tanpuhui.federation.message import written
from tanpuhui.federation.models import Draft, Outgoing, Peer
from tanpuhui.federation.outbox import say
from tanpuhui.federation.peer import holder_of
from tanpuhui.kit.digest import digest_json
from tanpuhui.methodology.load import load_library
from tanpuhui.registry.models import Annulment, Block, FarLot, Movement

#: What moves because the other side said so has keys that begin with this, and is not said back.
BY_MESSAGE = "federation:"
#: Moves within one hand, or of everybody: another message says them.
_UNSAID = ("unlock", "annul")
Fact = tuple[str, str, dict[str, Any]]


def gather(peer: Peer, *, at: datetime) -> int:
    """Draft what a peer has to know, in the caller's transaction; answers how many drafts are new."""
    facts: Iterator[Fact] = iter(())
    if peer.role == Peer.CITY:
        facts = _of_district(peer)
    elif peer.role == Peer.DISTRICT:
        facts = _of_city(peer)
    return sum(say(peer, kind, subject, body, at=at) for kind, subject, body in facts)


def gather_closes(peer: Peer, *, at: datetime) -> int:
    """The closes alone: before a lot is asked for, its city must have heard of them."""
    return sum(say(peer, kind, subject, body, at=at) for kind, subject, body in _closes(peer))


def _of_district(peer: Peer) -> Iterator[Fact]:
    yield from _closes(peer)
    yield from _deliveries(peer)
    yield from _claw_backs(peer)


def _closes(peer: Peer) -> Iterator[Fact]:
    """Every close that stands and was not said: of a day that was closed again, the new sums of all of it."""
    standing = Manifest.objects.order_by("day", "-sequence").distinct("day")
    unsaid = set(standing.values_list("digest", flat=True)) - _said(peer, "reductions")
    if not unsaid:
        return
    library = load_library()
    for manifest in Manifest.objects.filter(digest__in=unsaid).order_by("day"):
        yield "reductions", manifest.digest, body_of(manifest, places(), library)


def _deliveries(peer: Peer) -> Iterator[Fact]:
    """Whole tonnes of the city's lots that went to the city's company here: it has them from now on."""
    moves = Movement.objects.filter(
        lot__far__home=FarLot.ELSEWHERE,
        lot__far__party=peer.code,
        to_state=Block.HELD,
        to_owner=holder_of(peer),
    )
    for move in moves.exclude(key__startswith=BY_MESSAGE).order_by("id"):
        yield "delivered", subject_of(move), {"lot": move.lot_id, "first": move.first, "last": move.last}


def _claw_backs(peer: Peer) -> Iterator[Fact]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.key, f.lot_id, sum(p.amount)::bigint FROM ledger_transaction t "
            "JOIN ledger_posting p ON p.tx_id = t.id AND p.posted_on = t.posted_on AND p.amount > 0 "
            "JOIN ledger_asset a ON a.id = p.asset_id "
            "JOIN registry_far_lot f ON a.code = 'lot:' || f.lot_id AND f.home = 'elsewhere' AND f.party = %s "
            "WHERE t.reason = 'claw_back' AND t.state = 'posted' GROUP BY t.id, t.key, f.lot_id ORDER BY t.id",
            [peer.code],
        )
        rows = cursor.fetchall()
    for key, lot, amount_mg in rows:
        yield "clawed_back", digest_json(["claw_back", key, lot]), {"lot": lot, "amount_mg": int(amount_mg)}


def _of_city(peer: Peer) -> Iterator[Fact]:
    """What became of the tonnes of a district's lots: in whose hands they are, what they were used for."""
    moves = Movement.objects.filter(
        lot__far__home=FarLot.REPORTED,
        lot__far__party=peer.code,
        to_state__in=(Block.HELD, Block.RETIRED, Block.CANCELLED),
    )
    outside = moves.exclude(Q(key__startswith=BY_MESSAGE) | Q(verb__in=_UNSAID))
    for move in outside.order_by("id"):
        yield "moved", subject_of(move), _moved(peer, move)
    annulled = Annulment.objects.filter(lot__far__home=FarLot.REPORTED, lot__far__party=peer.code)
    for one in annulled.order_by("annulled_at"):
        yield "annulled", one.pk, {"lot": one.pk, "reason": one.reason[:300]}


def _moved(peer: Peer, move: Movement) -> dict[str, Any]:
    return {
        "lot": move.lot_id,
        "first": move.first,
        "last": move.last,
        "verb": move.verb,
        "state": move.to_state,
        "company": company_of(peer, move.to_owner),
        "said": {str(name)[:60]: str(value)[:300] for name, value in move.said.items()},
        "on": written(move.made_at),
    }


def subject_of(move: Movement) -> str:
    """A move by what it is, and not by its number here: the same move again has the same subject."""
    return digest_json([move.verb, move.key, move.lot_id, move.first, move.last])


def _said(peer: Peer, kind: str) -> set[str]:
    drafted = Draft.objects.filter(peer=peer, kind=kind).values_list("subject", flat=True)
    sent = Outgoing.objects.filter(peer=peer, kind=kind).values_list("subject", flat=True)
    return {*drafted, *sent}


def today(at: datetime) -> date:
    """The local day of a moment."""
    from tanpuhui.close.installation import zone
    from tanpuhui.kit.moment import local_day, to_us

    return local_day(to_us(at), zone())
