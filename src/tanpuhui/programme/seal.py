"""Seal: a drawn hold-out, encrypted with AES-256-GCM under a key of the installation; its programme is bound to it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tanpuhui.baseline.hold_out import HoldOut
from tanpuhui.kit.home import secret_key
from tanpuhui.programme.models import Programme
from tanpuhui.programme.refusals import SealTampered

_NONCE_BYTES = 12


@dataclass(frozen=True)
class Sealed:
    """What a seal holds: the seed, every home of the list, and those held out, as numbers of subjects."""

    seed: str
    listed: frozenset[int]
    held: frozenset[int]
    content: dict[str, Any]


def seal(code: str, drawn: HoldOut, listed: list[str]) -> bytes:
    """The draw and its list as bytes that only this installation opens."""
    nonce = os.urandom(_NONCE_BYTES)
    content = json.dumps(drawn.as_json() | {"listed": listed})
    return nonce + _cipher().encrypt(nonce, content.encode(), code.encode())


def look_inside(programme: Programme) -> Sealed:
    """What is sealed, for verbs that need it; nobody is shown it before it is opened."""
    whole = bytes(programme.sealed)
    try:
        text = _cipher().decrypt(whole[:_NONCE_BYTES], whole[_NONCE_BYTES:], programme.code.encode())
    except InvalidTag as error:
        raise SealTampered(code=programme.code) from error
    content = json.loads(text)
    return Sealed(
        seed=content["seed"],
        listed=frozenset(map(int, content["listed"])),
        held=frozenset(map(int, content["held"])),
        content=content,
    )


def _cipher() -> AESGCM:
    return AESGCM(secret_key("hold-outs"))
