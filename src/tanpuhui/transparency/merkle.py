"""Merkle: hashes, roots and proofs of an append-only tree (RFC 6962 and RFC 9162, section 2.1), made and verified."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence

from tanpuhui.transparency.refusals import ProofInvalid

HASH_BYTES = 32
#: The root of a tree without leaves.
EMPTY_ROOT = hashlib.sha256(b"").digest()

#: Gives the hash of the complete subtree at ``(level, position)``: of leaves position * 2**level on, 2**level of them.
Subtree = Callable[[int, int], bytes]


def hash_leaf(entry: bytes) -> bytes:
    """The hash of a log's entry: the prefix keeps leaves and nodes apart."""
    return hashlib.sha256(b"\x00" + entry).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees side by side."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes, level by level: a last one without a sibling goes up as it is."""
    if not leaves:
        return EMPTY_ROOT
    level = list(leaves)
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        level = [hash_node(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)] + odd
    return level[0]


def subtrees_of(leaves: Sequence[bytes]) -> Subtree:
    """Complete subtrees over leaf hashes that are all at hand."""

    def subtree(level: int, position: int) -> bytes:
        return root_of(leaves[position << level : (position + 1) << level])

    return subtree


def range_hash(first: int, after: int, subtree: Subtree) -> bytes:
    """The hash over leaves ``first`` to ``after`` - 1, a range as it occurs in a tree; none gives the empty root."""
    parts = _complete(first, after)
    if not parts:
        return EMPTY_ROOT
    hashes = [subtree(level, position) for level, position in parts]
    whole = hashes.pop()
    while hashes:
        whole = hash_node(hashes.pop(), whole)
    return whole


def prove_inclusion(*, index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The proof that leaf ``index`` is in the tree of ``size`` leaves, from the leaf's sibling to the root's child."""
    assert 0 <= index < size, "a leaf of the tree"
    first, after, proof = 0, size, list[bytes]()
    while after - first > 1:
        middle = first + _split(after - first)
        if index < middle:
            proof.append(range_hash(middle, after, subtree))
            after = middle
        else:
            proof.append(range_hash(first, middle, subtree))
            first = middle
    return proof[::-1]


def prove_consistency(*, size1: int, size2: int, subtree: Subtree) -> list[bytes]:
    """The proof that the tree of ``size2`` leaves begins with that of ``size1``; empty for equal sizes and for zero."""
    assert 0 <= size1 <= size2, "a tree grows"
    if size1 in (0, size2):
        return []
    first, after, is_whole, proof = 0, size2, True, list[bytes]()
    while size1 != after:
        middle = first + _split(after - first)
        if size1 <= middle:
            proof.append(range_hash(middle, after, subtree))
            after = middle
        else:
            proof.append(range_hash(first, middle, subtree))
            first, is_whole = middle, False
    if not is_whole:
        proof.append(range_hash(first, after, subtree))
    return proof[::-1]


def verify_inclusion(*, index: int, size: int, leaf_hash: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Refuse (:class:`ProofInvalid`) unless the leaf is at ``index`` of the tree of ``size`` leaves with this root."""
    _refuse_unfit(numbers=[index, size], hashes=[leaf_hash, root], proof=proof)
    if not 0 <= index < size:
        raise ProofInvalid(what=f"leaf {index} is not in a tree of {size} leaves")
    at, last, known = index, size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            raise ProofInvalid(what="the proof has hashes left over")
        if at % 2 or at == last:
            known = hash_node(sibling, known)
            while at and not at % 2:
                at, last = at >> 1, last >> 1
        else:
            known = hash_node(known, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofInvalid(what="the proof ends before the root")
    if not hmac.compare_digest(known, root):
        raise ProofInvalid(what="the proof leads to another root")


def verify_consistency(*, size1: int, size2: int, root1: bytes, root2: bytes, proof: Sequence[bytes]) -> None:
    """Refuse (:class:`ProofInvalid`) unless the tree of ``size2`` leaves begins with that of ``size1`` leaves.

    A size of zero is refused: nothing is proved about an empty tree, and who starts from one decides that.
    """
    _refuse_unfit(numbers=[size1, size2], hashes=[root1, root2], proof=proof)
    if not 0 < size1 <= size2:
        raise ProofInvalid(what=f"a tree of {size2} leaves does not continue one of {size1}")
    if size1 == size2:
        if proof:
            raise ProofInvalid(what="the proof has hashes left over")
        if not hmac.compare_digest(root1, root2):
            raise ProofInvalid(what="one size has two roots")
        return
    rest = list(proof)
    if size1 & (size1 - 1) == 0:
        rest.insert(0, root1)
    if not rest:
        raise ProofInvalid(what="the proof is empty")
    at, last = size1 - 1, size2 - 1
    while at % 2:
        at, last = at >> 1, last >> 1
    old = new = rest[0]
    for sibling in rest[1:]:
        if last == 0:
            raise ProofInvalid(what="the proof has hashes left over")
        if at % 2 or at == last:
            old, new = hash_node(sibling, old), hash_node(sibling, new)
            while at and not at % 2:
                at, last = at >> 1, last >> 1
        else:
            new = hash_node(new, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofInvalid(what="the proof ends before the root")
    if not (hmac.compare_digest(old, root1) and hmac.compare_digest(new, root2)):
        raise ProofInvalid(what="the proof leads to other roots")


def _split(count: int) -> int:
    """The largest power of two below a count of two or more."""
    return 1 << (count - 1).bit_length() - 1


def _complete(first: int, after: int) -> list[tuple[int, int]]:
    """The complete subtrees of a range from left to right; the largest that fit, as RFC 6962 cuts it."""
    parts = []
    while first < after:
        level = (after - first).bit_length() - 1
        if first:
            level = min(level, (first & -first).bit_length() - 1)
        parts.append((level, first >> level))
        first += 1 << level
    return parts


def _refuse_unfit(*, numbers: Sequence[object], hashes: Sequence[object], proof: object) -> None:
    """Whoever verifies may have taken these from anywhere: what is of another type proves nothing, as what is wrong."""
    if any(type(one) is not int or one.bit_length() > 63 for one in numbers):
        raise ProofInvalid(what="a place or a size is not a whole number below 2**63")
    if not isinstance(proof, list | tuple):
        raise ProofInvalid(what="the proof is not a list of hashes")
    if any(type(one) is not bytes or len(one) != HASH_BYTES for one in [*hashes, *proof]):
        raise ProofInvalid(what=f"a hash has {HASH_BYTES} bytes")
