"""Note: text signed by one or more keys (C2SP signed-note), with Ed25519 and timestamped cosignatures (cosignature/v1).

A verifier key is one line, ``name+hash+base64``; a signing key is the same with ``PRIVATE+KEY+`` before it and
belongs into a file that nobody else may read.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tanpuhui.transparency.refusals import KeyMalformed, NoteMalformed, NoteUnsigned, SignatureWrong

#: Kinds of signatures, by the byte that stands for them.
ED25519, COSIGNATURE = 1, 4
_KINDS = (ED25519, COSIGNATURE)
_PRIVATE = "PRIVATE+KEY+"
#: A verifier must take 16 signatures; more than these are refused, as is a longer note.
MOST_SIGNATURES = 64
MOST_CHARACTERS = 1_000_000
LATEST_S = 2**63 - 1


@dataclass(frozen=True)
class VerifierKey:
    """Who signs, with what: a name, the kind of signature, and the public key."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(bytes([self.kind]) + self.public).decode()}"


@dataclass(frozen=True)
class SigningKey:
    """A key that signs notes in its name."""

    name: str
    kind: int
    secret: bytes

    @property
    def verifier(self) -> VerifierKey:
        public = Ed25519PrivateKey.from_private_bytes(self.secret).public_key().public_bytes_raw()
        return VerifierKey(self.name, self.kind, public)

    def __str__(self) -> str:
        packed = b64encode(bytes([self.kind]) + self.secret).decode()
        return f"{_PRIVATE}{self.name}+{self.verifier.id.hex()}+{packed}"

    def __repr__(self) -> str:
        return f"SigningKey({self.verifier})"


@dataclass(frozen=True)
class Signature:
    """A signature line: who, by which key, and the bytes."""

    name: str
    key_id: bytes
    signed: bytes

    def __str__(self) -> str:
        return f"— {self.name} {b64encode(self.key_id + self.signed).decode()}\n"


@dataclass(frozen=True)
class Note:
    """A note taken apart; nothing of it is believed yet."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return self.text + "\n" + "".join(map(str, self.signatures))


@dataclass(frozen=True)
class Verified:
    """A note's text, and whose signatures were found right; a cosignature has its moment, in seconds since 1970."""

    text: str
    signers: tuple[VerifierKey, ...]
    at_s: tuple[int | None, ...]


def key_from_secret(name: str, secret: bytes, *, kind: int = ED25519) -> SigningKey:
    """The signing key of 32 secret bytes."""
    _refuse_name(name)
    assert kind in _KINDS, "a kind of signature that is known"
    return SigningKey(name, kind, secret)


def generate_key(name: str, *, kind: int = ED25519) -> SigningKey:
    """A new signing key, from the system's generator."""
    return key_from_secret(name, Ed25519PrivateKey.generate().private_bytes_raw(), kind=kind)


def read_verifier_key(line: str) -> VerifierKey:
    """Read ``name+hash+base64``; its hash must be right and its kind one that is known here."""
    name, kind, material, stated = _read_key(line)
    key = VerifierKey(name, kind, material)
    _refuse_other_hash(key, stated)
    return key


def read_signing_key(line: str) -> SigningKey:
    """Read what ``str`` of a signing key wrote."""
    if not line.startswith(_PRIVATE):
        raise KeyMalformed(what="it is not a signing key")
    name, kind, material, stated = _read_key(line.removeprefix(_PRIVATE))
    key = SigningKey(name, kind, material)
    _refuse_other_hash(key.verifier, stated)
    return key


def sign(text: str, keys: Sequence[SigningKey]) -> str:
    """A note of this text, signed by these keys of plain signatures."""
    assert keys, "a note is signed by somebody"
    assert all(key.kind == ED25519 for key in keys), "a cosignature is added to a note that is there"
    _refuse_text(text)
    signatures = tuple(
        Signature(key.name, key.verifier.id, _private(key).sign(text.encode())) for key in keys
    )
    return str(Note(text, signatures))


def cosign(text: str, key: SigningKey, *, at_s: int) -> Signature:
    """The cosignature of a note's text at a moment, in seconds since 1970."""
    assert key.kind == COSIGNATURE, "a cosigner's key is of its own kind"
    assert 0 < at_s <= LATEST_S, "a moment since 1970"
    signed = at_s.to_bytes(8) + _private(key).sign(_cosigned(text, at_s))
    return Signature(key.name, key.verifier.id, signed)


