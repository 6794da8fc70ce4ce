"""Record: what a leaf stands for, and its salted hash: without the salt, nobody can try which record it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from tanpuhui.kit.digest import canonical_json

SALT_BYTES = 32
#: What a receipt, a share of a lot, and several documents together call themselves.
RECEIPT, SHARE, BUNDLE = "tanpuhui-receipt/1", "tanpuhui-share/1", "tanpuhui-bundle/1"


@dataclass(frozen=True)
class Record:
    """A fact as it enters the log: its kind, its key among its kind, and its content without floats."""

    kind: str
    key: str
    content: Mapping[str, Any]

    def entry(self, salt: bytes) -> bytes:
        """The log's entry: SHA-256 over the salt and the record's canonical JSON."""
        assert len(salt) == SALT_BYTES, "a salt cannot be guessed"
        return sha256(salt + canonical_json(self.as_json())).digest()

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "key": self.key, "record": dict(self.content)}
