"""Peer: who the other platforms are, under which contract, and with which keys they sign."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.db import connection

from tanpuhui.access.models import Organisation
from tanpuhui.access.organise import organise
from tanpuhui.federation.message import VERSIONS
from tanpuhui.federation.models import KeyEnd, Peer, PeerKey, PeerState
from tanpuhui.federation.refusals import (
    BadPeer,
    KeyTaken,
    OneCity,
    PeerStopped,
    PeerTaken,
    UnknownKey,
    UnknownPeer,
    WrongRole,
)
from tanpuhui.ledger.account import district, organisation
from tanpuhui.registry.delegate import delegate

_CODE = re.compile(r"[a-z][a-z0-9-]{1,39}\Z")
#: Advisory locks of what is said between a peer and us, with its number: one message after the other.
LOCK = 0x666564


@dataclass(frozen=True)
class PeerOrder:
    """A peer to add: its code is the jurisdiction's, and the contract says on what the two agreed."""

    code: str
    role: str
    url: str
    contract: str
    name_zh: str
    name_en: str
    versions: tuple[int, ...] = VERSIONS


def add_peer(order: PeerOrder, *, at: datetime) -> Peer:
    """Add a peer, not enabled yet. The same again is answered as before; a peer with other facts is refused."""
    _refuse_bad(order)
    known = Peer.objects.filter(code=order.code).first()
    if known is not None:
        for field in ("role", "url", "contract"):
            if getattr(known, field) != getattr(order, field):
                raise PeerTaken(peer=order.code, field=field)
        return known
    holder = organise(
        Organisation.COMPANY,
        f"platform-{order.code}",
        name_zh=order.name_zh,
        name_en=order.name_en,
        at=at,
    )
    return Peer.objects.create(
        code=order.code,
        role=order.role,
        url=order.url,
        contract=order.contract,
        name_zh=order.name_zh,
        name_en=order.name_en,
        versions=sorted(set(order.versions)),
        organisation=holder,
        made_at=at,
    )


def enable(code: str, *, reason: str, at: datetime) -> PeerState:
    """Begin to speak with a peer. A city that is enabled certifies for us from now on, and we do not."""
    peer = get_peer(code)
    if is_enabled(peer):
        return _state(peer)
    if peer.role == Peer.CITY:
        other = city()
        if other is not None:
            raise OneCity(peer=other.code)
        delegate(peer.code, at=at)
    return PeerState.objects.create(peer=peer, enabled=True, reason=reason, at=at)


def stop(code: str, *, reason: str, at: datetime) -> PeerState:
    """Speak with a peer no more: nothing is sent to it, and what it sends is refused. Its lots stay what they are."""
    peer = get_peer(code)
    if not is_enabled(peer):
        return _state(peer)
    return PeerState.objects.create(peer=peer, enabled=False, reason=reason, at=at)


def move(code: str, url: str, *, reason: str, at: datetime) -> PeerState:
    """A peer has another address from now on."""
    peer = get_peer(code)
    _refuse_url(url)
    return PeerState.objects.create(peer=peer, enabled=is_enabled(peer), url=url, reason=reason, at=at)


def get_peer(code: str, *, role: str | None = None, enabled: bool = False) -> Peer:
    """The peer of a code; refuses one of another role, and one that is not enabled where it must be."""
    peer = Peer.objects.filter(code=code).first()
    if peer is None:
        raise UnknownPeer(peer=code)
    if role is not None and peer.role != role:
        raise WrongRole(peer=code, role=peer.role, wanted=role)
    if enabled and not is_enabled(peer):
        raise PeerStopped(peer=code)
    return peer


def is_enabled(peer: Peer) -> bool:
    last = peer.states.order_by("-id").first()
    return last is not None and last.enabled


def enabled_peers(role: str | None = None) -> list[Peer]:
    """All peers that we speak with, by code."""
    found = Peer.objects.filter(role=role) if role else Peer.objects.all()
    return [peer for peer in found.order_by("code") if is_enabled(peer)]


