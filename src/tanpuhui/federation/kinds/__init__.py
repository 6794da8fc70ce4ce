"""Kinds: what messages can say, one file each. Who may say it, what is done with it, and how it is done again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tanpuhui.federation.message import Message
from tanpuhui.federation.models import Peer

#: Does what a message says, in the caller's transaction; answers facts for the acknowledgement, or refuses.
Apply = Callable[[Peer, Message, datetime], dict[str, Any]]
#: Does again what we said ourselves and then lost; refuses with ``NotYet`` while something is missing.
Redo = Callable[[Peer, Message, datetime], None]


def nothing(peer: Peer, message: Message, at: datetime) -> None:
    """What the verb that said it does again by itself."""
    del peer, message, at


@dataclass(frozen=True)
class Kind:
    """A kind of message; ``roles`` are what the sender is to the receiver."""

    name: str
    roles: tuple[str, ...]
    apply: Apply
    redo: Redo = nothing


def kinds() -> dict[str, Kind]:
    """All kinds by name."""
    from tanpuhui.federation.kinds import (
        annulled,
        asked,
        clawed_back,
        delivered,
        keys,
        link_ended,
        lot,
        moved,
        recognise,
        recognised,
        reductions,
    )

    found = (
        reductions.KIND,
        asked.KIND,
        lot.KIND,
        lot.REFUSED,
        delivered.KIND,
        moved.KIND,
        annulled.KIND,
        clawed_back.KIND,
        recognise.KIND,
        recognised.KIND,
        recognised.REFUSED,
        keys.KEY,
        keys.KEY_ENDED,
        link_ended.KIND,
    )
    return {kind.name: kind for kind in found}
