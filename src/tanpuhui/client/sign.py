"""Sign: put an RFC 9421 signature on a request that is about to be sent."""

from __future__ import annotations

import secrets
from collections.abc import MutableMapping
from dataclasses import dataclass
from datetime import datetime

from http_message_signatures import HTTPMessageSigner, MappingKeyResolver, algorithms

from tanpuhui.client import profile
from tanpuhui.client.key import SigningKey

LABEL = "sig1"


@dataclass
class Outgoing:
    """What of a request is signed: its method, its address as it is sent, its header fields."""

    method: str
    url: str
    headers: MutableMapping[str, str]


def sign(
    request: Outgoing, key: SigningKey, *, at: datetime, nonce: str | None = None, tag: str = profile.TAG
) -> None:
    """Add ``Signature-Input`` and ``Signature``; a body's ``Content-Digest`` must be there already."""
    present = {name.lower() for name in request.headers}
    wanted = (*profile.WITH_BODY, *profile.WITH_EFFECT, *profile.WHERE_PRESENT)
    covered = (*profile.ALWAYS, *(name for name in wanted if name in present))
    resolver = MappingKeyResolver(public_keys={}, private_keys={key.key_id: key.private})
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=resolver)
    signer.sign(
        request,
        key_id=key.key_id,
        created=at,
        nonce=nonce or secrets.token_urlsafe(18),
        label=LABEL,
        tag=tag,
        covered_component_ids=covered,
        use_existing_digest="content-digest" in present,
    )
