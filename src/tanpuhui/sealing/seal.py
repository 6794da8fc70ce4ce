"""Seal: a text under one person's key, bound to the place it was written at; elsewhere it does not open."""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tanpuhui.sealing.keys import NONCE_BYTES, key_of
from tanpuhui.sealing.refusals import KeyDestroyed, SealBroken

PREFIX = "sealed:1:"
#: What stands where somebody's words were.
GONE = "(erased)"


@dataclass(frozen=True)
class Seat:
    """Where a sealed text is, and whose: table, row, column and account, all of it bound to the text."""

    table: str
    row: str
    column: str
    account: int

    @property
    def bound(self) -> bytes:
        return f"{self.table}|{self.row}|{self.column}|{self.account}".encode()


def seal(text: str, seat: Seat) -> str:
    """The text as it is stored: AES-256-GCM, a nonce of its own each time."""
    nonce = os.urandom(NONCE_BYTES)
    sealed = AESGCM(key_of(seat.account)).encrypt(nonce, text.encode(), seat.bound)
    return PREFIX + b64encode(nonce + sealed).decode()


def unseal(stored: str, seat: Seat) -> str:
    """The text again; :data:`GONE` once its person's key is destroyed, and refused where it was not sealed here."""
    sealed = b64decode(stored.removeprefix(PREFIX))
    try:
        key = key_of(seat.account)
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], seat.bound).decode()
    except KeyDestroyed:
        return GONE
    except InvalidTag as error:
        raise SealBroken(table=seat.table, row=seat.row, column=seat.column) from error
