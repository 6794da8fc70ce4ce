"""Proofs of the tree: the published vectors, small trees against a definition that knows no tricks, and mutations."""

from __future__ import annotations

import json
from base64 import b64decode
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanpuhui.transparency.merkle import (
    EMPTY_ROOT,
    hash_leaf,
    prove_consistency,
    prove_inclusion,
    range_hash,
    root_of,
    subtrees_of,
    verify_consistency,
    verify_inclusion,
)
from tanpuhui.transparency.refusals import ProofInvalid

ENTRIES = [f"entry {number}".encode() for number in range(40)]
LEAVES = [hash_leaf(entry) for entry in ENTRIES]


def root_by_definition(entries: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word by word."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    split = 1
    while split * 2 < len(entries):
        split *= 2
    left, right = root_by_definition(entries[:split]), root_by_definition(entries[split:])
    return sha256(b"\x01" + left + right).digest()


def test_roots_of_small_trees_are_those_of_the_definition() -> None:
    for size in range(len(ENTRIES) + 1):
        expected = root_by_definition(ENTRIES[:size])

        assert root_of(LEAVES[:size]) == expected
        assert range_hash(0, size, subtrees_of(LEAVES)) == expected


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_every_leaf_of_every_small_tree_is_proved() -> None:
    for size in range(1, len(LEAVES) + 1):
        root = root_of(LEAVES[:size])
        for index in range(size):
            proof = prove_inclusion(index=index, size=size, subtree=subtrees_of(LEAVES[:size]))

            verify_inclusion(index=index, size=size, leaf_hash=LEAVES[index], proof=proof, root=root)


def test_every_small_tree_is_proved_to_continue_every_smaller_one() -> None:
    for size2 in range(1, len(LEAVES) + 1):
        for size1 in range(1, size2 + 1):
            proof = prove_consistency(size1=size1, size2=size2, subtree=subtrees_of(LEAVES[:size2]))

            verify_consistency(
                size1=size1,
                size2=size2,
                root1=root_of(LEAVES[:size1]),
                root2=root_of(LEAVES[:size2]),
                proof=proof,
            )


def test_nothing_is_proved_about_an_empty_tree() -> None:
    assert prove_consistency(size1=0, size2=3, subtree=subtrees_of(LEAVES[:3])) == []
    with pytest.raises(ProofInvalid):
        verify_consistency(size1=0, size2=3, root1=EMPTY_ROOT, root2=root_of(LEAVES[:3]), proof=[])


@given(st.data())
def test_a_consistency_proof_with_anything_changed_is_refused(data: st.DataObject) -> None:
    size2 = data.draw(st.integers(2, len(LEAVES)))
    size1 = data.draw(st.integers(1, size2 - 1))
    proof = prove_consistency(size1=size1, size2=size2, subtree=subtrees_of(LEAVES[:size2]))
    said = {
        "size1": size1,
        "size2": size2,
        "root1": root_of(LEAVES[:size1]),
        "root2": root_of(LEAVES[:size2]),
    }
    change = data.draw(st.sampled_from(["bit", "drop", "add", "root1", "root2", "swap sizes", "other leaf"]))
    if change == "bit":
        place = data.draw(st.integers(0, len(proof) - 1))
        proof[place] = bytes([proof[place][0] ^ 1]) + proof[place][1:]
    elif change == "drop":
        proof.pop(data.draw(st.integers(0, len(proof) - 1)))
    elif change == "add":
        proof.insert(data.draw(st.integers(0, len(proof))), bytes(32))
    elif change in ("root1", "root2"):
        said[change] = bytes(32)
    elif change == "swap sizes":
        said["size1"], said["size2"] = size2, size1
    else:
        said["root1"] = root_of([bytes(32), *LEAVES[1:size1]])

    with pytest.raises(ProofInvalid):
        verify_consistency(**said, proof=proof)  # type: ignore[arg-type]


def test_a_hash_of_another_length_is_refused() -> None:
    with pytest.raises(ProofInvalid, match="32 bytes"):
        verify_inclusion(index=0, size=1, leaf_hash=b"", proof=[], root=b"")
    with pytest.raises(ProofInvalid, match="32 bytes"):
        verify_consistency(size1=1, size2=1, root1=bytes(31), root2=bytes(31), proof=[])


HASH = LEAVES[0]
#: What is no number, no hash and no proof; some of them are as long as one, compare like one, or end at once.
NO_NUMBER = [None, True, 1.0, "1", b"1", [], -1, 2**63, -(10**40), 10**40]
NO_HASH = [
    None,
    True,
    32,
    "x" * 32,
    list(HASH),
    bytearray(HASH),
    memoryview(HASH),
    HASH[:-1],
    HASH + b"x",
    [],
]
NO_PROOF = [None, False, 1, "", b"", HASH, {}, iter([]), iter([HASH]), {HASH}, *([one] for one in NO_HASH)]


@pytest.mark.parametrize(
    ("name", "odd"),
    [
        *((name, odd) for name in ("index", "size") for odd in NO_NUMBER),
        *((name, odd) for name in ("leaf_hash", "root") for odd in NO_HASH),
        *(("proof", odd) for odd in NO_PROOF),
    ],
)
def test_what_is_no_number_hash_or_proof_proves_no_inclusion(name: str, odd: object) -> None:
    one_of_two = {"index": 1, "size": 2, "leaf_hash": LEAVES[1], "proof": [HASH], "root": root_of(LEAVES[:2])}
    verify_inclusion(**one_of_two)  # type: ignore[arg-type]

    with pytest.raises(ProofInvalid):
        verify_inclusion(**{**one_of_two, name: odd})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "odd"),
    [
        *((name, odd) for name in ("size1", "size2") for odd in NO_NUMBER),
        *((name, odd) for name in ("root1", "root2") for odd in NO_HASH),
        *(("proof", odd) for odd in NO_PROOF),
    ],
)
def test_what_is_no_number_hash_or_proof_proves_no_growth(name: str, odd: object) -> None:
    one_and_two = {
        "size1": 1,
        "size2": 2,
        "root1": HASH,
        "root2": root_of(LEAVES[:2]),
        "proof": [LEAVES[1]],
    }
    verify_consistency(**one_and_two)  # type: ignore[arg-type]

    with pytest.raises(ProofInvalid):
        verify_consistency(**{**one_and_two, name: odd})  # type: ignore[arg-type]


