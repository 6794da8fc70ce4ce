"""Signed notes, checkpoints, policies and proofs: the specification's own examples, and everything that is refused."""

from __future__ import annotations

import pytest

from tanpuhui.kit.refusal import Refusal
from tanpuhui.transparency import note
from tanpuhui.transparency.checkpoint import Checkpoint, read_checkpoint
from tanpuhui.transparency.merkle import EMPTY_ROOT, hash_leaf, prove_inclusion, root_of, subtrees_of
from tanpuhui.transparency.policy import read_policy, trust
from tanpuhui.transparency.proof import LogProof, read_proof, verify_proof
from tanpuhui.transparency.refusals import (
    CheckpointMalformed,
    KeyMalformed,
    LogUntrusted,
    NoteMalformed,
    NoteUnsigned,
    PolicyMalformed,
    ProofInvalid,
    QuorumMissing,
    SignatureWrong,
)
from tanpuhui.transparency.verify_certificate import Wrong, check_note, read_key

#: The example of C2SP signed-note.
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
LOG = note.key_from_secret("log.example", bytes(32))
WITNESSES = [
    note.key_from_secret(f"w{number}.example", bytes([number]) * 32, kind=note.COSIGNATURE)
    for number in (1, 2, 3)
]
ENTRIES = [b"one", b"two", b"three", b"four", b"five"]


def policy_text(*, least: int = 2) -> str:
    lines = [f"log {LOG.verifier} https://log.example/", "# three who do not know each other", ""]
    lines += [f"witness W{number}\t{key.verifier}" for number, key in enumerate(WITNESSES, start=1)]
    return "\n".join([*lines, f"group all-three {least} W1 W2 W3", "quorum all-three", ""])


def cosigned(*witnesses: note.SigningKey, size: int = 5) -> str:
    leaves = [hash_leaf(entry) for entry in ENTRIES[:size]]
    text = Checkpoint("log.example", size, root_of(leaves)).text
    return note.sign(text, [LOG]) + "".join(
        str(note.cosign(text, key, at_s=1_700_000_000)) for key in witnesses
    )


def proof_of(index: int, checkpoint: str) -> LogProof:
    leaves = [hash_leaf(entry) for entry in ENTRIES]
    return LogProof(
        index, tuple(prove_inclusion(index=index, size=5, subtree=subtrees_of(leaves))), checkpoint
    )


def test_the_example_of_the_specification_verifies() -> None:
    verified = note.verify(EXAMPLE, [EXAMPLE_KEY])

    assert verified.text == "This is an example message.\n"
    assert [key.name for key in verified.signers] == ["example.com/foo"]


def test_a_published_checkpoint_of_another_log_has_the_root_of_its_entries() -> None:
    """transparency-dev/tessera, testdata/log: fifteen entries and this root."""
    words = [
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eit",
        "nain",
        "ten",
        "ileven",
        "twelf",
        "threeten",
        "fourten",
        "fivten",
    ]
    root = root_of([hash_leaf(word.encode()) for word in words])

    assert Checkpoint("x", 15, root).text == "x\n15\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n"


def test_any_changed_character_of_a_note_is_refused() -> None:
    for place in range(len(EXAMPLE)):
        other = "a" if EXAMPLE[place] != "a" else "b"

        with pytest.raises(Refusal):
            note.verify(EXAMPLE[:place] + other + EXAMPLE[place + 1 :], [EXAMPLE_KEY])


def test_a_key_written_and_read_again_is_the_same() -> None:
    key = note.generate_key("log.example/2026")

    assert note.read_signing_key(str(key)) == key
    assert note.read_verifier_key(str(key.verifier)) == key.verifier
    assert str(key) not in repr(key)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "example.com/foo",
        EXAMPLE_KEY[:-1],
        EXAMPLE_KEY.replace("530d903a", "530d903b"),
        EXAMPLE_KEY.replace("530d903a", "530D903A"),
        EXAMPLE_KEY.replace("example.com/foo", ""),
        EXAMPLE_KEY.replace("example.com/foo", "a b"),
        EXAMPLE_KEY.replace("+Aeky", "+Beky"),
        EXAMPLE_KEY.replace("example", "ex\udc80mple"),
        EXAMPLE_KEY.encode(),
        None,
        1,
    ],
)
def test_a_key_that_is_none_is_refused(line: str) -> None:
    with pytest.raises(KeyMalformed):
        note.verify(EXAMPLE, [line])


@pytest.mark.parametrize("keys", [None, EXAMPLE_KEY, EXAMPLE_KEY.encode(), iter([EXAMPLE_KEY]), {}, 1])
def test_keys_that_are_no_list_are_refused(keys: list[str]) -> None:
    with pytest.raises(KeyMalformed, match="not a list"):
        note.verify(EXAMPLE, keys)


