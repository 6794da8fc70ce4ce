"""Delivered: a district's residents sold whole tonnes to the city's company, which has them in the city too."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tanpuhui.federation.kinds import Kind
from tanpuhui.federation.message import Message, text, whole
from tanpuhui.federation.models import Peer
from tanpuhui.federation.peer import holder_of, owner_of
from tanpuhui.federation.refusals import NotOurs, NotYet
from tanpuhui.ledger.account import Kind as AccountKind
from tanpuhui.ledger.account import account_id
from tanpuhui.registry.models import Block, FarLot, Lot
from tanpuhui.registry.pool import DELIVER
from tanpuhui.registry.ranges import Named, hands_of, move_named, open_of
from tanpuhui.registry.units import Range, UnitOrder, held_by


def _apply(peer: Peer, message: Message, at: datetime) -> dict[str, Any]:
    body = message.body
    lot = text(body, "lot", most=60)
    one = Range(lot, whole(body, "first", least=1), whole(body, "last", least=1))
    refuse_other_lot(peer, lot)
    order = UnitOrder(f"federation:{peer.code}:{message.subject}", owner_of(peer), (), message.day)
    move_named(
        Named(DELIVER, order, one),
        open_of(AccountKind.RESIDENT_CERTIFIED),
        held_by(holder_of(peer)),
        at,
        account=account_id(AccountKind.RESIDENT_CERTIFIED, owner_of(peer)),
    )
    return {"tonnes": one.tonnes}


def refuse_other_lot(peer: Peer, lot: str) -> None:
    """A district speaks of its own lots. One that is not here (any more) may come back: it has said it before us."""
    if FarLot.objects.filter(pk=lot, home=FarLot.REPORTED, owner=owner_of(peer)).exists():
        return
    if not Lot.objects.filter(pk=lot).exists():
        raise NotYet(reason=f"lot {lot[:60]} is not in our books (again)")
    raise NotOurs(lot=lot, peer=peer.code)


def _redo(peer: Peer, message: Message, at: datetime) -> None:
    """Whose milligrams they were only the round knows: it is opened again with its key, and gives the same numbers."""
    del peer, at
    body = message.body
    pieces = hands_of(text(body, "lot", most=60), whole(body, "first"), whole(body, "last"))
    if not pieces or any(block.state == Block.OPEN for _, block in pieces):
        raise NotYet(
            reason="the sale of tonnes that the city has is not in our books again: repeat it with its key"
        )


KIND = Kind("delivered", (Peer.DISTRICT,), _apply, _redo)
