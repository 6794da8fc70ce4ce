"""Provider keys: add, find and revoke the Ed25519 public keys with which providers sign. Nothing is edited."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from django.db import connection as database

from tanpuhui.evidence.contract import latest
from tanpuhui.evidence.models import ProviderKey, ProviderKeyStatus
from tanpuhui.kit.refusal import Refusal

OPERATOR = "operator"
PROVIDER = "provider"
#: Keys of one provider that may be in force at once: the present one, the next one, and one to spare.
MOST_KEYS = 3

KEY_BYTES = 32
#: So that its name is one that a request can carry: a colon and 32 digits follow it.
MOST_OWNER_CHARACTERS = 57


class OwnerTooLong(Refusal):
    code = "evidence.owner_too_long"
    message = (
        "{owner} has more than {most} characters, too many for the name of a key. Give it a shorter code."
    )


class NotAPublicKey(Refusal):
    code = "evidence.not_a_public_key"
    message = (
        "This is not an Ed25519 public key. Give its 32 bytes in base64, or a PEM file; "
        "'tanpuhui send keygen' makes a pair and prints the public one."
    )


class KeyKnown(Refusal):
    code = "evidence.key_known"
    message = "The key {key_id} was registered before. A key is used once: make a new pair."


class KeyRangeEmpty(Refusal):
    code = "evidence.key_range_empty"
    message = "The key would end ({valid_to}) before it starts ({valid_from}). Give a later end, or none."


class TooManyKeys(Refusal):
    code = "evidence.too_many_keys"
    message = (
        "{provider} has {count} keys that are or will be in force, and {most} are allowed. Revoke one first."
    )


class KeyUnknown(Refusal):
    code = "evidence.key_unknown"
    message = "There is no key {key_id}. List them with 'tanpuhui evidence key list'."


class LastKey(Refusal):
    code = "evidence.last_key"
    message = (
        "{key_id} is the only key of {provider} in force. Register the next one first, then revoke this one."
    )


@dataclass(frozen=True)
class Key:
    """A key as it stands: from when to when it is valid, and when it was revoked, if it was."""

    pk: int
    key_id: str
    provider: str
    public_key: bytes
    valid_from: datetime
    valid_to: datetime | None
    revoked_at: datetime | None
    made_at: datetime
    made_by: str

    def state(self, at: datetime) -> str:
        """``active``, ``coming``, ``expired`` or ``revoked``."""
        if self.revoked_at is not None:
            return "revoked"
        if at < self.valid_from:
            return "coming"
        return "expired" if self.valid_to is not None and at >= self.valid_to else "active"

    def as_json(self, at: datetime) -> dict[str, str | None]:
        """What may be shown of it: all of it, since a public key is no secret."""
        return {
            "key_id": self.key_id,
            "provider": self.provider,
            "public_key": base64.b64encode(self.public_key).decode(),
            "valid_from": self.valid_from.isoformat(),
            "valid_to": self.valid_to.isoformat() if self.valid_to else None,
            "revoked_at": self.revoked_at.isoformat() if self.revoked_at else None,
            "made_at": self.made_at.isoformat(),
            "made_by": self.made_by,
            "state": self.state(at),
        }


def key_id_of(provider: str, public_key: bytes) -> str:
    """What a key is called: its provider, and the start of its SHA-256."""
    return f"{provider}:{hashlib.sha256(public_key).hexdigest()[:32]}"


def owner_of(kind: str, code: str) -> str:
    """Whose a key is: a provider by its code, an organisation of another kind as ``merchant/corner-cafe``."""
    return code if kind == PROVIDER else f"{kind}/{code}"


def kind_of(owner: str) -> str:
    """Of which kind the owner of a key is. No code has a slash in it."""
    return owner.partition("/")[0] if "/" in owner else PROVIDER


def read_public_key(text: str) -> bytes:
    """The 32 bytes of a public key given as base64 or PEM; refuses anything else."""
    try:
        if "-----BEGIN" in text:
            loaded = load_pem_public_key(text.encode())
            if not isinstance(loaded, Ed25519PublicKey):
                raise NotAPublicKey
            return loaded.public_bytes(Encoding.Raw, PublicFormat.Raw)
        raw = base64.b64decode(text.strip(), validate=True)
    except (ValueError, binascii.Error, UnsupportedAlgorithm) as error:
        raise NotAPublicKey from error
    if len(raw) != KEY_BYTES:
        raise NotAPublicKey
    return raw


def add_key(
    provider: str,
    public_key: bytes,
    *,
    valid_from: datetime,
    valid_to: datetime | None = None,
    made_by: str = OPERATOR,
    at: datetime,
) -> Key:
    """Register a further key of a provider; the keys before it stay as they are, so that one can take over.

    Of an organisation of another kind (:func:`owner_of`) the caller has seen that it is there.
    """
    assert len(public_key) == KEY_BYTES
    if kind_of(provider) == PROVIDER:
        latest(provider)
    elif len(provider) > MOST_OWNER_CHARACTERS:
        raise OwnerTooLong(owner=provider, most=MOST_OWNER_CHARACTERS)
    if valid_to is not None and valid_to <= valid_from:
        raise KeyRangeEmpty(valid_from=valid_from, valid_to=valid_to)
    _wait_for_turn(provider)
    key_id = key_id_of(provider, public_key)
    if ProviderKey.objects.filter(public_key=public_key).exists():
        raise KeyKnown(key_id=key_id)
    usable = sum(key.state(at) in ("active", "coming") for key in keys_of(provider))
    if usable >= MOST_KEYS:
        raise TooManyKeys(provider=provider, count=usable, most=MOST_KEYS)
    ProviderKey.objects.create(
        key_id=key_id,
        provider=provider,
        public_key=public_key,
        valid_from=valid_from,
        valid_to=valid_to,
        made_at=at,
        made_by=made_by,
    )
    return find_key(key_id)


def revoke_key(
    key_id: str, *, reason: str, at: datetime, by: str = OPERATOR, provider: str | None = None
) -> Key:
    """Revoke a key for good, at once; revoking it again changes nothing.

    A provider (``provider``) finds only its own keys, and cannot revoke its last one: it could not come back.
    """
    key = find_key(key_id, provider=provider)
    _wait_for_turn(key.provider)
    key = find_key(key_id, provider=provider)
    if key.revoked_at is not None:
        return key
    if provider is not None:
        others = [other for other in keys_of(provider) if other.key_id != key_id]
        if not any(other.state(at) == "active" for other in others):
            raise LastKey(key_id=key_id, provider=provider)
    ProviderKeyStatus.objects.create(
        key_id=key.pk, status=ProviderKeyStatus.REVOKED, at=at, by=by, reason=reason
    )
    return find_key(key_id)


def find_key(key_id: str, *, provider: str | None = None) -> Key:
    """One key by its id; refuses an unknown one, and one of another provider where ``provider`` is given."""
    with database.cursor() as cursor:
        cursor.execute(
            """
            SELECT k.id, k.key_id, k.provider, k.public_key, k.valid_from, k.valid_to, s.at, k.made_at, k.made_by
            FROM evidence_providerkey k LEFT JOIN evidence_providerkeystatus s ON s.key_id = k.id
            WHERE k.key_id = %s
            """,
            [key_id],
        )
        row = cursor.fetchone()
    if row is None or (provider is not None and row[2] != provider):
        raise KeyUnknown(key_id=key_id)
    pk, key_id, owner, public_key, *rest = row
    return Key(pk, key_id, owner, bytes(public_key), *rest)


def keys_of(provider: str | None = None) -> list[Key]:
    """Every key of a provider, or of all, in the order in which they were registered."""
    keys = ProviderKey.objects.prefetch_related("statuses").order_by("provider", "id")
    return [_as_key(key) for key in (keys.filter(provider=provider) if provider else keys)]


def _as_key(row: ProviderKey) -> Key:
    revoked = [status.at for status in row.statuses.all()]
    return Key(
        pk=row.pk,
        key_id=row.key_id,
        provider=row.provider,
        public_key=bytes(row.public_key),
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        revoked_at=revoked[0] if revoked else None,
        made_at=row.made_at,
        made_by=row.made_by,
    )


def _wait_for_turn(provider: str) -> None:
    """One provider's keys change one after the other."""
    assert database.in_atomic_block, "the caller opens the transaction"
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", [f"provider-keys|{provider}"])
