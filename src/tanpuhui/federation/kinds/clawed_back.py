"""Clawed back: a district took certified milligrams from somebody, and they are cancelled in the city too."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tanpuhui.federation.kinds import Kind
from tanpuhui.federation.kinds.delivered import refuse_other_lot
from tanpuhui.federation.message import Message, text, whole
from tanpuhui.federation.models import Peer
from tanpuhui.federation.peer import owner_of
from tanpuhui.registry.claw_back import ClawBackOrder, claw_back


def _apply(peer: Peer, message: Message, at: datetime) -> dict[str, Any]:
    lot = text(message.body, "lot", most=60)
    amount_mg = whole(message.body, "amount_mg", least=1)
    refuse_other_lot(peer, lot)
    key = f"federation:{peer.code}:{message.subject}"
    claw_back(ClawBackOrder(key, owner_of(peer), lot, amount_mg, message.day), at=at)
    return {"amount_mg": amount_mg}


KIND = Kind("clawed_back", (Peer.DISTRICT,), _apply)
