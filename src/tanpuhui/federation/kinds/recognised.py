"""Recognised: a neighbour counts our tonnes, and they stay locked here for good; or it refused, and they are free."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tanpuhui.federation.kinds import Kind
from tanpuhui.federation.message import Message, text, whole
from tanpuhui.federation.models import Peer
from tanpuhui.federation.refusals import BadMessage, NotYet
from tanpuhui.registry.lock import unlock
from tanpuhui.registry.models import Block
from tanpuhui.registry.ranges import hands_of
from tanpuhui.registry.units import UnitOrder


def _apply(peer: Peer, message: Message, at: datetime) -> dict[str, Any]:
    del peer, at
    blocks = _blocks(message)
    if any(block.state != Block.LOCKED for block in blocks):
        raise NotYet(reason="tonnes that a neighbour counts as its own are not locked here: lock them")
    return {"here": text(message.body, "here", most=60), "tonnes": whole(message.body, "tonnes", least=1)}


def _refused(peer: Peer, message: Message, at: datetime) -> dict[str, Any]:
    """Their holder has them again."""
    for block in _blocks(message):
        if block.state == Block.LOCKED and block.hold is not None:
            key = f"federation:{peer.code}:{message.subject}"
            unlock(block.hold, key=key, order=UnitOrder(key, block.owner, (), message.day), at=at)
            break
    return {"code": text(message.body, "code", most=80)}


def _blocks(message: Message) -> list[Block]:
    """Where the numbers of the subject, ``home:lot:first-last``, are now."""
    _, _, rest = message.subject.partition(":")
    lot, _, numbers = rest.rpartition(":")
    first, _, last = numbers.partition("-")
    if not (first.isdecimal() and last.isdecimal()):
        raise BadMessage(field="subject", problem="it is not written as home:lot:first-last.")
    found = [block for _, block in hands_of(lot, int(first), int(last))]
    if not found:
        raise BadMessage(field="subject", problem="these numbers are not of a lot of ours.")
    return found


KIND = Kind("recognised", (Peer.NEIGHBOUR,), _apply)
REFUSED = Kind("recognition_refused", (Peer.NEIGHBOUR,), _refused)
