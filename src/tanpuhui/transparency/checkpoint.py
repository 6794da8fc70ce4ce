"""Checkpoint: what a log says that it holds: origin, number of leaves, and their root (C2SP tlog-checkpoint)."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass

from tanpuhui.transparency.merkle import EMPTY_ROOT, HASH_BYTES
from tanpuhui.transparency.note import plain_base64
from tanpuhui.transparency.refusals import CheckpointMalformed

#: A decimal as it is written once: no sign, no zeroes before it.
DECIMAL = re.compile("0|[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class Checkpoint:
    """A log's origin (its name), its number of leaves, and their root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


def read_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint's note. Lines after the third are extensions, and passed over."""
    origin, *rest = text.split("\n")
    if len(rest) < 3 or rest[-1] or not origin:
        raise CheckpointMalformed(what="it has no three lines")
    if not DECIMAL.fullmatch(rest[0]) or int(rest[0]) >= 2**63:
        raise CheckpointMalformed(what="its size is not a whole number")
    root = plain_base64(rest[1])
    if root is None or len(root) != HASH_BYTES:
        raise CheckpointMalformed(what=f"its root is not base64 of {HASH_BYTES} bytes")
    if any(not line for line in rest[2:-1]):
        raise CheckpointMalformed(what="a line is empty")
    size = int(rest[0])
    if size == 0 and root != EMPTY_ROOT:
        raise CheckpointMalformed(what="its root is not that of an empty log")
    return Checkpoint(origin, size, root)
