"""Profile: which parts of a request are signed and how, the same for those who sign and those who verify.

RFC 9421 with Ed25519 alone, Content-Digest (RFC 9530) with SHA-256. docs/reference/api.md says it in prose.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta

TAG = "tanpuhui-provider"
ALGORITHM = "ed25519"
#: How far the two clocks may differ.
CLOCK_TOLERANCE = timedelta(minutes=5)
#: Parameters that a signature must have; ``expires`` may be there as well.
PARAMETERS = ("created", "keyid", "alg", "nonce", "tag")
#: What every signature covers, what it covers where there is a body, and what it covers where something is changed.
ALWAYS = ("@method", "@target-uri")
WITH_BODY = ("content-digest", "content-type")
WITH_EFFECT = ("idempotency-key",)
#: What is covered wherever a request has it.
WHERE_PRESENT = ("content-encoding", "content-disposition", "prefer")


def content_digest(sha256: bytes) -> str:
    """The field Content-Digest of a SHA-256.

    >>> content_digest(hashlib.sha256(b"").digest())
    'sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:'
    """
    return f"sha-256=:{base64.b64encode(sha256).decode()}:"


def digest_of(content: bytes) -> str:
    """The field Content-Digest of some bytes."""
    return content_digest(hashlib.sha256(content).digest())
