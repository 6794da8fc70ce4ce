"""Keys: one for each person, wrapped, in a file of their own that no backup of the database has.

``TANPUHUI_HOME/subjects/keys`` is a row of 64 bytes for each account number: nothing, a wrapped key, or the mark of a
destroyed one. A key is 256 random bits, wrapped with AES-256-GCM by ``keys/subject-keys`` with the account bound to it.
Its backups are kept for days, not for years: see ``docs/decisions/a-persons-words-are-sealed.md``.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from hmac import digest
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tanpuhui.kit.home import home, secret_key
from tanpuhui.sealing.refusals import KeyDestroyed, KeyUnreadable

FOLDER, FILE = "subjects", "keys"
KEK = "subject-keys"
ROW_BYTES, KEY_BYTES, NONCE_BYTES, TAG_BYTES = 64, 32, 12, 16
NONE, KEPT, DESTROYED = 0, 1, 2
#: A file system's limit, not a city's: accounts are numbered from 1.
MOST_ACCOUNTS = 2**36


def folder() -> Path:
    """The folder of the keys, mode 0700."""
    path = home() / FOLDER
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def key_of(account: int) -> bytes:
    """A person's key, made when it is asked for first; refused once it is destroyed."""
    return keys_of([account])[0]


def keys_of(accounts: Sequence[int]) -> list[bytes]:
    """The keys of many persons at once; those that are missing are made and on the disk before this answers."""
    with _open() as file:
        rows = [_read(file, account) for account in accounts]
        missing = sorted({account for account, row in zip(accounts, rows, strict=True) if row[0] == NONE})
        if missing:
            _make(file, missing)
            rows = [_read(file, account) for account in accounts]
    cipher = AESGCM(secret_key(KEK))
    return [_unwrapped(cipher, account, row) for account, row in zip(accounts, rows, strict=True)]


def secret_of(account: int, purpose: str) -> bytes:
    """A secret of a person for one purpose, that goes when their key does."""
    return digest(key_of(account), purpose.encode(), "sha256")


def secrets_of(accounts: Sequence[int], purpose: str) -> list[bytes]:
    """The same for many at once."""
    return [digest(key, purpose.encode(), sha256) for key in keys_of(accounts)]


def is_destroyed(account: int) -> bool:
    """Whether a person's key was destroyed."""
    with _open() as file:
        return _read(file, account)[0] == DESTROYED


def destroy(account: int) -> bool:
    """Write over a person's key, on the disk, for good; answers whether there was something to destroy."""
    with _open() as file:
        _lock(file)
        before = _read(file, account)[0]
        mark = bytes([DESTROYED]) + bytes(ROW_BYTES - 1)
        os.pwrite(file, mark, account * ROW_BYTES)
        os.fsync(file)
    return before != DESTROYED


def destroyed() -> list[int]:
    """Every account whose key is destroyed, in order: what a restored database has to erase again."""
    found = []
    with _open() as file:
        size = os.fstat(file).st_size
        for start in range(0, size, ROW_BYTES * 16_384):
            piece = os.pread(file, ROW_BYTES * 16_384, start)
            first = start // ROW_BYTES
            states = piece[::ROW_BYTES]
            found += [first + place for place, state in enumerate(states) if state == DESTROYED]
    return found


@contextmanager
def _open() -> Iterator[int]:
    file = os.open(folder() / FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield file
    finally:
        os.close(file)


def _lock(file: int) -> None:
    """One writer at a time; closing the file lets go."""
    fcntl.flock(file, fcntl.LOCK_EX)


def _read(file: int, account: int) -> bytes:
    assert 1 <= account < MOST_ACCOUNTS, "accounts are numbered from 1"
    return os.pread(file, ROW_BYTES, account * ROW_BYTES) or bytes(ROW_BYTES)


def _make(file: int, accounts: Sequence[int]) -> None:
    _lock(file)
    cipher = AESGCM(secret_key(KEK))
    for account in accounts:
        if _read(file, account)[0] == NONE:
            nonce = os.urandom(NONCE_BYTES)
            wrapped = cipher.encrypt(nonce, os.urandom(KEY_BYTES), _bound(account))
            row = bytes([KEPT]) + nonce + wrapped
            os.pwrite(file, row.ljust(ROW_BYTES, b"\0"), account * ROW_BYTES)
    os.fsync(file)


def _unwrapped(cipher: AESGCM, account: int, row: bytes) -> bytes:
    if row[0] == DESTROYED:
        raise KeyDestroyed(account=account)
    nonce, wrapped = row[1 : 1 + NONCE_BYTES], row[1 + NONCE_BYTES :][: KEY_BYTES + TAG_BYTES]
    try:
        return cipher.decrypt(nonce, wrapped, _bound(account))
    except InvalidTag as error:
        raise KeyUnreadable(account=account) from error


def _bound(account: int) -> bytes:
    return f"subject-key|{account}".encode()
