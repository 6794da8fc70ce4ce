"""Moved: what became of tonnes of a district's lot: who has them, who used them up for what, what was cancelled."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tanpuhui.access.models import Organisation
from tanpuhui.close.installation import zone
from tanpuhui.federation.companies import hands_of_city, owner_here
from tanpuhui.federation.kinds import Kind
from tanpuhui.federation.message import Message, moment_of, text, whole
from tanpuhui.federation.models import Peer
from tanpuhui.federation.peer import holder_of, owner_of
from tanpuhui.federation.refusals import BadMessage, NotOurs, NotYet
from tanpuhui.kit.moment import local_day, to_us
from tanpuhui.ledger.account import Kind as AccountKind
from tanpuhui.ledger.account import organisation
from tanpuhui.registry.models import Block, FarLot
from tanpuhui.registry.ranges import Named, hands_of, move_named
from tanpuhui.registry.refusals import RangeElsewhere
from tanpuhui.registry.units import Place, Range, UnitOrder, cancelled_of, held_by, retired_by

_PLACES = {Block.HELD: held_by, Block.RETIRED: retired_by, Block.CANCELLED: cancelled_of}


def _apply(peer: Peer, message: Message, at: datetime) -> dict[str, Any]:
    """Move the same numbers in our books: residents see on their pages what their share was used for."""
    body = message.body
    lot = text(body, "lot", most=60)
    if not FarLot.objects.filter(pk=lot, home=FarLot.ELSEWHERE, party=peer.code).exists():
        raise NotOurs(lot=lot, peer=peer.code)
    pieces = hands_of(lot, whole(body, "first", least=1), whole(body, "last", least=1))
    if {block.owner for _, block in pieces if block.state != Block.OPEN} - hands_of_city(peer):
        raise NotYet(reason=f"tonnes of lot {lot} are somebody's here who did not sell them to {peer.code}")
    return {"tonnes": _move(peer, message, lot, owner_here(peer, body.get("company"), at=at), at)}


def _redo(peer: Peer, message: Message, at: datetime) -> None:
    """We lost what our own companies did: their tonnes move again as we had said it."""
    body = message.body
    lot = text(body, "lot", most=60)
    if not FarLot.objects.filter(pk=lot, home=FarLot.REPORTED, owner=owner_of(peer)).exists():
        raise NotYet(reason=f"lot {lot} is not in our books again")
    said = body.get("company")
    owner = holder_of(peer)
    if said is not None:
        company = Organisation.objects.filter(code=text(said, "code", most=60)).first()
        if company is None:
            raise NotYet(reason="a company that had tonnes is not in our books again: register it")
        owner = organisation(company.pk)
    pieces = hands_of(lot, whole(body, "first", least=1), whole(body, "last", least=1))
    if any(block.state == Block.OPEN for _, block in pieces):
        raise NotYet(reason=f"tonnes of lot {lot} were not delivered again")
    _move(peer, message, lot, owner, at)


def _move(peer: Peer, message: Message, lot: str, owner: int, at: datetime) -> int:
    """Each piece of the range out of the hand that has it; pieces that are there already stay.

    What was used up or cancelled stays so, whoever says otherwise: only an annulled lot is taken out of all hands.
    It is posted when it arrives, for the local day on which it happened.
    """
    body = message.body
    first, last = whole(body, "first", least=1), whole(body, "last", least=1)
    target = _place(text(body, "state", most=20), owner)
    said = _said(body)
    on = local_day(to_us(moment_of(body, "on")), zone())
    for piece, block in hands_of(lot, first, last):
        if (block.state, block.owner) == (target.state, target.owner):
            continue
        if block.state == Block.OPEN:
            raise NotYet(reason=f"tonnes of lot {lot} are with residents here: the sale is not in our books")
        if block.state in (Block.RETIRED, Block.CANCELLED):
            raise RangeElsewhere(first=piece.first, last=piece.last, lot=lot)
        key = f"federation:{peer.code}:{message.subject}:{piece.first}"
        order = UnitOrder(key, block.owner, (), on, said)
        source = Place(block.state, block.owner, AccountKind.COMPANY, block.hold)
        named = Named(text(body, "verb", most=40), order, Range(lot, piece.first, piece.last))
        move_named(named, source, target, at)
    return last - first + 1


def _place(state: str, owner: int) -> Place:
    if state not in _PLACES:
        raise BadMessage(field="state", problem=f"it is none of {', '.join(_PLACES)}.")
    return _PLACES[state](owner)


def _said(body: dict[str, Any]) -> dict[str, str]:
    said = body.get("said")
    if not isinstance(said, dict) or not all(isinstance(value, str) for value in said.values()):
        raise BadMessage(field="said", problem="it is not an object of texts.")
    return {str(name)[:60]: value[:300] for name, value in said.items()}


KIND = Kind("moved", (Peer.CITY,), _apply, _redo)
