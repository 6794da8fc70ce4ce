"""Key: with which keys this installation signs what it says to peers: several, so that one can follow another.

Public keys are in the database with their dates, private ones in files that only this installation reads.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tanpuhui.client.key import SigningKey, generate_key, read_key, write_key
from tanpuhui.close.installation import jurisdiction
from tanpuhui.federation.models import PeerKey
from tanpuhui.federation.refusals import NoKey
from tanpuhui.kit.home import keys


def us() -> str:
    """The code by which peers know this installation: its jurisdiction's."""
    return jurisdiction().code


def new_key(*, valid_from: datetime) -> PeerKey:
    """Make a key of our own, in force from a moment on: tell peers before that."""
    made = generate_key(us())
    write_key(made, _file(made.key_id))
    return PeerKey.objects.create(
        peer=None, key_id=made.key_id, public_key=made.public_bytes, valid_from=valid_from
    )


def signing_key(at: datetime) -> SigningKey:
    """The key to sign with: the newest that is in force and whose file is here."""
    own = PeerKey.objects.filter(peer=None, valid_from__lte=at).select_related("end")
    for key in own.order_by("-valid_from", "-id"):
        path = _file(key.key_id)
        if state_of(key, at) == "active" and path.exists():
            return read_key(us(), path)
    raise NoKey()


def own_keys() -> list[PeerKey]:
    """All keys that were ever ours."""
    return list(PeerKey.objects.filter(peer=None).select_related("end").order_by("id"))


def state_of(key: PeerKey, at: datetime) -> str:
    """Whether a key is in force at a moment: ``active``, ``ended``, or ``not in force yet``."""
    end = getattr(key, "end", None)
    if end is not None and end.ended_at <= at:
        return "ended"
    return "active" if key.valid_from <= at else "not in force yet"


def key_id_of(owner: str, public: bytes) -> str:
    """What a public key is called: its owner's code and the beginning of its digest."""
    return f"{owner}:{hashlib.sha256(public).hexdigest()[:32]}"


def public_of(key: SigningKey) -> bytes:
    private: Ed25519PrivateKey = key.private
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def _file(key_id: str) -> Path:
    return keys() / f"federation-{key_id.rpartition(':')[2]}.pem"
