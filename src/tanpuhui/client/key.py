"""Key: the pair with which a provider signs: made here, kept in a file that only its owner reads."""

from __future__ import annotations

import base64
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from tanpuhui.kit.refusal import Refusal


class KeyFileUnreadable(Refusal):
    code = "client.key_file_unreadable"
    message = (
        "{path} is not a readable Ed25519 private key ({reason}). 'tanpuhui send keygen {path}' makes one."
    )


class KeyFileExists(Refusal):
    code = "client.key_file_exists"
    message = "{path} is there already, and a key is never overwritten. Give another path."


@dataclass(frozen=True)
class SigningKey:
    """A provider's private key; ``key_id`` is what the platform calls it."""

    provider: str
    private: Ed25519PrivateKey

    @property
    def public_bytes(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def public_key(self) -> str:
        """The public key in base64: what the operator registers."""
        return base64.b64encode(self.public_bytes).decode()

    @property
    def key_id(self) -> str:
        return f"{self.provider}:{hashlib.sha256(self.public_bytes).hexdigest()[:32]}"


def generate_key(provider: str) -> SigningKey:
    """A new pair from the machine's random source."""
    return SigningKey(provider, Ed25519PrivateKey.generate())


def write_key(key: SigningKey, path: Path) -> None:
    """Write the private key as PEM (PKCS #8) with mode 0600; a file that is there is never overwritten."""
    content = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise KeyFileExists(path=path) from error
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def read_key(provider: str, path: Path) -> SigningKey:
    """Read a private key from its PEM file."""
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise KeyFileUnreadable(path=path, reason=type(error).__name__) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyFileUnreadable(path=path, reason="another kind of key")
    return SigningKey(provider, private)
