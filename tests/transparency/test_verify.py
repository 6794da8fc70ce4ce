"""What a file proves, and that everything altered is refused, by both verifiers: ours and the single file."""

from __future__ import annotations

import ast
import copy
import json
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.refusal import Refusal
from tanpuhui.transparency import note, verify_certificate
from tanpuhui.transparency.checkpoint import Checkpoint
from tanpuhui.transparency.merkle import hash_leaf, prove_inclusion, root_of, subtrees_of
from tanpuhui.transparency.policy import read_policy
from tanpuhui.transparency.proof import LogProof
from tanpuhui.transparency.record import Record
from tanpuhui.transparency.verify import verify_file

LOG = note.key_from_secret("log.example", bytes(32))
WITNESSES = [
    note.key_from_secret(f"w{number}.example", bytes([number]) * 32, kind=note.COSIGNATURE)
    for number in (1, 2, 3)
]
POLICY = "\n".join(
    [
        f"log {LOG.verifier}",
        *(f"witness W{number} {key.verifier}" for number, key in enumerate(WITNESSES, start=1)),
        "group three 2 W1 W2 W3",
        "quorum three",
        "",
    ]
)
SALTS = [bytes([number + 100]) * 32 for number in range(16)]
SHARES = [
    Record("share", f"L-1/{one}", {"lot": "L-1", "account": one, "amount_mg": one * 7}) for one in (1, 2, 3)
]
SHARE_LEAVES = [hash_leaf(one.entry(SALTS[place])) for place, one in enumerate(SHARES)]
BODY = {"schema": 1, "outputs": []}
RECORDS = [
    Record("methodology", "shenzhen/metro@1", {"digest": "sha256:00"}),
    Record(
        "lot",
        "L-1",
        {
            "tonnes": 9,
            "serial_first": 1,
            "serial_last": 9,
            "holder": "甲",
            "shares": 3,
            "shares_root": root_of(SHARE_LEAVES).hex(),
        },
    ),
    Record("retirement", "1", {"lot": "L-1", "serial_first": 1, "serial_last": 3}),
    Record("retirement", "2", {"lot": "L-1", "serial_first": 4, "serial_last": 4}),
    Record("close", "sha256:x", {"manifest": digest_json(BODY), "credited_mg": 10**15}),
    Record("retirement", "3", {"lot": "L-1", "serial_first": 4, "serial_last": 5}),
    Record("retirement", "4", {"lot": "L-1", "serial_first": 9, "serial_last": 10}),
    Record("surrender", "7", {"ranges": [{"lot": "L-1", "serial_first": 5, "serial_last": 6}]}),
    Record("retirement", "5", {"order": "surrender:7", "lot": "L-1", "serial_first": 5, "serial_last": 6}),
    Record("surrender", "8", {"ranges": [{"lot": "L-1", "serial_first": 6, "serial_last": 7}]}),
    Record("surrender", "9", {"ranges": [{"lot": "L-1", "serial_first": 9, "serial_last": 10}]}),
    Record("cancellation", "6", {"lot": "L-1", "serial_first": 6, "serial_last": 6}),
    # The log's operator entered something else under the number of an earlier retirement.
    Record("retirement", "1", {"lot": "L-1", "serial_first": 7, "serial_last": 7}),
    Record("surrender", "10", {"ranges": [5]}),
    Record(
        "surrender",
        "11",
        {"ranges": [{"lot": "L-1", "serial_first": one, "serial_last": 8} for one in (7, 8)]},
    ),
]
LEAVES = [hash_leaf(one.entry(SALTS[place])) for place, one in enumerate(RECORDS)]


def checkpoint(*witnesses: int) -> str:
    text = Checkpoint("log.example", len(LEAVES), root_of(LEAVES)).text
    lines = [str(note.cosign(text, WITNESSES[one - 1], at_s=1_770_000_000 + one)) for one in witnesses]
    return note.sign(text, [LOG]) + "".join(lines)


def proof(index: int, *witnesses: int, extra: bytes | None = None) -> str:
    hashes = prove_inclusion(index=index, size=len(LEAVES), subtree=subtrees_of(LEAVES))
    return str(LogProof(index, tuple(hashes), checkpoint(*(witnesses or (1, 2))), extra))


def receipt(index: int, *witnesses: int) -> dict[str, Any]:
    return {
        "format": "tanpuhui-receipt/1",
        **RECORDS[index].as_json(),
        "salt": b64encode(SALTS[index]).decode(),
        "proof": proof(index, *witnesses),
    }