def test_two_keys_that_cannot_be_told_apart_are_refused() -> None:
    """Two public keys of one name whose hashes, of 32 bits, are the same: found by trying 28,975 of them."""
    first, second = (note.VerifierKey("twin.example", note.ED25519, n.to_bytes(32)) for n in (22_922, 28_974))
    assert first.id.hex() == second.id.hex() == "8b8f24bc"

    with pytest.raises(KeyMalformed, match="one hash"):
        note.verify(EXAMPLE, [EXAMPLE_KEY, str(first), str(second)])
    with pytest.raises(Wrong, match="one hash"):
        check_note(EXAMPLE, [read_key(str(one)) for one in (first, second)])


def test_a_key_or_a_signature_given_twice_is_one() -> None:
    twice = EXAMPLE + EXAMPLE.split("\n\n")[1]

    found = note.verify(twice, [EXAMPLE_KEY, EXAMPLE_KEY])

    assert [str(key) for key in found.signers] == [EXAMPLE_KEY]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text\n",
        "text\n\n",
        EXAMPLE.rstrip("\n"),
        EXAMPLE + "more\n",
        EXAMPLE.replace("—", "-"),
        EXAMPLE.replace("message", "mess\tage"),
        EXAMPLE.replace("message", "mess\udc80age"),
        EXAMPLE.replace("IneyaQM=", "IneyaQN="),
        EXAMPLE.replace("IneyaQM=", "IneyaQM"),
        EXAMPLE.replace("\n", "\r\n"),
        EXAMPLE.encode(),
        None,
        "text\n\n" + "— a AAAAAAA=\n" * 65,
    ],
)
def test_what_is_no_note_is_refused(text: str) -> None:
    with pytest.raises(NoteMalformed):
        note.verify(text, [EXAMPLE_KEY])


def test_a_note_of_unknown_keys_alone_is_refused() -> None:
    with pytest.raises(NoteUnsigned):
        note.verify(EXAMPLE, [str(LOG.verifier)])
    with pytest.raises(NoteUnsigned):
        note.verify(EXAMPLE, [])


def test_signatures_of_unknown_keys_are_passed_over_and_of_known_ones_must_be_right() -> None:
    strange = "— somebody.example AAAAAAA=\n"
    wrong = str(note.Signature(LOG.name, LOG.verifier.id, bytes(64)))

    assert note.verify(EXAMPLE + strange * 15, [EXAMPLE_KEY]).signers
    with pytest.raises(SignatureWrong):
        note.verify(EXAMPLE + wrong, [EXAMPLE_KEY, str(LOG.verifier)])


def test_a_cosignature_is_of_its_moment() -> None:
    text = "log.example\n0\n" + "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    right = note.cosign(text, WITNESSES[0], at_s=1_700_000_000)
    later = note.Signature(right.name, right.key_id, (1_700_000_001).to_bytes(8) + right.signed[8:])
    keys = [str(WITNESSES[0].verifier)]

    assert note.verify(note.sign(text, [LOG]) + str(right), keys).at_s == (1_700_000_000,)
    for wrong in (later, note.Signature(right.name, right.key_id, right.signed[8:])):
        with pytest.raises(SignatureWrong):
            note.verify(note.sign(text, [LOG]) + str(wrong), keys)


def test_a_checkpoint_written_and_read_again_is_the_same() -> None:
    one = Checkpoint("log.example", 2**63 - 1, bytes(32))

    assert read_checkpoint(one.text) == one
    assert read_checkpoint(one.text + "an extension\n") == one