def verify(text: str, verifier_keys: Sequence[str]) -> Verified:
    """Verify a note with these keys; a refusal unless at least one of them signed it and none that did is wrong.

    Signatures by other keys are passed over, as the specification asks. Returns the note's own text and who signed.
    """
    if not isinstance(verifier_keys, list | tuple):
        raise KeyMalformed(what="the keys are not a list of lines")
    return verify_with(text, [read_verifier_key(line) for line in verifier_keys])


def verify_with(text: str, keys: Sequence[VerifierKey]) -> Verified:
    """As :func:`verify`, with keys that were read already."""
    note = read(text)
    known: dict[tuple[str, bytes], VerifierKey] = {}
    for key in keys:
        if known.setdefault((key.name, key.id), key) != key:
            raise KeyMalformed(what=f"two keys of {key.name} have one hash")
    signers: dict[VerifierKey, int | None] = {}
    for signature in note.signatures:
        signer = known.get((signature.name, signature.key_id))
        if signer is not None:
            signers.setdefault(signer, _check(note.text, signer, signature.signed))
    if not signers:
        raise NoteUnsigned(known=", ".join(sorted({key.name for key in keys})) or "nobody")
    return Verified(note.text, tuple(signers), tuple(signers.values()))


def read(text: str) -> Note:
    """Take a note apart; refuses what is not one. Who signed it is not looked at."""
    if not isinstance(text, str):
        raise NoteMalformed(what="it is not a text")
    if len(text) > MOST_CHARACTERS or any(sign < " " and sign != "\n" for sign in text):
        raise NoteMalformed(what="it is too long or has control characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NoteMalformed(what="it is not UTF-8") from None
    body, blank, signed = text.rpartition("\n\n")
    if not blank or not signed.endswith("\n"):
        raise NoteMalformed(what="there are no signatures below an empty line")
    lines = signed.removesuffix("\n").split("\n")
    if len(lines) > MOST_SIGNATURES:
        raise NoteMalformed(what=f"it has more than {MOST_SIGNATURES} signatures")
    return Note(body + "\n", tuple(read_signature(line) for line in lines))


def read_signature(line: str) -> Signature:
    """Take one signature line apart, without its line feed."""
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—" or not _is_name(parts[1]):
        raise NoteMalformed(what="a line below the empty line is not a signature")
    packed = plain_base64(parts[2])
    if packed is None or len(packed) < 5:
        raise NoteMalformed(what="a signature is not base64 of a key's number and a signature")
    return Signature(parts[1], packed[:4], packed[4:])


def plain_base64(text: str) -> bytes | None:
    """The bytes of standard base64 as it is written once: with padding, without anything left over; else nothing."""
    try:
        found = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return found if b64encode(found).decode() == text else None


def _check(text: str, key: VerifierKey, signed: bytes) -> int | None:
    at_s, message = None, text.encode()
    if key.kind == COSIGNATURE:
        at_s = int.from_bytes(signed[:8])
        if len(signed) != 8 + 64 or at_s > LATEST_S:
            raise SignatureWrong(name=key.name)
        message, signed = _cosigned(text, at_s), signed[8:]
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signed, message)
    except InvalidSignature:
        raise SignatureWrong(name=key.name) from None
    return at_s


def _cosigned(text: str, at_s: int) -> bytes:
    return f"cosignature/v1\ntime {at_s}\n{text}".encode()


def _private(key: SigningKey) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(key.secret)


def _read_key(line: str) -> tuple[str, int, bytes, str]:
    if not isinstance(line, str):
        raise KeyMalformed(what="it is not a text")
    name, _, rest = line.strip().partition("+")
    stated, _, packed = rest.partition("+")
    material = plain_base64(packed)
    if not _is_name(name) or not re.fullmatch("[0-9a-f]{8}", stated) or material is None:
        raise KeyMalformed(what="it is not name+hash+base64")
    if len(material) != 33 or material[0] not in _KINDS:
        raise KeyMalformed(what="its kind of signature is not known here")
    return name, material[0], material[1:], stated


def _refuse_other_hash(key: VerifierKey, stated: str) -> None:
    if key.id.hex() != stated:
        raise KeyMalformed(what="its hash is not that of its name and key")


def _refuse_text(text: str) -> None:
    assert text.endswith("\n"), "the text of a note ends with a line feed"
    assert not any(sign < " " and sign != "\n" for sign in text), "no control characters"


def _refuse_name(name: str) -> None:
    if not _is_name(name):
        raise KeyMalformed(what="its name is empty or has a space or a plus")


def _is_name(name: str) -> bool:
    unfit = any(sign.isspace() or sign < " " or "\ud800" <= sign <= "\udfff" for sign in name)
    return bool(name) and "+" not in name and not unfit
