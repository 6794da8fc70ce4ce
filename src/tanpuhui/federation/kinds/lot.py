"""Lot: a city certified what a district asked for, or refused to. The district shares it out to the milligram."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection

from tanpuhui.close.installation import jurisdiction, places
from tanpuhui.close.models import Manifest
from tanpuhui.close.post import key_parts
from tanpuhui.federation.kinds import Kind
from tanpuhui.federation.kinds.reductions import methodology_said, status_said
from tanpuhui.federation.message import Message, day_of, moment_of, text, whole, written
from tanpuhui.federation.models import Ask, Peer
from tanpuhui.federation.peer import owner_of
from tanpuhui.federation.refusals import BadMessage, NotYet
from tanpuhui.kit.exact import share_out
from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import KIND_BITS
from tanpuhui.ledger.release import release
from tanpuhui.methodology.load import load_library
from tanpuhui.registry.adopt import LotFacts, adopt
from tanpuhui.registry.certify import Order, Prepared, Shares, next_lot, prepare
from tanpuhui.registry.certify_reported import Asker, certify_reported
from tanpuhui.registry.models import Lot


def body_of(lot: Lot) -> dict[str, Any]:
    """A lot as its city says it."""
    return {
        "lot": lot.code,
        "jurisdiction": lot.jurisdiction,
        "methodology": lot.methodology,
        "vintage": lot.vintage,
        "through": lot.through.isoformat(),
        "tonnes": lot.tonnes,
        "serial_first": lot.serial_first,
        "status": lot.status,
        "operator": lot.operator,
        "verifier": lot.verifier,
        "certified_at": written(lot.certified_at),
    }


def facts_of(body: dict[str, Any]) -> LotFacts:
    """The fields of such a message, each looked at."""
    return LotFacts(
        code=text(body, "lot", most=60),
        jurisdiction=text(body, "jurisdiction", most=40),
        methodology=methodology_said(body),
        vintage=whole(body, "vintage", least=1990, most=2200),
        through=day_of(body, "through"),
        tonnes=whole(body, "tonnes", least=1, most=10**9),
        serial_first=whole(body, "serial_first", least=1),
        status=status_said(body),
        operator=text(body, "operator"),
        verifier=text(body, "verifier"),
        certified_at=moment_of(body, "certified_at"),
    )


def _apply(peer: Peer, message: Message, at: datetime) -> dict[str, Any]:
    """Enter the lot here. What was set aside for it is what is shared; without that, what the books give now."""
    facts = facts_of(message.body)
    ask = Ask.objects.filter(peer=peer, subject=message.subject).first()
    if ask is not None and (ask.tonnes, ask.methodology) != (facts.tonnes, facts.methodology):
        raise BadMessage(field="tonnes", problem=f"{ask.tonnes} t of {ask.methodology} were asked for.")
    prepared = _set_aside(ask, at) if ask is not None else _again(facts, at)
    lot = adopt(facts, prepared, registry=peer.code, at=at)
    return {"lot": lot.code, "shared_mg": sum(prepared.shares.amounts_mg)}


def _set_aside(ask: Ask, at: datetime) -> Prepared:
    """The shares as they were decided when it was asked; they are free again in this transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT account_id >> %s, amount FROM ledger_hold_line WHERE hold_id = %s ORDER BY account_id",
            [KIND_BITS, ask.hold],
        )
        rows = cursor.fetchall()
    release(connection, ask.hold, at=at)
    manifests = Manifest.objects.filter(digest__in=ask.manifests).order_by("day")
    shares = Shares([int(row[0]) for row in rows], [int(row[1]) for row in rows], ask.tonnes)
    return Prepared(shares, tuple(manifests), ask.status)


def _again(facts: LotFacts, at: datetime) -> Prepared:
    """We lost what we had asked: decide it again from the closes that are here; wait while they are not."""
    code, version = key_parts(facts.methodology)
    order = Order(code, version, facts.vintage, facts.through, facts.operator, facts.verifier, at)
    try:
        found = prepare(order, places=places(), jurisdiction=jurisdiction(), library=load_library())
    except Refusal as refusal:
        raise NotYet(reason=f"lot {facts.code} has no closes behind it here ({refusal.code})") from refusal
    if found.shares.tonnes < facts.tonnes:
        raise NotYet(
            reason=f"lot {facts.code} has {facts.tonnes} t, and {found.shares.tonnes} t are pending here"
        )
    amounts = share_out(facts.tonnes * TONNE_MG, list(found.shares.amounts_mg))
    kept = [(account, part) for account, part in zip(found.shares.accounts, amounts, strict=True) if part]
    shares = Shares([account for account, _ in kept], [part for _, part in kept], facts.tonnes)
    return Prepared(shares, found.manifests, found.status)


def _redo(peer: Peer, message: Message, at: datetime) -> None:
    """Certify again what we had certified: under the same code and numbers, once the reports are here again."""
    del at
    facts = facts_of(message.body)
    if Lot.objects.filter(pk=facts.code).exists():
        return
    if next_lot(facts.jurisdiction) != (facts.code, facts.serial_first):
        raise NotYet(reason=f"lot {facts.code} does not follow the lots that are here")
    code, version = key_parts(facts.methodology)
    order = Order(
        code, version, facts.vintage, facts.through, facts.operator, facts.verifier, facts.certified_at
    )
    asker = Asker(peer.code, owner_of(peer))
    try:
        certify_reported(order, asker, facts.tonnes, jurisdiction=jurisdiction(), library=load_library())
    except Refusal as refusal:
        raise NotYet(reason=f"lot {facts.code}: {refusal.code}") from refusal


def _refused(peer: Peer, message: Message, at: datetime) -> dict[str, Any]:
    """What was set aside for the lot is free again."""
    ask = Ask.objects.filter(peer=peer, subject=message.subject).first()
    if ask is not None:
        release(connection, ask.hold, at=at)
    return {"reason": text(message.body, "reason")}


KIND = Kind("lot", (Peer.CITY,), _apply, _redo)
REFUSED = Kind("lot_refused", (Peer.CITY,), _refused)
