"""Link ended: somebody revoked the link of their two accounts on the other platform; it is over here too."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tanpuhui.federation.kinds import Kind
from tanpuhui.federation.message import Message, text
from tanpuhui.federation.models import Link, LinkEnd, Peer


def _apply(peer: Peer, message: Message, at: datetime) -> dict[str, Any]:
    link = Link.objects.filter(peer=peer, pseudonym=text(message.body, "pseudonym", most=43)).first()
    if link is not None:
        LinkEnd.objects.get_or_create(link=link, defaults={"by_peer": True, "at": at})
    return {}


def _redo(peer: Peer, message: Message, at: datetime) -> None:
    link = Link.objects.filter(peer=peer, pseudonym=text(message.body, "pseudonym", most=43)).first()
    if link is not None:
        LinkEnd.objects.get_or_create(link=link, defaults={"by_peer": False, "at": at})


KIND = Kind("link_ended", Peer.ROLES, _apply, _redo)
