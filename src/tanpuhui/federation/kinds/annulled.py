"""Annulled: a city found a lot to be wrong: nothing of it can be used any more, on either platform."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tanpuhui.federation.kinds import Kind
from tanpuhui.federation.message import Message, text
from tanpuhui.federation.models import Peer
from tanpuhui.federation.refusals import NotOurs
from tanpuhui.registry.annul import annul
from tanpuhui.registry.models import FarLot


def _apply(peer: Peer, message: Message, at: datetime) -> dict[str, Any]:
    lot = text(message.body, "lot", most=60)
    if not FarLot.objects.filter(pk=lot, home=FarLot.ELSEWHERE, party=peer.code).exists():
        raise NotOurs(lot=lot, peer=peer.code)
    annul(lot, reason=text(message.body, "reason"), at=at, said_by=peer.code)
    return {"lot": lot}


def _redo(peer: Peer, message: Message, at: datetime) -> None:
    del peer
    annul(text(message.body, "lot", most=60), reason=text(message.body, "reason"), at=at)


KIND = Kind("annulled", (Peer.CITY,), _apply, _redo)
