"""Replay: say everything to a peer again from a number on; what it has, it answers as before."""

from __future__ import annotations

from datetime import datetime

from tanpuhui.federation.models import Peer
from tanpuhui.federation.send import Sending, send
from tanpuhui.federation.transport import Transport


def replay(peer: Peer, transport: Transport, *, first: int, at: datetime) -> Sending:
    """A round with a peer that begins at a number (from 1). Opens its own transactions."""
    assert first >= 1
    return send(peer, transport, at=at, first=first)