@pytest.mark.parametrize(
    "text",
    [
        "",
        "log.example\n",
        "log.example\n1\n",
        "\n1\nAAAA\n",
        "log.example\n01\n" + "A" * 43 + "=\n",
        "log.example\n-1\n" + "A" * 43 + "=\n",
        "log.example\n9223372036854775808\n" + "A" * 43 + "=\n",
        "log.example\n1\nAAAA\n",
        "log.example\n1\n" + "A" * 43 + "=",
        "log.example\n1\n" + "A" * 43 + "=\n\n",
        "log.example\n0\n" + "A" * 43 + "=\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(CheckpointMalformed):
        read_checkpoint(text)


def test_an_empty_log_has_the_root_of_nothing() -> None:
    assert read_checkpoint(Checkpoint("log.example", 0, EMPTY_ROOT).text).size == 0


def test_two_of_three_witnesses_are_enough_and_one_is_not() -> None:
    policy = read_policy(policy_text())

    assert trust(cosigned(WITNESSES[0], WITNESSES[2]), policy).seen_s.keys() == {"W1", "W3"}
    assert trust(cosigned(*WITNESSES), policy).checkpoint.size == 5
    with pytest.raises(QuorumMissing, match="W2 did"):
        trust(cosigned(WITNESSES[1]), policy)
    with pytest.raises(QuorumMissing, match="no witness"):
        trust(cosigned(), policy)


def test_one_witness_twice_is_one_witness() -> None:
    with pytest.raises(QuorumMissing):
        trust(cosigned(WITNESSES[1], WITNESSES[1]), read_policy(policy_text()))


def test_a_checkpoint_that_only_witnesses_signed_is_of_no_log() -> None:
    other = note.key_from_secret("log.example", b"x" * 32)
    text = Checkpoint("log.example", 5, root_of([hash_leaf(entry) for entry in ENTRIES])).text
    signed = note.sign(text, [other]) + "".join(str(note.cosign(text, key, at_s=1)) for key in WITNESSES)

    with pytest.raises(LogUntrusted):
        trust(signed, read_policy(policy_text()))


def test_a_log_does_not_sign_for_another_origin() -> None:
    text = Checkpoint("other.example", 1, hash_leaf(b"one")).text
    signed = note.sign(text, [LOG]) + "".join(str(note.cosign(text, key, at_s=1)) for key in WITNESSES)

    with pytest.raises(LogUntrusted):
        trust(signed, read_policy(policy_text()))


def test_groups_of_groups_count_as_the_specification_has_it() -> None:
    lines = [f"log {LOG.verifier}"]
    lines += [f"witness W{number} {key.verifier}" for number, key in enumerate(WITNESSES, start=1)]
    lines += ["group first any W1 W2", "group both all first W3", "quorum both"]
    policy = read_policy("\n".join(lines))

    assert policy.is_met({"W1", "W3"})
    assert policy.is_met({"W2", "W3"})
    assert not policy.is_met({"W1", "W2"})
    assert read_policy(f"log {LOG.verifier}\nquorum none\n").is_met(set())


W1 = f"witness W1 {WITNESSES[0].verifier}"
W2 = f"witness W2 {WITNESSES[1].verifier}"


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["quorum W1"],
        [W1, "quorum W1", "quorum W1"],
        [W1, W1.replace("W1", "W9", 1), "quorum W1"],
        [W1, W2.replace("W2", "W1", 1), "quorum W1"],
        [W1.replace("W1", "none", 1), "quorum none"],
        [f"witness L {LOG.verifier}", "quorum L"],
        [f"log {WITNESSES[0].verifier}", "quorum none"],
        [W1, "group g 2 W1", "quorum g"],
        [W1, "group g 0 W1", "quorum g"],
        [W1, "group g some W1", "quorum g"],
        [W1, "group g all", "quorum g"],
        [W1, "group g all W1 W1", "quorum g"],
        [W1, "group g all g", "quorum g"],
        [W1, "group g all none", "quorum g"],
        [W1, W2, "group g all W1 W2", "group h all W1", "quorum g"],
        ["trust everybody"],
    ],
)
def test_what_is_no_policy_is_refused(lines: list[str]) -> None:
    with pytest.raises(PolicyMalformed):
        read_policy("\n".join(lines))


def test_a_proof_says_that_an_entry_is_in_a_log_that_witnesses_saw() -> None:
    policy = read_policy(policy_text())
    for index, entry in enumerate(ENTRIES):
        text = str(proof_of(index, cosigned(*WITNESSES[:2])))

        assert verify_proof(text, entry=entry, policy=policy).checkpoint.size == 5
        assert str(read_proof(text)) == text


def test_the_proof_of_another_leaf_is_refused() -> None:
    policy = read_policy(policy_text())
    text = str(proof_of(3, cosigned(*WITNESSES[:2])))

    with pytest.raises(ProofInvalid):
        verify_proof(text, entry=ENTRIES[2], policy=policy)
    with pytest.raises(ProofInvalid):
        verify_proof(text.replace("index 3", "index 2"), entry=ENTRIES[3], policy=policy)


def test_extra_is_kept_and_proves_nothing() -> None:
    plain = proof_of(0, cosigned(*WITNESSES))
    text = str(LogProof(plain.index, plain.hashes, plain.checkpoint, b"a salt"))

    assert text.splitlines()[1] == "extra YSBzYWx0"
    assert read_proof(text).extra == b"a salt"
    assert verify_proof(text, entry=ENTRIES[0], policy=read_policy(policy_text()))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tlog-proof@v1", "tlog-proof@v2"),
        ("index 0", "index 00"),
        ("index 0", "index"),
        ("index 0", "extra !\nindex 0"),
        ("index 0\n", "index 0\nAAAA\n"),
        ("index 0\n", "index 0\n" + ("A" * 43 + "=\n") * 64),
        ("\n\n", "\n"),
    ],
)
def test_what_is_no_proof_is_refused(old: str, new: str) -> None:
    text = str(proof_of(0, cosigned(*WITNESSES)))
    assert old in text

    with pytest.raises(Refusal):
        verify_proof(text.replace(old, new), entry=ENTRIES[0], policy=read_policy(policy_text()))
