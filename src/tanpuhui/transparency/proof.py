"""Proof: that an entry is in a log and that witnesses have seen it, as text that verifies offline (C2SP tlog-proof)."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass

from tanpuhui.transparency.checkpoint import DECIMAL
from tanpuhui.transparency.merkle import HASH_BYTES, hash_leaf, verify_inclusion
from tanpuhui.transparency.note import plain_base64
from tanpuhui.transparency.policy import Policy, Trusted, trust
from tanpuhui.transparency.refusals import ProofInvalid

HEAD = "c2sp.org/tlog-proof@v1"
#: A tree has at most this many levels.
MOST_HASHES = 63


@dataclass(frozen=True)
class LogProof:
    """An entry's index, the hashes from its leaf to the root, and the checkpoint's note. ``extra`` proves nothing."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    def __str__(self) -> str:
        extra = [f"extra {b64encode(self.extra).decode()}"] if self.extra is not None else []
        hashes = [b64encode(one).decode() for one in self.hashes]
        return "\n".join([HEAD, *extra, f"index {self.index}", *hashes, "", self.checkpoint])


def read_proof(text: str) -> LogProof:
    """Take a proof apart; nothing of it is believed yet."""
    above, blank, checkpoint = text.partition("\n\n")
    head, *lines = above.split("\n")
    if not blank or head != HEAD or not lines:
        raise ProofInvalid(what=f"it does not begin with {HEAD}")
    extra = None
    if lines[0].startswith("extra "):
        extra = plain_base64(lines.pop(0).removeprefix("extra "))
        if extra is None:
            raise ProofInvalid(what="its extra is not base64")
    word, _, index = (lines.pop(0) if lines else "").partition(" ")
    if word != "index" or not DECIMAL.fullmatch(index):
        raise ProofInvalid(what="its index is not a whole number")
    hashes = [plain_base64(line) for line in lines]
    if len(hashes) > MOST_HASHES:
        raise ProofInvalid(what=f"it has more than {MOST_HASHES} hashes")
    known = tuple(one for one in hashes if one is not None and len(one) == HASH_BYTES)
    if len(known) != len(hashes):
        raise ProofInvalid(what=f"a line is not base64 of {HASH_BYTES} bytes")
    return LogProof(int(index), known, checkpoint, extra)


def verify_proof(text: str, *, entry: bytes, policy: Policy) -> Trusted:
    """Refuse unless the entry is in a log that the policy trusts, under a checkpoint that enough witnesses saw."""
    proof = read_proof(text)
    trusted = trust(proof.checkpoint, policy)
    verify_inclusion(
        index=proof.index,
        size=trusted.checkpoint.size,
        leaf_hash=hash_leaf(entry),
        proof=proof.hashes,
        root=trusted.checkpoint.root,
    )
    return trusted