def city() -> Peer | None:
    """The city that certifies for us, if this is a district."""
    return next(iter(enabled_peers(Peer.CITY)), None)


def owner_of(peer: Peer) -> int:
    """A peer's number in our ledger, as somebody who has milligrams."""
    return district(peer.pk)


def holder_of(peer: Peer) -> int:
    """The number in our ledger of the company that has its whole tonnes."""
    return organisation(peer.organisation_id)


def lock_peer(peer: Peer) -> None:
    """Let this transaction alone speak with a peer until it ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, peer.pk])


def add_key(peer: Peer, public_key: str, *, valid_from: datetime) -> PeerKey:
    """Trust a key of a peer from a moment on; the same again is answered as before."""
    from tanpuhui.federation.key import key_id_of

    try:
        raw = base64.b64decode(public_key, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 32:
        raise BadPeer(field="key", given=public_key[:60], next_step="Give an Ed25519 public key in base64.")
    key_id = key_id_of(peer.code, raw)
    known = PeerKey.objects.filter(key_id=key_id).first()
    if known is not None:
        if known.peer_id != peer.pk:
            raise KeyTaken(key_id=key_id)
        return known
    return PeerKey.objects.create(peer=peer, key_id=key_id, public_key=raw, valid_from=valid_from)


def end_key(peer: Peer | None, key_id: str, *, at: datetime) -> KeyEnd:
    """Trust a key no more from a moment on; once."""
    key = PeerKey.objects.filter(peer=peer, key_id=key_id).first()
    if key is None:
        raise UnknownKey(key_id=key_id)
    known = KeyEnd.objects.filter(pk=key.pk).first()
    return known or KeyEnd.objects.create(key=key, ended_at=at)


def peer_as_json(peer: Peer) -> dict[str, Any]:
    """A peer as others read it."""
    return {
        "peer": peer.code,
        "role": peer.role,
        "name_zh": peer.name_zh,
        "name_en": peer.name_en,
        "url": peer.address,
        "contract": peer.contract,
        "versions": peer.versions,
        "enabled": is_enabled(peer),
        "keys": [key_as_json(key) for key in peer.keys.select_related("end").order_by("id")],
    }


def key_as_json(key: PeerKey) -> dict[str, Any]:
    end = getattr(key, "end", None)
    return {
        "key_id": key.key_id,
        "public_key": base64.b64encode(bytes(key.public_key)).decode(),
        "valid_from": key.valid_from.isoformat(),
        "ended_at": end.ended_at.isoformat() if end else None,
    }


def _state(peer: Peer) -> PeerState:
    last = peer.states.order_by("-id").first()
    if last is None:
        raise PeerStopped(peer=peer.code)
    return last


def _refuse_bad(order: PeerOrder) -> None:
    if not _CODE.match(order.code):
        raise BadPeer(field="code", given=order.code, next_step="Use 2 to 40 small letters, digits and -.")
    if order.role not in Peer.ROLES:
        raise BadPeer(field="role", given=order.role, next_step=f"Choose one of {', '.join(Peer.ROLES)}.")
    if not order.contract.strip() or len(order.contract) > 300:
        raise BadPeer(
            field="contract", given=order.contract, next_step="Say where the agreement can be read."
        )
    _refuse_url(order.url)
    _refuse_versions(order.versions)


def _refuse_url(url: str) -> None:
    """An address without path: https, or http on this machine."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadPeer(
            field="url", given=url[:200], next_step="Give an address such as https://carbon.example."
        ) from None
    here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    plain = parts.path or parts.query or parts.fragment or "@" in parts.netloc or port == 0
    if plain or not parts.hostname or parts.scheme not in ("https", *(["http"] if here else [])):
        raise BadPeer(
            field="url", given=url[:200], next_step="Give an address such as https://carbon.example."
        )


def _refuse_versions(versions: Iterable[int]) -> None:
    known = list(versions)
    if not known or any(one not in VERSIONS for one in known):
        raise BadPeer(field="versions", given=known, next_step=f"Choose of {', '.join(map(str, VERSIONS))}.")
