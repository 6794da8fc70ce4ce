"""Rotate: tell every peer the next key while the present one still signs; later, that the old one is over."""

from __future__ import annotations

import base64
from datetime import datetime

from tanpuhui.federation.key import new_key
from tanpuhui.federation.message import written
from tanpuhui.federation.models import KeyEnd, PeerKey
from tanpuhui.federation.outbox import say
from tanpuhui.federation.peer import enabled_peers, end_key


def rotate(*, valid_from: datetime, at: datetime) -> PeerKey:
    """A new key, in force from a moment on, said to every peer; until it is ended the old one is in force beside it."""
    key = new_key(valid_from=valid_from)
    body = {
        "public_key": base64.b64encode(bytes(key.public_key)).decode(),
        "valid_from": written(valid_from),
    }
    for peer in enabled_peers():
        say(peer, "key", key.key_id, body, at=at)
    return key


def retire_key(key_id: str, *, ended_at: datetime, at: datetime) -> KeyEnd:
    """End a key of our own from a moment on, and say so to every peer."""
    end = end_key(None, key_id, at=ended_at)
    for peer in enabled_peers():
        say(peer, "key_ended", key_id, {"key_id": key_id, "ended_at": written(end.ended_at)}, at=at)
    return end
