"""Receipt: what became of a file, signed, so that the provider can show it to anyone, offline."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from tanpuhui.evidence.models import Batch
from tanpuhui.kit.digest import canonical_json
from tanpuhui.kit.home import secret_key
from tanpuhui.kit.refusal import Refusal

ALGORITHM = "Ed25519"
TYPE = "evidence-receipt+jwt"


class UnknownBatch(Refusal):
    code = "evidence.unknown_batch"
    message = "There is no batch {batch}. Its number is in the receipt that 'tanpuhui evidence take' printed."


class ReceiptInvalid(Refusal):
    code = "evidence.receipt_invalid"
    message = (
        "This receipt was not signed by this installation, or was changed ({why}). Ask for the original."
    )


@dataclass(frozen=True)
class Receipt:
    """Counts of a file's rows; rows = accepted + duplicate + refused."""

    batch: int
    provider: str
    key: str
    digest: str
    rows: int
    accepted: int
    duplicate: int
    refused: int
    reasons: Mapping[str, int]
    notes: Mapping[str, int]
    received_at: str
    refusals_digest: str
    signature: str

    def __post_init__(self) -> None:
        assert self.rows == self.accepted + self.duplicate + self.refused, "a row got lost"
        assert self.refused == sum(self.reasons.values()), "a refusal has no reason"

    def as_json(self) -> dict[str, Any]:
        """JSON for scripts; ``receipt`` is the signed form (JWS compact) of all the rest."""
        return {**_payload(self), "receipt": self.signature}


def signed(unsigned: Mapping[str, Any]) -> Receipt:
    """Sign a receipt's content with the installation's Ed25519 key."""
    return Receipt(**unsigned, signature=sign(unsigned, TYPE))


def sign(content: Mapping[str, Any], kind: str) -> str:
    """Any content of ours in signed form (JWS compact) of a kind."""
    header = {"alg": ALGORITHM, "typ": kind}
    return str(jws.serialize_compact(header, canonical_json(dict(content)), _key(), algorithms=[ALGORITHM]))


def content_of(token: str) -> dict[str, Any]:
    """What a signed form says, unverified: for those that we keep ourselves."""
    payload = token.split(".")[1]
    content: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return content


def stored(batch_id: int) -> Receipt:
    """The receipt of a batch; refuses an unknown one."""
    batch = Batch.objects.filter(pk=batch_id).first()
    if batch is None:
        raise UnknownBatch(batch=batch_id)
    return of(batch)


def of(batch: Batch) -> Receipt:
    """The receipt as it was given, whenever it is asked for."""
    content = dict(batch.receipt)
    return Receipt(**content)


def stored_form(receipt: Receipt) -> dict[str, Any]:
    """What a batch keeps of its receipt."""
    return {**_payload(receipt), "signature": receipt.signature}


def verify(token: str, kind: str = TYPE) -> Mapping[str, Any]:
    """The content of a signed receipt; refuses one that this installation did not sign."""
    try:
        found = jws.deserialize_compact(token, _key(), algorithms=[ALGORITHM])
    except (JoseError, ValueError) as error:
        raise ReceiptInvalid(why=type(error).__name__) from error
    if found.headers().get("typ") != kind:
        raise ReceiptInvalid(why="another kind of document")
    content: dict[str, Any] = json.loads(found.payload)
    return content


def public_key() -> dict[str, Any]:
    """The public key (JWK) with which anyone verifies receipts."""
    return dict(_key().as_dict(private=False))


def _payload(receipt: Receipt) -> dict[str, Any]:
    return {name: value for name, value in vars(receipt).items() if name != "signature"}


def _key() -> OKPKey:
    return _loaded(secret_key("evidence-receipts"))


@lru_cache(maxsize=4)
def _loaded(secret: bytes) -> OKPKey:
    return OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(secret))