def share(index: int) -> dict[str, Any]:
    hashes = prove_inclusion(index=index, size=3, subtree=subtrees_of(SHARE_LEAVES))
    return {
        "format": "tanpuhui-share/1",
        "share": {
            **SHARES[index].as_json(),
            "salt": b64encode(SALTS[index]).decode(),
            "index": index,
            "size": 3,
            "hashes": [b64encode(one).decode() for one in hashes],
        },
        "lot": receipt(1),
    }


def bundle(*documents: dict[str, Any]) -> dict[str, Any]:
    return {"format": "tanpuhui-bundle/1", "documents": list(documents)}


def packed(said: Any) -> bytes:
    return json.dumps(said, ensure_ascii=False).encode()


def by_the_package(content: bytes, policy: str, record: bytes | None) -> list[Any] | None:
    try:
        return [one.as_json() for one in verify_file(content, read_policy(policy), record=record)]
    except Refusal:
        return None


def by_the_file(content: bytes, policy: str, record: bytes | None) -> list[Any] | None:
    try:
        return list(verify_certificate.check_file(content, policy, record))
    except verify_certificate.Wrong:
        return None


def proved(content: bytes, policy: str = POLICY, record: bytes | None = None) -> list[Any] | None:
    """What both say that a file proves (``None``: that it does not hold); they must say the same."""
    first, second = by_the_package(content, policy, record), by_the_file(content, policy, record)
    assert first == second
    return first


def test_a_receipt_proves_its_record() -> None:
    (said,) = proved(packed(receipt(1))) or []

    assert (said["kind"], said["key"], said["record"]["tonnes"]) == ("lot", "L-1", 9)
    assert (said["log"], said["leaves"]) == ("log.example", 15)
    assert said["witnesses"] == {"W1": 1_770_000_001, "W2": 1_770_000_002}


def test_a_share_is_proved_with_its_lot() -> None:
    for index in range(3):
        said = proved(packed(share(index))) or []

        assert [one["kind"] for one in said] == ["share", "lot"]
        assert said[0]["record"]["amount_mg"] == (index + 1) * 7


def test_one_file_proves_a_share_its_lot_and_what_was_retired_of_it() -> None:
    said = proved(packed(bundle(share(1), receipt(2), receipt(3)))) or []

    assert [one["key"] for one in said] == ["L-1/2", "L-1", "1", "2"]


def test_a_serial_that_is_retired_twice_or_not_in_the_lot_is_refused() -> None:
    assert proved(packed(bundle(receipt(3), receipt(5)))) is None
    assert proved(packed(bundle(receipt(1), receipt(6)))) is None
    assert proved(packed(bundle(receipt(6)))) is not None


def test_a_surrender_uses_serials_of_its_lot_that_it_retired_itself_and_nobody_used_before() -> None:
    assert proved(packed(bundle(receipt(1), receipt(7), receipt(8))))

    # Another surrender of 6; 9 and 10 of a lot of 9; retirement 3 of 4 and 5, by no surrender; 6 was cancelled; and the
    # lot with a surrender of 5 and 6, whose retirement was left out.
    for wrong in (
        bundle(receipt(7), receipt(9)),
        bundle(receipt(1), receipt(10)),
        bundle(receipt(7), receipt(5)),
        bundle(receipt(7), receipt(11)),
        bundle(receipt(8), receipt(11)),
        bundle(receipt(13)),
        bundle(receipt(14)),
        bundle(receipt(1), receipt(7)),
        bundle(share(1), receipt(7)),
        bundle(receipt(1), receipt(7), receipt(2)),
    ):
        assert proved(packed(wrong)) is None, wrong


def test_a_bundle_says_one_thing_of_each_of_its_facts_and_is_of_one_log() -> None:
    assert proved(packed(bundle(receipt(2), receipt(2))))
    assert proved(packed(bundle(receipt(2), receipt(12)))) is None
    other = note.key_from_secret("other.example", b"o" * 32)
    elsewhere = receipt(3)
    text = Checkpoint("other.example", len(LEAVES), root_of(LEAVES)).text
    lines = [str(note.cosign(text, key, at_s=1_770_000_000)) for key in WITNESSES]
    head, _, _ = elsewhere["proof"].partition("\n\n")
    elsewhere["proof"] = f"{head}\n\n{note.sign(text, [other])}{''.join(lines)}"
    both = POLICY.replace("witness W1", f"log {other.verifier}\nwitness W1", 1)

    assert proved(packed(elsewhere), both)
    assert proved(packed(bundle(receipt(2), receipt(3))), both)
    assert proved(packed(bundle(receipt(2), elsewhere)), both) is None