@pytest.mark.parametrize("proof", ["", b"", iter([HASH])])
def test_what_is_no_list_is_not_taken_for_the_empty_proof_of_one_leaf(proof: object) -> None:
    with pytest.raises(ProofInvalid, match="not a list"):
        verify_inclusion(index=0, size=1, leaf_hash=HASH, proof=proof, root=HASH)  # type: ignore[arg-type]
    with pytest.raises(ProofInvalid, match="32 bytes"):
        verify_inclusion(index=0, size=1, leaf_hash="x" * 32, proof=[], root="x" * 32)  # type: ignore[arg-type]


def test_all_published_inclusion_probes_are_answered_as_published(shared_vectors: Path) -> None:
    files = sorted((shared_vectors / "merkle-inclusion").rglob("*.json"))
    wrong = []
    for file in files:
        probe = json.loads(file.read_text())
        try:
            verify_inclusion(
                index=probe["leafIdx"],
                size=probe["treeSize"],
                leaf_hash=b64decode(probe["leafHash"] or ""),
                proof=[b64decode(one or "") for one in probe["proof"] or []],
                root=b64decode(probe["root"] or ""),
            )
            refused = False
        except ProofInvalid:
            refused = True
        if refused != probe["wantErr"]:
            wrong.append((file.name, probe["desc"]))

    assert wrong == []
    assert len(files) == 98
