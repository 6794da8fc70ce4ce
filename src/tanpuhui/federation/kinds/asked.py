"""Asked: a district asks its city for a lot. It is looked at here, and answered by the city's operator."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tanpuhui.federation.kinds import Kind
from tanpuhui.federation.message import Message, day_of, text, whole
from tanpuhui.federation.models import Peer


def _apply(peer: Peer, message: Message, at: datetime) -> dict[str, Any]:
    del peer, at
    read(message.body)
    return {}


def read(body: dict[str, Any]) -> dict[str, Any]:
    """The fields of such a message, each looked at."""
    return {
        "methodology": text(body, "methodology", most=200),
        "version": whole(body, "version", least=1, most=9_999),
        "vintage": whole(body, "vintage", least=1990, most=2200),
        "through": day_of(body, "through"),
        "tonnes": whole(body, "tonnes", least=1, most=10**9),
        "operator": text(body, "operator"),
        "verifier": text(body, "verifier"),
    }


KIND = Kind("asked", (Peer.DISTRICT,), _apply)