def test_a_document_as_deep_as_the_reader_goes_is_refused_and_does_not_break_it() -> None:
    for deep in range(900, 1_000):
        nested = "[" * deep + "]" * deep
        text = json.dumps(receipt(4))[:-1]

        assert proved(f'{text}, "body": {{"a": {nested}}}}}'.encode()) is None


def test_a_body_that_comes_along_is_the_one_that_was_logged() -> None:
    assert proved(packed({**receipt(4), "body": BODY}))
    assert proved(packed({**receipt(4), "body": {**BODY, "schema": 2}})) is None
    assert proved(packed({**receipt(1), "body": BODY})) is None


def test_a_bare_proof_needs_its_record() -> None:
    text = proof(1, extra=SALTS[1]).encode()
    record = packed(RECORDS[1].as_json())

    assert proved(text, record=record)
    assert proved(text) is None
    assert proved(text, record=packed(RECORDS[2].as_json())) is None
    assert proved(proof(1).encode(), record=record) is None
    assert proved(proof(1, extra=b"short").encode(), record=record) is None


def test_a_checkpoint_is_checked_too() -> None:
    assert proved(checkpoint(1, 3).encode())
    assert proved(checkpoint(3).encode()) is None


def test_a_missing_quorum_a_foreign_log_and_a_foreign_witness_are_refused() -> None:
    strange = note.key_from_secret("log.example", b"s" * 32)

    assert proved(packed(receipt(1, 2))) is None
    assert proved(packed(receipt(1)), POLICY.replace(str(LOG.verifier), str(strange.verifier))) is None
    other = note.key_from_secret("w1.example", b"s" * 32, kind=note.COSIGNATURE)
    assert proved(packed(receipt(1)), POLICY.replace(str(WITNESSES[0].verifier), str(other.verifier))) is None
    assert proved(packed(receipt(1, 2)), POLICY.replace("quorum three", "quorum none"))


def test_a_proof_of_another_leaf_is_refused() -> None:
    assert proved(packed({**receipt(1), "proof": receipt(2)["proof"]})) is None
    assert proved(packed({**receipt(1), "key": "L-2"})) is None
    assert proved(packed({**receipt(1), "kind": "close"})) is None
    assert proved(packed({**receipt(1), "salt": receipt(2)["salt"]})) is None


def test_a_share_of_another_lot_or_place_is_refused() -> None:
    one = share(1)
    for change in (
        {"index": 0},
        {"index": True},
        {"size": 4},
        {"hashes": one["share"]["hashes"][:1]},
        {"hashes": ["AA=="]},
        {"hashes": [1]},
        {"hashes": 5},
        {"hashes": True},
        {"hashes": {"AA==": 1}},
        {"record": {**one["share"]["record"], "amount_mg": 15}},
        {"record": {**one["share"]["record"], "lot": "L-2"}},
    ):
        assert proved(packed({**one, "share": {**one["share"], **change}})) is None, change
    assert proved(packed({**one, "lot": receipt(2)})) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"{}",
        b"[]",
        b"\xff",
        b'{"format": "tanpuhui-receipt/1"}',
        b'{"format": "tanpuhui-bundle/1", "documents": []}',
        b'{"format": "tanpuhui-bundle/1", "documents": [{"format": "tanpuhui-bundle/1"}]}',
        b'{"format": "tanpuhui-bundle/1", "documents": [1]}',
        b'{"format": "tanpuhui-receipt/2"}',
        packed(receipt(1)).replace(b'"tonnes": 9', b'"tonnes": 9.0'),
        packed(receipt(1)).replace(b'"tonnes": 9', b'"tonnes": NaN'),
        packed(receipt(1)).replace(b'"tonnes": 9', b'"tonnes": 9, "tonnes": 9'),
        packed(receipt(1)).replace("甲".encode(), b"\\ud800"),
        b'{"a":' * 100_000,
        b"x" * 20_000_001,
    ],
)
def test_what_is_no_document_is_refused(content: bytes) -> None:
    assert proved(content) is None


@pytest.mark.parametrize(
    "policy", ["", "quorum W1", POLICY + "quorum three", POLICY.replace("2 W1", "4 W1"), "log x\nquorum none"]
)
def test_what_is_no_policy_is_refused(policy: str) -> None:
    assert proved(packed(receipt(1)), policy) is None


