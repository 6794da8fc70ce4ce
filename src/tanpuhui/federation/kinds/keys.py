"""Keys: a platform says, under a key that is trusted, which one comes next, and which one is over."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tanpuhui.federation.kinds import Kind
from tanpuhui.federation.message import Message, moment_of, text
from tanpuhui.federation.models import Peer
from tanpuhui.federation.peer import add_key, end_key


def _add(peer: Peer, message: Message, at: datetime) -> dict[str, Any]:
    del at
    key = add_key(
        peer, text(message.body, "public_key", most=60), valid_from=moment_of(message.body, "valid_from")
    )
    return {"key_id": key.key_id}


def _end(peer: Peer, message: Message, at: datetime) -> dict[str, Any]:
    """Over now at the latest: an end is written once, and one to come would leave nothing to end a stolen key with."""
    key_id = text(message.body, "key_id", most=90)
    end_key(peer, key_id, at=min(moment_of(message.body, "ended_at"), at))
    return {"key_id": key_id}


KEY = Kind("key", Peer.ROLES, _add)
KEY_ENDED = Kind("key_ended", Peer.ROLES, _end)