DOCUMENTS: list[Callable[[], dict[str, Any]]] = [
    lambda: receipt(1),
    lambda: share(2),
    lambda: bundle(share(0), receipt(2), receipt(3)),
]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_altered_byte_of_a_document_is_refused_or_changes_nothing_that_is_proved(
    data: st.DataObject,
) -> None:
    """Both say the same of every mutation; what still holds proves what it proved before."""
    content = bytearray(packed(data.draw(st.sampled_from(DOCUMENTS))()))
    before = proved(bytes(content))
    place = data.draw(st.integers(0, len(content) - 1))
    change = data.draw(st.sampled_from(["flip", "drop", "double", "cut"]))
    if change == "flip":
        content[place] ^= 1 << data.draw(st.integers(0, 6))
    elif change == "drop":
        del content[place]
    elif change == "double":
        content.insert(place, content[place])
    else:
        del content[place:]

    after = proved(bytes(content))

    assert after is None or _without_witnesses(after) == _without_witnesses(before)


def _without_witnesses(said: list[Any] | None) -> list[Any]:
    """A cosignature beyond the quorum may be lost; names of witnesses are the policy's own."""
    return [{name: value for name, value in one.items() if name != "witnesses"} for one in said or []]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_altered_value_is_refused(data: st.DataObject) -> None:
    said = copy.deepcopy(data.draw(st.sampled_from(DOCUMENTS))())
    at: Any = said
    path = []
    while isinstance(at, dict | list) and at:
        choices = list(at) if isinstance(at, dict) else list(range(len(at)))
        path.append(data.draw(st.sampled_from(choices)))
        parent, at = at, at[path[-1]]
    value = data.draw(st.sampled_from([None, 0, -1, 10**30, "", "x", [], {}, True]))
    if type(value) is type(at) and value == at:
        return
    parent[path[-1]] = value

    assert proved(packed(said)) is None or (path[-2:] == ["hashes", 0] and value == at)


def test_all_published_inclusion_probes_get_the_same_answer_from_the_single_file(
    shared_vectors: Path,
) -> None:
    wrong = []
    for file in sorted((shared_vectors / "merkle-inclusion").rglob("*.json")):
        probe = json.loads(file.read_text())
        hashes = [b64decode(one or "") for one in probe["proof"] or []]
        leaf, root = b64decode(probe["leafHash"] or ""), b64decode(probe["root"] or "")
        try:
            verify_certificate.need(all(len(one) == 32 for one in (leaf, root, *hashes)), "32 bytes")
            known = verify_certificate.root_from(probe["leafIdx"], probe["treeSize"], leaf, hashes)
            refused = known != root
        except verify_certificate.Wrong:
            refused = True
        if refused != probe["wantErr"]:
            wrong.append(file.name)

    assert wrong == []


def test_the_single_file_needs_cryptography_and_nothing_else_and_reaches_no_network() -> None:
    tree = ast.parse(Path(verify_certificate.__file__).read_text())
    modules = {
        (one.module or "") if isinstance(one, ast.ImportFrom) else one.names[0].name
        for one in ast.walk(tree)
        if isinstance(one, ast.Import | ast.ImportFrom)
    }

    assert {module.partition(".")[0] for module in modules} == {
        "base64",
        "cryptography",
        "hashlib",
        "json",
        "pathlib",
        "re",
        "sys",
        "time",
        "zlib",
    }


def test_the_single_file_runs_by_itself(tmp_path: Path) -> None:
    script = tmp_path / "verify_certificate.py"
    script.write_bytes(Path(verify_certificate.__file__).read_bytes())
    (tmp_path / "policy").write_text(POLICY)
    (tmp_path / "share.json").write_bytes(packed(share(1)))
    (tmp_path / "altered.json").write_bytes(packed(share(1)).replace(b'"amount_mg": 14', b'"amount_mg": 15'))

    def run(*words: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-I", str(script), *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    status, out, _ = run("share.json", "--policy", "policy")
    assert (status, json.loads(out)["proved"][0]["record"]["amount_mg"]) == (0, 14)
    status, out, err = run("altered.json", "--policy", "policy")
    assert (status, out) == (2, "")
    assert err.startswith("DOES NOT HOLD")
    assert run("share.json")[0] == 2
    assert run("none.json", "--policy", "policy")[0] == 2
